//! Connections: a UDX stream and the secret stream on it, from the first packet to the last.

use std::net::SocketAddrV4;

use crate::noise::Finished;
use crate::{ConnError, ConnId, ServerId, SocketId};
use crate::Cx;

/// All connections of a node.
#[derive(Debug, Default)]
pub(crate) struct Conns {}

/// Where the packets of a connection go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) socket: SocketId,
    pub(crate) remote: SocketAddrV4,
}

impl Conns {
    /// Makes the stream of a connection that will be dialled. Packets for its id are parked from
    /// here on; the first one is reported as `Output::FirstPacket`. Returns the UDX stream id.
    pub(crate) fn dial(&mut self, _cx: &mut Cx<'_>, _conn: ConnId) -> u32 {
        unimplemented!()
    }

    /// The same for a connection that a server may accept; the id of the connection is new.
    pub(crate) fn accept(&mut self, _cx: &mut Cx<'_>, _server: ServerId) -> (ConnId, u32) {
        unimplemented!()
    }

    /// Gives the connection its path and keys: it opens, and tells the application.
    pub(crate) fn open(
        &mut self,
        _cx: &mut Cx<'_>,
        _conn: ConnId,
        _path: Path,
        _remote_id: u32,
        _keys: Finished,
    ) {
        unimplemented!()
    }

    /// Ends a connection that has not opened. A dialled one tells the application, an accepted
    /// one was never known to it.
    pub(crate) fn fail(&mut self, _cx: &mut Cx<'_>, _conn: ConnId, _error: Option<ConnError>) {
        unimplemented!()
    }

    /// How many connections use a socket.
    pub(crate) fn users_of(&self, _socket: SocketId) -> usize {
        unimplemented!()
    }
}
