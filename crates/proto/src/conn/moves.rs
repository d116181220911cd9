//! The paths of connections, and their changes.

use std::net::SocketAddrV4;

use super::connection::Connection;
use super::news::PathNews;
use super::prover::Proof;
use super::{Conns, FoundPath, NetworkChange, Relays};
use crate::streams::{Path, StreamMut, Streams};
use crate::{ConnError, ConnId, Cx, SocketId, StreamError};

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
        let mut news = None;
        let change = |c: &mut Connection, cx: &mut Cx<'_>, stream: &mut StreamMut<'_>| {
            news = c.handle_path_frame(cx, stream, at, data);
        };
        let closed = self.table.change(cx, conn, stream, change);
        self.news.extend(news);
        self.forget(conn, closed);
    }

    /// Another stream has come to the path of a connection, and is to follow the connection.
    pub(crate) fn handle_company(&mut self, cx: &mut Cx<'_>, conn: ConnId, stream: StreamMut<'_>) {
        if let Some(connection) = self.table.get_mut(conn) {
            connection.handle_company(cx, &stream);
        }
    }

    /// Another connection has proven that our end of this one's path has moved.
    pub(crate) fn handle_relay_news(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        stream: StreamMut<'_>,
    ) {
        let closed = self.table.change(cx, conn, stream, Connection::handle_relay_news);
        self.forget(conn, closed);
    }

    /// Nodes that forward handshakes to the server of an open connection.
    pub(crate) fn set_relays(&mut self, conn: ConnId, relays: Relays) {
        let connection = self.table.get_mut(conn);
        if let Some(migration) = connection.and_then(|c| c.migration.as_mut()) {
            migration.set_relays(relays);
        }
    }

    /// Takes a frame about the path that a relay has forwarded from `peer`. Returns the packet that
    /// the relay returns, and the socket to send it from.
    pub(crate) fn handle_detour(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        stream: StreamMut<'_>,
        peer: SocketAddrV4,
        data: &[u8],
    ) -> Option<(SocketId, Vec<u8>)> {
        let mut answer = None;
        let socket = stream.path().socket;
        let closed = self.table.change(cx, conn, stream, |c, cx, stream| {
            // At a blind relay, the attempt or the server looks for the path.
            let is_relayed = c.is_relayed();
            let migration = c.migration.as_mut().filter(|_| !is_relayed);
            answer = migration.and_then(|m| m.handle_detour(cx, conn, stream, (peer, data)));
        });
        self.forget(conn, closed);
        Some((socket, answer?))
    }

    /// A relay has returned a frame about the path, and has seen the peer at `peer`.
    pub(crate) fn handle_detour_reply(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        conn: ConnId,
        peer: SocketAddrV4,
        data: &[u8],
    ) {
        self.update(cx, streams, conn, |c, cx, stream| {
            if let Some(migration) = &mut c.migration {
                migration.handle_detour_reply(cx, stream, (peer, data));
            }
        });
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

    pub(crate) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// What connections have proven about their paths since the last call.
    pub(crate) fn take_news(&mut self) -> Vec<PathNews> {
        std::mem::take(&mut self.news)
    }

    /// Paths on which peers have stopped to answer since the last call.
    pub(crate) fn take_broken(&mut self) -> Vec<Path> {
        std::mem::take(&mut self.broken)
    }
}

impl Connection {
    /// Takes a frame about the path, which has come over `at`. Returns what that means for other
    /// streams.
    fn handle_path_frame(
        &mut self,
        cx: &mut Cx<'_>,
        stream: &mut StreamMut<'_>,
        at: Path,
        data: &[u8],
    ) -> Option<PathNews> {
        let before = stream.path();
        // A relay's stream is left by the attempt or by the server, which then give the relay back.
        let is_relayed = self.is_relayed() && at != before;
        let migration = self.migration.as_mut().filter(|_| !is_relayed)?;
        match migration.handle_frame(cx, self.to.id, stream, (at, data)) {
            Proof::Nothing => None,
            Proof::Reached => {
                stream.handle_reached();
                None
            }
            Proof::WeMoved => {
                stream.handle_new_path(cx.now);
                // The peer of a relayed connection says nothing about the relay. Our connection to
                // the relay does.
                (!self.is_relayed()).then_some(PathNews::WeMoved { path: before })
            }
            Proof::PeerMoved { was_there } => {
                tracing::debug!(conn = ?self.to.id, path = ?at, "the peer has moved");
                stream.change_proven(cx.now, at);
                self.tell_path(cx, stream);
                was_there.then_some(PathNews::PeerMoved { from: before, to: at })
            }
        }
    }

    /// Other streams take the path.
    fn handle_company(&mut self, cx: &mut Cx<'_>, stream: &StreamMut<'_>) {
        let is_relayed = self.is_relayed();
        if let Some(migration) = self.migration.as_mut().filter(|_| !is_relayed) {
            migration.prove(cx, self.to.id, stream);
        }
    }

    /// Our connection to the relay that carries this one has moved with us.
    fn handle_relay_news(&mut self, cx: &mut Cx<'_>, stream: &mut StreamMut<'_>) {
        if self.is_relayed() {
            stream.handle_new_path(cx.now);
        }
    }

    /// Whether a blind relay carries the connection.
    fn is_relayed(&self) -> bool {
        self.origins.current().relay.is_some()
    }

    /// Our addresses have changed.
    fn handle_network_change(
        &mut self,
        cx: &mut Cx<'_>,
        stream: &mut StreamMut<'_>,
        change: NetworkChange,
    ) {
        if let Some(migration) = &mut self.migration {
            migration.handle_network_change(cx, self.to.id, stream, change);
        }
    }

    /// Handles `Timer::PathCheck`.
    fn handle_path_check(&mut self, cx: &mut Cx<'_>, stream: &mut StreamMut<'_>) {
        let Some(migration) = &mut self.migration else { return };
        if !migration.handle_timeout(cx, self.to.id, stream) {
            self.destroy(cx, stream, Some(ConnError::Stream(StreamError::TimedOut)));
        }
    }
}
