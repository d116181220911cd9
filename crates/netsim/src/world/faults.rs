//! What befalls hosts, NATs and the network.

use std::time::Duration;

use proto::{Command, Config, HostEvent, Interface};

use super::{World, public};
use crate::firewall::Firewall;
use crate::host::Power;
use crate::link::Withheld;
use crate::{Flight, Host, HostId, NatId};

impl World {
    /// The host vanishes without notice. Datagrams on their way to it are lost.
    pub fn crash(&mut self, host: HostId) {
        self.hosts[host.0].power = Power::Off;
        self.hosts[host.0].events.clear();
        self.agenda.set_wake(host, None);
    }

    /// Destroys the node, which takes its announcements back first.
    pub fn leave(&mut self, host: HostId) {
        self.command(host, Command::Destroy { force: false });
    }

    /// A new node takes the place of one that crashed or left, at the same address.
    pub fn restart(&mut self, host: HostId, config: Config) {
        let old = &self.hosts[host.0];
        let (address, network) = (old.address, old.network);
        let firewall = old.firewall.as_ref().map(|_| Firewall::default());
        self.hosts[host.0] = Host::new(address, config, self.rng.bytes(), self.now);
        self.hosts[host.0].network = network;
        self.hosts[host.0].firewall = firewall;
        self.settle(host);
    }

    /// The host falls asleep: it hears nothing and its clock stands still. When it wakes, it finds
    /// that all that time has passed at once.
    pub fn sleep(&mut self, host: HostId, duration: Duration) {
        self.hosts[host.0].power = Power::Asleep;
        self.agenda.set_wake(host, Some(self.now + duration));
    }

    /// The host's process is not scheduled for a while, as on a busy machine: datagrams wait in its
    /// sockets, and its timers are late.
    pub fn stall(&mut self, host: HostId, duration: Duration) {
        self.hosts[host.0].power = Power::Stalled;
        self.agenda.set_wake(host, Some(self.now + duration));
    }

    /// Cuts the network in two: these hosts and all others no longer reach each other.
    pub fn cut(&mut self, island: impl IntoIterator<Item = HostId>) {
        self.island = island.into_iter().collect();
    }

    /// Ends the cut: all hosts reach each other again.
    pub fn heal(&mut self) {
        self.island.clear();
    }

    /// From here on, the datagrams that this says are lost as they leave their host.
    pub fn withhold(&mut self, which: impl FnMut(&Flight) -> bool + 'static) {
        self.withheld = Withheld::new(which);
    }

    /// A NAT forgets its mappings, as after a restart.
    pub fn rebind(&mut self, nat: NatId) {
        self.internet.rebind(nat);
    }

    /// The host moves to the network behind a NAT, or to a public address of its own, and keeps its
    /// sockets. Its node learns of it with [`World::tell_interfaces`].
    pub fn roam(&mut self, host: HostId, nat: Option<NatId>) {
        let Host { address, network, .. } = self.hosts[host.0];
        self.internet.remove_host(network, address);
        let address = match nat {
            Some(nat) => self.internet.next_address(nat),
            None => {
                self.roams += 1;
                public(7, self.roams)
            }
        };
        (self.hosts[host.0].address, self.hosts[host.0].network) = (address, nat);
        self.internet.add_host(nat, address, host);
    }

    /// Tells a node which address its host has.
    pub fn tell_interfaces(&mut self, host: HostId) {
        let address = self.hosts[host.0].address.into();
        let interface = Interface { name: "eth0".into(), address, internal: false };
        self.host_event(host, HostEvent::Interfaces { interfaces: vec![interface], moved: false });
    }
}
