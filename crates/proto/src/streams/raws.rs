//! What only raw streams need: ids that the application chooses, and packets that it decides on.

use std::net::SocketAddr;

use super::{Arrival, Path, StreamOwner, StreamState, Streams};
use crate::{ConnId, Cx, RawRemote, SocketId, StreamId};

impl Streams {
    /// Takes this id. False if a stream with an owner has it. A stream without an owner gives it up:
    /// it only waits for repetitions of its peer.
    pub(crate) fn claim(&mut self, cx: &mut Cx<'_>, id: StreamId, owner: StreamOwner) -> bool {
        match self.table.get_mut(id) {
            Some(StreamState::Connected(transport)) if transport.owner == StreamOwner::Nobody => {
                transport.send_last(cx);
            }
            Some(_) => return false,
            None => {}
        }
        self.forget(cx, id);
        self.table.reserve(id, owner);
        true
    }

    /// The owner of a stream that has no path yet.
    pub(crate) fn reserved_by(&self, id: StreamId) -> Option<StreamOwner> {
        self.table.reserved(id).map(|reserved| reserved.owner)
    }

    /// Whether the packets of a stream are forwarded.
    pub(crate) fn is_relay(&self, id: StreamId) -> bool {
        self.shared.relays.target(id).is_some()
    }

    /// Takes a datagram that the owner of its stream has let in.
    pub(crate) fn admit<'a>(
        &'a mut self,
        cx: &mut Cx<'_>,
        socket: SocketId,
        from: SocketAddr,
        data: &'a [u8],
    ) -> Arrival<'a> {
        self.deliver(cx, (socket, from), data, true)
    }

    /// Whether a connected stream has sent packets that its peer has not acknowledged.
    pub(crate) fn has_unacknowledged(&self, id: StreamId) -> bool {
        self.table.connected(id).is_some_and(|transport| transport.udx.has_unacknowledged())
    }

    /// Where a stream beside a connected one finds the same peer, whichever paths the two ends of that
    /// one have found.
    pub(crate) fn way_back(&self, id: StreamId) -> Option<RawRemote> {
        let transport = self.table.connected(id)?;
        let Path { socket, remote: address } = transport.way_back();
        Some(RawRemote { socket, address, id: transport.udx.remote_id()? })
    }

    /// Whether a connected stream takes what comes from this address to this socket.
    pub(crate) fn lets_in(&self, id: StreamId, socket: SocketId, from: SocketAddr) -> bool {
        self.table.connected(id).is_some_and(|transport| transport.lets_in(socket, from))
    }
}

impl StreamState {
    /// The raw stream that it is, if that is not connected to this socket.
    pub(super) fn strays_to(&self, socket: SocketId) -> Option<ConnId> {
        let (owner, is_stray) = match self {
            Self::Reserved(reserved) => (reserved.owner, true),
            Self::Connected(transport) => (transport.owner, transport.path().socket != socket),
        };
        let StreamOwner::Raw(conn) = owner else { return None };
        is_stray.then_some(conn)
    }
}
