//! Where to send probes, and when, between two kinds of NAT.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::counting::Counting;
use super::nat::{is_consistent, is_random};
use super::probe::{FIRST_PORT, Probe};
use super::remote::Remote;
use crate::wire::Firewall;
use crate::{RemoteAddress, Rng, SocketId};

/// A way to punch between two NATs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    /// Both NATs keep their ports: probes the addresses that the peer named.
    Consistent { tries: u8, most: u8 },
    /// The peer's NAT takes a port for us that nobody can know: guesses the port.
    RandomPorts { host: Ipv4Addr, ports: Ports, left: u16 },
    /// Both NATs take the next port for each destination: guesses some of them.
    Counting(Counting),
    /// Our NAT takes such a port for the peer: sends from many sockets, so that the peer's guess can
    /// meet one of them.
    Birthday { to: SocketAddrV4, left: u16, next: usize, low_ttl: bool },
}

impl Strategy {
    /// Chooses a strategy for these two NATs. `None` if no strategy can work. `host` is our public
    /// address.
    pub(super) fn choose(
        rng: &mut Rng,
        local: Firewall,
        host: Option<Ipv4Addr>,
        remote: &Remote,
    ) -> Option<Self> {
        if remote.addresses().is_empty() {
            return None;
        }
        if is_consistent(local) && is_consistent(remote.firewall()) {
            let is_ours = |remote: &RemoteAddress| Some(*remote.address.ip()) == host;
            let is_near = remote.addresses().iter().all(is_ours);
            let most = if is_near { NEAR_TRIES } else { CONSISTENT_TRIES };
            return Some(Self::Consistent { tries: 0, most });
        }
        if is_consistent(local) && is_random(remote.firewall()) {
            let host = *remote.verified().next()?.ip();
            let hint = remote.verified().map(|address| address.port()).find(|port| *port != 0);
            let ports = Ports::new(rng, hint);
            return Some(Self::RandomPorts { host, ports, left: GUESSES });
        }
        if is_random(local) && is_consistent(remote.firewall()) {
            return Some(Self::Birthday {
                // A peer behind a random NAT names port 0; here the peer has to name its port.
                to: remote.verified().find(|address| address.port() != 0)?,
                left: BIRTHDAY_PROBES,
                next: 0,
                low_ttl: true,
            });
        }
        None
    }

    pub(super) fn is_random(self) -> bool {
        !matches!(self, Self::Consistent { .. })
    }

    /// How long to wait before the first step. `has_probed`: a probe has been sent already.
    pub(super) fn delay(self, has_probed: bool) -> Duration {
        let is_next = has_probed && !self.is_random();
        if is_next { interval(0) } else { Duration::ZERO }
    }

    /// How many sockets the strategy needs.
    pub(super) fn sockets(self) -> usize {
        match self {
            Self::Consistent { .. } | Self::RandomPorts { .. } | Self::Counting(_) => 1,
            Self::Birthday { .. } => BIRTHDAY_SOCKETS,
        }
    }

    /// Appends the probes of this step. Returns the time until the next step; `None` after the
    /// last.
    pub(super) fn step(
        &mut self,
        sockets: &[SocketId],
        remote: &Remote,
        probes: &mut Vec<Probe>,
    ) -> Option<Duration> {
        let &first = sockets.first()?;
        match self {
            Self::Consistent { tries, most } => {
                if tries == most {
                    return None;
                }
                let pause = interval(*tries);
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
                Some(pause)
            }
            Self::RandomPorts { host, ports, left } => {
                let is_burst = *left > GUESSES - BURST;
                let (count, interval) =
                    if is_burst { (BURST_STEP, BURST_INTERVAL) } else { (1, RANDOM_INTERVAL) };
                *left = left.checked_sub(count)?;
                probes.extend((0..count).map(|_| {
                    let to = SocketAddrV4::new(*host, ports.next());
                    Probe { socket: first, to, low_ttl: false }
                }));
                Some(interval)
            }
            Self::Counting(counting) => counting.step(first, probes),
            Self::Birthday { to, left, next, low_ttl } => {
                let is_first = *left == BIRTHDAY_PROBES;
                *left = left.checked_sub(1)?;
                // The peer's NAT may let in whom the peer has sent to, or anybody.
                if *low_ttl && left.is_multiple_of(OPEN_EVERY) || is_first {
                    probes.push(Probe { socket: first, to: *to, low_ttl: false });
                }
                if is_first {
                    return Some(BIRTHDAY_PAUSE);
                }
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

/// The ports to guess: each once, and never long without one near any port, because a NAT may give
/// neighbouring ports to the sockets of a peer. If the peer has named a port, those after it come
/// in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ports {
    place: u32,
    hint: Option<u16>,
    hinted: u16,
    turn: u16,
}

impl Ports {
    fn new(rng: &mut Rng, hint: Option<u16>) -> Self {
        let place = rng.below(u64::from(PORTS)) as u32;
        Self { place, hint: hint.filter(|port| *port >= FIRST_PORT), hinted: 0, turn: 0 }
    }

    /// The next port.
    fn next(&mut self) -> u16 {
        let is_near = self.turn.is_multiple_of(NEAR_EVERY);
        self.turn = self.turn.wrapping_add(1);
        if let Some(hint) = self.hint.filter(|_| is_near) {
            self.hinted = self.hinted % HINTS + 1;
            return hint.checked_add(self.hinted * HINT_STRIDE).unwrap_or(hint);
        }
        self.place = (self.place + STRIDE) % PORTS;
        FIRST_PORT + self.place as u16
    }
}

/// If a path has not opened after 10 s, it will not open.
const CONSISTENT_TRIES: u8 = 12;

/// A NAT that both peers are behind lets them reach each other at once or never: 3 s.
const NEAR_TRIES: u8 = 5;

/// The time after each try. The first ones make up for a lost probe.
fn interval(tries: u8) -> Duration {
    Duration::from_millis(match tries {
        0 | 1 => 250,
        2 => 500,
        _ => 1000,
    })
}

/// Unverified addresses are probed only in the 5th and the 10th try.
const UNVERIFIED_EVERY: u8 = 5;

/// Guesses that follow each other fast, in 5 s: they meet one of 256 open ports with p > 0.9997. A
/// NAT at home remembers each for a while, and has room for several thousand.
const BURST: u16 = 2048;

const BURST_STEP: u16 = 4;

const BURST_INTERVAL: Duration = Duration::from_millis(10);

/// All guesses: as many seconds as the reference takes.
pub(super) const GUESSES: u16 = BURST + 1500;

/// A probe every 20 ms for 35 s, as in the reference.
const BIRTHDAY_PROBES: u16 = 1750;

const RANDOM_INTERVAL: Duration = Duration::from_millis(20);

/// While the NAT is opened, every fourth probe is accompanied by one that can arrive.
const OPEN_EVERY: u16 = 4;

const PORTS: u32 = 1 + (u16::MAX - FIRST_PORT) as u32;

/// The golden section of [`PORTS`], with which it has no divisor in common.
const STRIDE: u32 = 39883;

/// A NAT that counts has given our peer's sockets the ports after the hint, and perhaps some ports
/// to others before and between.
const HINT_STRIDE: u16 = 16;

const HINTS: u16 = 32;

/// A hint that is wrong costs this share of the guesses.
const NEAR_EVERY: u16 = 4;

/// As many ports as a NAT will usually hold open for one host.
const BIRTHDAY_SOCKETS: usize = 256;

/// Waits until the burst that opened the sockets has passed.
const BIRTHDAY_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SOCKETS: [SocketId; 2] = [SocketId(2), SocketId(3)];

    #[test]
    fn consistent_nats_are_probed_for_ten_seconds_and_strangers_twice() {
        let remote = remote(Firewall::Consistent, true);
        let mut strategy = Strategy::choose(&mut rng(), Firewall::Open, None, &remote).unwrap();
        let mut counts = [0, 0];
        let mut time = Duration::ZERO;
        let mut probes = Vec::new();
        while let Some(pause) = strategy.step(&SOCKETS, &remote, &mut probes) {
            time += pause;
        }
        for probe in probes {
            counts[usize::from(*probe.to.ip() != VERIFIED)] += 1;
        }
        assert_eq!((time.as_secs(), counts), (10, [12, 2]));
    }

    #[test]
    fn a_probe_that_was_sent_may_work_first() {
        let strategy = Strategy::Consistent { tries: 0, most: CONSISTENT_TRIES };
        assert_eq!(strategy.delay(true), Duration::from_millis(250));
        assert_eq!(strategy.delay(false), Duration::ZERO);
    }

    #[test]
    fn peers_behind_one_nat_give_up_soon() {
        let is_near = |addresses: &[&str]| {
            let mut remote = Remote::new(Firewall::Unknown);
            let addresses: Vec<_> = addresses.iter().map(|at| at.parse().unwrap()).collect();
            remote.update(true, Firewall::Consistent, &addresses, Some(VERIFIED));
            match Strategy::choose(&mut rng(), Firewall::Consistent, Some(VERIFIED), &remote) {
                Some(Strategy::Consistent { most, .. }) => most == NEAR_TRIES,
                other => panic!("{other:?}"),
            }
        };
        assert!(is_near(&["1.1.1.1:7", "1.1.1.1:8"]));
        assert!(!is_near(&["1.1.1.1:7", "2.2.2.2:8"]), "it has an address elsewhere");
        assert!(!is_near(&["2.2.2.2:8"]));
    }

    #[test]
    fn a_random_nat_is_only_guessed_at_a_verified_host() {
        let unverified = remote(Firewall::Random, false);
        assert_eq!(Strategy::choose(&mut rng(), Firewall::Consistent, None, &unverified), None);

        let verified = remote(Firewall::Random, true);
        let mut strategy =
            Strategy::choose(&mut rng(), Firewall::Consistent, None, &verified).unwrap();
        let (mut probes, mut time) = (Vec::new(), Duration::ZERO);
        while let Some(pause) = strategy.step(&SOCKETS, &verified, &mut probes) {
            time += pause;
        }
        assert_eq!((probes.len(), time.as_secs()), (3548, 35));
        assert!(probes.iter().all(|p| *p.to.ip() == VERIFIED && p.to.port() != 0));
    }

    #[test]
    fn no_port_is_guessed_twice_and_none_is_far_from_a_guess() {
        let mut ports = Ports::new(&mut rng(), None);
        let guessed: BTreeSet<u16> = (0..BURST).map(|_| ports.next()).collect();
        assert_eq!(guessed.len(), usize::from(BURST));
        let gaps = guessed.iter().zip(guessed.iter().skip(1)).map(|(a, b)| b - a);
        assert!(gaps.max() < Some(100));
        let all: BTreeSet<u16> = (0..PORTS).map(|_| ports.next()).collect();
        assert_eq!((all.len(), all.first()), (PORTS as usize, Some(&FIRST_PORT)));
    }

    #[test]
    fn ports_after_the_hint_come_in_between() {
        let ports = guesses(2000);
        assert_eq!([ports[0], ports[4]], [2016, 2032]);
        let near: BTreeSet<u16> = ports.iter().copied().step_by(4).collect();
        assert_eq!((near.len(), near.last()), (32, Some(&2512)));
        assert_eq!(guesses(u16::MAX)[0], u16::MAX);
    }

    #[test]
    fn a_hint_may_be_wrong() {
        let others: BTreeSet<u16> = guesses(2000).into_iter().filter(|port| *port > 2512).collect();
        assert!(others.len() > 2500, "{} other ports", others.len());
    }

    #[test]
    fn a_hint_at_a_service_is_ignored() {
        for port in [1, 22, 999] {
            assert!(guesses(port).iter().all(|port| *port >= FIRST_PORT));
        }
    }

    /// The ports that are probed at a peer that gives a hint.
    fn guesses(hint: u16) -> Vec<u16> {
        let mut remote = Remote::new(Firewall::Random);
        let addresses = [0, hint].map(|port| SocketAddrV4::new(VERIFIED, port));
        remote.update(true, Firewall::Random, &addresses, Some(VERIFIED));
        let mut strategy =
            Strategy::choose(&mut rng(), Firewall::Consistent, None, &remote).unwrap();
        let mut probes = Vec::new();
        while strategy.step(&SOCKETS, &remote, &mut probes).is_some() {}
        probes.iter().map(|probe| probe.to.port()).collect()
    }

    #[test]
    fn a_birthday_opens_the_sockets_first_and_lets_some_probes_arrive() {
        let remote = remote(Firewall::Consistent, true);
        let mut strategy = Strategy::choose(&mut rng(), Firewall::Random, None, &remote).unwrap();
        let mut probes = Vec::new();
        for _ in 0..5 {
            strategy.step(&SOCKETS, &remote, &mut probes);
        }
        let seen: Vec<_> = probes.iter().map(|p| (p.socket, p.low_ttl)).collect();
        let [a, b] = SOCKETS;
        let opening = [(a, false), (a, false), (a, true), (b, true)];
        assert_eq!(seen, [&opening[..], &[(a, false), (b, false)]].concat());
    }

    #[test]
    fn some_pairs_have_no_way() {
        let random = remote(Firewall::Random, true);
        assert_eq!(Strategy::choose(&mut rng(), Firewall::Random, None, &random), None);
        assert_eq!(Strategy::choose(&mut rng(), Firewall::Unknown, None, &random), None);
        let nowhere = Remote::new(Firewall::Consistent);
        assert_eq!(Strategy::choose(&mut rng(), Firewall::Consistent, None, &nowhere), None);
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
