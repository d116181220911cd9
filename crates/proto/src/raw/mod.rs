//! Raw streams: UDX streams whose bytes are the application's.
//!
//! The application chooses the ids, the socket and the peer, as the users of udx-native do. Packets
//! of a peer are let in if they arrive on the stream's socket, or on another one of the node's own
//! sockets from the peer's address. Others are asked about, if the application wants that, or
//! dropped.
//! Reference: udx-native 1.21, `lib/stream.js`.

mod strays;
mod stream;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use crate::conn::{Call, Endpoint, Endpoints, PathNews};
use crate::streams::{Arrival, Path, RemoteStream, StreamMut, StreamOwner, Streams};
use crate::{
    Answer, AskId, ConnError, ConnId, ConnPath, ConnStats, Cx, Event, Question, RawOptions,
    RawRemote, Sizes, SocketId, StreamError, StreamId, Timer,
};

use stream::RawStream;

/// All raw streams of a node.
#[derive(Debug, Default)]
pub(crate) struct Raws {
    table: Endpoints<RawStream>,
    /// Which streams have asked about packets.
    asks: BTreeMap<AskId, ConnId>,
    /// Streams that may have bytes for the application.
    deliveries: BTreeSet<ConnId>,
}

impl Raws {
    /// Creates a stream. It closes at once if its id is taken. A stream that was never connected
    /// gives its id up, as in the reference, where the latest stream has it.
    pub(crate) fn create(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        conn: ConnId,
        options: RawOptions,
    ) {
        if let Some(StreamOwner::Raw(before)) = streams.reserved_by(options.id) {
            self.destroy(cx, streams, before);
        }
        let mut raw = RawStream::new(conn, options);
        if streams.claim(cx, options.id, StreamOwner::Raw(conn)) {
            self.table.insert(conn, raw);
        } else {
            let error = ConnError::Stream(StreamError::IdInUse);
            raw.close(cx, Some(error), None);
        }
    }

    /// Connects a stream to its peer, whose first packet has the sequence number `ack`, and lets in
    /// what has arrived on its socket before.
    pub(crate) fn connect(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        conn: ConnId,
        remote: RawRemote,
        ack: u32,
    ) {
        let Some(raw) = self.table.get_mut(conn).filter(|raw| raw.is_waiting()) else { return };
        let peer = RemoteStream { id: remote.id, ..RemoteStream::default() };
        let mut early = raw.take_early();
        early.expect_from(ack);
        let connected = streams.connect_early(cx, raw.stream, remote.into(), peer, early);
        let Some((mut stream, parked)) = connected else { return };
        raw.open(cx, &mut stream, parked);
        let early = raw.strays.take_of_path(remote.into(), raw.asks);
        if !raw.asks {
            raw.strays.clear();
        }
        self.handle_events(cx, conn, stream);
        for stray in early {
            self.admit(cx, streams, stray.socket, stray.from, &stray.data);
        }
    }

    /// Does what the application calls for. What is to be sent waits until the stream is connected.
    pub(crate) fn call(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        conn: ConnId,
        call: Call,
    ) {
        match self.table.get_mut(conn) {
            Some(raw) if raw.is_waiting() => {
                raw.queue_call(cx, call);
                self.settle_early(streams, conn);
            }
            Some(_) => {
                self.update(cx, streams, conn, |raw, cx, stream| raw.handle_call(cx, stream, call));
            }
            None => {}
        }
    }

    /// Tears a stream down.
    pub(crate) fn destroy(&mut self, cx: &mut Cx<'_>, streams: &mut Streams, conn: ConnId) {
        let Some(raw) = self.table.get_mut(conn) else { return };
        if raw.is_waiting() {
            streams.cancel(raw.stream);
            raw.close(cx, None, None);
            self.table.remove(conn);
            return;
        }
        self.update(cx, streams, conn, RawStream::destroy);
    }

    /// Tears every stream down.
    pub(crate) fn destroy_all(&mut self, cx: &mut Cx<'_>, streams: &mut Streams) {
        for conn in self.table.ids() {
            self.destroy(cx, streams, conn);
        }
    }

    /// Takes a packet of a stream.
    pub(crate) fn handle_packet(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        stream: StreamMut<'_>,
        packet: &udx::Packet<'_>,
    ) {
        self.change(cx, conn, stream, |raw, cx, stream| raw.handle_packet(cx, stream, packet));
    }

    /// A stream may have events.
    pub(crate) fn handle_events(&mut self, cx: &mut Cx<'_>, conn: ConnId, stream: StreamMut<'_>) {
        self.change(cx, conn, stream, |_, _, _| ());
    }

    /// A connection on the path of a stream has proven that an end of it has moved.
    pub(crate) fn follow(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        stream: StreamMut<'_>,
        news: PathNews,
    ) {
        self.change(cx, conn, stream, |raw, cx, stream| raw.follow(cx, stream, news));
    }

    /// A stream has sent something; `unsent` bytes have not left yet.
    pub(crate) fn handle_sent(&mut self, cx: &mut Cx<'_>, conn: ConnId, unsent: usize) {
        self.table.handle_sent(cx, conn, unsent);
    }

    /// A datagram for a stream has arrived on a socket to which the stream is not connected.
    pub(crate) fn handle_stray(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        conn: ConnId,
        (socket, from): (SocketId, SocketAddr),
        data: &[u8],
    ) {
        let Some(raw) = self.table.get_mut(conn) else { return };
        if !raw.asks && !raw.is_waiting() {
            if streams.lets_in(raw.stream, socket, from) {
                self.admit(cx, streams, socket, from, data);
            } else {
                cx.stats.dropped.udx += 1;
            }
            return;
        }
        if raw.strays.push(cx, socket, from, data)
            && raw.asks
            && let Some(stray) = raw.strays.unasked()
        {
            let ask = cx.ask(Question::StreamFirewall { conn, socket, from });
            stray.set_ask(ask);
            self.asks.insert(ask, conn);
        }
    }

    /// The application has answered a question, or its time is over.
    pub(crate) fn handle_answer(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        ask: AskId,
        answer: &Answer,
    ) {
        let Some(conn) = self.asks.remove(&ask) else { return };
        cx.timers.cancel(Timer::Ask(ask));
        let Some(raw) = self.table.get_mut(conn) else { return };
        let answered = raw.strays.take_of_ask(ask);
        if !matches!(answer, Answer::Accept) {
            return;
        }
        if !raw.is_waiting() || streams.is_relay(raw.stream) {
            for stray in answered {
                self.admit(cx, streams, stray.socket, stray.from, &stray.data);
            }
            return;
        }
        for stray in answered {
            raw.handle_early(cx, &stray.data);
        }
        self.settle_early(streams, conn);
    }

    /// Gives the application what has arrived since the last call.
    pub(crate) fn deliver(&mut self, events: &mut Vec<Event>) {
        for conn in std::mem::take(&mut self.deliveries) {
            let raw = self.table.get_mut(conn);
            events.extend(raw.and_then(RawStream::take_delivery));
        }
    }

    /// The UDX stream of a raw stream.
    pub(crate) fn stream_of(&self, conn: ConnId) -> Option<StreamId> {
        self.table.stream_of(conn)
    }

    /// Whether there is a raw stream with this number.
    pub(crate) fn has(&self, conn: ConnId) -> bool {
        self.table.contains(conn)
    }

    /// What a connected stream measures.
    pub(crate) fn stats(&self, streams: &Streams, conn: ConnId) -> Option<ConnStats> {
        self.table.stats(streams, conn).map(ConnStats::from)
    }

    /// Where the packets of a connected stream go.
    pub(crate) fn path(&self, streams: &Streams, conn: ConnId) -> Option<ConnPath> {
        let (Path { socket, remote }, validated) = self.table.path(streams, conn)?;
        Some(ConnPath { socket, remote, validated, relay: None })
    }

    /// The number of raw streams.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Counts what is kept.
    pub(crate) fn measure(&self, sizes: &mut Sizes) {
        let strays = self.table.values().map(|raw| raw.strays.len()).max().unwrap_or(0);
        let indexes = [strays, self.asks.len(), self.deliveries.len()];
        sizes.stream_index = indexes.into_iter().fold(sizes.stream_index, usize::max);
    }

    /// Lets a datagram in.
    fn admit(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        socket: SocketId,
        from: SocketAddr,
        data: &[u8],
    ) {
        let (stream, packet) = match streams.admit(cx, socket, from, data) {
            Arrival::Packet(stream, packet) => (stream, Some(packet)),
            Arrival::Events(stream) => (stream, None),
            Arrival::Unknown
            | Arrival::Done
            | Arrival::Parked(_)
            | Arrival::Stray(_)
            | Arrival::PathFrame(..) => return,
        };
        let StreamOwner::Raw(conn) = stream.owner() else { return };
        match packet {
            Some(packet) => self.handle_packet(cx, conn, stream, &packet),
            None => self.handle_events(cx, conn, stream),
        }
    }

    /// Forgets a stream that its peer has ended before it was connected.
    fn settle_early(&mut self, streams: &mut Streams, conn: ConnId) {
        let Some(raw) = self.table.get(conn) else { return };
        if raw.has_delivery() {
            self.deliveries.insert(conn);
        }
        if raw.is_closed() {
            streams.cancel(raw.stream);
            self.table.remove(conn);
        }
    }

    fn update(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        conn: ConnId,
        change: impl FnOnce(&mut RawStream, &mut Cx<'_>, &mut StreamMut<'_>),
    ) {
        let Some(stream) = self.stream_of(conn).and_then(|stream| streams.get(stream)) else {
            return;
        };
        self.change(cx, conn, stream, change);
    }

    fn change(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        stream: StreamMut<'_>,
        change: impl FnOnce(&mut RawStream, &mut Cx<'_>, &mut StreamMut<'_>),
    ) {
        let mut has_delivery = false;
        self.table.change(cx, conn, stream, |raw, cx, stream| {
            change(raw, cx, stream);
            has_delivery = raw.has_delivery();
        });
        if has_delivery {
            self.deliveries.insert(conn);
        }
    }
}

#[cfg(test)]
mod tests;
