//! The path of a stream, and the older ones that are not done with.

use std::net::SocketAddrV4;

use super::path::{Path, PathState};
use super::socket_use::SocketUse;
use crate::SocketId;

/// The path that packets take, whether it is known to work, and the paths before it.
///
/// An older path is kept until two things have happened: the peer has everything that was sent over
/// it, and the peer sends to the socket of the current path. Until then packets leave from its
/// socket and arrive there. Each path, old or current, is one use of its socket.
#[derive(Debug)]
pub(super) struct PathSet {
    path: Path,
    state: PathState,
    /// The oldest first.
    old: Vec<Path>,
    /// All that was sent over older paths has arrived.
    is_drained: bool,
    /// A packet has come to the socket of the current path since the change.
    is_heard: bool,
}

impl PathSet {
    /// The first path, which the handshake has given.
    pub(super) fn new(path: Path) -> Self {
        let state = PathState::Validated;
        Self { path, state, old: Vec::new(), is_drained: true, is_heard: true }
    }

    pub(super) fn path(&self) -> Path {
        self.path
    }

    pub(super) fn is_validated(&self) -> bool {
        self.state == PathState::Validated
    }

    /// The socket for packets to this address: those of an older path go on leaving from its own.
    pub(super) fn socket_to(&self, to: SocketAddrV4) -> SocketId {
        if to == self.path.remote {
            return self.path.socket;
        }
        let older = self.old.iter().rev().find(|path| path.remote == to);
        older.unwrap_or(&self.path).socket
    }

    /// Takes another path, which is in doubt.
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

    /// A packet has come to a socket.
    pub(super) fn handle_arrival(&mut self, socket: SocketId, sockets: &mut SocketUse) {
        if !self.is_heard && socket == self.path.socket {
            self.is_heard = true;
            self.settle(sockets);
        }
    }

    /// The peer has everything that was sent over older paths.
    pub(super) fn handle_drained(&mut self, sockets: &mut SocketUse) {
        self.is_drained = true;
        self.settle(sockets);
    }

    /// The peer has acknowledged what only the current path carried.
    pub(super) fn handle_validated(&mut self, sockets: &mut SocketUse) {
        self.state = PathState::Validated;
        self.settle(sockets);
    }

    /// The current path answers nothing: back to the last one that worked.
    pub(super) fn handle_failed(&mut self, sockets: &mut SocketUse) {
        let PathState::Validating { fallback } = self.state else { return };
        let failed = std::mem::replace(&mut self.path, fallback);
        self.state = PathState::Validated;
        self.is_heard = true;
        // The fallback was among the old ones, and is the current one again.
        if let Some(index) = self.old.iter().rposition(|path| *path == fallback) {
            self.old.remove(index);
        }
        sockets.leave(failed.socket);
        self.settle(sockets);
    }

    /// The stream is gone.
    pub(super) fn end(&mut self, sockets: &mut SocketUse) {
        for path in self.old.drain(..).chain([self.path]) {
            sockets.leave(path.socket);
        }
    }

    /// Gives older paths up when nothing needs them.
    fn settle(&mut self, sockets: &mut SocketUse) {
        if self.is_drained && self.is_heard && self.is_validated() {
            for path in self.old.drain(..) {
                sockets.leave(path.socket);
            }
        }
    }
}

/// As many as UDX remembers. A peer that has to move more often in a few round trips loses packets,
/// which are sent again over the current path.
const MAX_OLD: usize = 8;
