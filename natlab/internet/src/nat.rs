//! NATs in the terms of RFC 4787. Mappings never expire: a run of the laboratory is short.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};

pub struct Nat {
    kind: Kind,
    external: Ipv4Addr,
    ports: BTreeMap<Flow, u16>,
    mappings: BTreeMap<u16, Mapping>,
    /// Where the search for a free port begins, when ports are sequential.
    next: u16,
    /// How far the port of a mapping is from the one of its socket.
    shift: u16,
}

#[derive(Clone, Copy)]
pub struct Kind {
    /// Otherwise all destinations of an internal socket see one port, its own if that is free.
    symmetric: bool,
    filtering: Filtering,
}

#[derive(Clone, Copy)]
enum Filtering {
    EndpointIndependent,
    AddressDependent,
    AddressAndPortDependent,
}

/// An internal socket, and its destination where the mapping depends on that.
type Flow = (SocketAddrV4, Option<SocketAddrV4>);

struct Mapping {
    internal: SocketAddrV4,
    contacted: BTreeSet<SocketAddrV4>,
}

impl Kind {
    pub fn parse(name: &str) -> Result<Self, String> {
        use Filtering::{AddressAndPortDependent, AddressDependent, EndpointIndependent};
        let (symmetric, filtering) = match name {
            "eif" => (false, EndpointIndependent),
            "adf" => (false, AddressDependent),
            "home" => (false, AddressAndPortDependent),
            "seq" => (true, AddressAndPortDependent),
            _ => return Err(format!("unknown NAT: {name}")),
        };
        Ok(Self { symmetric, filtering })
    }
}

impl Nat {
    /// `first` is the port of the first mapping of a symmetric NAT.
    pub fn new(kind: Kind, external: Ipv4Addr, first: u16) -> Self {
        let (ports, mappings) = (BTreeMap::new(), BTreeMap::new());
        Self { kind, external, ports, mappings, next: first, shift: 0 }
    }

    /// Forgets all mappings, and gives out other ports from then on.
    pub fn reset(&mut self) {
        self.ports.clear();
        self.mappings.clear();
        self.shift = self.shift.wrapping_add(SHIFT);
    }

    /// The address that a datagram from the inside leaves with. `None` when no port is free.
    pub fn outbound(&mut self, from: SocketAddrV4, to: SocketAddrV4) -> Option<SocketAddrV4> {
        let flow = (from, self.kind.symmetric.then_some(to));
        let port = match self.ports.get(&flow) {
            Some(&port) => port,
            None => self.map(flow)?,
        };
        self.mappings.get_mut(&port)?.contacted.insert(to);
        Some(SocketAddrV4::new(self.external, port))
    }

    /// The internal socket that a datagram from the outside is for, unless the NAT drops it.
    pub fn inbound(&self, from: SocketAddrV4, port: u16) -> Option<SocketAddrV4> {
        let Mapping { internal, contacted } = self.mappings.get(&port)?;
        let passes = match self.kind.filtering {
            Filtering::EndpointIndependent => true,
            Filtering::AddressDependent => contacted.iter().any(|to| to.ip() == from.ip()),
            Filtering::AddressAndPortDependent => contacted.contains(&from),
        };
        passes.then_some(*internal)
    }

    fn map(&mut self, flow: Flow) -> Option<u16> {
        let shifted = flow.0.port().wrapping_add(self.shift).max(FIRST_PORT);
        let wanted = if self.kind.symmetric { self.next } else { shifted };
        let port = (wanted..=u16::MAX)
            .chain(FIRST_PORT..wanted)
            .find(|port| !self.mappings.contains_key(port))?;
        self.next = port.checked_add(1).unwrap_or(FIRST_PORT);
        self.ports.insert(flow, port);
        self.mappings.insert(port, Mapping { internal: flow.0, contacted: BTreeSet::new() });
        Some(port)
    }
}

/// NATs leave the ports of well-known services alone.
const FIRST_PORT: u16 = 1024;

const SHIFT: u16 = 9973;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_keeps_its_port_and_the_next_one_with_that_port_gets_another() {
        let mut nat = nat("home");
        assert_eq!(nat.outbound(at("192.168.1.10:5000"), PEER), Some(at("20.1.0.1:5000")));
        assert_eq!(nat.outbound(at("192.168.1.10:5000"), OTHER), Some(at("20.1.0.1:5000")));
        assert_eq!(nat.outbound(at("192.168.1.11:5000"), PEER), Some(at("20.1.0.1:5001")));
    }

    #[test]
    fn a_symmetric_nat_gives_each_destination_the_next_port() {
        let mut nat = nat("seq");
        assert_eq!(nat.outbound(at("192.168.1.10:5000"), PEER), Some(at("20.1.0.1:40000")));
        assert_eq!(nat.outbound(at("192.168.1.10:5000"), OTHER), Some(at("20.1.0.1:40001")));
        assert_eq!(nat.outbound(at("192.168.1.10:5000"), PEER), Some(at("20.1.0.1:40000")));
    }

    #[test]
    fn after_a_reset_the_mappings_are_others() {
        for name in ["home", "seq"] {
            let mut nat = nat(name);
            let before = nat.outbound(at("192.168.1.10:5000"), PEER).unwrap();
            nat.reset();
            assert_eq!(nat.inbound(PEER, before.port()), None, "{name}");
            let after = nat.outbound(at("192.168.1.10:5000"), PEER).unwrap();
            assert_ne!(after, before, "{name}");
            assert_eq!(nat.outbound(at("192.168.1.10:5000"), PEER), Some(after), "{name}");
        }
    }

    #[test]
    fn who_may_send_to_a_mapping() {
        let same_host = at("20.2.0.1:2");
        for (name, expected) in [
            ("eif", [true, true, true]),
            ("adf", [true, true, false]),
            ("home", [true, false, false]),
            ("seq", [true, false, false]),
        ] {
            let mut nat = nat(name);
            let port = nat.outbound(at("192.168.1.10:5000"), PEER).unwrap().port();
            let passes = [PEER, same_host, OTHER].map(|from| nat.inbound(from, port).is_some());
            assert_eq!(passes, expected, "{name}");
            assert_eq!(nat.inbound(PEER, port + 1), None);
        }
    }

    const PEER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(20, 2, 0, 1), 1);
    const OTHER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(20, 0, 0, 1), 1);

    fn nat(name: &str) -> Nat {
        Nat::new(Kind::parse(name).unwrap(), Ipv4Addr::new(20, 1, 0, 1), 40000)
    }

    fn at(text: &str) -> SocketAddrV4 {
        text.parse().unwrap()
    }
}
