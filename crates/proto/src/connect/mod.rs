//! The client side of `connect` (PROTOCOL D.4, D.6, D.8).
//!
//! An attempt looks for a node that leads to the server (*discovery*), until a handshake through a
//! node succeeds. Then it is *connecting*, and takes the first path that works. If the connection
//! opened on an interim path, the attempt goes on until the connection has moved to a better one,
//! or none is found. Every call to this machine may leave reports of punchers behind, which `Node`
//! passes on afterwards. Reference: hyperdht 6.34.0 `lib/connect.js`.

mod attempt;
mod cache;
mod candidates;
mod connecting;
mod decide;
mod discovery;
mod early;
mod hello;
mod outset;
mod requests;
mod rounds;
mod trace;

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use crate::conn::OwnedConn;
use crate::net::Reply;
use crate::noise::{KeyPair, PublicKey};
use crate::punch::{Base, MAX_ADDRESSES, Report};
use crate::relay::PairingOutcome;
use crate::router::Router;
use crate::streams::Path;
use crate::wire::hash;
use crate::{
    Answer, AskId, ConnId, ConnectOptions, ConnectReason, Cx, QueryError, RequestError, Sizes,
    SocketId,
};
use attempt::{Attempt, Outcome};
use cache::RelayCache;
use candidates::{Candidates, Source};

/// All connection attempts of a node.
#[derive(Debug)]
pub(crate) struct Connector {
    identity: KeyPair,
    attempts: BTreeMap<ConnId, Attempt>,
    relays: RelayCache,
}

impl Connector {
    /// Starts without attempts. `identity` is used where the options have no key pair.
    pub(crate) fn new(identity: KeyPair) -> Self {
        Self { identity, attempts: BTreeMap::new(), relays: RelayCache::default() }
    }

    /// Starts to connect. A server that announced itself on this very node is asked directly.
    pub(crate) fn connect(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        router: &mut Router,
        conn: OwnedConn,
        remote: PublicKey,
        options: ConnectOptions,
    ) {
        let candidates = match router.relay(Some(hash(&[&remote]))) {
            Some(server) => Candidates::new(vec![server], Source::Announced),
            None if options.relay_addresses.is_empty() => {
                Candidates::remembered(self.relays.get(&remote))
            }
            None => {
                let given = options.relay_addresses.iter().copied().take(MAX_ADDRESSES);
                Candidates::new(given.collect(), Source::Given)
            }
        };
        let identity = options.key_pair.clone().unwrap_or_else(|| self.identity.clone());
        let mut attempt = Attempt::start(cx, base, conn, remote, identity, &options, candidates);
        let outcome = attempt.settle(cx, base);
        self.attempts.insert(conn.id, attempt);
        self.finish(conn.id, outcome);
    }

    /// Counts what is kept.
    pub(crate) fn measure(&self, sizes: &mut Sizes) {
        sizes.relay_cache = self.relays.len();
    }

    /// A request for [`crate::net::Owner::Connect`] has ended.
    pub(crate) fn handle_reply(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        conn: ConnId,
        tag: u32,
        result: Result<Reply, RequestError>,
    ) {
        let reply = result.ok();
        self.update(conn, |attempt| attempt.handle_reply(cx, base, tag, reply.as_ref()));
    }

    /// A request for [`crate::net::Owner::Connect`] has taken longer than a round trip on its path
    /// should.
    pub(crate) fn handle_overdue(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        conn: ConnId,
        tag: u32,
    ) {
        self.update(conn, |attempt| attempt.handle_overdue(cx, base, tag));
    }

    /// A node of the search has answered.
    pub(crate) fn handle_query_reply(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        conn: ConnId,
        reply: &Reply,
    ) {
        self.update(conn, |attempt| attempt.handle_query_reply(cx, base, reply));
    }

    /// A search has ended. A search that failed is treated like one that found nothing.
    pub(crate) fn handle_query_done(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        conn: ConnId,
        _result: Result<(), QueryError>,
    ) {
        self.update(conn, |attempt| attempt.handle_query_done(cx, base));
    }

    /// Handles `Timer::Connect`.
    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, conn: ConnId) {
        self.update(conn, |attempt| attempt.handle_timeout(cx, base));
    }

    /// A UDX packet for a connection without a path has been parked.
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
        let path = Path::to_peer(socket, from);
        self.update(conn, |attempt| attempt.handle_first_packet(cx, base, path));
    }

    /// The owner of a connection that is not open yet gives it a path, for example through a
    /// relay. The connection opens there, and moves when the attempt finds another path.
    pub(crate) fn open_on(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        conn: ConnId,
        path: Path,
    ) {
        if let Some(attempt) = self.attempts.get_mut(&conn) {
            attempt.open_on(cx, base, path);
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
        self.update(conn, |attempt| attempt.handle_pairing(cx, base, outcome));
    }

    /// A report of a puncher that works for one of these connections.
    pub(crate) fn handle_punch(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        conn: ConnId,
        report: Report,
    ) {
        self.update(conn, |attempt| attempt.handle_punch(cx, base, report));
    }

    /// The application has answered, or `Timer::Ask` has expired. True if the question belongs to
    /// an attempt.
    pub(crate) fn handle_answer(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        ask: AskId,
        answer: Answer,
    ) -> bool {
        let asked = self.attempts.iter().find(|(_, attempt)| attempt.question() == Some(ask));
        let Some((&conn, _)) = asked else { return false };
        self.update(conn, |attempt| attempt.handle_answer(cx, base, answer));
        true
    }

    /// A connection is gone: ends its attempt, if there still is one.
    pub(crate) fn handle_closed(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, conn: ConnId) {
        if let Some(mut attempt) = self.attempts.remove(&conn) {
            attempt.stop(cx, base);
        }
    }

    /// Ends all attempts for this reason, because the node closes or suspends.
    pub(crate) fn close_all(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        reason: ConnectReason,
    ) {
        for mut attempt in std::mem::take(&mut self.attempts).into_values() {
            attempt.end(cx, base, reason);
        }
    }

    fn update(&mut self, conn: ConnId, change: impl FnOnce(&mut Attempt) -> Option<Outcome>) {
        let Some(attempt) = self.attempts.get_mut(&conn) else { return };
        let outcome = change(attempt);
        self.finish(conn, outcome);
    }

    fn finish(&mut self, conn: ConnId, outcome: Option<Outcome>) {
        let Some(Outcome { remote, lesson }) = outcome else { return };
        self.attempts.remove(&conn);
        self.relays.learn(remote, lesson);
    }
}

#[cfg(test)]
mod tests;
