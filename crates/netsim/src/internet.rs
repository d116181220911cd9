//! Who is where: hosts and NATs with public addresses, and the networks behind the NATs.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Instant;

use proto::Rng;

use crate::Flight;
use crate::ids::{HostId, NatId, Network};
use crate::nat::{Nat, NatKind};

/// The internet, and the networks behind NATs.
#[derive(Debug, Default)]
pub(crate) struct Internet {
    places: HashMap<(Network, Ipv4Addr), Place>,
    nats: Vec<Outpost>,
}

/// What has an address in a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Host(HostId),
    Nat(NatId),
}

/// A NAT at the border of two networks.
#[derive(Debug)]
struct Outpost {
    nat: Nat,
    /// The network outside.
    outside: Network,
    /// How many addresses of the network inside were given away.
    given: u8,
}

impl Internet {
    /// Places a host in a network.
    pub(crate) fn add_host(&mut self, network: Network, address: Ipv4Addr, host: HostId) {
        self.places.insert((network, address), Place::Host(host));
    }

    /// Takes a host out of its network.
    pub(crate) fn remove_host(&mut self, network: Network, address: Ipv4Addr) {
        self.places.remove(&(network, address));
    }

    /// Places a NAT at an address of a network.
    pub(crate) fn add_nat(
        &mut self,
        rng: &mut Rng,
        kind: NatKind,
        outside: Network,
        address: Ipv4Addr,
    ) -> NatId {
        let id = NatId(self.nats.len());
        self.nats.push(Outpost { nat: Nat::new(kind, address, rng), outside, given: 0 });
        self.places.insert((outside, address), Place::Nat(id));
        id
    }

    /// A free address of the network behind a NAT. Those networks use the same addresses, as in the
    /// world.
    pub(crate) fn next_address(&mut self, NatId(nat): NatId) -> Ipv4Addr {
        let outpost = &mut self.nats[nat];
        outpost.given += 1;
        // a carrier's network does not have the addresses of the homes behind it
        let third = if outpost.outside.is_some() { 1 } else { 0 };
        Ipv4Addr::new(192, 168, third, outpost.given)
    }

    /// The mappings of a NAT are gone.
    pub(crate) fn rebind(&mut self, NatId(nat): NatId) {
        self.nats[nat].nat.forget();
    }

    /// The host with this public address.
    pub(crate) fn find(&self, address: Ipv4Addr) -> Option<HostId> {
        match self.places.get(&(None, address)) {
            Some(Place::Host(host)) => Some(*host),
            _ => None,
        }
    }

    /// A datagram leaves a host of a network and passes NATs, which change its source. Returns the
    /// network in which it travels to its destination. `None` if a NAT drops it.
    pub(crate) fn send(
        &mut self,
        rng: &mut Rng,
        now: Instant,
        mut network: Network,
        flight: &mut Flight,
    ) -> Option<Network> {
        while let Some(id) = network {
            let Outpost { nat, outside, .. } = &mut self.nats[id.0];
            if self.places.contains_key(&(network, *flight.to.ip())) {
                return (!nat.kind.isolated).then_some(network);
            }
            flight.from = nat.map_out(rng, now, flight.from, flight.to);
            if *flight.to.ip() == nat.address {
                flight.to = nat.map_in(now, flight.from, flight.to.port())?;
                return nat.kind.hairpin.then_some(network);
            }
            network = *outside;
        }
        Some(None)
    }

    /// A datagram arrives in a network and passes NATs, which change its destination. Returns the
    /// host that it reaches. `None` if there is nobody, or if a NAT drops it.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        mut network: Network,
        flight: &mut Flight,
    ) -> Option<HostId> {
        loop {
            match *self.places.get(&(network, *flight.to.ip()))? {
                Place::Host(host) => return Some(host),
                Place::Nat(id) => {
                    let nat = &mut self.nats[id.0].nat;
                    flight.to = nat.map_in(now, flight.from, flight.to.port())?;
                    network = Some(id);
                }
            }
        }
    }
}
