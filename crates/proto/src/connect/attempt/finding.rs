//! The part of an attempt that looks for a node that leads to the server.

use std::net::SocketAddrV4;
use std::time::Duration;

use super::super::cache::KnownWay;
use super::super::discovery::Found;
use super::super::hello::HandshakeDone;
use super::{Attempt, Outcome, Stage};
use crate::net::Reply;
use crate::punch::{Base, MAX_ADDRESSES};
use crate::{ConnectStep, Cx, SocketId};

impl Attempt {
    pub(in super::super) fn handle_query_reply(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        reply: &Reply,
    ) -> Option<Outcome> {
        let Stage::Discovery(discovery) = &mut self.stage else { return None };
        discovery.handle_query_reply(cx.now, &mut self.requests.trace, reply);
        self.settle(cx, base)
    }

    pub(in super::super) fn handle_query_done(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
    ) -> Option<Outcome> {
        let Stage::Discovery(discovery) = &mut self.stage else { return None };
        discovery.handle_query_done();
        self.settle(cx, base)
    }

    pub(in super::super) fn handle_overdue(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        tag: u32,
    ) -> Option<Outcome> {
        self.requests.handle_overdue(tag);
        if let Stage::Discovery(discovery) = &mut self.stage {
            discovery.handle_overdue(cx);
        }
        self.settle(cx, base)
    }

    /// Asks the next nodes about the server. The attempt fails if all nodes have been asked.
    pub(in super::super) fn settle(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
    ) -> Option<Outcome> {
        let Stage::Discovery(discovery) = &mut self.stage else { return None };
        let reason = discovery.settle(cx, base, &mut self.requests)?;
        self.fail(cx, base, reason)
    }

    pub(super) fn handle_handshake(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        (via, socket): (SocketAddrV4, Option<SocketId>),
        round_trip: Duration,
        reply: Option<&Reply>,
    ) -> Option<Outcome> {
        let Stage::Discovery(discovery) = &mut self.stage else { return None };
        let found = discovery.handle_reply(cx, via, socket, round_trip, reply);
        self.handle_found(cx, base, found)
    }

    /// The server has answered the handshake.
    pub(super) fn note_answer(&mut self, cx: &Cx<'_>, done: &HandshakeDone) {
        let trace = &mut self.requests.trace;
        trace.reach(cx.now, ConnectStep::Answered);
        trace.route = Some((done.route.node, done.route.server));
        trace.remote_nat = done.payload.firewall;
    }

    pub(super) fn handle_found(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        found: Found,
    ) -> Option<Outcome> {
        match found {
            Found::Nothing => self.settle(cx, base),
            Found::Failed(reason) => self.fail(cx, base, reason),
            Found::Server(done) => {
                if let Stage::Discovery(discovery) = &mut self.stage {
                    discovery.stop(cx, base);
                }
                let silent = self.requests.overdue();
                self.requests.cancel_all(cx, &mut base.io);
                self.connect(cx, base, *done, &silent)
            }
        }
    }
}

/// What the next attempt tries first: the nodes that the server has named, or those that were tried
/// here. Those that did not answer in time come last.
pub(super) fn way(done: HandshakeDone, punched: bool, silent: &[SocketAddrV4]) -> KnownWay {
    let named = done.payload.relay_addresses;
    let mut relays = if named.is_empty() { done.tried } else { named };
    relays.truncate(MAX_ADDRESSES);
    relays.sort_by_key(|relay| silent.contains(relay));
    let way = KnownWay { relays, round_trip: done.round_trip, punched };
    match done.socket {
        None => way,
        // The server has answered over the path of an earlier connection. Through a relay there are
        // two paths to pass, and then a path to punch.
        Some(_) => KnownWay {
            round_trip: done.round_trip * 2,
            punched: done.payload.holepunch.is_some(),
            ..way
        },
    }
}
