//! The search for the largest packet that a path carries.

use std::net::SocketAddr;

use crate::header::HEADER_SIZE;
use crate::time::{Micros, SECOND};

/// Tries sizes from the largest down. A probe is an ordinary full packet with padding before its
/// payload, so its loss costs one retransmission. Padding is limited to 255 bytes, so it takes two
/// probes to get from 1200 to 1500.
#[derive(Debug)]
pub(crate) struct MtuSearch {
    current: u16,
    max: u16,
    /// Sizes from here on are ruled out for the time being.
    ceiling: u16,
    /// How many probes of the current size were lost.
    losses: u8,
    phase: Phase,
    /// The headers of a packet on this path.
    overhead: u8,
    /// When a packet above the base size has last arrived.
    large_at: Micros,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing arrived yet: the path may not even carry the base size.
    Unproven,
    /// A probe may be sent.
    Ready,
    /// A probe of this size is in flight.
    Waiting(u16),
    /// There is no larger size to try until then.
    Rest(Micros),
}

impl MtuSearch {
    pub(crate) fn new(max: u16) -> Self {
        let max = max.clamp(BASE_MTU, LARGEST);
        Self {
            current: BASE_MTU,
            max,
            ceiling: max + 1,
            losses: 0,
            phase: Phase::Unproven,
            overhead: IPV4_OVERHEAD,
            large_at: 0,
        }
    }

    /// The size of IP packets that the path is known to carry.
    pub(crate) fn current(&self) -> u16 {
        self.current
    }

    /// The payload that an ordinary packet may hold.
    pub(crate) fn payload(&self) -> usize {
        usize::from(self.current - u16::from(self.overhead))
    }

    /// IP, UDP and UDX headers of a packet, in bytes.
    pub(crate) fn overhead(&self) -> u8 {
        self.overhead
    }

    /// Whether the path is known to carry a packet with that payload.
    pub(crate) fn carries(&self, payload: u16) -> bool {
        self.size(payload) <= usize::from(self.current) || !self.exceeds_base(payload)
    }

    /// Whether a packet with that payload is larger than what every path carries.
    pub(crate) fn exceeds_base(&self, payload: u16) -> bool {
        let least = if self.overhead == IPV6_OVERHEAD { IPV6_MTU } else { BASE_MTU };
        self.size(payload) > usize::from(least)
    }

    /// Whether a probe should leave before ordinary packets.
    pub(crate) fn wants_probe(&self, now: Micros) -> bool {
        match self.phase {
            Phase::Ready => self.candidate().is_some(),
            Phase::Rest(until) => now >= until,
            Phase::Unproven | Phase::Waiting(_) => false,
        }
    }

    /// The padding that turns a full packet into a probe; `None` if no probe is due.
    pub(crate) fn poll_probe(&mut self, now: Micros) -> Option<u8> {
        if let Phase::Rest(until) = self.phase
            && now >= until
        {
            self.ceiling = self.max + 1;
            self.phase = Phase::Ready;
        }
        if self.phase != Phase::Ready {
            return None;
        }
        let Some(size) = self.candidate() else {
            self.phase = Phase::Rest(now + REST);
            return None;
        };
        self.phase = Phase::Waiting(size);
        u8::try_from(size - self.current).ok()
    }

    /// Whether a packet above the base size has arrived since then.
    pub(crate) fn has_carried_since(&self, then: Micros) -> bool {
        self.large_at >= then
    }

    /// The path delivered an IP packet of that size.
    pub(crate) fn handle_delivered(&mut self, now: Micros, size: u64) {
        if self.phase == Phase::Unproven {
            self.phase = Phase::Ready;
        }
        let Ok(size) = u16::try_from(size) else {
            return;
        };
        if size > BASE_MTU {
            self.large_at = now;
        }
        if size > self.current {
            self.current = size;
            self.losses = 0;
            self.phase = Phase::Ready;
        }
    }

    /// A probe was lost, because of its size or by chance.
    pub(crate) fn handle_lost(&mut self, size: u16) {
        if self.phase != Phase::Waiting(size) {
            return;
        }
        self.phase = Phase::Ready;
        self.losses += 1;
        if self.losses >= MAX_PROBES {
            self.losses = 0;
            self.ceiling = size;
        }
    }

    /// Starts again from the base size, on a path that no longer carries large packets.
    pub(crate) fn restart(&mut self) {
        *self = Self { overhead: self.overhead, ..Self::new(self.max) };
    }

    /// Starts on a path to this address.
    pub(crate) fn start_on(&mut self, remote: SocketAddr) {
        self.overhead = if remote.is_ipv6() { IPV6_OVERHEAD } else { IPV4_OVERHEAD };
        self.restart();
    }

    fn size(&self, payload: u16) -> usize {
        usize::from(payload) + usize::from(self.overhead)
    }

    fn candidate(&self) -> Option<u16> {
        let reach = self.current.saturating_add(MAX_PADDING);
        std::iter::once(self.max)
            .chain(CANDIDATES)
            .find(|&size| size > self.current && size <= reach && size < self.ceiling)
            .filter(|&size| size <= self.max)
    }
}

/// IPv4, UDP and UDX headers, in bytes.
pub(crate) const IPV4_OVERHEAD: u8 = 20 + 8 + HEADER_SIZE as u8;

/// IPv6, UDP and UDX headers, in bytes.
const IPV6_OVERHEAD: u8 = 40 + 8 + HEADER_SIZE as u8;

/// The size that every link of IPv6 carries (RFC 8200, section 5). So a packet of the base size
/// over IPv4 can be sent again over IPv6.
const IPV6_MTU: u16 = 1280;

/// The size that every path is assumed to carry.
pub(crate) const BASE_MTU: u16 = 1200;

/// The size of the reference's receive buffer.
const LARGEST: u16 = 2048;

/// Ethernet, PPPoE, tunnels, the furthest a padded base packet reaches, WireGuard, and steps below.
const CANDIDATES: [u16; 8] = [1500, 1492, 1480, 1455, 1420, 1380, 1330, 1280];

/// The data offset is one byte.
const MAX_PADDING: u16 = 255;

/// One loss may be chance; three in a row are taken for the limit of the path.
const MAX_PROBES: u8 = 3;

/// Congestion can drop three probes in a row, and routes change, so the search is repeated.
const REST: Micros = 60 * SECOND;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reaches_1500_with_two_probes() {
        let mut search = MtuSearch::new(1500);
        assert_eq!(search.poll_probe(0), None);
        search.handle_delivered(0, 1200);
        assert_eq!(search.poll_probe(0), Some(255));
        assert_eq!(search.poll_probe(0), None);
        search.handle_delivered(0, 1455);
        assert_eq!(search.poll_probe(0), Some(45));
        search.handle_delivered(0, 1500);
        assert_eq!((search.poll_probe(0), search.current()), (None, 1500));
    }

    #[test]
    fn falls_back_when_probes_are_lost_and_tries_again_after_a_rest() {
        let mut search = MtuSearch::new(1500);
        search.handle_delivered(0, 1200);
        while let Some(padding) = search.poll_probe(0) {
            let size = search.current() + u16::from(padding);
            if size <= 1420 {
                search.handle_delivered(0, u64::from(size));
            } else {
                search.handle_lost(size);
            }
        }
        assert_eq!(search.current(), 1420);
        assert_eq!(search.poll_probe(REST), Some(80));
    }
}
