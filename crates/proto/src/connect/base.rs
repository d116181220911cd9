//! What the connecting machines stand on.

use std::net::SocketAddrV4;

use super::{Connector, LocalAddresses};
use crate::conn::{Conns, Path, RemoteStream};
use crate::net::Net;
use crate::noise::Finished;
use crate::punch::{Pool, PunchOwner, Punchers};
use crate::serve::Servers;
use crate::wire::Relay;
use crate::{ConnId, Cx, ServerId, SocketId};

/// The layers below, borrowed for one call.
pub(crate) struct Base<'a> {
    pub(crate) io: Io<'a>,
    pub(crate) punchers: &'a mut Punchers,
    pub(crate) local: &'a mut LocalAddresses,
    pub(crate) announced: &'a dyn Announced,
}

/// The part of [`Base`] that punchers need themselves.
pub(crate) struct Io<'a> {
    pub(crate) net: &'a mut Net,
    pub(crate) conns: &'a mut Conns,
    pub(crate) pool: &'a mut Pool,
}

impl Io<'_> {
    /// True for the main sockets, and for one of the pool that somebody holds.
    pub(crate) fn is_open(&self, socket: SocketId) -> bool {
        socket.0 < SocketId::FIRST_POOL || self.pool.is_open(socket)
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
            self.conns.open(cx, conn, path, remote, keys);
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

/// Passes the news of the punchers to their owners, until there is none. To be called after every
/// call to a machine of these three.
pub(crate) fn pass_reports(
    cx: &mut Cx<'_>,
    base: &mut Base<'_>,
    connector: &mut Connector,
    servers: &mut Servers,
) {
    while let Some(report) = base.punchers.poll_report() {
        match report.owner {
            PunchOwner::Conn(conn) => connector.handle_punch(cx, base, conn, report),
            PunchOwner::Slot(server, slot) => {
                servers.handle_punch(cx, base, server, slot, report);
            }
        }
    }
}
