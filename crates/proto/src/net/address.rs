//! Our own address, as other nodes see it.

use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::Bytes;

use super::RequestSpec;
use super::sampler::NatSampler;
use super::table::is_filtered;
use crate::wire::command;
use crate::{Cx, Event, Sizes};

/// Our knowledge of the public address of the server socket.
#[derive(Debug)]
pub(super) struct OwnAddress {
    nat: NatSampler,
    /// Nodes without an id whose samples of our address were taken.
    strangers: Vec<SocketAddrV4>,
    /// Local port of the server socket.
    server_port: u16,
}

impl OwnAddress {
    pub(super) fn new(server_port: u16, known: Option<SocketAddrV4>) -> Self {
        let mut nat = NatSampler::default();
        if let Some(address) = known {
            // The application has configured this address, so no event reports it.
            nat.add(address);
        }
        Self { nat, strangers: Vec::new(), server_port }
    }

    /// Our public address. The port is 0 if it differs from peer to peer.
    pub(super) fn get(&self) -> (Option<Ipv4Addr>, u16) {
        self.nat.address()
    }

    /// True if this is the bound port, which means that no NAT translates it.
    pub(super) fn is_plain(&self, port: u16) -> bool {
        port != 0 && port == self.server_port
    }

    /// Notes that the server socket is bound to another port.
    pub(super) fn set_port(&mut self, server_port: u16) {
        self.server_port = server_port;
    }

    /// Takes our address as a node sees it.
    pub(super) fn sample(&mut self, cx: &mut Cx<'_>, seen: SocketAddrV4) {
        let old = self.nat.address();
        self.nat.add(seen);
        self.report(cx, old);
    }

    /// Takes our address as a node without an id sees it. Accepts samples of at most `limit` such
    /// nodes, so that they cannot outvote the nodes that we have chosen ourselves.
    pub(super) fn sample_stranger(
        &mut self,
        cx: &mut Cx<'_>,
        limit: usize,
        from: SocketAddrV4,
        seen: SocketAddrV4,
    ) {
        if self.strangers.len() < limit && !self.strangers.contains(&from) && !is_filtered(from) {
            self.strangers.push(from);
            self.sample(cx, seen);
        }
    }

    /// Replaces all samples with those of a probe, which are proven.
    pub(super) fn replace(&mut self, cx: &mut Cx<'_>, proven: NatSampler) {
        let old = self.nat.address();
        self.strangers.clear();
        self.nat = proven;
        self.report(cx, old);
    }

    /// A PING_NAT that asks a node to answer to our server socket.
    pub(super) fn ping_nat(&self, to: SocketAddrV4) -> RequestSpec {
        let value = Some(Bytes::copy_from_slice(&self.server_port.to_le_bytes()));
        RequestSpec { value, ..RequestSpec::internal(to, command::PING_NAT) }
    }

    /// Writes the sizes of the tables.
    pub(super) fn measure(&self, sizes: &mut Sizes) {
        sizes.nat_counters = self.nat.len();
        sizes.strangers = self.strangers.len();
    }

    fn report(&self, cx: &mut Cx<'_>, old: (Option<Ipv4Addr>, u16)) {
        let (host, port) = self.nat.address();
        if (host, port) != old {
            cx.emit(Event::NatUpdate { host, port });
        }
    }
}
