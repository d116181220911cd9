//! One node, from any thread.

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::{fmt, io};

use proto::{Command, Event, Node, SocketId, Stats};

use super::shared::Shared;
use super::{Direction, Traffic};

/// Reaches one node of an [`crate::Engine`] from any thread.
///
/// The node lives until [`Handle::close`], until `Event::Destroyed` or `Event::Failed`, or until
/// its engine shuts down, whether or not handles are left.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Gives the node a command. Commands of one thread run in the order of its calls. Never waits.
    ///
    /// If the node is free, the command runs on the calling thread, which also sends the datagrams.
    /// Otherwise the thread that holds the node runs the command next.
    pub fn command(&self, command: Command) {
        self.shared.commands(std::iter::once(command));
    }

    /// Gives the node several commands under one lock.
    pub fn commands(&self, batch: Vec<Command>) {
        self.shared.commands(batch.into_iter());
    }

    /// Looks at the node, after all earlier commands of the calling thread. Waits while another
    /// thread holds the node, for one batch of 64 datagrams at most. `None` if the node has failed.
    /// A panic of `look` fails the node.
    pub fn read<R>(&self, look: impl FnOnce(&Node) -> R) -> Option<R> {
        self.shared.read(look)
    }

    /// The counters of the node, read like [`Handle::read`].
    pub fn stats(&self) -> Option<Stats> {
        self.shared.stats()
    }

    /// The counters as of the latest event, if they have changed since this method or
    /// [`Handle::stats`] last returned them. Never waits for the node.
    pub fn changed_stats(&self) -> Option<Stats> {
        self.shared.changed_stats()
    }

    /// Appends all events, in order, and allows the next wake-up. Never waits for the node.
    pub fn drain_events(&self, into: &mut Vec<Event>) {
        self.shared.drain_events(into);
    }

    /// The local address of a socket, while it is open.
    pub fn local_addr(&self, socket: SocketId) -> Option<SocketAddrV4> {
        self.shared.local_addr(socket)
    }

    /// The traffic of a socket, while it is open.
    pub fn traffic(&self, socket: SocketId) -> Option<Traffic> {
        self.shared.traffic(socket)
    }

    /// The size of a buffer that the system keeps for a socket, while the socket is open.
    pub fn buffer_size(&self, socket: SocketId, direction: Direction) -> Option<usize> {
        self.shared.buffer_size(socket, direction)
    }

    /// Asks the system for a buffer of another size. The system may grant a smaller one, and Linux
    /// reports twice the size that it was asked for.
    ///
    /// # Errors
    /// When the socket is closed, or the system refuses.
    pub fn set_buffer_size(
        &self,
        socket: SocketId,
        direction: Direction,
        size: usize,
    ) -> io::Result<()> {
        self.shared.set_buffer_size(socket, direction, size)
    }

    /// Closes the sockets without telling the network. Once this returns, no event follows and the
    /// waker is not called. Idempotent.
    pub fn close(&self) {
        self.shared.close();
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}
