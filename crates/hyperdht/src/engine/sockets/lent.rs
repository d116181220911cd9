//! Sockets that leave the driver for a while.

use std::sync::Arc;

use proto::SocketId;
use tokio::runtime::Handle;

use super::{Socket, Sockets};
use crate::engine::borrowed::LentCopy;
use crate::engine::socket_io::Io;

impl Sockets {
    /// Lends a socket to the application's thread, if it is open. Returns a copy of its descriptor.
    pub(in crate::engine) fn lend(&self, id: SocketId) -> Option<Arc<LentCopy>> {
        let copy = self.by_id.read().get(&id)?.borrow().try_clone_to_owned().ok()?;
        let copy = Arc::new(LentCopy::new(copy));
        self.change_io(id, |io| io.lend(Arc::clone(&copy)));
        self.is_lent(id).then_some(copy)
    }

    /// Gives a lent socket back to the driver. False if it has to stay lent for now.
    pub(in crate::engine) fn take_back(&self, id: SocketId, runtime: &Handle) -> bool {
        if self.is_lent(id) {
            self.change_io(id, |io| io.take_back(runtime));
        }
        !self.is_lent(id)
    }

    pub(in crate::engine) fn is_lent(&self, id: SocketId) -> bool {
        self.by_id.read().get(&id).is_some_and(Socket::is_lent)
    }

    fn change_io(&self, id: SocketId, change: impl FnOnce(Io) -> Io) {
        let mut by_id = self.by_id.write();
        if let Some(socket) = by_id.remove(&id) {
            by_id.insert(id, Socket { io: change(socket.io), ..socket });
        }
    }
}

impl Socket {
    pub(in crate::engine) fn is_lent(&self) -> bool {
        self.io.is_lent()
    }
}
