//! What punching and connecting stand on: the layers below, and the sockets and addresses that
//! they share.

mod local;
mod pool;

use std::net::SocketAddrV4;
use std::time::Duration;

pub(crate) use local::LocalAddresses;
pub(crate) use pool::{Bound, Party, Pool};

use crate::conn::{ConnOwner, Conns, OwnedConn};
use crate::net::Net;
use crate::noise::Finished;
use crate::streams::{Path, RemoteStream, Streams};
use crate::wire::Relay;
use crate::{ConnError, ConnId, Cx, ServerId, SocketId, StreamId};

/// The layers below, borrowed for one call.
pub(crate) struct Io<'a> {
    pub(crate) net: &'a mut Net,
    pub(crate) streams: &'a mut Streams,
    pub(crate) conns: &'a mut Conns,
    pub(crate) pool: &'a mut Pool,
    pub(crate) local: &'a mut LocalAddresses,
    pub(crate) announced: &'a dyn Announced,
}

/// Names a puncher; never used twice in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PunchId(pub(crate) u32);

/// What a puncher works for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PunchOwner {
    /// The client: it speaks first, and the first probe that reaches it decides the path.
    Conn(ConnId),
    /// A server's handshake: it answers every probe.
    Slot(ServerId, u32),
}

impl Io<'_> {
    /// True for the main sockets, and for one of the pool that somebody holds.
    pub(crate) fn is_open(&self, socket: SocketId) -> bool {
        socket.0 < SocketId::FIRST_POOL || self.pool.is_open(socket)
    }

    /// Reserves the stream of a connection that will be dialled, and returns its id.
    pub(crate) fn dial(
        &mut self,
        cx: &mut Cx<'_>,
        conn: OwnedConn,
        keep_alive: Option<Duration>,
    ) -> StreamId {
        self.conns.dial(cx, self.streams, conn, keep_alive)
    }

    /// The same for a connection that a server may accept.
    pub(crate) fn accept(
        &mut self,
        cx: &mut Cx<'_>,
        server: ServerId,
        owner: ConnOwner,
    ) -> (ConnId, StreamId) {
        self.conns.accept(cx, self.streams, server, owner)
    }

    /// The peer is told the id of the stream of a connection that waits, and this is its own.
    /// Should the connection end, the peer is told so when it comes.
    pub(crate) fn introduce(&mut self, conn: ConnId, peer: RemoteStream) {
        self.conns.introduce(self.streams, conn, peer);
    }

    /// Ends a connection that has not opened.
    pub(crate) fn fail(&mut self, cx: &mut Cx<'_>, conn: ConnId, error: Option<ConnError>) {
        self.conns.fail(cx, self.streams, conn, error);
    }

    /// Opens a connection, which holds the socket of its path from here on. False if that socket is
    /// gone.
    pub(crate) fn open(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        path: Path,
        remote: RemoteStream,
        keys: Finished,
    ) -> bool {
        let is_open = self.is_open(path.socket);
        if is_open {
            self.conns.open(cx, self.streams, conn, path, remote, &keys);
        }
        is_open
    }

    /// Moves an open connection to another path, whose socket it holds from here on. False if that
    /// socket is gone.
    pub(crate) fn change_path(&mut self, cx: &mut Cx<'_>, conn: ConnId, path: Path) -> bool {
        let is_open = self.is_open(path.socket);
        if is_open {
            self.conns.change_path(cx, self.streams, conn, path);
        }
        is_open
    }
}

/// Where servers are announced.
pub(crate) trait Announced {
    /// The relays of the latest announcement.
    fn relays(&self, server: ServerId) -> Vec<Relay>;

    /// Addresses that lead clients to the server, for their next connection.
    fn relay_addresses(&self, server: ServerId) -> Vec<SocketAddrV4>;

    /// Is this node a relay of the server, or was it one lately?
    fn is_relay(&self, server: ServerId, address: SocketAddrV4) -> bool;
}
