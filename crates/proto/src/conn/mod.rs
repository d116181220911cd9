//! Connections: the secret stream on a UDX stream, from the first message to the last.
//!
//! A connection waits for its path and its keys (`Waiting`), carries messages (`Open`), and is
//! forgotten once its owner has been told that it is gone. The stream below it (`streams`) goes on
//! answering the peer. A connection whose secret stream the application makes carries bytes.
//! Reference: @hyperswarm/secret-stream 6.9.2, `index.js`.

mod byte_stream;
mod connection;
mod ended;
mod endpoint;
mod flow;
mod framing;
mod fuse;
mod keep_alive;
mod migration;
mod moves;
mod news;
mod open;
mod origins;
mod owner;
mod prover;
mod search;
mod unread;
mod views;
mod waiting;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::noise::Finished;
use crate::secret::Spares;
use crate::streams::{Path, RemoteStream, StreamMut, StreamOwner, Streams};
use crate::{ConnId, ConnReport, ConnectTrace, Cx, Event, Foreign, Question, ServerId, StreamId};

pub(crate) use byte_stream::ByteStream;
pub(crate) use connection::stream_error;
use connection::{Connection, State};
use ended::EndedConns;
pub(crate) use endpoint::{Endpoint, Endpoints};
pub(crate) use migration::NetworkChange;
pub(crate) use news::PathNews;
pub(crate) use origins::FoundPath;
pub(crate) use owner::{ConnOwner, OwnedConn};
pub(crate) use prover::Relays;
pub(crate) use waiting::Call;

/// All connections of a node.
#[derive(Debug)]
pub(crate) struct Conns {
    table: Endpoints<Connection>,
    ended: EndedConns,
    /// Accepted connections that have opened and received nothing, with the client's host: the
    /// client's address may be forged.
    unheard: BTreeMap<(ServerId, ConnId), IpAddr>,
    /// Connections that have ended, for what goes on after the opening.
    closed: Vec<ConnId>,
    /// Paths on which peers have stopped to answer.
    broken: Vec<Path>,
    /// What connections have proven about their paths.
    news: Vec<PathNews>,
    /// Connections that may have bytes for the application.
    deliveries: BTreeSet<ConnId>,
    /// The next id for a connection that the application does not number.
    next_id: u32,
    keep_alive: Duration,
    /// Memory for large messages.
    spares: Option<Arc<dyn Spares>>,
}

/// How many connections of a server have received nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unheard {
    pub(crate) all: usize,
    /// Those of one host.
    pub(crate) of_source: usize,
}

impl Conns {
    /// Starts without connections. `keep_alive` is the default interval; zero is off.
    pub(crate) fn new(keep_alive: Duration) -> Self {
        Self {
            table: Endpoints::default(),
            ended: EndedConns::default(),
            unheard: BTreeMap::new(),
            closed: Vec::new(),
            broken: Vec::new(),
            news: Vec::new(),
            deliveries: BTreeSet::new(),
            next_id: ConnId::INCOMING,
            keep_alive,
            spares: None,
        }
    }

    /// The same, with memory for the large messages that arrive.
    pub(crate) fn with_spares(self, spares: Option<Arc<dyn Spares>>) -> Self {
        Self { spares, ..self }
    }

    /// A new id for a connection that the application does not number.
    pub(crate) fn new_id(&mut self) -> ConnId {
        loop {
            let conn = ConnId(self.next_id);
            self.next_id = self.next_id.wrapping_add(1) | ConnId::INCOMING;
            if !self.table.contains(conn) {
                return conn;
            }
        }
    }

    /// Reserves the stream of a connection that its owner dials, and returns the stream's
    /// id.
    pub(crate) fn dial(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        conn: OwnedConn,
        keep_alive: Option<Duration>,
        foreign: Foreign,
    ) -> StreamId {
        self.insert(cx, streams, conn, None, (keep_alive, foreign))
    }

    /// Reserves the stream of a connection that a server may accept.
    pub(crate) fn accept(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        server: ServerId,
        conn: OwnedConn,
        foreign: Foreign,
    ) -> StreamId {
        self.insert(cx, streams, conn, Some(server), (None, foreign))
    }

    /// Records that the peer is told the id of a waiting connection's stream. `peer` is its own
    /// stream.
    pub(crate) fn introduce(&self, streams: &mut Streams, conn: ConnId, peer: RemoteStream) {
        if let Some(connection) = self.table.get(conn) {
            streams.introduce(connection.stream, peer);
        }
    }

    /// Remembers a question about the client of a waiting connection that the application was not
    /// asked. The owner gets it when the connection opens.
    pub(crate) fn leave_unasked(&mut self, conn: ConnId, question: Question) {
        let connection = self.table.get_mut(conn);
        if let Some(State::Waiting(waiting)) = connection.map(|connection| &mut connection.state) {
            waiting.leave_unasked(question);
        }
    }

    /// The server that accepts a connection; `None` for a dialled one.
    pub(crate) fn server_of(&self, conn: ConnId) -> Option<ServerId> {
        self.table.get(conn)?.server
    }

    /// True while the connection is neither open nor ended.
    pub(crate) fn is_waiting(&self, conn: ConnId) -> bool {
        matches!(self.table.get(conn).map(|c| &c.state), Some(State::Waiting(_)))
    }

    /// Gives the connection its path and keys: it opens, tells its owner, and takes the
    /// packets that were parked.
    pub(crate) fn open(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        conn: ConnId,
        FoundPath { path, origin }: FoundPath,
        remote: RemoteStream,
        keys: &Finished,
    ) {
        let Some(connection) = self.table.get_mut(conn) else { return };
        connection.origins.start(origin);
        let connected = streams.connect(cx, connection.stream, path, remote);
        let Some((mut stream, parked)) = connected else { return };
        if connection.to.owner == ConnOwner::Application {
            stream.set_patient();
        }
        connection.open(cx, &mut stream, remote, keys, (parked, self.spares.as_ref()));
        if let Some(server) = connection.server.filter(|_| !connection.is_heard) {
            self.unheard.insert((server, conn), path.remote.ip());
        }
        self.settle(cx, conn, stream);
    }

    /// Repeats the first packets of a connection soon, until something arrives.
    pub(crate) fn repeat_early(&mut self, cx: &mut Cx<'_>, streams: &mut Streams, conn: ConnId) {
        self.update(cx, streams, conn, |_, cx, stream| stream.repeat_early(cx.now));
    }

    /// Accepted connections whose client has sent nothing since the handshake was answered: all of
    /// the server's, and those of one source.
    pub(crate) fn unheard(&self, server: ServerId, source: Ipv4Addr) -> Unheard {
        let all = (server, ConnId(0))..=(server, ConnId(u32::MAX));
        self.unheard.range(all).fold(Unheard::default(), |count, (_, host)| Unheard {
            all: count.all + 1,
            of_source: count.of_source + usize::from(*host == IpAddr::V4(source)),
        })
    }

    /// Ends a connection that has not opened. Its owner is told if it knows of the connection: the
    /// owner of an accepted one does so only if it makes the handshake.
    pub(crate) fn fail(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        conn: ConnId,
        trace: Option<Box<ConnectTrace>>,
    ) {
        if !self.is_waiting(conn) {
            return;
        }
        let Some(connection) = self.table.remove(conn) else { return };
        let Connection { to, stream, server, foreign, .. } = connection;
        streams.cancel(stream);
        self.closed.push(conn);
        if server.is_none() || foreign.has_handshake() {
            to.tell(cx, ConnReport::unopened(trace));
        }
    }

    /// Takes a packet of the stream that carries a connection. [`Self::handle_packets_end`] has to
    /// follow, after one packet or several.
    pub(crate) fn handle_packet(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        mut stream: StreamMut<'_>,
        packet: &udx::Packet<'_>,
    ) {
        let Some(connection) = self.table.get_mut(conn) else { return };
        let is_first_of = connection.server.filter(|_| !connection.is_heard);
        connection.handle_packet(cx, &mut stream, packet);
        if let Some(server) = is_first_of {
            self.unheard.remove(&(server, conn));
        }
    }

    /// Passes on what the packets since the last call have caused, and lets the stream send.
    pub(crate) fn handle_packets_end(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        conn: ConnId,
    ) {
        self.update(cx, streams, conn, |_, _, _| ());
    }

    /// The stream of a connection may have events.
    pub(crate) fn handle_events(&mut self, cx: &mut Cx<'_>, conn: ConnId, stream: StreamMut<'_>) {
        self.settle(cx, conn, stream);
    }

    /// The stream of a connection has sent something; `unsent` bytes have not left yet.
    pub(crate) fn handle_sent(&mut self, cx: &mut Cx<'_>, conn: ConnId, unsent: usize) {
        self.table.handle_sent(cx, conn, unsent);
    }

    /// Does what the owner calls for. What is to be sent waits until the connection opens.
    pub(crate) fn call(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        conn: ConnId,
        caller: ConnOwner,
        call: Call,
    ) {
        let Some(connection) = self.table.get_mut(conn) else { return };
        if connection.to.owner != caller {
            return;
        }
        if let State::Waiting(waiting) = &mut connection.state {
            return waiting.handle_call(call);
        }
        self.update(cx, streams, conn, |c, cx, stream| c.handle_call(cx, stream, call));
    }

    /// Gives the application the bytes that have arrived since the last call.
    pub(crate) fn deliver(&mut self, events: &mut Vec<Event>) {
        for conn in std::mem::take(&mut self.deliveries) {
            let connection = self.table.get_mut(conn);
            events.extend(connection.and_then(Connection::take_delivery));
        }
    }

    /// Connections that have ended since the last call.
    pub(crate) fn take_closed(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.closed)
    }

    /// Whether this owner has this connection.
    pub(crate) fn owns(&self, owner: ConnOwner, conn: ConnId) -> bool {
        self.table.get(conn).is_some_and(|connection| connection.to.owner == owner)
    }

    /// Tears an open connection down. True if it was waiting: then the caller has to end its
    /// attempt.
    pub(crate) fn destroy(&mut self, cx: &mut Cx<'_>, streams: &mut Streams, conn: ConnId) -> bool {
        if self.is_waiting(conn) {
            self.fail(cx, streams, conn, None);
            return true;
        }
        self.update(cx, streams, conn, |c, cx, stream| c.destroy(cx, stream, None));
        false
    }

    /// Tears every connection down.
    pub(crate) fn destroy_all(&mut self, cx: &mut Cx<'_>, streams: &mut Streams) {
        for conn in self.table.ids() {
            self.destroy(cx, streams, conn);
        }
    }

    /// Changes the keep-alive's interval for the connections to come; zero is off.
    pub(crate) fn set_default_keep_alive(&mut self, interval: Duration) {
        self.keep_alive = interval;
    }

    /// Handles `Timer::KeepAlive`.
    pub(crate) fn handle_keep_alive(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        conn: ConnId,
    ) {
        self.update(cx, streams, conn, Connection::handle_keep_alive);
    }

    fn insert(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        conn: OwnedConn,
        server: Option<ServerId>,
        (keep_alive, foreign): (Option<Duration>, Foreign),
    ) -> StreamId {
        let stream = streams.reserve(cx, StreamOwner::Conn(conn.id));
        let keep_alive = keep_alive.unwrap_or(self.keep_alive);
        let connection = Connection::new(conn, server, stream, keep_alive, foreign);
        self.table.insert(conn.id, connection);
        stream
    }

    fn update(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        conn: ConnId,
        change: impl FnOnce(&mut Connection, &mut Cx<'_>, &mut StreamMut<'_>),
    ) {
        let closed = self.table.update(cx, streams, conn, change);
        self.note_delivery(conn);
        self.forget(conn, closed);
    }

    fn settle(&mut self, cx: &mut Cx<'_>, conn: ConnId, stream: StreamMut<'_>) {
        let closed = self.table.change(cx, conn, stream, |_, _, _| ());
        self.note_delivery(conn);
        self.forget(conn, closed);
    }

    fn note_delivery(&mut self, conn: ConnId) {
        if self.table.get(conn).is_some_and(Connection::has_delivery) {
            self.deliveries.insert(conn);
        }
    }

    /// Keeps what is left of a connection that has closed, if it has.
    fn forget(&mut self, conn: ConnId, closed: Option<Connection>) {
        let Some(connection) = closed else { return };
        if let State::Closed(stats) = connection.state {
            self.ended.push(conn, *stats);
        }
        self.broken.extend(connection.broken);
        if let Some(server) = connection.server {
            self.unheard.remove(&(server, conn));
        }
        self.closed.push(conn);
    }
}

#[cfg(test)]
mod tests;
