//! Listening servers: handshakes of clients, and the way to a path (PROTOCOL D.5, D.6, D.8).
//!
//! Each handshake has a slot. First the application is *asked* about the client, then the server
//! *waits* for the client, and in the end the handshake has *ended*, with a connection or without.
//! Every call may leave reports of punchers behind, which `Node` passes on afterwards.
//! Reference: hyperdht 6.34.0 `lib/server.js`.

mod accepting;
mod admission;
mod endings;
mod foreign;
mod requester;
mod rounds;
mod server;
mod session;
mod slots;

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use crate::conn::ConnOwner;
use crate::net::Incoming;
use crate::noise::{KeyPair, PublicKey};
use crate::punch::{Base, Report};
use crate::relay::PairingOutcome;
use crate::streams::Path;
use crate::wire::{Handshake, Holepunch};
use crate::{Answer, AskId, ConnId, Cx, HandshakeView, ServerId, ServerOptions, Sizes, SocketId};
use admission::Admission;
use server::Server;

/// All servers of a node.
#[derive(Debug)]
pub(crate) struct Servers {
    admission: Admission,
    by_id: BTreeMap<ServerId, Server>,
}

impl Servers {
    /// Starts without servers. Each server admits `max_handshakes` handshakes at a time.
    pub(crate) fn new(max_handshakes: usize) -> Self {
        Self { admission: Admission::new(max_handshakes), by_id: BTreeMap::new() }
    }

    /// Starts a server, which accepts handshakes for a key pair.
    pub(crate) fn listen(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        server: ServerId,
        identity: KeyPair,
        options: ServerOptions,
    ) {
        // Starts checking our local addresses now, so that the first handshake can name them.
        if options.share_local_address {
            base.io.local.valid(cx);
        }
        let listening = Server::new(server, identity, options);
        self.by_id.insert(server, listening);
    }

    /// Refuses new clients until `resume`. Open connections stay.
    pub(crate) fn refuse_clients(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        server: ServerId,
    ) {
        if let Some(server) = self.by_id.get_mut(&server) {
            server.refuse_clients(cx, base);
        }
    }

    /// True while a client may have opened a connection that the server does not know of: its first
    /// packet is on its way.
    pub(crate) fn expects_clients(&self, server: ServerId) -> bool {
        self.by_id.get(&server).is_some_and(|server| !server.admits && server.handshakes() > 0)
    }

    /// Forgets a server and drops its handshakes. Open connections stay.
    pub(crate) fn remove(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, server: ServerId) {
        if let Some(mut server) = self.by_id.remove(&server) {
            server.drop_handshakes(cx, base);
        }
    }

    /// Accepts handshakes again.
    pub(crate) fn resume(&mut self, server: ServerId) {
        if let Some(server) = self.by_id.get_mut(&server) {
            server.resume();
        }
    }

    /// Changes the owner of the connections that a server accepts from here on. False if there is
    /// no such server.
    pub(crate) fn set_owner(&mut self, server: ServerId, owner: ConnOwner) -> bool {
        let server = self.by_id.get_mut(&server);
        server.map(|server| server.set_owner(owner)).is_some()
    }

    /// Changes which questions the application is asked.
    pub(crate) fn set_hooks(
        &mut self,
        server: ServerId,
        firewall: bool,
        holepunch: bool,
        handshake: bool,
    ) {
        if let Some(server) = self.by_id.get_mut(&server) {
            server.set_hooks(firewall, holepunch, handshake);
        }
    }

    /// Changes the blind relays that a server offers.
    pub(crate) fn set_relay_through(
        &mut self,
        server: ServerId,
        relays: Vec<PublicKey>,
        ask: bool,
    ) {
        if let Some(server) = self.by_id.get_mut(&server) {
            server.set_relay_through(relays, ask);
        }
    }

    /// A blind relay has paired a connection, or has failed.
    pub(crate) fn handle_pairing(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        conn: ConnId,
        outcome: PairingOutcome,
    ) {
        if let Some(server) = self.by_id.values_mut().find(|server| server.owns_conn(conn)) {
            server.handle_pairing(cx, base, conn, outcome);
        }
    }

    /// A connection is gone: ends its handshake, if there still is one.
    pub(crate) fn handle_closed(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, conn: ConnId) {
        if let Some(server) = self.by_id.values_mut().find(|server| server.owns_conn(conn)) {
            server.handle_closed(cx, base, conn);
        }
    }

    /// Handles PEER_HANDSHAKE for a server.
    pub(crate) fn handle_handshake(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        server: ServerId,
        incoming: &Incoming,
        message: &Handshake,
    ) {
        if let Some(server) = self.by_id.get_mut(&server) {
            server.handle_handshake(cx, base, &mut self.admission, incoming, message);
        }
    }

    /// Handles PEER_HOLEPUNCH for a server, which a relay has passed on.
    pub(crate) fn handle_holepunch(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        server: ServerId,
        incoming: &Incoming,
        message: &Holepunch,
    ) {
        if let Some(server) = self.by_id.get_mut(&server) {
            server.handle_holepunch(cx, base, incoming, message);
        }
    }

    /// Handles `Timer::Handshake`.
    pub(crate) fn handle_timeout(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        server: ServerId,
        slot: u32,
    ) {
        if let Some(server) = self.by_id.get_mut(&server) {
            server.handle_timeout(cx, base, slot);
        }
    }

    /// A UDX packet for an accepted connection without a path has been parked.
    pub(crate) fn handle_first_packet(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        conn: ConnId,
        socket: SocketId,
        from: SocketAddrV4,
    ) {
        if from.port() == 0 {
            return;
        }
        if let Some(server) = self.by_id.values_mut().find(|server| server.owns_conn(conn)) {
            server.handle_first_packet(cx, base, conn, Path::to_peer(socket, from));
        }
    }

    /// A report of a puncher that works for one of these servers.
    pub(crate) fn handle_punch(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        server: ServerId,
        slot: u32,
        report: Report,
    ) {
        if let Some(server) = self.by_id.get_mut(&server) {
            server.handle_punch(cx, base, slot, report);
        }
    }

    /// Whether a question belongs to a handshake of a server.
    pub(crate) fn asks(&self, ask: AskId) -> bool {
        self.by_id.values().any(|server| server.owns_ask(ask))
    }

    /// The application has answered, or `Timer::Ask` has expired. Ignored if no server asked.
    pub(crate) fn handle_answer(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        ask: AskId,
        answer: Answer,
    ) {
        if let Some(server) = self.by_id.values_mut().find(|server| server.owns_ask(ask)) {
            server.handle_answer(cx, base, ask, answer);
        }
    }

    /// The handshakes of a server by their slots.
    pub(crate) fn views(&self, server: ServerId) -> Vec<Option<HandshakeView>> {
        self.by_id.get(&server).map(|server| server.slots.views()).unwrap_or_default()
    }

    /// Counts what is kept.
    pub(crate) fn measure(&self, sizes: &mut Sizes) {
        sizes.slots += self.by_id.values().map(Server::kept).sum::<usize>();
        sizes.sources += self.admission.sources();
    }

    /// The number of handshakes in flight.
    pub(crate) fn handshakes(&self) -> usize {
        self.by_id.values().map(Server::handshakes).sum()
    }
}

#[cfg(test)]
mod tests;
