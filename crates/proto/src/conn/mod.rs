//! Connections: a UDX stream and the secret stream on it, from the first packet to the last.
//!
//! A connection waits for its path and its keys (`Waiting`), carries messages (`Open`), and when
//! the application has been told that it is gone, may still answer its peer for a while
//! (`Lingering`). The UDX stream id is the only key by which datagrams find their connection.
//! Reference: @hyperswarm/secret-stream 6.9.2, `index.js`.

mod connection;
mod keep_alive;
mod open;
mod path;
mod sending;
mod unread;
mod waiting;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bytes::Bytes;

use crate::noise::Finished;
use crate::secret::Message;
use crate::{
    Closed, ConnError, ConnId, ConnStats, Cx, Event, Question, ServerId, Sizes, SocketId, Timer,
    Transmit, TransmitBuf,
};

use connection::{Connection, State};
pub(crate) use path::{Path, RemoteStream};
use sending::Sending;

/// All connections of a node.
#[derive(Debug)]
pub(crate) struct Conns {
    by_id: BTreeMap<ConnId, Connection>,
    by_stream: HashMap<u32, ConnId>,
    /// Connections that may have something to send, each once.
    ready: VecDeque<ConnId>,
    /// Sockets whose last connection went away, for the pool.
    unused: Vec<SocketId>,
    /// Accepted connections that have opened and received nothing, with their hosts: the client may
    /// be a forgery.
    unheard: BTreeMap<(ServerId, ConnId), Ipv4Addr>,
    /// What is kept for peers that have not acknowledged it.
    sending: Sending,
    next_incoming: u32,
    keep_alive: Duration,
}

/// How many connections of a server have received nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unheard {
    pub(crate) all: usize,
    /// Those to one host.
    pub(crate) of_source: usize,
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It belongs to no stream.
    No,
    /// Done.
    Yes,
    /// It is parked: whoever makes this connection decides on its path.
    Parked { conn: ConnId, server: Option<ServerId> },
}

impl Conns {
    /// No connections. `keep_alive` is the default interval; zero is off.
    pub(crate) fn new(keep_alive: Duration) -> Self {
        Self {
            by_id: BTreeMap::new(),
            by_stream: HashMap::new(),
            ready: VecDeque::new(),
            unused: Vec::new(),
            unheard: BTreeMap::new(),
            sending: Sending::default(),
            next_incoming: ConnId::INCOMING,
            keep_alive,
        }
    }

    /// Makes the stream of a connection that will be dialled; packets for its id are parked from
    /// here on. Returns the UDX stream id.
    pub(crate) fn dial(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        keep_alive: Option<Duration>,
    ) -> u32 {
        self.insert(cx, conn, None, keep_alive)
    }

    /// The same for a connection that a server may accept; the id of the connection is new.
    pub(crate) fn accept(&mut self, cx: &mut Cx<'_>, server: ServerId) -> (ConnId, u32) {
        let conn = loop {
            let conn = ConnId(self.next_incoming);
            self.next_incoming = self.next_incoming.wrapping_add(1) | ConnId::INCOMING;
            if !self.by_id.contains_key(&conn) {
                break conn;
            }
        };
        (conn, self.insert(cx, conn, Some(server), None))
    }

    /// Remembers what the application would have been asked about the client of a connection that
    /// waits. It is told with the connection.
    pub(crate) fn leave_unasked(&mut self, conn: ConnId, question: Question) {
        let connection = self.by_id.get_mut(&conn);
        if let Some(State::Waiting(waiting)) = connection.map(|connection| &mut connection.state) {
            waiting.leave_unasked(question);
        }
    }

    /// True while the connection has neither a path nor an end.
    pub(crate) fn is_waiting(&self, conn: ConnId) -> bool {
        matches!(self.by_id.get(&conn).map(|c| &c.state), Some(State::Waiting(_)))
    }

    /// Gives the connection its path and keys: it opens, tells the application, and takes the
    /// packets that were parked.
    pub(crate) fn open(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        path: Path,
        remote: RemoteStream,
        keys: Finished,
    ) {
        let Some(connection) = self.by_id.get_mut(&conn) else { return };
        connection.open(cx, path, remote, &keys);
        if let Some(server) = connection.server.filter(|_| !connection.is_heard()) {
            self.unheard.insert((server, conn), *path.remote.ip());
        }
        self.settle(cx, conn);
    }

    /// Accepted connections whose client has sent nothing since it was answered.
    pub(crate) fn unheard(&self, server: ServerId, source: Ipv4Addr) -> Unheard {
        let all = (server, ConnId(0))..=(server, ConnId(u32::MAX));
        self.unheard.range(all).fold(Unheard::default(), |count, (_, host)| Unheard {
            all: count.all + 1,
            of_source: count.of_source + usize::from(*host == source),
        })
    }

    /// Ends a connection that has not opened. A dialled one tells the application; an accepted
    /// one was never known to it.
    pub(crate) fn fail(&mut self, cx: &mut Cx<'_>, conn: ConnId, error: Option<ConnError>) {
        if !self.is_waiting(conn) {
            return;
        }
        let Some(connection) = self.by_id.remove(&conn) else { return };
        self.by_stream.remove(&connection.stream_id);
        if connection.server.is_none() {
            cx.emit(Event::Closed(Closed { conn, error }));
        }
    }

    /// How many connections use a socket.
    pub(crate) fn users_of(&self, socket: SocketId) -> usize {
        self.by_id.values().filter(|c| c.socket() == Some(socket)).count()
    }

    /// Sockets that lost a connection since the last call; some may still have others.
    pub(crate) fn take_unused(&mut self) -> Vec<SocketId> {
        std::mem::take(&mut self.unused)
    }

    /// Takes a datagram if it names one of our streams.
    pub(crate) fn handle_datagram(
        &mut self,
        cx: &mut Cx<'_>,
        socket: SocketId,
        from: SocketAddrV4,
        data: &[u8],
    ) -> Taken {
        let Some(stream_id) = udx::stream_id(data) else { return Taken::No };
        let Some(&conn) = self.by_stream.get(&stream_id) else { return Taken::No };
        let Some(connection) = self.by_id.get_mut(&conn) else { return Taken::No };
        if let State::Waiting(waiting) = &mut connection.state {
            waiting.park(cx, data);
            return Taken::Parked { conn, server: connection.server };
        }
        tracing::trace!(?conn, ?socket, %from, len = data.len(), "packet");
        connection.handle_packet(cx, data);
        if let Some(server) = connection.server {
            self.unheard.remove(&(server, conn));
        }
        self.settle(cx, conn);
        Taken::Yes
    }

    /// Writes one message, or queues it until the connection opens.
    pub(crate) fn write(&mut self, cx: &mut Cx<'_>, conn: ConnId, data: Message) {
        self.update(cx, conn, |c, cx| c.write(cx, data));
    }

    /// Sends one unordered message, or queues it until the connection opens.
    pub(crate) fn send_message(&mut self, cx: &mut Cx<'_>, conn: ConnId, data: Bytes) {
        self.update(cx, conn, |c, cx| c.send_message(cx, data));
    }

    /// Tells when all that was written so far is acknowledged.
    pub(crate) fn flush(&mut self, cx: &mut Cx<'_>, conn: ConnId, flush: u32) {
        self.update(cx, conn, |c, _| c.flush(flush));
    }

    /// Ends the write side.
    pub(crate) fn end(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        self.update(cx, conn, |c, cx| c.end(cx));
    }

    /// Tears an open connection down; true if it was waiting, and its maker has to be told.
    pub(crate) fn destroy(&mut self, cx: &mut Cx<'_>, conn: ConnId) -> bool {
        if self.is_waiting(conn) {
            self.fail(cx, conn, None);
            return true;
        }
        self.update(cx, conn, |c, cx| c.destroy(cx, None));
        false
    }

    /// Tears every connection down.
    pub(crate) fn destroy_all(&mut self, cx: &mut Cx<'_>) {
        let all: Vec<ConnId> = self.by_id.keys().copied().collect();
        for conn in all {
            self.destroy(cx, conn);
        }
    }

    /// Forgets every connection that has said its last word, whether the peer may ask again or not.
    pub(crate) fn forget_closed(&mut self, cx: &mut Cx<'_>) {
        let closed = self.by_id.iter().filter(|(_, connection)| connection.is_lingering());
        let closed: Vec<ConnId> = closed.map(|(conn, _)| *conn).collect();
        for conn in closed {
            self.forget(cx, conn);
        }
    }

    /// The application has taken this many bytes of messages.
    pub(crate) fn consumed(&mut self, cx: &mut Cx<'_>, conn: ConnId, bytes: usize) {
        self.update(cx, conn, |c, cx| c.consumed(cx, bytes));
    }

    /// Changes the keep-alive's interval; zero is off.
    pub(crate) fn set_keep_alive(&mut self, cx: &mut Cx<'_>, conn: ConnId, interval: Duration) {
        self.update(cx, conn, |c, cx| c.set_keep_alive(cx, interval));
    }

    /// The same for the connections to come.
    pub(crate) fn set_default_keep_alive(&mut self, interval: Duration) {
        self.keep_alive = interval;
    }

    /// The stream's own deadline.
    pub(crate) fn handle_stream_timeout(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        self.update(cx, conn, |c, cx| c.handle_stream_timeout(cx));
    }

    /// The keep-alive's deadline.
    pub(crate) fn handle_keep_alive(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        self.update(cx, conn, |c, cx| c.handle_keep_alive(cx));
    }

    /// Fills the buffer from the next connection that has something to send.
    pub(crate) fn poll_transmit(
        &mut self,
        cx: &mut Cx<'_>,
        buf: &mut TransmitBuf,
    ) -> Option<Transmit> {
        while let Some(&conn) = self.ready.front() {
            let Some(connection) = self.by_id.get_mut(&conn) else {
                self.ready.pop_front();
                continue;
            };
            let max_held = self.sending.room();
            let transmit = connection.poll_transmit(cx, buf, max_held);
            let held = connection.held();
            self.sending.set(&mut connection.share, held);
            self.ready.pop_front();
            if transmit.is_some() {
                self.ready.push_back(conn);
                return transmit;
            }
            connection.ready = false;
            self.settle_timer(cx, conn);
        }
        None
    }

    /// What the transport of a connection measures.
    pub(crate) fn stats(&self, conn: ConnId) -> Option<ConnStats> {
        self.by_id.get(&conn)?.stats()
    }

    /// Connections that the application knows of or will know of.
    pub(crate) fn connections(&self) -> usize {
        self.by_id.values().filter(|c| !c.is_lingering()).count()
    }

    /// Counts what is kept.
    pub(crate) fn measure(&self, sizes: &mut Sizes) {
        let indexes = [self.by_stream.len(), self.ready.len(), self.unheard.len()];
        sizes.stream_index = indexes.into_iter().max().unwrap_or(0);
        sizes.reports += self.unused.len();
        sizes.sending = self.by_id.values().map(Connection::held).sum();
    }

    /// All streams, lingering ones too.
    pub(crate) fn streams(&self) -> usize {
        self.by_id.len()
    }

    fn insert(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        server: Option<ServerId>,
        keep_alive: Option<Duration>,
    ) -> u32 {
        let stream_id = self.unused_stream_id(cx);
        let keep_alive = keep_alive.unwrap_or(self.keep_alive);
        self.by_stream.insert(stream_id, conn);
        self.by_id.insert(conn, Connection::new(conn, server, stream_id, keep_alive));
        stream_id
    }

    fn unused_stream_id(&self, cx: &mut Cx<'_>) -> u32 {
        loop {
            let id = cx.rng.u32();
            if id != 0 && !self.by_stream.contains_key(&id) {
                return id;
            }
        }
    }

    fn update(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        change: impl FnOnce(&mut Connection, &mut Cx<'_>),
    ) {
        let Some(connection) = self.by_id.get_mut(&conn) else { return };
        change(connection, cx);
        self.settle(cx, conn);
    }

    /// After any change: pass the stream's news on, let it send, and forget it when it is done.
    fn settle(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        let Some(connection) = self.by_id.get_mut(&conn) else { return };
        connection.pass_events(cx);
        let held = connection.held();
        self.sending.set(&mut connection.share, held);
        if connection.has_stream() && !connection.ready {
            connection.ready = true;
            self.ready.push_back(conn);
        }
        self.settle_timer(cx, conn);
    }

    fn settle_timer(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        let Some(connection) = self.by_id.get(&conn) else { return };
        if !connection.ready && connection.is_done() {
            self.forget(cx, conn);
            return;
        }
        match connection.stream_deadline() {
            Some(at) => cx.timers.set(Timer::Stream(conn), at),
            None => cx.timers.cancel(Timer::Stream(conn)),
        }
    }

    fn forget(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        let Some(mut connection) = self.by_id.remove(&conn) else { return };
        self.by_stream.remove(&connection.stream_id);
        self.sending.set(&mut connection.share, 0);
        cx.timers.cancel(Timer::Stream(conn));
        cx.timers.cancel(Timer::KeepAlive(conn));
        if let Some(server) = connection.server {
            self.unheard.remove(&(server, conn));
        }
        self.unused.extend(connection.socket());
    }
}
