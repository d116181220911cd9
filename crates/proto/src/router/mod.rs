//! Routes PEER_HANDSHAKE and PEER_HOLEPUNCH between other peers (PROTOCOL D.3, D.8).
//!
//! Reference: hyperdht 6.34.0, lib/router.js. Every node does this, whether it is persistent or
//! not.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::Bytes;

use crate::Cx;
use crate::cache::{Cache, Limits};
use crate::net::{Answering, Incoming, Net};
use crate::wire::{Handshake, Holepunch, Mode, Peer, Target};

/// Knows the addresses of servers, and forwards messages between them and their clients.
#[derive(Debug)]
pub(crate) struct Router {
    forwards: Cache<Target, Forward>,
    /// The encoded records of our own servers. They do not age and are not evicted.
    served: BTreeMap<Target, Bytes>,
}

/// A server that announced itself here.
#[derive(Clone, Debug)]
struct Forward {
    /// The source address of its announcement. The server keeps the NAT mapping of this address
    /// open.
    relay: SocketAddrV4,
    /// The encoded peer.
    record: Bytes,
}

/// What to do with a message.
#[derive(Debug)]
enum Route {
    Forward { value: Vec<u8>, to: SocketAddrV4 },
    Respond(Answering),
    Drop,
}

impl Router {
    /// A router with these limits on announced servers.
    pub(crate) fn new(limits: Limits) -> Self {
        Self { forwards: Cache::new(limits), served: BTreeMap::new() }
    }

    /// Remembers a server of our own.
    pub(crate) fn serve(&mut self, target: Target, record: &Peer) {
        self.forwards.remove(&target);
        self.served.insert(target, record.encode().into());
    }

    /// Forgets a server of our own.
    pub(crate) fn unserve(&mut self, target: &Target) {
        self.served.remove(target);
    }

    /// Remembers a server that announced itself from the address `relay`. True if another server
    /// was evicted to make room.
    pub(crate) fn insert(&mut self, target: Target, relay: SocketAddrV4, record: Bytes) -> bool {
        if self.served.contains_key(&target) {
            return false;
        }
        self.forwards.insert(target, Forward { relay, record }, *relay.ip()).is_some()
    }

    /// Forgets a server that announced itself.
    pub(crate) fn remove(&mut self, target: &Target) {
        self.forwards.remove(target);
    }

    /// The record of a server: ours, or one that announced itself.
    pub(crate) fn record(&mut self, target: &Target) -> Option<Bytes> {
        let served = self.served.get(target).cloned();
        served.or_else(|| self.forwards.get(target).map(|forward| forward.record.clone()))
    }

    /// Ages announced servers by one generation.
    pub(crate) fn age(&mut self) {
        self.forwards.age();
    }

    /// The number of servers that announced themselves.
    pub(crate) fn len(&self) -> usize {
        self.forwards.len()
    }

    /// Forwards a handshake whose server is not ours.
    pub(crate) fn handle_handshake(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        incoming: &Incoming,
        message: &Handshake,
    ) {
        let route = self.route_handshake(incoming, message);
        self.take(cx, net, incoming, route);
    }

    /// Forwards a round of a punch whose server is not ours. Even the server's own node forwards
    /// FROM_CLIENT, because a server punches only with a client whose address a relay has reported.
    pub(crate) fn handle_holepunch(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        incoming: &Incoming,
        message: &Holepunch,
    ) {
        let route = self.route_holepunch(incoming, message);
        self.take(cx, net, incoming, route);
    }

    fn route_handshake(&mut self, incoming: &Incoming, message: &Handshake) -> Route {
        if message.noise.is_empty() {
            return Route::Drop;
        }
        let relay = self.relay(incoming.target);
        let noise = message.noise.clone();
        match message.mode {
            Mode::FromClient => {
                let Some(to) = message.relay_address.or(relay) else {
                    return help_to_route();
                };
                let peer_address = Some(incoming.from);
                let mode = Mode::FromRelay;
                forward(Handshake { mode, noise, peer_address, relay_address: None }.encode(), to)
            }
            Mode::FromRelay => {
                let Some(to) = relay else {
                    return Route::Drop;
                };
                let peer_address = message.peer_address;
                let relay_address = Some(incoming.from);
                let mode = Mode::FromSecondRelay;
                forward(Handshake { mode, noise, peer_address, relay_address }.encode(), to)
            }
            Mode::FromServer => {
                let peer_address = Some(incoming.from);
                let mode = Mode::Reply;
                let value = Handshake { mode, noise, peer_address, relay_address: None }.encode();
                respond(value, message.peer_address)
            }
            Mode::FromSecondRelay | Mode::Reply => Route::Drop,
        }
    }

    fn route_holepunch(&mut self, incoming: &Incoming, message: &Holepunch) -> Route {
        let (id, payload) = (message.id, message.payload.clone());
        let peer_address = Some(incoming.from);
        match message.mode {
            Mode::FromClient => {
                let Some(to) = message.peer_address.or_else(|| self.relay(incoming.target)) else {
                    return Route::Drop;
                };
                let mode = Mode::FromRelay;
                forward(Holepunch { mode, id, payload, peer_address }.encode(), to)
            }
            Mode::FromServer => {
                let mode = Mode::Reply;
                let value = Holepunch { mode, id, payload, peer_address }.encode();
                respond(value, message.peer_address)
            }
            Mode::FromRelay | Mode::FromSecondRelay | Mode::Reply => Route::Drop,
        }
    }

    /// The address of a server that announced itself here.
    pub(crate) fn relay(&mut self, target: Option<Target>) -> Option<SocketAddrV4> {
        self.forwards.get(&target?).map(|forward| forward.relay)
    }

    fn take(&self, cx: &mut Cx<'_>, net: &mut Net, incoming: &Incoming, route: Route) {
        match route {
            Route::Forward { value, to } => net.relay(cx, incoming, Some(&value), to, None),
            Route::Respond(answering) => net.respond(cx, incoming, answering),
            Route::Drop => cx.stats.dropped.unexpected += 1,
        }
    }
}

fn forward(value: Vec<u8>, to: SocketAddrV4) -> Route {
    if !is_destination(to) {
        return Route::Drop;
    }
    Route::Forward { value, to }
}

fn respond(value: Vec<u8>, to: Option<SocketAddrV4>) -> Route {
    let Some(to) = to.filter(|to| is_destination(*to)) else {
        return Route::Drop;
    };
    Route::Respond(Answering { value: Some(value.into()), to: Some(to), ..Answering::default() })
}

/// The reply to a client that asked the wrong node: nodes that are closer to the server.
fn help_to_route() -> Route {
    Route::Respond(Answering { closer_nodes: true, ..Answering::default() })
}

/// True if a peer can have this address. Loopback and private hosts are allowed, because the server
/// may run on the same host or network as this node.
fn is_destination(address: SocketAddrV4) -> bool {
    let host = address.ip();
    let this_network = host.octets()[0] == 0;
    let reserved = *host >= Ipv4Addr::new(240, 0, 0, 0);
    address.port() != 0 && !this_network && !reserved && !host.is_multicast()
}

#[cfg(test)]
mod tests;
