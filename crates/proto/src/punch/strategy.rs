//! Where to send probes, and when, between two kinds of NAT.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::nat::{is_consistent, is_random};
use super::remote::Remote;
use crate::wire::Firewall;
use crate::{Rng, SocketId};

/// A way to punch between two NATs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    /// Both NATs keep their ports: probes the addresses that the peer named.
    Consistent { tries: u8 },
    /// The peer's NAT takes a random port for us: guesses the port.
    RandomPorts { host: Ipv4Addr, left: u16 },
    /// Our NAT takes a random port for the peer: sends from many sockets, so that the peer's guess
    /// can meet one of them.
    Birthday { to: SocketAddrV4, left: u16, next: usize, low_ttl: bool },
}

/// One probe to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Probe {
    pub(super) socket: SocketId,
    pub(super) to: SocketAddrV4,
    /// The probe is to open our NAT and to expire before it reaches the peer's NAT.
    pub(super) low_ttl: bool,
}

impl Strategy {
    /// The strategy for these NATs; `None` if there is none.
    pub(super) fn choose(local: Firewall, remote: &Remote) -> Option<Self> {
        if remote.addresses().is_empty() {
            return None;
        }
        if is_consistent(local) && is_consistent(remote.firewall()) {
            return Some(Self::Consistent { tries: 0 });
        }
        if is_consistent(local) && is_random(remote.firewall()) {
            let host = *remote.verified().next()?.ip();
            return Some(Self::RandomPorts { host, left: RANDOM_PROBES });
        }
        if is_random(local) && is_consistent(remote.firewall()) {
            return Some(Self::Birthday {
                // A peer behind a random NAT names port 0; here the peer has to name its port.
                to: remote.verified().find(|address| address.port() != 0)?,
                left: RANDOM_PROBES,
                next: 0,
                low_ttl: true,
            });
        }
        None
    }

    pub(super) fn is_random(self) -> bool {
        !matches!(self, Self::Consistent { .. })
    }

    /// How long to wait before the first step.
    pub(super) fn delay(self, initiator: bool) -> Duration {
        match self {
            // The server has just answered the round with a probe, which may have arrived already.
            Self::Consistent { .. } if !initiator => CONSISTENT_INTERVAL,
            Self::Consistent { .. } | Self::RandomPorts { .. } => Duration::ZERO,
            Self::Birthday { .. } => BIRTHDAY_PAUSE,
        }
    }

    /// How many sockets the strategy needs.
    pub(super) fn sockets(self) -> usize {
        match self {
            Self::Consistent { .. } | Self::RandomPorts { .. } => 1,
            Self::Birthday { .. } => BIRTHDAY_SOCKETS,
        }
    }

    /// Appends the probes of this step. Returns the time until the next step; `None` after the
    /// last.
    pub(super) fn step(
        &mut self,
        rng: &mut Rng,
        sockets: &[SocketId],
        remote: &Remote,
        probes: &mut Vec<Probe>,
    ) -> Option<Duration> {
        let &first = sockets.first()?;
        match self {
            Self::Consistent { tries } => {
                if *tries == CONSISTENT_TRIES {
                    return None;
                }
                *tries += 1;
                // Probes to a host that was never verified can be abused to send packets at a third
                // party.
                let all = tries.is_multiple_of(UNVERIFIED_EVERY);
                probes.extend(
                    remote
                        .addresses()
                        .iter()
                        .filter(|remote| remote.verified || all)
                        .map(|remote| Probe { socket: first, to: remote.address, low_ttl: false }),
                );
                Some(CONSISTENT_INTERVAL)
            }
            Self::RandomPorts { host, left } => {
                *left = left.checked_sub(1)?;
                let port = FIRST_PORT + rng.below(u64::from(u16::MAX - FIRST_PORT) + 1) as u16;
                let to = SocketAddrV4::new(*host, port);
                probes.push(Probe { socket: first, to, low_ttl: false });
                Some(RANDOM_INTERVAL)
            }
            Self::Birthday { to, left, next, low_ttl } => {
                *left = left.checked_sub(1)?;
                if *next >= sockets.len() {
                    *next = 0;
                    *low_ttl = false;
                }
                let socket = sockets.get(*next).copied().unwrap_or(first);
                *next += 1;
                probes.push(Probe { socket, to: *to, low_ttl: *low_ttl });
                Some(RANDOM_INTERVAL)
            }
        }
    }
}

/// If a path has not opened after 10 s, it will not open.
const CONSISTENT_TRIES: u8 = 10;

const CONSISTENT_INTERVAL: Duration = Duration::from_secs(1);

/// Unverified addresses are probed only in the 4th and the 8th try.
const UNVERIFIED_EVERY: u8 = 4;

/// 1750 draws of 64536 ports meet one of 256 open ones with p > 0.999; 35 s in all.
const RANDOM_PROBES: u16 = 1750;

const RANDOM_INTERVAL: Duration = Duration::from_millis(20);

/// NATs seldom use lower ports.
const FIRST_PORT: u16 = 1000;

/// As many ports as a NAT will usually hold open for one host.
const BIRTHDAY_SOCKETS: usize = 256;

/// Waits until the burst that opened the sockets has passed.
const BIRTHDAY_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    const SOCKETS: [SocketId; 2] = [SocketId(2), SocketId(3)];

    #[test]
    fn consistent_nats_are_probed_ten_times_and_strangers_twice() {
        let remote = remote(Firewall::Consistent, true);
        let mut strategy = Strategy::choose(Firewall::Open, &remote).unwrap();
        let mut counts = [0, 0];
        let mut steps = 0;
        let mut probes = Vec::new();
        while strategy.step(&mut rng(), &SOCKETS, &remote, &mut probes).is_some() {
            steps += 1;
        }
        for probe in probes {
            counts[usize::from(*probe.to.ip() != VERIFIED)] += 1;
        }
        assert_eq!((steps, counts), (10, [10, 2]));
    }

    #[test]
    fn the_server_lets_its_fast_probe_work_first() {
        let strategy = Strategy::Consistent { tries: 0 };
        assert_eq!(strategy.delay(false), Duration::from_secs(1));
        assert_eq!(strategy.delay(true), Duration::ZERO);
    }

    #[test]
    fn a_random_nat_is_only_guessed_at_a_verified_host() {
        let unverified = remote(Firewall::Random, false);
        assert_eq!(Strategy::choose(Firewall::Consistent, &unverified), None);

        let verified = remote(Firewall::Random, true);
        let mut strategy = Strategy::choose(Firewall::Consistent, &verified).unwrap();
        let (mut rng, mut probes) = (rng(), Vec::new());
        while strategy.step(&mut rng, &SOCKETS, &verified, &mut probes).is_some() {}
        assert_eq!(probes.len(), 1750);
        assert!(probes.iter().all(|p| *p.to.ip() == VERIFIED && p.to.port() >= 1000));
    }

    #[test]
    fn a_birthday_goes_round_the_sockets_and_opens_them_first() {
        let remote = remote(Firewall::Consistent, true);
        let mut strategy = Strategy::choose(Firewall::Random, &remote).unwrap();
        let mut probes = Vec::new();
        for _ in 0..4 {
            strategy.step(&mut rng(), &SOCKETS, &remote, &mut probes);
        }
        let seen: Vec<_> = probes.iter().map(|p| (p.socket, p.low_ttl)).collect();
        let [a, b] = SOCKETS;
        assert_eq!(seen, [(a, true), (b, true), (a, false), (b, false)]);
    }

    #[test]
    fn some_pairs_have_no_way() {
        let random = remote(Firewall::Random, true);
        assert_eq!(Strategy::choose(Firewall::Random, &random), None);
        assert_eq!(Strategy::choose(Firewall::Unknown, &random), None);
        let nowhere = Remote::new(Firewall::Consistent);
        assert_eq!(Strategy::choose(Firewall::Consistent, &nowhere), None);
    }

    fn remote(firewall: Firewall, verified: bool) -> Remote {
        let mut remote = Remote::new(Firewall::Unknown);
        let addresses = [SocketAddrV4::new(VERIFIED, 7), "2.2.2.2:8".parse().unwrap()];
        remote.update(true, firewall, &addresses, verified.then_some(VERIFIED));
        remote
    }

    fn rng() -> Rng {
        Rng::from_seed([1; 32])
    }

    const VERIFIED: Ipv4Addr = Ipv4Addr::new(1, 1, 1, 1);
}
