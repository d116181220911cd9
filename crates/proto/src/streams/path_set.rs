//! The current path of a stream, and the older paths that are still in use.

use std::net::SocketAddr;

use super::path::{Path, PathState};
use super::socket_use::SocketUse;
use crate::SocketId;

/// The current path, whether it is validated, and the paths before it.
///
/// An older path is kept until two things have happened: the peer has acknowledged everything that
/// was sent over it, and the peer sends to the socket of the current path. Until then packets still
/// leave from the socket of the older path and arrive there. Each path, old or current, counts as
/// one use of its socket.
#[derive(Debug)]
pub(super) struct PathSet {
    path: Path,
    state: PathState,
    /// The oldest first.
    old: Vec<Path>,
    /// The peer has acknowledged everything that was sent over older paths.
    is_drained: bool,
    /// A packet has arrived at the socket of the current path since the change.
    is_heard: bool,
    /// Where the latest packet has come from, and the socket that it has arrived at.
    latest: Option<Path>,
}

impl PathSet {
    /// Starts with the path that the handshake gave.
    pub(super) fn new(path: Path) -> Self {
        let state = PathState::Validated;
        Self { path, state, old: Vec::new(), is_drained: true, is_heard: true, latest: None }
    }

    pub(super) fn path(&self) -> Path {
        self.path
    }

    /// The path of the peer's packets, as we would use it to answer them. It is another one than ours
    /// if each end has found a path of its own. Packets are not authenticated, so that only another
    /// port is believed. A socket of a former path may be closed soon.
    pub(super) fn way_back(&self) -> Path {
        let is_believable = |latest: &Path| {
            let stays = [SocketId::CLIENT, SocketId::SERVER, self.path.socket];
            latest.remote.ip() == self.path.remote.ip()
                && latest.remote.port() != 0
                && stays.contains(&latest.socket)
        };
        self.latest.filter(is_believable).unwrap_or(self.path)
    }

    /// Whether the latest packet has come from where ours go.
    pub(super) fn is_heard_from_path(&self) -> bool {
        self.latest.is_some_and(|latest| latest.remote == self.path.remote)
    }

    pub(super) fn is_validated(&self) -> bool {
        self.state == PathState::Validated
    }

    /// True once nothing is sent over older paths any more.
    pub(super) fn is_settled(&self) -> bool {
        self.old.is_empty()
    }

    /// The socket for packets to this address. Packets to an older address still leave from its
    /// socket.
    pub(super) fn socket_to(&self, to: SocketAddr) -> SocketId {
        if to == self.path.remote {
            return self.path.socket;
        }
        let older = self.old.iter().rev().find(|path| path.remote == to);
        older.unwrap_or(&self.path).socket
    }

    /// Whether one of the paths takes what comes from this address to this socket. A peer may not
    /// know yet that the stream has moved.
    pub(super) fn let_in(&self, socket: SocketId, from: SocketAddr) -> bool {
        self.old.iter().chain([&self.path]).any(|path| path.lets_in(socket, from))
    }

    /// Changes to another path, which is not validated yet.
    pub(super) fn change(&mut self, path: Path, sockets: &mut SocketUse) {
        sockets.enter(path.socket);
        let before = std::mem::replace(&mut self.path, path);
        let fallback = match self.state {
            PathState::Validated => before,
            PathState::Validating { fallback } => fallback,
        };
        self.state = PathState::Validating { fallback };
        (self.is_drained, self.is_heard) = (false, false);
        self.old.push(before);
        if self.old.len() > MAX_OLD {
            let oldest = self.old.iter().position(|path| *path != fallback).unwrap_or(0);
            sockets.leave(self.old.remove(oldest).socket);
        }
    }

    /// A packet of the peer has arrived.
    pub(super) fn handle_arrival(
        &mut self,
        socket: SocketId,
        from: SocketAddr,
        sockets: &mut SocketUse,
    ) {
        self.latest = Some(Path { socket, remote: from });
        if !self.is_heard && socket == self.path.socket {
            self.is_heard = true;
            self.settle(sockets);
        }
    }

    /// The peer has acknowledged everything that was sent over older paths.
    pub(super) fn handle_drained(&mut self, sockets: &mut SocketUse) {
        self.is_drained = true;
        self.settle(sockets);
    }

    /// The peer has acknowledged a packet that only the current path carried.
    pub(super) fn handle_validated(&mut self, sockets: &mut SocketUse) {
        self.state = PathState::Validated;
        self.settle(sockets);
    }

    /// The current path does not answer: returns to the last path that was validated.
    pub(super) fn handle_failed(&mut self, sockets: &mut SocketUse) {
        let PathState::Validating { fallback } = self.state else { return };
        let failed = std::mem::replace(&mut self.path, fallback);
        self.state = PathState::Validated;
        self.is_heard = true;
        // The fallback was among the old paths; now it is the current one.
        if let Some(index) = self.old.iter().rposition(|path| *path == fallback) {
            self.old.remove(index);
        }
        sockets.leave(failed.socket);
        self.settle(sockets);
    }

    /// The stream is gone: leaves every socket.
    pub(super) fn end(&mut self, sockets: &mut SocketUse) {
        for path in self.old.drain(..).chain([self.path]) {
            sockets.leave(path.socket);
        }
    }

    /// Drops the older paths once nothing needs them.
    fn settle(&mut self, sockets: &mut SocketUse) {
        if self.is_drained && self.is_heard && self.is_validated() {
            for path in self.old.drain(..) {
                sockets.leave(path.socket);
            }
        }
    }
}

/// As many as UDX remembers. A peer that moves more often within a few round trips loses packets;
/// they are sent again over the current path.
const MAX_OLD: usize = 8;
