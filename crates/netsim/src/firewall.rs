//! A stateful firewall in front of a host. It does not translate addresses or ports.

use std::collections::HashSet;
use std::net::SocketAddrV4;

/// Address and port-dependent filtering (RFC 4787): a datagram may come in only from an address and
/// port to which the same local port has sent one.
#[derive(Debug, Default)]
pub(crate) struct Firewall {
    /// Local port and remote address of every datagram that went out.
    asked: HashSet<(u16, SocketAddrV4)>,
}

impl Firewall {
    /// Records a datagram that leaves.
    pub(crate) fn note(&mut self, local_port: u16, to: SocketAddrV4) {
        self.asked.insert((local_port, to));
    }

    /// True if a datagram may come in.
    pub(crate) fn admits(&self, from: SocketAddrV4, local_port: u16) -> bool {
        self.asked.contains(&(local_port, from))
    }
}
