//! What the peer says about itself, and which of its hosts are verified.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::nat::is_random;
use super::probe::FIRST_PORT;
use crate::RemoteAddress;
use crate::wire::{Firewall, is_reserved};

/// The peer of a puncher.
#[derive(Debug)]
pub(crate) struct Remote {
    firewall: Firewall,
    punching: bool,
    addresses: Vec<RemoteAddress>,
}

impl Remote {
    pub(super) fn new(firewall: Firewall) -> Self {
        Self { firewall, punching: false, addresses: Vec::new() }
    }

    /// Takes what the peer said in a round. A host that was verified once stays verified.
    pub(crate) fn update(
        &mut self,
        punching: bool,
        firewall: Firewall,
        addresses: &[SocketAddrV4],
        verified: Option<Ipv4Addr>,
    ) {
        let addresses = addresses
            .iter()
            .filter(|address| !is_reserved(*address.ip()))
            .take(MAX_ADDRESSES)
            .map(|&address| RemoteAddress {
                address,
                verified: verified == Some(*address.ip()) || self.is_verified(*address.ip()),
            })
            .collect();
        self.addresses = addresses;
        self.firewall = firewall;
        self.punching = punching;
    }

    pub(crate) fn firewall(&self) -> Firewall {
        self.firewall
    }

    /// True if the peer punches or is ready to.
    pub(crate) fn is_punching(&self) -> bool {
        self.punching
    }

    pub(crate) fn addresses(&self) -> &[RemoteAddress] {
        &self.addresses
    }

    pub(super) fn verified(&self) -> impl Iterator<Item = SocketAddrV4> {
        self.addresses.iter().filter(|remote| remote.verified).map(|remote| remote.address)
    }

    /// The last port that the peer's NAT has given, if it counts. The reference names no port of a
    /// random NAT.
    pub(super) fn last_port(&self) -> Option<RemoteAddress> {
        let named = self.addresses.iter().find(|remote| remote.address.port() >= FIRST_PORT);
        named.copied().filter(|_| is_random(self.firewall))
    }

    fn is_verified(&self, host: Ipv4Addr) -> bool {
        self.addresses.iter().any(|remote| remote.verified && *remote.address.ip() == host)
    }
}

/// An honest peer needs no more: a NAT has one or two addresses.
pub(crate) const MAX_ADDRESSES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verified_host_stays_verified() {
        let mut remote = Remote::new(Firewall::Unknown);
        let host = Ipv4Addr::new(1, 1, 1, 1);
        let addresses = [SocketAddrV4::new(host, 1), "2.2.2.2:2".parse().unwrap()];
        remote.update(false, Firewall::Consistent, &addresses, Some(host));
        remote.update(true, Firewall::Consistent, &addresses, None);

        let verified: Vec<_> = remote.addresses().iter().map(|a| a.verified).collect();
        assert_eq!(verified, [true, false]);
    }

    #[test]
    fn a_port_of_a_service_is_no_hint() {
        let last_port = |firewall, ports: &[u16]| {
            let mut remote = Remote::new(Firewall::Unknown);
            let address = |port: &u16| SocketAddrV4::new(Ipv4Addr::new(1, 1, 1, 1), *port);
            let addresses: Vec<_> = ports.iter().map(address).collect();
            remote.update(true, firewall, &addresses, None);
            remote.last_port().map(|remote| remote.address.port())
        };
        assert_eq!(last_port(Firewall::Random, &[0, 2000]), Some(2000));
        assert_eq!(last_port(Firewall::Random, &[0]), None, "as the reference says");
        assert_eq!(last_port(Firewall::Random, &[53]), None);
        assert_eq!(last_port(Firewall::Consistent, &[2000]), None);
    }

    #[test]
    fn the_list_is_bounded_and_has_no_reserved_hosts() {
        let mut remote = Remote::new(Firewall::Unknown);
        let mut addresses: Vec<SocketAddrV4> = vec!["255.255.255.255:1".parse().unwrap()];
        addresses.extend((1..100).map(|port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)));
        remote.update(true, Firewall::Consistent, &addresses, None);

        assert_eq!(remote.addresses().len(), MAX_ADDRESSES);
        assert_eq!(remote.addresses()[0].address.port(), 1);
    }
}
