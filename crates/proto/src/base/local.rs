//! The node's addresses in local networks, and which of them it may tell others.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use crate::{Cx, SocketId};

/// The addresses of the server socket.
///
/// An address is told to clients once a datagram that the node sent to it has come back. The
/// reference waits 500 ms for that and never retries after a failure. Here a late answer counts,
/// and addresses that have not answered are probed again.
#[derive(Debug)]
pub(crate) struct LocalAddresses {
    bound: SocketAddrV4,
    interfaces: Vec<Ipv4Addr>,
    checks: BTreeMap<Ipv4Addr, LocalCheck>,
}

#[derive(Clone, Copy, Debug)]
enum LocalCheck {
    Asked(Instant),
    Valid,
}

impl LocalAddresses {
    /// `bound` is the local address of the server socket, `interfaces` the non-internal addresses
    /// of this host.
    pub(crate) fn new(bound: SocketAddrV4, interfaces: Vec<Ipv4Addr>) -> Self {
        Self { bound, interfaces, checks: BTreeMap::new() }
    }

    /// The host's interfaces have changed. Returns whether an address is gone.
    pub(crate) fn set_interfaces(&mut self, interfaces: Vec<Ipv4Addr>) -> bool {
        self.checks.retain(|host, _| interfaces.contains(host));
        let is_lost = self.interfaces.iter().any(|host| !interfaces.contains(host));
        self.interfaces = interfaces;
        is_lost
    }

    /// The server socket was bound to another address.
    pub(crate) fn set_bound(&mut self, bound: SocketAddrV4) {
        self.checks.clear();
        self.bound = bound;
    }

    /// The address of the first interface, even if the server socket is not bound to it.
    pub(crate) fn host(&self) -> Option<Ipv4Addr> {
        self.interfaces.first().copied()
    }

    /// Every address, checked or not.
    pub(crate) fn all(&self) -> Vec<SocketAddrV4> {
        let port = self.bound.port();
        if self.bound.ip().is_loopback() {
            return vec![self.bound];
        }
        let hosts = self.interfaces.iter().take(MAX_INTERFACES);
        let mut all: Vec<_> = hosts.map(|&host| SocketAddrV4::new(host, port)).collect();
        if all.is_empty() {
            all.push(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
        }
        all
    }

    /// The addresses that are known to work. Probes the others.
    pub(crate) fn valid(&mut self, cx: &mut Cx<'_>) -> Vec<SocketAddrV4> {
        let mut all = self.all();
        all.retain(|&address| self.check(cx, address));
        all
    }

    /// Probes all addresses again: the host may be in another network.
    pub(crate) fn check_again(&mut self, cx: &mut Cx<'_>) {
        self.checks.clear();
        self.valid(cx);
    }

    /// Lets the firewall of this host take what another host of the local network sends.
    pub(crate) fn open_to(&self, cx: &mut Cx<'_>, address: SocketAddrV4) {
        cx.send(SocketId::SERVER, address, PROBE.to_vec());
    }

    /// A 1-byte datagram has arrived. It may be a probe that this node sent to itself.
    pub(crate) fn handle_probe(&mut self, socket: SocketId, from: SocketAddrV4) {
        if socket != SocketId::SERVER || from.port() != self.bound.port() {
            return;
        }
        if let Some(check) = self.checks.get_mut(from.ip()) {
            *check = LocalCheck::Valid;
        }
    }

    fn check(&mut self, cx: &mut Cx<'_>, address: SocketAddrV4) -> bool {
        let host = *address.ip();
        if host.is_loopback() {
            return true;
        }
        match self.checks.get(&host) {
            Some(LocalCheck::Valid) => return true,
            Some(LocalCheck::Asked(at)) if cx.now < *at + PATIENCE => return false,
            Some(LocalCheck::Asked(_)) | None => {}
        }
        self.checks.insert(host, LocalCheck::Asked(cx.now));
        cx.send(SocketId::SERVER, address, PROBE.to_vec());
        false
    }
}

/// A datagram to the own host takes microseconds; a busy machine may need longer.
const PATIENCE: Duration = Duration::from_millis(500);

/// Each address costs six bytes of every handshake, which has to fit into one datagram.
const MAX_INTERFACES: usize = 16;

const PROBE: [u8; 1] = [0];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::bench::Bench;

    #[test]
    fn an_address_is_told_once_a_datagram_came_back() {
        let mut bench = Bench::new();
        let mut local = LocalAddresses::new(any(100), vec![HOST]);
        assert_eq!(local.valid(&mut bench.cx()), []);
        assert_eq!(bench.take_sent().len(), 1);

        local.handle_probe(SocketId::SERVER, SocketAddrV4::new(HOST, 99));
        assert_eq!(local.valid(&mut bench.cx()), []);
        local.handle_probe(SocketId::SERVER, SocketAddrV4::new(HOST, 100));
        assert_eq!(local.valid(&mut bench.cx()), [SocketAddrV4::new(HOST, 100)]);
        assert_eq!(bench.take_sent().len(), 0);
    }

    #[test]
    fn a_silent_address_is_asked_again() {
        let mut bench = Bench::new();
        let mut local = LocalAddresses::new(any(100), vec![HOST]);
        local.valid(&mut bench.cx());
        bench.now += PATIENCE;
        local.valid(&mut bench.cx());
        assert_eq!(bench.take_sent().len(), 2);
    }

    #[test]
    fn in_another_network_all_addresses_are_asked_again() {
        let mut bench = Bench::new();
        let mut local = LocalAddresses::new(any(100), vec![HOST]);
        local.valid(&mut bench.cx());
        local.handle_probe(SocketId::SERVER, SocketAddrV4::new(HOST, 100));
        bench.take_sent();

        local.check_again(&mut bench.cx());
        assert_eq!(bench.take_sent().len(), 1);
        assert_eq!(local.valid(&mut bench.cx()), []);
        local.handle_probe(SocketId::SERVER, SocketAddrV4::new(HOST, 100));
        assert_eq!(local.valid(&mut bench.cx()), [SocketAddrV4::new(HOST, 100)]);
    }

    #[test]
    fn without_interfaces_there_is_loopback() {
        let mut bench = Bench::new();
        let mut local = LocalAddresses::new(any(100), Vec::new());
        let loopback = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 100);
        assert_eq!(local.valid(&mut bench.cx()), [loopback]);

        let mut bound = LocalAddresses::new(loopback, vec![HOST]);
        assert_eq!(bound.valid(&mut bench.cx()), [loopback]);
    }

    fn any(port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port)
    }

    const HOST: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 5);
}
