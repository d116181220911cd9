//! The paths of connections, and their changes.

use super::connection::Connection;
use super::{Conns, FoundPath, NetworkChange};
use crate::streams::{Path, StreamMut, Streams};
use crate::{ConnId, Cx};

impl Conns {
    /// Sends the packets of an open connection over another path. `remote_id` is the peer's stream
    /// there, if it is not the same.
    pub(crate) fn change_path(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        conn: ConnId,
        found: FoundPath,
        remote_id: Option<u32>,
    ) {
        self.update(cx, streams, conn, |c, cx, stream| c.change_path(cx, stream, found, remote_id));
    }

    /// An open connection leaves its current path when it gets a better one.
    pub(crate) fn set_interim(&self, cx: &mut Cx<'_>, streams: &mut Streams, conn: ConnId) {
        let connection = self.table.get(conn);
        if let Some(mut stream) = connection.and_then(|c| streams.get(c.stream)) {
            stream.set_interim(cx.now);
        }
    }

    /// Takes a frame about the path of a connection, which has come over `at`.
    pub(crate) fn handle_path_frame(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        stream: StreamMut<'_>,
        at: Path,
        data: &[u8],
    ) {
        let change = |c: &mut Connection, cx: &mut Cx<'_>, stream: &mut StreamMut<'_>| {
            c.handle_path_frame(cx, stream, at, data);
        };
        let closed = self.table.change(cx, conn, stream, change);
        self.forget(conn, closed);
    }

    /// The addresses of the host, or the public address, have changed.
    pub(crate) fn handle_network_change(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        change: NetworkChange,
    ) {
        for conn in self.table.ids() {
            self.update(cx, streams, conn, |c, cx, stream| {
                c.handle_network_change(cx, stream, change);
            });
        }
    }

    /// Handles `Timer::PathCheck`.
    pub(crate) fn handle_path_check(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        conn: ConnId,
    ) {
        self.update(cx, streams, conn, Connection::handle_path_check);
    }

    /// Paths on which peers have stopped to answer since the last call.
    pub(crate) fn take_broken(&mut self) -> Vec<Path> {
        std::mem::take(&mut self.broken)
    }
}
