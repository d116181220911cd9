//! A stateful firewall in front of a host, which keeps addresses and ports as they are.

use std::collections::HashSet;
use std::net::SocketAddrV4;

/// Lets in only what a socket has asked for: datagrams from where it has sent one to.
#[derive(Debug, Default)]
pub(crate) struct Firewall {
    /// Local port and remote address of everything that went out.
    asked: HashSet<(u16, SocketAddrV4)>,
}

impl Firewall {
    /// A datagram leaves.
    pub(crate) fn note(&mut self, local_port: u16, to: SocketAddrV4) {
        self.asked.insert((local_port, to));
    }

    /// True if a datagram may come in.
    pub(crate) fn admits(&self, from: SocketAddrV4, local_port: u16) -> bool {
        self.asked.contains(&(local_port, from))
    }
}
