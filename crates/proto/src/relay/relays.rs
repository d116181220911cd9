//! Blind relays of this node: servers that pair the streams of their clients.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::Token;
use super::blind::{BlindRelay, Pair, PairEnd, PairRequest};
use super::channel::{CHANNEL, Said};
use super::client::{OWNER, RelayClient};
use crate::base::Io;
use crate::conn::Call;
use crate::streams::{Path, RemoteStream, StreamMut, StreamOwner, Streams};
use crate::wire::RelayPair;
use crate::{
    ConnId, ConnReport, ConnectionInfo, Cx, RelayLimits, RelayStats, ServerId, StreamId, Timer,
};

/// The blind relays of a node, by the servers that accept their clients.
#[derive(Debug, Default)]
pub(crate) struct Relays {
    by_server: BTreeMap<ServerId, BlindRelay>,
    by_conn: HashMap<ConnId, ServerId>,
    by_stream: HashMap<StreamId, (ServerId, Token)>,
}

impl Relays {
    /// Makes a blind relay of a server, whose connections this machine gets.
    pub(crate) fn add(&mut self, server: ServerId, limits: RelayLimits) {
        self.by_server.insert(server, BlindRelay::new(server, limits));
    }

    /// Ends a blind relay with all its connections and pairs.
    pub(crate) fn remove(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, server: ServerId) {
        let Some(relay) = self.by_server.get(&server) else { return };
        let conns: Vec<ConnId> = relay.sessions.keys().copied().collect();
        for conn in conns {
            io.conns.destroy(cx, io.streams, conn);
            self.end_session(cx, io, conn);
        }
        self.by_server.remove(&server);
        cx.timers.cancel(Timer::Relay(server));
    }

    /// The counters of a blind relay.
    pub(crate) fn stats(&self, streams: &Streams, id: ServerId) -> Option<RelayStats> {
        let relay = self.by_server.get(&id)?;
        Some(relay.count(streams))
    }

    /// The number of clients, requests and pairs.
    pub(crate) fn len(&self) -> usize {
        let count =
            |relay: &BlindRelay| relay.sessions.len() + relay.pairs.len() + relay.expiries.len();
        self.by_server.values().map(count).sum()
    }

    /// A client's connection reports.
    pub(crate) fn handle_report(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        conn: ConnId,
        report: ConnReport,
    ) {
        match report {
            ConnReport::Accepted(info) => self.handle_accepted(cx, io, conn, &info),
            ConnReport::Data(message) => {
                io.conns.call(cx, io.streams, conn, OWNER, Call::Consumed(message.len()));
                if !self.handle_message(cx, io, conn, &message) {
                    self.drop_session(cx, io, conn);
                }
            }
            ConnReport::Flushed(_) => {
                if let Some(session) = self.session(conn) {
                    session.handle_flushed();
                }
            }
            ConnReport::RemoteEnd => self.drop_session(cx, io, conn),
            ConnReport::Closed { .. } => self.end_session(cx, io, conn),
            ConnReport::Opened(_)
            | ConnReport::Message(_)
            | ConnReport::RawMessage(_)
            | ConnReport::RemoteChanged
            | ConnReport::PathChanged(_)
            | ConnReport::Finished
            | ConnReport::Drained(_) => {}
        }
    }

    /// The first packet of a client's stream has come: its source is the client's address.
    pub(crate) fn handle_first_packet(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        stream: StreamId,
        path: Path,
    ) {
        let Some((server, token)) = self.by_stream.get(&stream) else { return };
        let relay = self.by_server.get(server);
        let pair = relay.and_then(|relay| relay.pairs.get(token));
        let end = pair.and_then(|pair| pair.ends.iter().find(|end| end.stream == stream));
        let Some(end) = end else { return };
        if path.remote.port() == 0 || !io.is_open(path.socket) {
            return;
        }
        let remote = RemoteStream { id: end.remote, ..RemoteStream::default() };
        if let Some((connected, _)) = io.streams.connect(cx, stream, path, remote) {
            connected.settle(cx);
        }
    }

    /// A stream of a pair has events.
    pub(crate) fn handle_events(&mut self, cx: &mut Cx<'_>, mut stream: StreamMut<'_>) {
        let mut is_closed = false;
        while let Some(event) = stream.poll_event() {
            is_closed |= matches!(event, udx::Event::Closed(_));
        }
        let id = stream.id();
        if !is_closed {
            return stream.settle(cx);
        }
        let (traffic, throttled) = (stream.stats(), stream.throttled());
        stream.release(cx);
        let Some((server, token)) = self.by_stream.remove(&id) else { return };
        let Some(relay) = self.by_server.get_mut(&server) else { return };
        relay.stats.packets += traffic.packets_tx;
        relay.stats.bytes += traffic.bytes_tx;
        relay.stats.throttled += throttled;
        // The other stream follows by itself, because its target is gone.
        if let Some(pair) = relay.pairs.remove(&token) {
            relay.forget_token(&token, pair.ends.map(|end| end.conn));
        }
    }

    /// Handles `Timer::Relay`: requests expire, and idle pairs end.
    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, server: ServerId) {
        let Some(relay) = self.by_server.get_mut(&server) else { return };
        while let Some(&(at, token)) = relay.expiries.front()
            && at <= cx.now
        {
            relay.expiries.pop_front();
            if relay.requests.get(&token).is_some_and(|request| request.expires == at) {
                relay.cancel_request(&token);
            }
        }
        let idle: Vec<Token> = relay
            .pairs
            .iter_mut()
            .filter_map(|(token, pair)| {
                let since = pair.idle_since(cx.now, io.streams);
                (cx.now >= since + relay.limits.idle_timeout).then_some(*token)
            })
            .collect();
        relay.is_watching = false;
        relay.watch(cx);
        for token in idle {
            self.end_pair(cx, io, server, &token);
        }
    }

    fn handle_accepted(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        conn: ConnId,
        info: &ConnectionInfo,
    ) {
        let Some(relay) = self.by_server.get_mut(&info.server) else {
            io.conns.destroy(cx, io.streams, conn);
            return;
        };
        if relay.sessions.len() >= relay.limits.max_sessions {
            relay.stats.refused += 1;
            io.conns.destroy(cx, io.streams, conn);
            return;
        }
        relay.stats.sessions_accepted += 1;
        relay.sessions.insert(conn, RelayClient::new(conn, info.opened.remote_public_key));
        self.by_conn.insert(conn, info.server);
    }

    /// Handles a client's message. False if the client has to go.
    fn handle_message(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        conn: ConnId,
        message: &[u8],
    ) -> bool {
        let Some(session) = self.session(conn) else { return true };
        let mut answers = Vec::new();
        let Ok(said) = session.channel.handle(message, &mut answers) else {
            cx.stats.dropped.relay += 1;
            return false;
        };
        if !answers.iter().all(|answer| session.write(cx, io, answer)) {
            cx.stats.dropped.relay += 1;
            return false;
        }
        for said in said {
            match said {
                Said::Pair(pair) if !self.handle_pair(cx, io, conn, pair) => return false,
                Said::Pair(_) => {}
                Said::Unpair(token) => self.handle_unpair(cx, io, conn, &token),
                Said::Closed => return false,
            }
        }
        true
    }

    /// A client asks for a pairing. False if the client does not read our answers.
    fn handle_pair(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        conn: ConnId,
        asked: RelayPair,
    ) -> bool {
        let Some(server) = self.by_conn.get(&conn).copied() else { return true };
        let Some(relay) = self.by_server.get_mut(&server) else { return true };
        relay.stats.pairings_requested += 1;
        let RelayPair { is_initiator, token, id: remote, .. } = asked;
        let Some(first) = relay.requests.get(&token).copied() else {
            if relay.admits(conn, &token) {
                let expires = cx.now + REQUEST_EXPIRES;
                relay.requests.insert(token, PairRequest { conn, is_initiator, remote, expires });
                relay.expiries.push_back((expires, token));
                relay.note_token(token, conn);
                relay.watch(cx);
            } else {
                relay.refuse(cx);
            }
            return true;
        };
        // One client cannot be both ends, and each end asks once.
        if first.conn == conn || first.is_initiator == is_initiator || !relay.has_share(conn) {
            relay.refuse(cx);
            return true;
        }
        relay.requests.remove(&token);
        relay.note_token(token, conn);
        relay.stats.pairings_matched += 1;
        let ends = [(first.conn, first.remote), (conn, remote)].map(|(conn, remote)| PairEnd {
            conn,
            stream: io.streams.reserve(cx, StreamOwner::Relay),
            remote,
        });
        let [a, b] = ends.map(|end| end.stream);
        let max_rate = relay.limits.max_rate;
        io.streams.relay_to(cx.now, a, b, max_rate);
        io.streams.relay_to(cx.now, b, a, max_rate);
        relay.pairs.insert(token, Pair { ends, packets: 0, since: cx.now });
        relay.watch(cx);
        let mut reads = true;
        for (end, is_initiator) in ends.iter().zip([first.is_initiator, is_initiator]) {
            self.by_stream.insert(end.stream, (server, token));
            let pair = RelayPair { is_initiator, token, id: end.stream.0, seq: 0 };
            if let Some(session) = relay.sessions.get_mut(&end.conn) {
                reads &= session.write(cx, io, &pair.frame(CHANNEL)) || end.conn != conn;
            }
        }
        reads
    }

    fn handle_unpair(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, conn: ConnId, token: &Token) {
        let Some(server) = self.by_conn.get(&conn).copied() else { return };
        let Some(relay) = self.by_server.get_mut(&server) else { return };
        // A client may only end what is its own.
        let is_own = relay.sessions.get(&conn).is_some_and(|s| s.tokens.contains(token));
        if !is_own {
            return;
        }
        if relay.pairs.contains_key(token) {
            relay.stats.pairings_cancelled += 1;
            self.end_pair(cx, io, server, token);
        } else {
            relay.cancel_request(token);
        }
    }

    fn drop_session(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, conn: ConnId) {
        io.conns.destroy(cx, io.streams, conn);
        self.end_session(cx, io, conn);
    }

    /// A client is gone: its requests and pairs end.
    fn end_session(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, conn: ConnId) {
        let Some(server) = self.by_conn.remove(&conn) else { return };
        let Some(relay) = self.by_server.get_mut(&server) else { return };
        let Some(session) = relay.sessions.remove(&conn) else { return };
        for token in session.tokens {
            let Some(relay) = self.by_server.get_mut(&server) else { return };
            relay.cancel_request(&token);
            self.end_pair(cx, io, server, &token);
        }
    }

    fn end_pair(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, server: ServerId, token: &Token) {
        let Some(relay) = self.by_server.get_mut(&server) else { return };
        let Some(pair) = relay.pairs.remove(token) else { return };
        pair.count(io.streams, &mut relay.stats);
        relay.forget_token(token, pair.ends.map(|end| end.conn));
        for PairEnd { stream, .. } in pair.ends {
            self.by_stream.remove(&stream);
            match io.streams.get(stream) {
                Some(mut connected) => {
                    connected.destroy(cx.now);
                    while connected.poll_event().is_some() {}
                    connected.release(cx);
                }
                None => io.streams.cancel(stream),
            }
        }
    }

    fn session(&mut self, conn: ConnId) -> Option<&mut RelayClient> {
        let relay = self.by_server.get_mut(self.by_conn.get(&conn)?)?;
        relay.sessions.get_mut(&conn)
    }
}

/// Longer than clients wait for their pairing.
const REQUEST_EXPIRES: Duration = Duration::from_secs(20);
