//! The layers below the connecting machines, and the passing of packets between streams and owners.

use std::net::SocketAddr;

use super::announcers::Announcers;
use crate::base::{Io, LocalAddresses, Pool};
use crate::conn::{Call, ConnOwner, Conns, PathNews};
use crate::cx::Detour;
use crate::net::{Net, Owner, Reply, RequestSpec};
use crate::punch::{Base, Punchers};
use crate::raw::Raws;
use crate::relay::{Pairings, Relays};
use crate::secret::path_frame;
use crate::streams::{Arrival, Path, StreamMut, StreamOwner, Streams};
use crate::wire::{Handshake, Mode, command, is_destination};
use crate::{
    ConnId, ConnPath, ConnStats, Cx, Event, PathInfo, RawCommand, RawRemote, RelayStats, ServerId,
    SocketId, StreamId, Transmit, TransmitBuf,
};

/// The layers that the connecting machines use.
#[derive(Debug)]
pub(super) struct Lower {
    pub(super) net: Net,
    pub(super) streams: Streams,
    pub(super) conns: Conns,
    pub(super) raws: Raws,
    pub(super) pool: Pool,
    pub(super) punchers: Punchers,
    pub(super) local: LocalAddresses,
    pub(super) announcers: Announcers,
    /// Connections of ours at blind relays.
    pub(super) pairings: Pairings,
    /// Blind relays of this node.
    pub(super) relays: Relays,
    /// Connections that have got packets since [`Self::settle_arrivals`].
    pub(super) arrivals: Vec<ConnId>,
}

/// The outcome of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DatagramOutcome {
    /// The datagram belongs to no stream.
    Other,
    /// The datagram was handled.
    Taken,
    /// A packet has come over a path that the connection does not use. Its attempt or server
    /// decides on that.
    NewPath(ConnId),
    /// The first packet for a stream of a blind relay is parked.
    Relayed(StreamId),
}

impl Lower {
    pub(super) fn base(&mut self) -> Base<'_> {
        let Self { net, streams, conns, pool, punchers, local, announcers, pairings, .. } = self;
        let io = Io { net, streams, conns, pool, local, announced: announcers };
        Base { io, punchers, pairings }
    }

    pub(super) fn punch(&mut self) -> (&mut Punchers, Io<'_>) {
        let Base { io, punchers, .. } = self.base();
        (punchers, io)
    }

    pub(super) fn pairings(&mut self) -> (&mut Pairings, Io<'_>) {
        let Base { io, pairings, .. } = self.base();
        (pairings, io)
    }

    pub(super) fn relays(&mut self) -> (&mut Relays, Io<'_>) {
        let Self { net, streams, conns, pool, local, announcers, relays, .. } = self;
        (relays, Io { net, streams, conns, pool, local, announced: announcers })
    }

    /// Takes a datagram if it names one of our streams, and passes it to the owner.
    /// [`Self::settle_arrivals`] has to follow.
    pub(super) fn handle_packet(
        &mut self,
        cx: &mut Cx<'_>,
        socket: SocketId,
        from: SocketAddr,
        data: &[u8],
    ) -> DatagramOutcome {
        match self.streams.handle_datagram(cx, socket, from, data) {
            Arrival::Unknown => return DatagramOutcome::Other,
            Arrival::Done => {}
            Arrival::Parked(StreamOwner::Conn(conn)) => return DatagramOutcome::NewPath(conn),
            Arrival::Parked(StreamOwner::Relay) => {
                let stream = udx::stream_id(data).map(StreamId);
                return stream.map_or(DatagramOutcome::Taken, DatagramOutcome::Relayed);
            }
            Arrival::Parked(StreamOwner::Raw(_) | StreamOwner::Nobody) => {}
            Arrival::Stray(conn) => {
                self.raws.handle_stray(cx, &mut self.streams, conn, (socket, from), data);
            }
            Arrival::Packet(stream, packet) => match stream.owner() {
                StreamOwner::Conn(conn) => {
                    let is_better = stream.is_better(from);
                    self.conns.handle_packet(cx, conn, stream, &packet);
                    if self.arrivals.last() != Some(&conn) {
                        self.arrivals.push(conn);
                    }
                    if is_better {
                        self.settle_arrivals(cx);
                        return DatagramOutcome::NewPath(conn);
                    }
                }
                StreamOwner::Raw(conn) => self.raws.handle_packet(cx, conn, stream, &packet),
                // A stream of a relay forwards its packets.
                StreamOwner::Relay | StreamOwner::Nobody => {}
            },
            Arrival::PathFrame(stream, frame) => {
                if let StreamOwner::Conn(conn) = stream.owner() {
                    let at = Path { socket, remote: from };
                    self.conns.handle_path_frame(cx, conn, stream, at, frame);
                }
            }
            Arrival::Events(stream) => {
                pass_events(cx, (&mut self.conns, &mut self.raws, &mut self.relays), stream);
            }
        }
        DatagramOutcome::Taken
    }

    /// Lets the connections that have got packets go on. A run of packets of one stream does so
    /// once.
    pub(super) fn settle_arrivals(&mut self, cx: &mut Cx<'_>) {
        while let Some(conn) = self.arrivals.pop() {
            self.conns.handle_packets_end(cx, &mut self.streams, conn);
        }
    }

    /// Sends the frames about paths that take the way of a handshake. While many requests are under
    /// way, they are dropped: each is followed by another one.
    pub(super) fn settle_detours(&mut self, cx: &mut Cx<'_>) {
        while let Some(Detour { conn, socket, relay, target, packet }) = cx.out.detours.pop_front()
        {
            if self.net.live_requests() >= MAX_REQUESTS {
                continue;
            }
            let (peer_address, relay_address) = (None, None);
            let mode = Mode::FromClient;
            let message = Handshake { mode, noise: packet, peer_address, relay_address };
            let spec = RequestSpec {
                value: Some(message.encode().into()),
                socket: Some(socket),
                retries: 0,
                ..RequestSpec::user(relay, command::PEER_HANDSHAKE, Some(target))
            };
            self.net.request(cx, spec, Owner::Path(conn));
        }
    }

    /// Takes a packet about a path that a relay has forwarded, instead of a handshake. Returns what
    /// the relay is to return, and the socket to send it from.
    pub(super) fn handle_detour(
        &mut self,
        cx: &mut Cx<'_>,
        message: &Handshake,
    ) -> Option<(SocketId, Handshake)> {
        let peer = message.peer_address.filter(|peer| is_destination(*peer))?;
        let (frame, stream) =
            (path_frame(&message.noise)?, udx::stream_id(&message.noise).map(StreamId)?);
        let stream = self.streams.get(stream)?;
        let StreamOwner::Conn(conn) = stream.owner() else { return None };
        let (socket, noise) = self.conns.handle_detour(cx, conn, stream, peer, frame)?;
        let (mode, peer_address) = (Mode::FromServer, Some(peer));
        Some((socket, Handshake { mode, noise, peer_address, relay_address: None }))
    }

    /// Takes the reply of a relay to a packet about the path of a connection.
    pub(super) fn handle_detour_reply(&mut self, cx: &mut Cx<'_>, conn: ConnId, reply: &Reply) {
        let message = reply.value.as_deref().and_then(|value| Handshake::decode(value).ok());
        let Some(Handshake { mode: Mode::Reply, noise, peer_address: Some(peer), .. }) = message
        else {
            return;
        };
        if let Some(frame) = path_frame(&noise).filter(|_| is_destination(peer)) {
            self.conns.handle_detour_reply(cx, &mut self.streams, conn, peer, frame);
        }
    }

    /// Lets streams follow the connections that take the same paths, and lets those prove where the
    /// peer is as soon as another stream comes to their path.
    pub(super) fn settle_paths(&mut self, cx: &mut Cx<'_>) {
        for news in self.conns.take_news() {
            for stream in self.streams.on_path(news.path()) {
                self.follow(cx, stream, news);
            }
        }
        for path in self.streams.take_joined() {
            for stream in self.streams.on_path(path) {
                let Some(stream) = self.streams.get(stream) else { continue };
                if let StreamOwner::Conn(conn) = stream.owner() {
                    self.conns.handle_company(cx, conn, stream);
                }
            }
        }
    }

    /// Whether [`Self::settle_paths`] has something to pass on.
    pub(super) fn has_path_news(&self) -> bool {
        self.conns.has_news() || self.streams.has_joined()
    }

    /// A connection on the path of this stream has proven that an end of it has moved.
    fn follow(&mut self, cx: &mut Cx<'_>, stream: StreamId, news: PathNews) {
        let Some(mut stream) = self.streams.get(stream) else { return };
        match (stream.owner(), news) {
            (StreamOwner::Raw(conn), news) => self.raws.follow(cx, conn, stream, news),
            (StreamOwner::Relay, PathNews::PeerMoved { to, .. }) => {
                stream.change_proven(cx.now, to);
                self.relays.handle_events(cx, stream);
            }
            (StreamOwner::Conn(conn), PathNews::WeMoved { .. }) => {
                self.conns.handle_relay_news(cx, conn, stream);
            }
            // A stream that forwards repeats nothing, and a connection proves itself where its peer
            // is.
            (StreamOwner::Relay, PathNews::WeMoved { .. })
            | (StreamOwner::Conn(_), PathNews::PeerMoved { .. })
            | (StreamOwner::Nobody, _) => {}
        }
    }

    /// Destroys the streams whose packets were forwarded to a stream that is gone.
    pub(super) fn settle_orphans(&mut self, cx: &mut Cx<'_>) {
        while let Some(stream) = self.streams.poll_orphan(cx) {
            pass_events(cx, (&mut self.conns, &mut self.raws, &mut self.relays), stream);
        }
    }

    pub(super) fn handle_stream_timeout(&mut self, cx: &mut Cx<'_>, stream: StreamId) {
        if let Some(stream) = self.streams.handle_timeout(cx, stream) {
            pass_events(cx, (&mut self.conns, &mut self.raws, &mut self.relays), stream);
        }
    }

    pub(super) fn poll_transmit(
        &mut self,
        cx: &mut Cx<'_>,
        buf: &mut TransmitBuf,
    ) -> Option<Transmit> {
        let sent = self.streams.poll_transmit(cx, buf)?;
        match sent.owner {
            StreamOwner::Conn(conn) => self.conns.handle_sent(cx, conn, sent.unsent),
            StreamOwner::Raw(conn) => self.raws.handle_sent(cx, conn, sent.unsent),
            StreamOwner::Relay | StreamOwner::Nobody => {}
        }
        Some(sent.transmit)
    }

    /// Passes a call on to a connection or raw stream, if the caller owns it.
    pub(super) fn call(&mut self, cx: &mut Cx<'_>, caller: ConnOwner, conn: ConnId, call: Call) {
        if self.owns_raw(caller, conn) {
            return self.raws.call(cx, &mut self.streams, conn, call);
        }
        self.conns.call(cx, &mut self.streams, conn, caller, call);
    }

    /// Carries out a command of the application for a raw stream, or for the stream below one of its
    /// connections.
    pub(super) fn raw(&mut self, cx: &mut Cx<'_>, conn: ConnId, command: RawCommand) {
        let Self { raws, streams, .. } = self;
        let call = match command {
            RawCommand::Create(options) => return raws.create(cx, streams, conn, options),
            RawCommand::Connect { remote, ack } => {
                return raws.connect(cx, streams, conn, remote, ack);
            }
            RawCommand::RelayTo(target) => return self.relay_to(cx, conn, target),
            RawCommand::ChangeRemote(remote) => Call::ChangeRemote(remote),
            RawCommand::SetHeartbeat(interval) => Call::SetHeartbeat(interval),
        };
        self.call(cx, ConnOwner::Application, conn, call);
    }

    fn relay_to(&mut self, cx: &Cx<'_>, source: ConnId, target: ConnId) {
        if let (Some(source), Some(target)) = (self.stream_of(source), self.stream_of(target)) {
            self.streams.relay_to(cx.now, source, target, None);
        }
    }

    /// The stream of a raw stream, or of a connection of the application.
    fn stream_of(&self, conn: ConnId) -> Option<StreamId> {
        let raw = self.raws.stream_of(conn);
        raw.or_else(|| self.conns.stream_of(ConnOwner::Application, conn))
    }

    /// Whether a connection or raw stream has sent packets that its peer has not acknowledged.
    pub(super) fn has_unacknowledged(&self, conn: ConnId) -> bool {
        self.stream_of(conn).is_some_and(|stream| self.streams.has_unacknowledged(stream))
    }

    /// Where a raw stream beside this connection or raw stream finds the same peer.
    pub(super) fn way_back(&self, conn: ConnId) -> Option<RawRemote> {
        self.streams.way_back(self.stream_of(conn)?)
    }

    /// Raw streams belong to the application.
    pub(super) fn owns_raw(&self, caller: ConnOwner, conn: ConnId) -> bool {
        caller == ConnOwner::Application && self.raws.has(conn)
    }

    /// Gives the application the bytes that have arrived on its streams.
    pub(super) fn deliver(&mut self, events: &mut Vec<Event>) {
        self.conns.deliver(events);
        self.raws.deliver(events);
    }

    /// Ends all connections and raw streams.
    pub(super) fn destroy_all(&mut self, cx: &mut Cx<'_>) {
        self.conns.destroy_all(cx, &mut self.streams);
        self.raws.destroy_all(cx, &mut self.streams);
    }

    pub(super) fn conn_path(&self, conn: ConnId) -> Option<ConnPath> {
        self.conns.path(&self.streams, conn).or_else(|| self.raws.path(&self.streams, conn))
    }

    pub(super) fn relay_stats(&self, server: ServerId) -> Option<RelayStats> {
        self.relays.stats(&self.streams, server)
    }

    pub(super) fn path_info(&self, conn: ConnId) -> Option<PathInfo> {
        self.conns.path_info(&self.streams, conn)
    }

    pub(super) fn conn_stats(&self, conn: ConnId) -> Option<ConnStats> {
        self.raws.stats(&self.streams, conn).or_else(|| self.conns.stats(&self.streams, conn))
    }
}

/// Lets the owner of a stream take the stream's events.
fn pass_events(
    cx: &mut Cx<'_>,
    (conns, raws, relays): (&mut Conns, &mut Raws, &mut Relays),
    stream: StreamMut<'_>,
) {
    match stream.owner() {
        StreamOwner::Conn(conn) => conns.handle_events(cx, conn, stream),
        StreamOwner::Raw(conn) => raws.handle_events(cx, conn, stream),
        StreamOwner::Relay => relays.handle_events(cx, stream),
        StreamOwner::Nobody => {}
    }
}

/// While so many requests are under way, no detour is taken: a node with thousands of connections
/// looks for all of their peers at once, and its other requests need their place in the congestion
/// window.
const MAX_REQUESTS: usize = 32;
