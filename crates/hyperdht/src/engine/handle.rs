//! One node, from any thread.

use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::{fmt, io};

use proto::{Command, Event, Interface, Message, Node, SocketId, Stats, Transmit};

use super::borrowed::BorrowedSocket;
use super::shared::{Loans, Shared};
use super::sockets::Socket;
use super::{Multicast, SocketOptions, Traffic, host};

/// Reaches one node of an [`crate::Engine`] from any thread.
///
/// The node lives until [`Handle::close`], until `Event::Destroyed` or `Event::Failed`, or until
/// its engine shuts down, whether or not handles are left.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

/// A bound socket of the application that is not used yet.
#[derive(Debug)]
pub struct UnusedSocket(Socket);

impl Handle {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// A message for `Command::Write`, with a copy of the data. Large messages of a node take turns
    /// in the same memory.
    pub fn message(&self, data: &[u8]) -> Message {
        self.shared.message(data)
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

    /// From here on, unordered messages need no wake-up each: one is enough for several, as for data.
    pub fn join_messages(&self) {
        self.shared.join_messages();
    }

    /// The local address of a socket, while it is open.
    pub fn local_addr(&self, socket: SocketId) -> Option<SocketAddrV4> {
        self.shared.local_addr(socket)
    }

    /// Binds a socket of the application, on the calling thread. `HostCommand::CloseSocket`
    /// closes it.
    ///
    /// # Errors
    /// When the address cannot be bound, the node's [`super::Protect`] refuses the socket, the node
    /// has ended, or the engine is shut down.
    pub fn bind(&self, address: SocketAddr, options: SocketOptions) -> io::Result<SocketId> {
        let unused = self.bind_unused(address, options)?;
        self.shared.protect_now(unused.socket())?;
        self.add(unused)
    }

    /// Binds a socket of the application that is not used before [`Handle::add`]. The node's
    /// [`super::Protect`] does not see it.
    ///
    /// # Errors
    /// When the address cannot be bound, or the engine is shut down.
    pub fn bind_unused(
        &self,
        address: SocketAddr,
        options: SocketOptions,
    ) -> io::Result<UnusedSocket> {
        self.shared.bind_unused(address, options).map(UnusedSocket)
    }

    /// Adds a socket of [`Handle::bind_unused`] of the same engine.
    ///
    /// # Errors
    /// When the node has ended. The socket is closed then.
    pub fn add(&self, socket: UnusedSocket) -> io::Result<SocketId> {
        self.shared.add(socket.0)
    }

    /// Sends a datagram from a socket. `ttl` is its time to live; `None` is the socket's own. False
    /// if the socket is not open. A datagram may be lost here as on the way.
    pub fn send(&self, socket: SocketId, to: SocketAddr, ttl: Option<u8>, data: &[u8]) -> bool {
        let transmit = Transmit { socket, to, ttl, segment_size: None, may_fragment: false };
        self.shared.send_datagram(&transmit, data)
    }

    /// Sets the time to live of a socket's datagrams, in hops.
    ///
    /// # Errors
    /// When the socket is not open, or the system refuses the value.
    pub fn set_ttl(&self, socket: SocketId, ttl: u32) -> io::Result<()> {
        self.shared.with_socket(socket, |socket| socket.set_ttl(ttl))
    }

    /// The sizes of a socket's receive buffer and send buffer, in bytes.
    ///
    /// # Errors
    /// When the socket is not open.
    pub fn buffer_sizes(&self, socket: SocketId) -> io::Result<(usize, usize)> {
        self.shared.with_socket(socket, Socket::buffer_sizes)
    }

    /// Sets the size of a socket's receive buffer, in bytes. The system may round it.
    ///
    /// # Errors
    /// When the socket is not open, or the system refuses the value.
    pub fn set_recv_buffer_size(&self, socket: SocketId, bytes: usize) -> io::Result<()> {
        self.shared.with_socket(socket, |socket| socket.set_recv_buffer_size(bytes))
    }

    /// Sets the size of a socket's send buffer, in bytes. The system may round it.
    ///
    /// # Errors
    /// When the socket is not open, or the system refuses the value.
    pub fn set_send_buffer_size(&self, socket: SocketId, bytes: usize) -> io::Result<()> {
        self.shared.with_socket(socket, |socket| socket.set_send_buffer_size(bytes))
    }

    /// Joins a multicast group or leaves it.
    ///
    /// # Errors
    /// When the socket is not open, or the system refuses the group.
    pub fn set_membership(&self, socket: SocketId, group: Multicast, join: bool) -> io::Result<()> {
        self.shared.with_socket(socket, |socket| socket.set_membership(group, join))
    }

    /// The traffic of a socket, while it is open.
    pub fn traffic(&self, socket: SocketId) -> Option<Traffic> {
        self.shared.traffic(socket)
    }

    /// The traffic of all sockets of the node so far, those that are closed included.
    pub fn total_traffic(&self) -> Traffic {
        self.shared.sockets.total()
    }

    /// What was lent to the application's thread so far.
    pub fn loans(&self) -> Loans {
        self.shared.loans()
    }

    /// The addresses of this host's interfaces, in the system's order.
    pub fn interfaces(&self) -> Vec<Interface> {
        host::read_interfaces()
    }

    /// Closes the sockets without telling the network. Once this returns, no event follows and the
    /// waker is not called. Idempotent.
    pub fn close(&self) {
        self.shared.close();
    }
}

impl UnusedSocket {
    /// The socket.
    pub fn socket(&self) -> BorrowedSocket<'_> {
        self.0.borrow()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}
