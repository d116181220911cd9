//! Connections: the secret stream on a UDX stream, from the first message to the last.
//!
//! A connection waits for its path and its keys (`Waiting`), carries messages (`Open`), and is
//! forgotten once its owner has been told that it is gone. The stream below it (`streams`) goes on
//! answering the peer.
//! Reference: @hyperswarm/secret-stream 6.9.2, `index.js`.

mod connection;
mod ended;
mod endpoint;
mod flow;
mod keep_alive;
mod open;
mod origins;
mod owner;
mod unread;
mod waiting;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::noise::Finished;
use crate::streams::{Path, RemoteStream, StreamMut, StreamOwner, Streams};
use crate::{
    ConnError, ConnId, ConnPath, ConnReport, ConnStats, Cx, PathInfo, Question, ServerId, Sizes,
    StreamId,
};

pub(crate) use connection::stream_error;
use connection::{Connection, State};
use ended::EndedConns;
pub(crate) use endpoint::{Endpoint, Endpoints};
pub(crate) use flow::Flow;
pub(crate) use origins::FoundPath;
pub(crate) use owner::{ConnOwner, OwnedConn};
pub(crate) use waiting::Call;

/// All connections of a node.
#[derive(Debug)]
pub(crate) struct Conns {
    table: Endpoints<Connection>,
    ended: EndedConns,
    /// Accepted connections that have opened and received nothing, with the client's host: the
    /// client's address may be forged.
    unheard: BTreeMap<(ServerId, ConnId), Ipv4Addr>,
    /// Connections that have ended, for what goes on after the opening.
    closed: Vec<ConnId>,
    /// Paths on which peers have stopped to answer.
    broken: Vec<Path>,
    /// The next id for a connection that the application does not number.
    next_id: u32,
    keep_alive: Duration,
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
            next_id: ConnId::INCOMING,
            keep_alive,
        }
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
    ) -> StreamId {
        self.insert(cx, streams, conn, None, keep_alive)
    }

    /// Reserves the stream of a connection that a server may accept for this owner.
    pub(crate) fn accept(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        server: ServerId,
        owner: ConnOwner,
    ) -> (ConnId, StreamId) {
        let id = self.new_id();
        (id, self.insert(cx, streams, OwnedConn { id, owner }, Some(server), None))
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
        connection.open(cx, &mut stream, remote.id, keys, parked);
        if let Some(server) = connection.server.filter(|_| !connection.is_heard) {
            self.unheard.insert((server, conn), *path.remote.ip());
        }
        self.settle(cx, conn, stream);
    }

    /// Accepted connections whose client has sent nothing since the handshake was answered: all of
    /// the server's, and those of one source.
    pub(crate) fn unheard(&self, server: ServerId, source: Ipv4Addr) -> Unheard {
        let all = (server, ConnId(0))..=(server, ConnId(u32::MAX));
        self.unheard.range(all).fold(Unheard::default(), |count, (_, host)| Unheard {
            all: count.all + 1,
            of_source: count.of_source + usize::from(*host == source),
        })
    }

    /// Ends a connection that has not opened. Only the owner of a dialled connection is told: the
    /// owner of an accepted one does not know of it yet.
    pub(crate) fn fail(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        conn: ConnId,
        error: Option<ConnError>,
    ) {
        if !self.is_waiting(conn) {
            return;
        }
        let Some(Connection { to, stream, server, .. }) = self.table.remove(conn) else { return };
        streams.cancel(stream);
        self.closed.push(conn);
        if server.is_none() {
            to.tell(cx, ConnReport::Closed { error, stats: None });
        }
    }

    /// Takes a packet of the stream that carries a connection.
    pub(crate) fn handle_packet(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        stream: StreamMut<'_>,
        packet: &udx::Packet<'_>,
    ) {
        let mut is_first_of = None;
        let closed = self.table.change(cx, conn, stream, |connection, cx, stream| {
            is_first_of = connection.server.filter(|_| !connection.is_heard);
            connection.handle_packet(cx, stream, packet);
        });
        if let Some(server) = is_first_of {
            self.unheard.remove(&(server, conn));
        }
        self.forget(conn, closed);
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

    /// Sends the packets of an open connection over another path. `remote_id` is the peer's stream
    /// there, if it is not the same.
    pub(crate) fn change_path(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        conn: ConnId,
        found: FoundPath,
        remote_id: Option<u32>,
    ) {
        self.update(cx, streams, conn, |c, cx, stream| c.change_path(cx, stream, found, remote_id));
    }

    /// An open connection leaves its current path when it gets a better one.
    pub(crate) fn set_interim(&self, cx: &mut Cx<'_>, streams: &mut Streams, conn: ConnId) {
        let connection = self.table.get(conn);
        if let Some(mut stream) = connection.and_then(|c| streams.get(c.stream)) {
            stream.set_interim(cx.now);
        }
    }

    /// Connections that have ended since the last call.
    pub(crate) fn take_closed(&mut self) -> Vec<ConnId> {
        std::mem::take(&mut self.closed)
    }

    /// Paths on which peers have stopped to answer since the last call.
    pub(crate) fn take_broken(&mut self) -> Vec<Path> {
        std::mem::take(&mut self.broken)
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

    /// What the transport of a connection measures, or what it had measured when it closed.
    pub(crate) fn stats(&self, streams: &Streams, conn: ConnId) -> Option<ConnStats> {
        let Some(connection) = self.table.get(conn) else { return self.ended.stats(conn) };
        connection.stats(self.table.stats(streams, conn)?)
    }

    /// Where the packets of an open connection go.
    pub(crate) fn path(&self, streams: &Streams, conn: ConnId) -> Option<ConnPath> {
        let (Path { socket, remote }, validated) = self.table.path(streams, conn)?;
        let relay = self.table.get(conn)?.origins.current().relay;
        Some(ConnPath { socket, remote, validated, relay })
    }

    /// The path of an open connection, as its owner is told.
    pub(crate) fn path_info(&self, streams: &Streams, conn: ConnId) -> Option<PathInfo> {
        let (Path { socket, remote }, _) = self.table.path(streams, conn)?;
        Some(PathInfo::new(socket, remote, self.table.get(conn)?.origins.current()))
    }

    /// The stream below a connection of this owner.
    pub(crate) fn stream_of(&self, owner: ConnOwner, conn: ConnId) -> Option<StreamId> {
        self.table.stream_of(conn).filter(|_| self.owns(owner, conn))
    }

    /// The number of connections, including accepted ones that their owners do not know of yet.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Counts what is kept.
    pub(crate) fn measure(&self, sizes: &mut Sizes) {
        sizes.stream_index = sizes.stream_index.max(self.unheard.len());
        sizes.reports += self.closed.len() + self.broken.len();
    }

    fn insert(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        conn: OwnedConn,
        server: Option<ServerId>,
        keep_alive: Option<Duration>,
    ) -> StreamId {
        let stream = streams.reserve(cx, StreamOwner::Conn(conn.id));
        let keep_alive = keep_alive.unwrap_or(self.keep_alive);
        self.table.insert(conn.id, Connection::new(conn, server, stream, keep_alive));
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
        self.forget(conn, closed);
    }

    fn settle(&mut self, cx: &mut Cx<'_>, conn: ConnId, stream: StreamMut<'_>) {
        let closed = self.table.change(cx, conn, stream, |_, _, _| ());
        self.forget(conn, closed);
    }

    /// Keeps what is left of a connection that has closed, if it has.
    fn forget(&mut self, conn: ConnId, closed: Option<Connection>) {
        let Some(connection) = closed else { return };
        if let State::Closed(stats) = connection.state {
            self.ended.push(conn, stats);
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
