//! Which sockets the streams of a node use.

use std::collections::BTreeMap;

use crate::SocketId;

/// Each path of a stream, old or current, is one use of its socket.
#[derive(Debug, Default)]
pub(super) struct SocketUse {
    users: BTreeMap<SocketId, usize>,
    /// Sockets that a path has left, for the pool.
    left: Vec<SocketId>,
}

impl SocketUse {
    pub(super) fn enter(&mut self, socket: SocketId) {
        *self.users.entry(socket).or_insert(0) += 1;
    }

    pub(super) fn leave(&mut self, socket: SocketId) {
        if let Some(users) = self.users.get_mut(&socket) {
            *users -= 1;
            if *users == 0 {
                self.users.remove(&socket);
            }
        }
        self.left.push(socket);
    }

    pub(super) fn users_of(&self, socket: SocketId) -> usize {
        self.users.get(&socket).copied().unwrap_or(0)
    }

    /// Sockets that were left since the last call; some may still have other users.
    pub(super) fn take_left(&mut self) -> Vec<SocketId> {
        std::mem::take(&mut self.left)
    }

    /// How many sockets wait for [`Self::take_left`].
    pub(super) fn left(&self) -> usize {
        self.left.len()
    }
}
