//! A NAT, with the behaviours of RFC 4787: how it maps, which sources it lets in, and which ports it
//! takes.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use proto::Rng;

/// How a mapping, or a filter, depends on the endpoint outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependence {
    /// All endpoints share it.
    Independent,
    /// Each address outside has its own.
    Address,
    /// Each address and port outside has its own.
    AddressAndPort,
}

/// Which port a new mapping gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// The port inside, if it is free.
    Preserving,
    /// The next free one.
    Sequential,
    /// Any.
    Random,
}

/// The behaviour of a NAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NatKind {
    pub mapping: Dependence,
    pub filtering: Dependence,
    pub ports: Ports,
    /// How many ports other hosts behind the NAT take in a second, if it gives the next one.
    pub others: u32,
    /// Whether hosts inside reach each other at their mapped addresses.
    pub hairpin: bool,
    /// Whether hosts inside reach each other at their own addresses.
    pub isolated: bool,
    /// A mapping that nothing used for so long is gone.
    pub timeout: Duration,
}

impl NatKind {
    /// The usual NAT at home: mappings are endpoint-independent, strangers are kept out.
    pub const HOME: Self = Self {
        mapping: Dependence::Independent,
        filtering: Dependence::AddressAndPort,
        ports: Ports::Preserving,
        others: 0,
        hairpin: false,
        isolated: false,
        timeout: Duration::from_secs(120),
    };
    /// Lets everybody in at an existing mapping.
    pub const FULL: Self = Self { filtering: Dependence::Independent, ..Self::HOME };
    /// Lets in the addresses to which the host has sent.
    pub const ADDRESS: Self = Self { filtering: Dependence::Address, ..Self::HOME };
    /// Symmetric: another random port for each endpoint.
    pub const RANDOM: Self =
        Self { mapping: Dependence::AddressAndPort, ports: Ports::Random, ..Self::HOME };
    /// Symmetric: the next port for each endpoint.
    pub const SEQUENTIAL: Self = Self { ports: Ports::Sequential, ..Self::RANDOM };

    /// The same, with hairpinning.
    #[must_use]
    pub const fn with_hairpin(self) -> Self {
        Self { hairpin: true, ..self }
    }
}

/// A NAT with its public address and its mappings.
#[derive(Debug)]
pub(crate) struct Nat {
    pub(crate) kind: NatKind,
    pub(crate) address: Ipv4Addr,
    /// By the port outside.
    mappings: HashMap<u16, Mapping>,
    /// Ports outside, by the endpoint inside and what the mapping depends on.
    ports: HashMap<(SocketAddrV4, Outside), u16>,
    next: u16,
    /// When `next` was taken.
    taken: Option<Instant>,
}

#[derive(Debug)]
struct Mapping {
    inside: SocketAddrV4,
    outside: Outside,
    used: Instant,
    /// Endpoints that the host has sent to, with the time of the last datagram.
    asked: HashMap<SocketAddrV4, Instant>,
}

/// The part of an endpoint that a mapping or a filter looks at.
type Outside = (Option<Ipv4Addr>, Option<u16>);

impl Nat {
    pub(crate) fn new(kind: NatKind, address: Ipv4Addr, rng: &mut Rng) -> Self {
        let next = FIRST_PORT + rng.below(u64::from(u16::MAX - FIRST_PORT)) as u16;
        let (mappings, ports) = (HashMap::new(), HashMap::new());
        Self { kind, address, mappings, ports, next, taken: None }
    }

    /// A datagram leaves. Returns its source as the endpoint outside sees it.
    pub(crate) fn map_out(
        &mut self,
        rng: &mut Rng,
        now: Instant,
        inside: SocketAddrV4,
        to: SocketAddrV4,
    ) -> SocketAddrV4 {
        let key = (inside, part(self.kind.mapping, to));
        let known = self.ports.get(&key).copied().filter(|port| self.is_alive(*port, now));
        let port = known.unwrap_or_else(|| self.add(rng, now, key));
        if let Some(mapping) = self.mappings.get_mut(&port) {
            mapping.used = now;
            mapping.asked.insert(to, now);
        }
        SocketAddrV4::new(self.address, port)
    }

    /// A datagram arrives. Returns the endpoint inside that gets it.
    pub(crate) fn map_in(
        &mut self,
        now: Instant,
        from: SocketAddrV4,
        port: u16,
    ) -> Option<SocketAddrV4> {
        let NatKind { filtering, timeout, .. } = self.kind;
        let mapping = self.mappings.get_mut(&port).filter(|m| now < m.used + timeout)?;
        let mut asked = mapping.asked.iter().filter(|(_, at)| now < **at + timeout);
        let is_admitted = filtering == Dependence::Independent
            || asked.any(|(to, _)| part(filtering, *to) == part(filtering, from));
        if !is_admitted {
            return None;
        }
        mapping.used = now;
        Some(mapping.inside)
    }

    /// Forgets all mappings, as after a restart.
    pub(crate) fn forget(&mut self) {
        self.mappings.clear();
        self.ports.clear();
    }

    fn add(&mut self, rng: &mut Rng, now: Instant, key: (SocketAddrV4, Outside)) -> u16 {
        let (inside, outside) = key;
        let port = self.choose(rng, now, inside.port());
        let mapping = Mapping { inside, outside, used: now, asked: HashMap::new() };
        if let Some(old) = self.mappings.insert(port, mapping) {
            self.ports.remove(&(old.inside, old.outside));
        }
        self.ports.insert(key, port);
        port
    }

    fn choose(&mut self, rng: &mut Rng, now: Instant, wanted: u16) -> u16 {
        if self.kind.ports == Ports::Preserving && !self.is_alive(wanted, now) {
            return wanted;
        }
        self.pass_others(rng, now);
        loop {
            let port = if self.kind.ports == Ports::Sequential {
                self.next = self.next.checked_add(1).unwrap_or(FIRST_PORT);
                self.next
            } else {
                FIRST_PORT + rng.below(u64::from(u16::MAX - FIRST_PORT) + 1) as u16
            };
            if !self.is_alive(port, now) {
                return port;
            }
        }
    }

    /// Passes the ports that other hosts have taken since.
    fn pass_others(&mut self, rng: &mut Rng, now: Instant) {
        let since = self.taken.replace(now).unwrap_or(now);
        let time = now.saturating_duration_since(since).as_micros() as u64;
        let share = time * u64::from(self.kind.others);
        let taken = share / SECOND + u64::from(rng.below(SECOND) < share % SECOND);
        let room = u64::from(u16::MAX - FIRST_PORT);
        let next = u64::from(self.next.saturating_sub(FIRST_PORT)) + taken;
        self.next = FIRST_PORT + (next % room) as u16;
    }

    fn is_alive(&self, port: u16, now: Instant) -> bool {
        self.mappings.get(&port).is_some_and(|mapping| now < mapping.used + self.kind.timeout)
    }
}

fn part(dependence: Dependence, endpoint: SocketAddrV4) -> Outside {
    match dependence {
        Dependence::Independent => (None, None),
        Dependence::Address => (Some(*endpoint.ip()), None),
        Dependence::AddressAndPort => (Some(*endpoint.ip()), Some(endpoint.port())),
    }
}

/// In microseconds.
const SECOND: u64 = 1_000_000;

/// The first port that NATs take by themselves.
const FIRST_PORT: u16 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const INSIDE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 168, 1, 2), 5000);

    #[test]
    fn a_home_nat_keeps_the_port_and_lets_answers_in() {
        let (mut nat, mut rng, now) = nat(NatKind::HOME);
        let seen = nat.map_out(&mut rng, now, INSIDE, outside(1, 10));
        assert_eq!(seen, SocketAddrV4::new(PUBLIC, 5000));
        assert_eq!(nat.map_out(&mut rng, now, INSIDE, outside(2, 20)), seen);
        assert_eq!(nat.map_in(now, outside(1, 10), 5000), Some(INSIDE));
        assert_eq!(nat.map_in(now, outside(1, 11), 5000), None);
        assert_eq!(nat.map_in(now, outside(1, 10), 5001), None);
    }

    #[test]
    fn filters_differ() {
        for (kind, other_port, stranger) in
            [(NatKind::FULL, true, true), (NatKind::ADDRESS, true, false)]
        {
            let (mut nat, mut rng, now) = nat(kind);
            nat.map_out(&mut rng, now, INSIDE, outside(1, 10));
            assert_eq!(nat.map_in(now, outside(1, 11), 5000).is_some(), other_port);
            assert_eq!(nat.map_in(now, outside(2, 10), 5000).is_some(), stranger);
        }
    }

    #[test]
    fn symmetric_nats_take_a_port_for_each_endpoint() {
        let (mut nat, mut rng, now) = nat(NatKind::SEQUENTIAL);
        let first = nat.map_out(&mut rng, now, INSIDE, outside(1, 10)).port();
        assert_eq!(nat.map_out(&mut rng, now, INSIDE, outside(1, 11)).port(), first + 1);
        assert_eq!(nat.map_out(&mut rng, now, INSIDE, outside(1, 10)).port(), first);
        assert_eq!(nat.map_in(now, outside(1, 11), first), None);
    }

    #[test]
    fn a_mapping_that_is_not_used_is_gone() {
        let (mut nat, mut rng, now) = nat(NatKind::HOME);
        nat.map_out(&mut rng, now, INSIDE, outside(1, 10));
        let later = now + NatKind::HOME.timeout;
        assert_eq!(nat.map_in(later, outside(1, 10), 5000), None);
        nat.map_out(&mut rng, later, INSIDE, outside(1, 10));
        nat.forget();
        assert_eq!(nat.map_in(later, outside(1, 10), 5000), None);
    }

    fn nat(kind: NatKind) -> (Nat, Rng, Instant) {
        let mut rng = Rng::from_seed([1; 32]);
        (Nat::new(kind, PUBLIC, &mut rng), rng, Instant::now())
    }

    fn outside(host: u8, port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::new(9, 9, 9, host), port)
    }

    const PUBLIC: Ipv4Addr = Ipv4Addr::new(7, 7, 7, 7);
}
