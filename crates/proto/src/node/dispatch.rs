//! Where the net's outputs go.

use super::machines::Machines;
use crate::base::{Announced, PunchId};
use crate::net::{Incoming, Output, Owner, Reply};
use crate::secret::path_frame;
use crate::wire::{Handshake, Holepunch, Mode, command, is_destination};
use crate::{Cx, RequestAnswer, RequestError, ServerId};

impl Machines {
    pub(super) fn handle_output(&mut self, cx: &mut Cx<'_>, output: Output) {
        let Some(output) = self.ops.handle_output(cx, &mut self.lower.net, output) else {
            return;
        };
        match output {
            Output::Reply { owner, result } => self.handle_reply(cx, owner, result),
            Output::Overdue { owner: Owner::Connect(conn, tag) } => {
                self.connector.handle_overdue(cx, &mut self.lower.base(), conn, tag);
            }
            Output::Overdue { owner: Owner::Punch(id, tag) } => {
                let base = &mut self.lower.base();
                base.punchers.handle_overdue(cx, &mut base.io, PunchId(id), tag);
            }
            Output::QueryReply { owner: Owner::Connect(conn, _), reply, .. } => {
                let base = &mut self.lower.base();
                self.connector.handle_query_reply(cx, base, conn, &reply);
            }
            Output::QueryDone { owner: Owner::Connect(conn, _), result, .. } => {
                let base = &mut self.lower.base();
                self.connector.handle_query_done(cx, base, conn, result);
            }
            Output::QueryDone { owner: Owner::Announce(server, tag), closest, .. } => {
                if let Some(announcer) = self.lower.announcers.get_mut(server) {
                    announcer.handle_query_done(cx, &mut self.lower.net, tag, &closest);
                }
            }
            // No other owner needs these outputs.
            Output::Overdue { .. }
            | Output::QueryReply { .. }
            | Output::QueryDone { .. }
            | Output::Commit { .. } => {}
            Output::Incoming(incoming) => self.handle_incoming(cx, incoming),
            Output::Online => self.handle_online(cx),
            // Relays may answer our pings although our records there have expired.
            Output::Wakeup => self.refresh_all(cx),
            Output::Ready => {}
        }
    }

    fn handle_reply(&mut self, cx: &mut Cx<'_>, owner: Owner, result: Result<Reply, RequestError>) {
        match owner {
            Owner::Connect(conn, tag) => {
                let base = &mut self.lower.base();
                self.connector.handle_reply(cx, base, conn, tag, result);
            }
            Owner::Announce(server, tag) => {
                if let Some(announcer) = self.lower.announcers.get_mut(server) {
                    announcer.handle_reply(cx, &mut self.lower.net, tag, result);
                }
            }
            Owner::Punch(id, tag) => {
                let base = &mut self.lower.base();
                base.punchers.handle_reply(cx, &mut base.io, PunchId(id), tag, result);
            }
            Owner::Path(conn) => {
                if let Ok(reply) = result {
                    self.lower.handle_detour_reply(cx, conn, &reply);
                }
            }
            // `Ops` has taken these.
            Owner::UserQuery(_) | Owner::UserRequest(_) => {}
        }
    }

    fn handle_incoming(&mut self, cx: &mut Cx<'_>, incoming: Incoming) {
        let is_persistent = self.lower.net.id().is_some();
        if let Some(incoming) = self.subscription.take_request(cx, incoming, is_persistent) {
            self.serve(cx, &incoming);
        }
    }

    pub(super) fn handle_request_answer(
        &mut self,
        cx: &mut Cx<'_>,
        incoming: &Incoming,
        answer: RequestAnswer,
    ) {
        let net = &mut self.lower.net;
        match answer {
            RequestAnswer::Reply(answering) => net.respond(cx, incoming, answering),
            RequestAnswer::Relay { value, to, socket } => {
                net.relay(cx, incoming, value.as_deref(), to, socket);
            }
            RequestAnswer::Serve => self.serve(cx, incoming),
        }
    }

    /// Serves a request of another node: by the store, by a server, or by forwarding it.
    fn serve(&mut self, cx: &mut Cx<'_>, incoming: &Incoming) {
        if incoming.command == command::PLUGIN && self.lower.net.id().is_some() {
            // Plugins belong to the application. A persistent node does not answer for one that it
            // lacks.
            cx.stats.dropped.request += 1;
            return;
        }
        if self.store.handle_request(cx, &mut self.lower.net, incoming) {
            return;
        }
        let value = incoming.value.as_deref().unwrap_or_default();
        let server = incoming.target.and_then(|target| self.served.get(&target).copied());
        if incoming.command == command::PEER_HANDSHAKE {
            match Handshake::decode(value) {
                Ok(message) => self.handle_handshake(cx, server, incoming, &message),
                Err(_) => cx.stats.dropped.malformed += 1,
            }
        } else {
            match Holepunch::decode(value) {
                Ok(message) => self.handle_holepunch(cx, server, incoming, &message),
                Err(_) => cx.stats.dropped.malformed += 1,
            }
        }
    }

    fn handle_handshake(
        &mut self,
        cx: &mut Cx<'_>,
        server: Option<ServerId>,
        incoming: &Incoming,
        message: &Handshake,
    ) {
        match (server, message.mode) {
            (Some(server), mode) if path_frame(&message.noise).is_some() => match mode {
                Mode::FromRelay | Mode::FromSecondRelay => {
                    self.handle_detour(cx, server, incoming, message);
                }
                // A client that takes us for a relay has asked us directly as well.
                Mode::FromClient | Mode::FromServer | Mode::Reply => {}
            },
            (Some(server), Mode::FromClient | Mode::FromRelay | Mode::FromSecondRelay) => {
                let base = &mut self.lower.base();
                self.servers.handle_handshake(cx, base, server, incoming, message);
            }
            _ => self.store.router.handle_handshake(cx, &mut self.lower.net, incoming, message),
        }
    }

    /// A relay has forwarded a packet about the path of a connection. Any other node could make us
    /// send wherever it likes.
    fn handle_detour(
        &mut self,
        cx: &mut Cx<'_>,
        server: ServerId,
        incoming: &Incoming,
        message: &Handshake,
    ) {
        let is_second = message.mode == Mode::FromSecondRelay;
        let back = if is_second { message.relay_address } else { Some(incoming.from) };
        let Some(back) = back.filter(|back| is_destination(*back)) else { return };
        if !self.lower.announcers.is_relay(server, incoming.from) {
            cx.stats.dropped.unexpected += 1;
            return;
        }
        if let Some((socket, answer)) = self.lower.handle_detour(cx, message) {
            self.lower.net.relay(cx, incoming, Some(&answer.encode()), back, Some(socket));
        }
    }

    fn handle_holepunch(
        &mut self,
        cx: &mut Cx<'_>,
        server: Option<ServerId>,
        incoming: &Incoming,
        message: &Holepunch,
    ) {
        match (server, message.mode) {
            (Some(server), Mode::FromRelay) => {
                let base = &mut self.lower.base();
                self.servers.handle_holepunch(cx, base, server, incoming, message);
            }
            _ => self.store.router.handle_holepunch(cx, &mut self.lower.net, incoming, message),
        }
    }

    fn handle_online(&mut self, cx: &mut Cx<'_>) {
        for announcer in self.lower.announcers.all_mut() {
            announcer.handle_online(cx, &mut self.lower.net);
        }
    }
}
