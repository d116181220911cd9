//! The path between two hosts.

use std::fmt;
use std::net::SocketAddrV4;
use std::time::Duration;

use proto::Rng;

/// A datagram on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flight {
    pub from: SocketAddrV4,
    pub to: SocketAddrV4,
    pub data: Vec<u8>,
}

/// The datagrams that a test withholds.
#[derive(Default)]
pub(crate) struct Withheld(Option<Box<Which>>);

type Which = dyn FnMut(&Flight) -> bool;

impl Withheld {
    pub(crate) fn new(which: impl FnMut(&Flight) -> bool + 'static) -> Self {
        Self(Some(Box::new(which)))
    }

    pub(crate) fn holds(&mut self, flight: &Flight) -> bool {
        self.0.as_mut().is_some_and(|which| which(flight))
    }
}

impl fmt::Debug for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Withheld").field(&self.0.is_some()).finish()
    }
}

/// What happens to a datagram on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Link {
    /// One-way delay.
    pub delay: Duration,
    /// A datagram with a lower TTL does not arrive. Openers of NATs have 5.
    pub hops: u8,
    /// Additional delay, uniformly random from zero to this; reorders datagrams.
    pub jitter: Duration,
    /// Lost datagrams, per 1000.
    pub loss_per_mille: u32,
    /// Datagrams with one changed byte, per 1000.
    pub damage_per_mille: u32,
    /// Truncated datagrams, per 1000; nothing may be left of one.
    pub cut_per_mille: u32,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(10),
            hops: 1,
            jitter: Duration::ZERO,
            loss_per_mille: 0,
            damage_per_mille: 0,
            cut_per_mille: 0,
        }
    }
}

impl Link {
    /// The delay until the datagram arrives; `None` if it is lost. May damage the data.
    pub(crate) fn carry(&self, rng: &mut Rng, data: &mut Vec<u8>) -> Option<Duration> {
        if rng.below(1000) < u64::from(self.loss_per_mille) {
            return None;
        }
        if rng.below(1000) < u64::from(self.damage_per_mille) {
            let at = rng.below(data.len() as u64) as usize;
            if let Some(byte) = data.get_mut(at) {
                *byte ^= 1 + rng.below(255) as u8;
            }
        }
        if rng.below(1000) < u64::from(self.cut_per_mille) {
            data.truncate(rng.below(data.len() as u64) as usize);
        }
        let jitter = rng.below(self.jitter.as_micros() as u64 + 1);
        Some(self.delay + Duration::from_micros(jitter))
    }
}
