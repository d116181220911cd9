//! The transport: UDX streams, their paths, and their owners.
//!
//! An owner *reserves* a stream, so that the peer can be told its id; packets that arrive before
//! the path is known are parked. The owner *connects* the stream once there is a path, and
//! *releases* it in the end. A released stream has no owner; it answers the peer's retransmissions
//! until it is done. A datagram finds its stream by the stream id alone. This module does not read
//! what a stream carries: it hands packets and deadlines to the owner as a [`StreamMut`], and the
//! owner calls [`StreamMut::settle`].
//! Reference: udx-native 1.x, `udx.c`.

mod budget;
mod forwarding;
mod parked;
mod path;
mod path_index;
mod path_load;
mod path_set;
mod rate;
mod raws;
mod refused;
mod relays;
mod shared;
mod silence;
mod socket_use;
mod stream_mut;
mod table;
mod transport;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Instant;

use crate::{ConnId, Cx, Sizes, SocketId, StreamId, Timer, Transmit, TransmitBuf};

pub(crate) use parked::Parked;
pub(crate) use path::{Path, RemoteStream};
use refused::RefusedStreams;
use shared::Shared;
pub(crate) use stream_mut::StreamMut;
use table::{StreamState, StreamTable};
use transport::Transport;

/// The consumer of what a stream delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamOwner {
    /// A connection: the secret stream is on top.
    Conn(ConnId),
    /// A blind relay: the stream forwards what it gets.
    Relay,
    /// A raw stream of the application.
    Raw(ConnId),
    /// The owner has released the stream, which answers its peer until it is done and delivers
    /// nothing.
    Nobody,
}

/// All UDX streams of a node.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    table: StreamTable,
    refused: RefusedStreams,
    shared: Shared,
}

/// What became of a datagram.
#[derive(Debug)]
pub(crate) enum Arrival<'a> {
    /// The datagram belongs to no stream.
    Unknown,
    /// The datagram was handled, and no owner has to know of it.
    Done,
    /// The datagram is parked until the owner of the stream decides on a path.
    Parked(StreamOwner),
    /// The datagram is for a raw stream that is not connected to this socket. The owner drops it,
    /// or lets it in: [`Streams::admit`].
    Stray(ConnId),
    /// The packet is for the owner of a connected stream.
    Packet(StreamMut<'a>, udx::Packet<'a>),
    /// The frame about the path is for the connection that owns the stream.
    PathFrame(StreamMut<'a>, &'a [u8]),
    /// The packet was handled, and the stream has events for its owner.
    Events(StreamMut<'a>),
}

/// What became of datagrams that may be for a stream that forwards them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// They were not forwarded: [`Streams::handle_datagram`] takes each of them.
    Closed,
    /// They wait to be sent, or were dropped.
    Queued,
    /// They are readdressed, and to be sent from their buffer.
    InPlace(Transmit),
}

/// Datagrams in a buffer, with what the owner of their stream needs to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamTransmit {
    pub(crate) transmit: Transmit,
    pub(crate) owner: StreamOwner,
    /// Bytes that the owner wrote and that have not left yet.
    pub(crate) unsent: usize,
}

impl Streams {
    /// Takes a new id. Packets for it are parked from here on.
    pub(crate) fn reserve(&mut self, cx: &mut Cx<'_>, owner: StreamOwner) -> StreamId {
        loop {
            let id = StreamId(cx.rng.u32());
            if id.0 != 0 && !self.refused.contains(id) && self.claim(cx, id, owner) {
                return id;
            }
        }
    }

    /// Records that the peer is told the id of a reserved stream. `peer` is the peer's own end.
    pub(crate) fn introduce(&mut self, id: StreamId, peer: RemoteStream) {
        if let Some(reserved) = self.table.reserved_mut(id) {
            reserved.peer = Some(peer);
        }
    }

    /// Gives a reserved stream its path. Returns it with the packets that were parked; the owner
    /// has to settle it.
    pub(crate) fn connect(
        &mut self,
        cx: &mut Cx<'_>,
        id: StreamId,
        path: Path,
        remote: RemoteStream,
    ) -> Option<(StreamMut<'_>, Parked)> {
        let config = udx::Config { probes_early: true, ..udx::Config::default() };
        let early = udx::Stream::new(id.0, config);
        self.connect_early(cx, id, path, remote, early)
    }

    /// The same for a stream that has taken packets already.
    pub(crate) fn connect_early(
        &mut self,
        cx: &mut Cx<'_>,
        id: StreamId,
        path: Path,
        remote: RemoteStream,
        early: udx::Stream,
    ) -> Option<(StreamMut<'_>, Parked)> {
        let reserved = self.table.reserved_mut(id)?;
        let (mut parked, mut held) = reserved.take(&mut self.shared.forwarding);
        let mut transport = Transport::connect(cx.now, id, reserved.owner, path, remote, early);
        for datagram in held.take() {
            self.shared.forward(&mut transport, &datagram);
        }
        let target = self.shared.relays.target(id);
        if target.is_some() {
            transport.udx.start_relaying();
        }
        self.table.connect(transport);
        self.shared.sockets.enter(path.socket);
        if let Some(target) = target {
            for datagram in parked.take() {
                self.forward(cx, id, target, &datagram);
            }
        }
        Some((self.get(id)?, parked))
    }

    /// A connected stream, for its owner.
    pub(crate) fn get(&mut self, id: StreamId) -> Option<StreamMut<'_>> {
        let transport = self.table.connected_mut(id)?;
        Some(StreamMut::new(transport, &mut self.shared))
    }

    /// Takes a datagram if it names one of our streams.
    pub(crate) fn handle_datagram<'a>(
        &'a mut self,
        cx: &mut Cx<'_>,
        socket: SocketId,
        from: SocketAddr,
        data: &'a [u8],
    ) -> Arrival<'a> {
        self.deliver(cx, (socket, from), data, false)
    }

    /// Takes a datagram if it names one of our streams, and if the stream's owner has let it in or
    /// need not be asked.
    fn deliver<'a>(
        &'a mut self,
        cx: &mut Cx<'_>,
        (socket, from): (SocketId, SocketAddr),
        data: &'a [u8],
        is_admitted: bool,
    ) -> Arrival<'a> {
        let Some(id) = udx::stream_id(data).map(StreamId) else { return Arrival::Unknown };
        if let Some(target) = self.relays_to(id) {
            let stray = self.table.get(id).and_then(|state| state.strays_to(socket));
            return match stray.filter(|_| !is_admitted) {
                Some(conn) => Arrival::Stray(conn),
                None => self.handle_relayed(cx, id, target, (socket, from), data),
            };
        }
        if let Some(frame) = udx::path_frame(data).filter(|_| self.table.is_of_connection(id)) {
            return self.deliver_path_frame(cx, id, frame);
        }
        let state = self.table.get_mut(id);
        let stray = state.as_ref().and_then(|state| state.strays_to(socket));
        if let Some(conn) = stray.filter(|_| !is_admitted) {
            return Arrival::Stray(conn);
        }
        let transport = match state {
            None if self.refused.handle_datagram(cx, id, socket, from, data) => {
                return Arrival::Done;
            }
            None => return Arrival::Unknown,
            Some(StreamState::Reserved(reserved)) => {
                let is_parked = reserved.park(cx, from, data);
                return if is_parked { Arrival::Parked(reserved.owner) } else { Arrival::Done };
            }
            Some(StreamState::Connected(transport)) => transport,
        };
        let Some(packet) = udx::Packet::parse(data) else {
            cx.stats.dropped.udx += 1;
            return Arrival::Done;
        };
        transport.handle_arrival(cx.now, socket, from, &mut self.shared.sockets);
        let mut stream = StreamMut::new(transport, &mut self.shared);
        if stream.owner() == StreamOwner::Nobody {
            stream.handle_packet(cx.now, &packet, &mut Discard);
            stream.settle(cx);
            return Arrival::Done;
        }
        Arrival::Packet(stream, packet)
    }

    /// Passes a frame about the path to the connection that owns the stream, if it is open. The
    /// frame says nothing about the stream itself.
    fn deliver_path_frame<'a>(
        &'a mut self,
        cx: &mut Cx<'_>,
        id: StreamId,
        frame: &'a [u8],
    ) -> Arrival<'a> {
        match self.get(id) {
            Some(stream) => Arrival::PathFrame(stream, frame),
            None => {
                cx.stats.dropped.udx += 1;
                Arrival::Done
            }
        }
    }

    /// Handles `Timer::Stream`. Returns the stream if it has an owner, who has to settle it.
    pub(crate) fn handle_timeout(
        &mut self,
        cx: &mut Cx<'_>,
        id: StreamId,
    ) -> Option<StreamMut<'_>> {
        let mut stream = self.get(id)?;
        stream.handle_timeout(cx.now);
        if stream.owner() == StreamOwner::Nobody {
            stream.settle(cx);
            return None;
        }
        Some(stream)
    }

    /// Fills the buffer from the next stream that has something to send.
    pub(crate) fn poll_transmit(
        &mut self,
        cx: &mut Cx<'_>,
        buf: &mut TransmitBuf,
    ) -> Option<StreamTransmit> {
        while let Some(id) = self.shared.ready.pop_front() {
            let Some(transport) = self.table.connected_mut(id) else { continue };
            let sent = transport.poll_transmit(cx.now, buf, self.shared.room(transport));
            self.shared.count(transport);
            if sent.is_some() {
                self.shared.ready.push_back(id);
                return sent;
            }
            transport.ready = false;
            transport.set_timer(cx);
            if transport.is_over() {
                self.forget(cx, id);
            }
        }
        None
    }

    /// Gives a reserved id back. A peer that knows the id is refused when it sends to it. Connected
    /// streams are released by [`StreamMut::release`] instead.
    pub(crate) fn cancel(&mut self, id: StreamId) {
        let Some(reserved) = self.table.reserved_mut(id) else { return };
        reserved.take(&mut self.shared.forwarding);
        if let Some(peer) = reserved.peer {
            self.refused.insert(id, peer);
        }
        self.shared.relays.end(id);
        self.table.remove(id);
    }

    /// Forgets every stream without an owner, even if its peer may still retransmit to it.
    pub(crate) fn forget_released(&mut self, cx: &mut Cx<'_>) {
        for id in self.table.released() {
            self.forget(cx, id);
        }
    }

    /// What a connected stream measures.
    pub(crate) fn stats(&self, id: StreamId) -> Option<udx::StreamStats> {
        self.table.connected(id).map(|transport| transport.udx.stats())
    }

    /// The path of a connected stream, and whether that path is validated.
    pub(crate) fn path(&self, id: StreamId) -> Option<(Path, bool)> {
        self.table.connected(id).map(|transport| (transport.path(), transport.is_validated()))
    }

    /// Whether both ends of a stream have left its interim path. True if it has no such path.
    pub(crate) fn has_left(&self, id: StreamId, now: Instant) -> bool {
        self.table.connected(id).is_none_or(|transport| transport.has_left(now))
    }

    /// How many paths of streams use a socket.
    pub(crate) fn users_of(&self, socket: SocketId) -> usize {
        self.shared.sockets.users_of(socket)
    }

    /// Sockets that a path has left since the last call; other paths may still use them.
    pub(crate) fn take_unused(&mut self) -> Vec<SocketId> {
        self.shared.sockets.take_left()
    }

    /// The streams that take a path.
    pub(crate) fn on_path(&self, path: Path) -> Vec<StreamId> {
        self.shared.paths.on(path)
    }

    /// The host at the end of a path has reported that nobody receives there.
    pub(crate) fn handle_unreachable(&mut self, cx: &mut Cx<'_>, path: Path) {
        for id in self.on_path(path) {
            if let Some(mut stream) = self.get(id) {
                stream.handle_unreachable(cx.now);
                stream.settle(cx);
            }
        }
    }

    pub(crate) fn has_joined(&self) -> bool {
        self.shared.paths.has_joined()
    }

    /// Paths to which a stream of a relay or a raw stream has come since the last call.
    pub(crate) fn take_joined(&mut self) -> BTreeSet<Path> {
        self.shared.paths.take_joined()
    }

    /// The number of streams, including those without an owner.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Counts what is kept.
    pub(crate) fn measure(&self, sizes: &mut Sizes) {
        let Shared { ready, relays, paths, loads, .. } = &self.shared;
        let own = [self.table.len(), self.refused.len()];
        let shared = [ready.len(), relays.len(), paths.len(), loads.len()];
        let indexes = own.into_iter().chain(shared);
        sizes.stream_index = indexes.max().unwrap_or(0);
        sizes.reports += self.shared.sockets.left();
        sizes.sending = self.table.held();
    }

    fn forget(&mut self, cx: &mut Cx<'_>, id: StreamId) {
        let Some(StreamState::Connected(mut transport)) = self.table.remove(id) else { return };
        self.shared.forget(&mut transport);
        transport.leave_sockets(&mut self.shared.sockets);
        cx.timers.cancel(Timer::Stream(id));
    }
}

/// The sink of a stream without an owner: it discards all data.
struct Discard;

impl udx::Sink for Discard {
    fn data(&mut self, _: &[u8]) -> usize {
        0
    }
    fn message(&mut self, _: &[u8]) {}
    fn end(&mut self) {}
}

#[cfg(test)]
mod tests;
