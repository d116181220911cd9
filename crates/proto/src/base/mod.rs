//! What hole punching and connecting share: the layers below them, the sockets and the addresses.

mod local;
mod pool;
mod routes;

use std::net::SocketAddrV4;
use std::time::Duration;

pub(crate) use local::LocalAddresses;
pub(crate) use pool::{Bound, Party, Pool};

use crate::conn::{Conns, FoundPath, OwnedConn, Relays};
use crate::net::Net;
use crate::noise::Finished;
use crate::streams::{Path, RemoteStream, Streams};
use crate::wire::{PublicKey, Relay, Target};
use crate::{ConnId, ConnectTrace, Cx, Foreign, ServerId, SocketId, StreamId};

/// The layers below, borrowed for one call.
pub(crate) struct Io<'a> {
    pub(crate) net: &'a mut Net,
    pub(crate) streams: &'a mut Streams,
    pub(crate) conns: &'a mut Conns,
    pub(crate) pool: &'a mut Pool,
    pub(crate) local: &'a mut LocalAddresses,
    pub(crate) announced: &'a dyn Announced,
}

/// The id of a puncher; it is not reused at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PunchId(pub(crate) u32);

/// What a puncher works for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PunchOwner {
    /// A client's connection: it sends the first probe, and the first probe that arrives decides
    /// the path.
    Conn(ConnId),
    /// A handshake of a server: it answers every probe.
    Slot(ServerId, u32),
}

impl Io<'_> {
    /// True for the main sockets, for those of the application, and for a pool socket that is in
    /// use.
    pub(crate) fn is_open(&self, socket: SocketId) -> bool {
        let is_bound = socket.0 < SocketId::FIRST_POOL || socket.is_bound_by_application();
        is_bound || self.pool.is_open(socket)
    }

    /// Reserves the stream of a connection that will be dialled, and returns its id.
    pub(crate) fn dial(
        &mut self,
        cx: &mut Cx<'_>,
        conn: OwnedConn,
        keep_alive: Option<Duration>,
        foreign: Foreign,
    ) -> StreamId {
        self.conns.dial(cx, self.streams, conn, keep_alive, foreign)
    }

    /// Reserves the stream of a connection that a server may accept.
    pub(crate) fn accept(
        &mut self,
        cx: &mut Cx<'_>,
        server: ServerId,
        conn: OwnedConn,
        foreign: Foreign,
    ) -> StreamId {
        self.conns.accept(cx, self.streams, server, conn, foreign)
    }

    /// Records that the peer is told the id of a waiting connection's stream. `peer` is its own
    /// stream. If the connection ends before it opens, the peer is refused when it sends to that
    /// stream.
    pub(crate) fn introduce(&mut self, conn: ConnId, peer: RemoteStream) {
        self.conns.introduce(self.streams, conn, peer);
    }

    /// Both ends of a connection want to use its path again.
    pub(crate) fn remember_route(&mut self, peer: PublicKey, path: Path) {
        self.pool.remember_route(peer, path);
    }

    /// The path of an earlier connection to a peer, if its socket is still open: the socket, and
    /// the address of the peer.
    pub(crate) fn route(&self, peer: &PublicKey) -> Option<(SocketId, SocketAddrV4)> {
        let path = self.pool.route(peer).filter(|path| self.is_open(path.socket))?;
        Some((path.socket, path.peer()?))
    }

    /// Ends a connection that has not opened. `trace` says why the attempt failed, if it has.
    pub(crate) fn fail(&mut self, cx: &mut Cx<'_>, conn: ConnId, trace: Option<Box<ConnectTrace>>) {
        self.conns.fail(cx, self.streams, conn, trace);
    }

    /// Opens a connection, which from here on uses the socket of its path. False if that socket is
    /// gone.
    pub(crate) fn open(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        found: FoundPath,
        remote: RemoteStream,
        keys: Finished,
    ) -> bool {
        let is_open = self.is_open(found.path.socket);
        if is_open {
            self.conns.open(cx, self.streams, conn, found, remote, &keys);
        }
        is_open
    }

    /// Repeats the first packets of a connection soon, until something arrives.
    pub(crate) fn repeat_early(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        self.conns.repeat_early(cx, self.streams, conn);
    }

    /// Nodes that forward handshakes to the server of an open connection.
    pub(crate) fn set_relays(&mut self, conn: ConnId, target: Target, nodes: &[SocketAddrV4]) {
        self.conns.set_relays(conn, Relays { target, nodes: nodes.to_vec() });
    }

    /// Opens a connection on the path through a relay, to be left for a better one. `remote` is the
    /// relay's stream.
    pub(crate) fn open_interim(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        found: FoundPath,
        remote: RemoteStream,
        keys: Finished,
    ) -> bool {
        let is_open = self.open(cx, conn, found, remote, keys);
        if is_open {
            self.conns.set_interim(cx, self.streams, conn);
        }
        is_open
    }

    /// Moves an open connection to another path, whose socket it holds from here on. `remote_id` is
    /// the peer's stream there, if it is not the same. False if that socket is gone.
    pub(crate) fn change_path(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        found: FoundPath,
        remote_id: Option<u32>,
    ) -> bool {
        let is_open = self.is_open(found.path.socket);
        if is_open {
            self.conns.change_path(cx, self.streams, conn, found, remote_id);
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

    /// Whether the node at `address` is a relay of the server, or was one recently.
    fn is_relay(&self, server: ServerId, address: SocketAddrV4) -> bool;
}
