//! How datagrams get from host to host.

use std::time::Duration;

use super::World;
use crate::host::{Departure, Power};
use crate::ids::Network;
use crate::{Flight, HostId};

impl World {
    pub(super) fn depart(&mut self, host: HostId, departure: Departure) {
        let Departure { from, to, ttl, data } = departure;
        let mut flight = Flight { from, to, data };
        if let Some(tap) = &mut self.tap {
            tap.push(flight.clone());
        }
        let home = self.hosts[host.0].network;
        if self.withheld.holds(&flight) {
            return;
        }
        if to.ip() == from.ip() {
            self.agenda.send(self.now, home, flight);
            return;
        }
        let Some(network) = self.internet.send(&mut self.rng, self.now, home, &mut flight) else {
            return;
        };
        if self.is_cut(host, &flight) {
            return;
        }
        let delay = match network {
            Some(_) => Some(LAN_DELAY),
            None if ttl.is_some_and(|ttl| ttl < self.link.hops) => None,
            None => self.link.carry(&mut self.rng, &mut flight.data),
        };
        let Some(delay) = delay else { return };
        self.agenda.send(self.now + delay, network, flight);
    }

    pub(super) fn arrive(&mut self, network: Network, mut flight: Flight) {
        self.record(&flight);
        let Some(id) = self.internet.receive(self.now, network, &mut flight) else { return };
        let host = &mut self.hosts[id.0];
        let firewall = host.firewall.as_ref();
        if firewall.is_some_and(|firewall| !firewall.admits(flight.from, flight.to.port())) {
            return;
        }
        match host.power {
            Power::On => self.read(id, flight),
            Power::Stalled => host.unread.push(flight),
            Power::Asleep | Power::Off => {}
        }
    }

    fn is_cut(&self, from: HostId, flight: &Flight) -> bool {
        let to = || self.find(*flight.to.ip()).is_some_and(|to| self.island.contains(&to));
        !self.island.is_empty() && self.island.contains(&from) != to()
    }
}

/// Between two hosts behind one NAT.
const LAN_DELAY: Duration = Duration::from_millis(1);
