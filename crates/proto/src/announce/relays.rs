//! The nodes that forward handshakes to a server.

use std::net::SocketAddrV4;

use crate::wire::Relay;

/// The relays of the latest announcement and of the two before it.
#[derive(Debug, Default)]
pub(super) struct Relays {
    current: Vec<Relay>,
    earlier: [Vec<Relay>; 2],
}

impl Relays {
    /// The relays of the latest announcement.
    pub(super) fn current(&self) -> &[Relay] {
        &self.current
    }

    /// The addresses of the current relays.
    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddrV4> {
        self.current.iter().map(|relay| relay.relay_address)
    }

    /// Whether this node was a relay in any of the last three announcements. A client may still
    /// come through a former relay.
    pub(super) fn contains(&self, address: SocketAddrV4) -> bool {
        self.earlier.iter().chain([&self.current]).any(|relays| has(relays, address))
    }

    /// Our address as a current relay saw it when it stored the record.
    pub(super) fn announced_address(&self, relay: SocketAddrV4) -> Option<SocketAddrV4> {
        let relay = self.current.iter().find(|each| each.relay_address == relay)?;
        Some(relay.peer_address)
    }

    /// Sets the relays of a new announcement; returns the nodes that are no longer relays.
    pub(super) fn replace(&mut self, relays: Vec<Relay>) -> Vec<SocketAddrV4> {
        let left = self.addresses().filter(|address| !has(&relays, *address)).collect();
        let previous = std::mem::replace(&mut self.current, relays);
        let before = std::mem::replace(&mut self.earlier[0], previous);
        self.earlier[1] = before;
        left
    }
}

pub(super) fn has(relays: &[Relay], address: SocketAddrV4) -> bool {
    relays.iter().any(|relay| relay.relay_address == address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_known_for_three_generations() {
        let mut relays = Relays::default();

        assert!(relays.replace(vec![relay(1)]).is_empty());
        assert_eq!(relays.replace(vec![relay(2)]), [address(1)]);
        relays.replace(vec![relay(3)]);
        assert!(relays.contains(address(1)));
        relays.replace(vec![relay(4)]);
        assert!(!relays.contains(address(1)));
        assert!(relays.contains(address(2)));
    }

    fn relay(port: u16) -> Relay {
        Relay { relay_address: address(port), peer_address: address(9) }
    }

    fn address(port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, port)
    }
}
