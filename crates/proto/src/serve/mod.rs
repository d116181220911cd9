//! Listening servers: handshakes of clients, and the way to a path (PROTOCOL D.5, D.6, D.8).
//!
//! A handshake has a slot: the application is *asked* about it, then the client is *waited* for,
//! until it *ended*, with a connection or without. Every call may leave news of punchers behind:
//! `Node` passes it on after each.
//! Reference: hyperdht 6.34.0 `lib/server.js`.

mod admission;
mod endings;
mod requester;
mod rounds;
mod server;
mod session;
mod slots;

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use crate::conn::ConnOwner;
use crate::net::Incoming;
use crate::noise::KeyPair;
use crate::punch::{Base, Report};
use crate::streams::Path;
use crate::wire::{Handshake, Holepunch};
use crate::{Answer, AskId, ConnId, Cx, ServerId, ServerOptions, Sizes, SocketId};
use admission::Admission;
use server::Server;

/// All servers of a node.
#[derive(Debug)]
pub(crate) struct Servers {
    admission: Admission,
    by_id: BTreeMap<ServerId, Server>,
}

impl Servers {
    /// No servers. Each will admit this many handshakes at a time.
    pub(crate) fn new(max_handshakes: usize) -> Self {
        Self { admission: Admission::new(max_handshakes), by_id: BTreeMap::new() }
    }

    /// Accepts handshakes to a key pair.
    pub(crate) fn listen(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        server: ServerId,
        identity: KeyPair,
        options: ServerOptions,
    ) {
        // The first handshake shall find our addresses checked.
        if options.share_local_address {
            base.io.local.valid(cx);
        }
        let listening = Server::new(server, identity, options);
        self.by_id.insert(server, listening);
    }

    /// Accepts no more, and drops what has not opened.
    pub(crate) fn close(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, server: ServerId) {
        if let Some(server) = self.by_id.remove(&server) {
            server.close(cx, base);
        }
    }

    /// Drops what has not opened, and hears nobody until `resume`.
    pub(crate) fn suspend(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, server: ServerId) {
        if let Some(server) = self.by_id.get_mut(&server) {
            server.suspend(cx, base);
        }
    }

    /// Accepts handshakes again.
    pub(crate) fn resume(&mut self, server: ServerId) {
        if let Some(server) = self.by_id.get_mut(&server) {
            server.resume();
        }
    }

    /// Changes who owns the connections that a server accepts from here on. False if there is no
    /// such server.
    pub(crate) fn set_owner(&mut self, server: ServerId, owner: ConnOwner) -> bool {
        let server = self.by_id.get_mut(&server);
        server.map(|server| server.set_owner(owner)).is_some()
    }

    /// Changes which questions the application is asked.
    pub(crate) fn set_hooks(&mut self, server: ServerId, firewall: bool, holepunch: bool) {
        if let Some(server) = self.by_id.get_mut(&server) {
            server.set_hooks(firewall, holepunch);
        }
    }

    /// PEER_HANDSHAKE to one of these servers.
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

    /// PEER_HOLEPUNCH from a relay to one of these servers.
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

    /// `Timer::Handshake` is due.
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
            server.handle_first_packet(cx, base, conn, Path { socket, remote: from });
        }
    }

    /// News of a puncher that works for one of these servers.
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

    /// The application has answered, or `Timer::Ask` has for it. Answers to others are ignored.
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

    /// Counts what is kept.
    pub(crate) fn measure(&self, sizes: &mut Sizes) {
        sizes.slots += self.by_id.values().map(Server::kept).sum::<usize>();
        sizes.sources += self.admission.sources();
    }

    /// Handshakes in flight.
    pub(crate) fn handshakes(&self) -> usize {
        self.by_id.values().map(Server::handshakes).sum()
    }
}

#[cfg(test)]
mod tests;
