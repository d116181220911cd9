//! The layers below the connecting machines, and the passing of packets between streams and owners.

use std::net::SocketAddrV4;

use super::announcers::Announcers;
use crate::base::{Io, LocalAddresses, Pool};
use crate::conn::{Call, ConnOwner, Conns};
use crate::net::Net;
use crate::punch::{Base, Punchers};
use crate::raw::Raws;
use crate::streams::{Arrival, StreamMut, StreamOwner, Streams};
use crate::{ConnId, ConnPath, ConnStats, Cx, SocketId, StreamId, Transmit, TransmitBuf};

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
}

/// The outcome of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DatagramOutcome {
    /// The datagram belongs to no stream.
    Other,
    /// The datagram was handled.
    Taken,
    /// The packet is parked until the attempt or server of this connection decides on its path.
    Parked(ConnId),
}

impl Lower {
    pub(super) fn base(&mut self) -> Base<'_> {
        let Self { net, streams, conns, pool, punchers, local, announcers, .. } = self;
        let io = Io { net, streams, conns, pool, local, announced: announcers };
        Base { io, punchers }
    }

    pub(super) fn punch(&mut self) -> (&mut Punchers, Io<'_>) {
        let Base { io, punchers } = self.base();
        (punchers, io)
    }

    /// Takes a datagram if it names one of our streams, and passes it to the owner.
    pub(super) fn handle_packet(
        &mut self,
        cx: &mut Cx<'_>,
        socket: SocketId,
        from: SocketAddrV4,
        data: &[u8],
    ) -> DatagramOutcome {
        match self.streams.handle_datagram(cx, socket, from, data) {
            Arrival::Unknown => return DatagramOutcome::Other,
            Arrival::Done => {}
            Arrival::Parked(StreamOwner::Conn(conn)) => return DatagramOutcome::Parked(conn),
            Arrival::Parked(StreamOwner::Raw(_) | StreamOwner::Nobody) => {}
            Arrival::Stray(conn) => {
                self.raws.handle_stray(cx, &mut self.streams, conn, (socket, from), data);
            }
            Arrival::Packet(stream, packet) => match stream.owner() {
                StreamOwner::Conn(conn) => self.conns.handle_packet(cx, conn, stream, &packet),
                StreamOwner::Raw(conn) => self.raws.handle_packet(cx, conn, stream, &packet),
                StreamOwner::Nobody => {}
            },
            Arrival::Events(stream) => pass_events(cx, &mut self.conns, &mut self.raws, stream),
        }
        DatagramOutcome::Taken
    }

    /// Destroys the streams whose packets were forwarded to a stream that is gone.
    pub(super) fn settle_orphans(&mut self, cx: &mut Cx<'_>) {
        while let Some(stream) = self.streams.poll_orphan(cx) {
            pass_events(cx, &mut self.conns, &mut self.raws, stream);
        }
    }

    pub(super) fn handle_stream_timeout(&mut self, cx: &mut Cx<'_>, stream: StreamId) {
        if let Some(stream) = self.streams.handle_timeout(cx, stream) {
            pass_events(cx, &mut self.conns, &mut self.raws, stream);
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
            StreamOwner::Nobody => {}
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

    /// Raw streams belong to the application.
    pub(super) fn owns_raw(&self, caller: ConnOwner, conn: ConnId) -> bool {
        caller == ConnOwner::Application && self.raws.has(conn)
    }

    /// Ends all connections and raw streams.
    pub(super) fn destroy_all(&mut self, cx: &mut Cx<'_>) {
        self.conns.destroy_all(cx, &mut self.streams);
        self.raws.destroy_all(cx, &mut self.streams);
    }

    pub(super) fn conn_path(&self, conn: ConnId) -> Option<ConnPath> {
        self.conns.path(&self.streams, conn).or_else(|| self.raws.path(&self.streams, conn))
    }

    pub(super) fn conn_stats(&self, conn: ConnId) -> Option<ConnStats> {
        self.raws.stats(&self.streams, conn).or_else(|| self.conns.stats(&self.streams, conn))
    }
}

/// Lets the owner of a stream take the stream's events.
fn pass_events(cx: &mut Cx<'_>, conns: &mut Conns, raws: &mut Raws, stream: StreamMut<'_>) {
    match stream.owner() {
        StreamOwner::Conn(conn) => conns.handle_events(cx, conn, stream),
        StreamOwner::Raw(conn) => raws.handle_events(cx, conn, stream),
        StreamOwner::Nobody => {}
    }
}
