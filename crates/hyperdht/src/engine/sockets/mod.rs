//! UDP sockets: segmentation offload, time to live, options.

mod lent;
mod send;
mod together;

use std::collections::BTreeMap;
use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use parking_lot::{Mutex, RwLock, RwLockReadGuard};
use proto::SocketId;
use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, SockRef, Type};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::runtime::Handle;

use crate::engine::borrowed::BorrowedSocket;
use crate::engine::descriptors::Claim;
use crate::engine::options::{self, Multicast, SocketOptions};
use crate::engine::refusals::{self, Refusals};
use crate::engine::segmentation::Segmentation;
use crate::engine::socket_io::Io;
use crate::engine::traffic::{Counters, Traffic};

/// The sockets of a node.
///
/// Receiving and sending share the lock; adding or closing a socket takes it exclusively. So no
/// thread still uses a socket that is closed, and the system frees it at once.
#[derive(Debug)]
pub(in crate::engine) struct Sockets {
    by_id: RwLock<BTreeMap<SocketId, Socket>>,
    /// The traffic of the sockets that were closed.
    gone: Mutex<Traffic>,
}

/// One bound socket.
#[derive(Debug)]
pub(in crate::engine) struct Socket {
    io: Io,
    state: UdpSocketState,
    segmentation: Segmentation,
    local: SocketAddrV4,
    /// Bound to an IPv6 address, so that IPv4 addresses are written as IPv4-mapped IPv6 ones.
    is_ipv6: bool,
    counters: Counters,
    refusals: Refusals,
    /// The time to live of each datagram for which the caller gives no other.
    ttl: AtomicU32,
    /// Its share of the process's descriptors.
    _claim: Claim,
}

impl Sockets {
    pub(in crate::engine) fn new(sockets: impl IntoIterator<Item = (SocketId, Socket)>) -> Self {
        let by_id = RwLock::new(sockets.into_iter().collect());
        Self { by_id, gone: Mutex::new(Traffic::default()) }
    }

    pub(in crate::engine) fn insert(&self, id: SocketId, socket: Socket) {
        self.by_id.write().insert(id, socket);
    }

    pub(in crate::engine) fn close(&self, id: SocketId) {
        let closed = self.by_id.write().remove(&id);
        self.retire(closed.as_ref());
    }

    pub(in crate::engine) fn close_all(&self) {
        let closed = std::mem::take(&mut *self.by_id.write());
        self.retire(closed.values());
    }

    /// The traffic of all sockets so far.
    pub(in crate::engine) fn total(&self) -> Traffic {
        let sockets = self.by_id.read();
        sockets.values().fold(*self.gone.lock(), |sum, socket| sum.plus(socket.traffic()))
    }

    /// Prepares sockets to be closed.
    fn retire<'a>(&self, closed: impl IntoIterator<Item = &'a Socket>) {
        let mut gone = self.gone.lock();
        for socket in closed {
            *gone = gone.plus(socket.traffic());
            socket.io.free_port();
        }
    }

    pub(in crate::engine) fn read(&self) -> RwLockReadGuard<'_, BTreeMap<SocketId, Socket>> {
        self.by_id.read()
    }

    /// Ready when any socket can be read, or has news.
    pub(in crate::engine) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut poll = Poll::Pending;
        // Each socket is polled, since only sockets that were polled wake the task.
        for socket in self.by_id.read().values() {
            if socket.io.poll_recv_ready(cx).is_ready() || socket.refusals.are_waiting() {
                poll = Poll::Ready(());
            }
        }
        poll
    }

    /// Ready when a socket can be written, or is gone.
    pub(in crate::engine) fn poll_writable(&self, id: SocketId, cx: &mut Context<'_>) -> Poll<()> {
        match self.by_id.read().get(&id) {
            Some(socket) => socket.io.poll_send_ready(cx),
            None => Poll::Ready(()),
        }
    }
}

impl Socket {
    /// Binds a socket and registers it with the runtime.
    pub(in crate::engine) fn bind(
        runtime: &Handle,
        address: SocketAddr,
        options: SocketOptions,
        claim: Claim,
    ) -> io::Result<Self> {
        let domain = Domain::for_address(address);
        let socket = socket2::Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
        let is_ipv6 = address.is_ipv6();
        if is_ipv6 {
            socket.set_only_v6(options.ipv6_only)?;
        }
        if options.reuse_address {
            socket.set_reuse_address(true)?;
        }
        socket.bind(&address.into())?;
        // The system may grant smaller buffers, with which a node works too.
        let _ = socket.set_recv_buffer_size(RECV_BUFFER);
        let _ = socket.set_send_buffer_size(SEND_BUFFER);
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        options::spare_details(&socket);
        refusals::enable(&socket, is_ipv6);

        let _context = runtime.enter();
        let io = UdpSocket::from_std(socket.into())?;
        let local = match io.local_addr()? {
            SocketAddr::V4(local) => local,
            SocketAddr::V6(local) => SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, local.port()),
        };
        let io = Io::new(io);
        let segmentation = Segmentation::new(&state);
        let (counters, refusals) = (Counters::default(), Refusals::default());
        let ttl = AtomicU32::new(DEFAULT_TTL);
        Ok(Self { io, state, segmentation, local, is_ipv6, counters, refusals, ttl, _claim: claim })
    }

    /// The socket, as the program's hook gets it.
    pub(in crate::engine) fn borrow(&self) -> BorrowedSocket<'_> {
        self.io.borrow()
    }

    /// The local address. The host is 0.0.0.0 for a socket on an IPv6 address.
    pub(in crate::engine) fn local(&self) -> SocketAddrV4 {
        self.local
    }

    /// The destinations where nobody receives, as their hosts have reported since the last call.
    pub(in crate::engine) fn take_refusals(&self) -> impl Iterator<Item = SocketAddr> + use<> {
        self.refusals.take().into_iter()
    }

    pub(in crate::engine) fn traffic(&self) -> Traffic {
        self.counters.read()
    }

    /// The most datagrams in one send.
    pub(in crate::engine) fn max_segments(&self) -> usize {
        self.segmentation.most()
    }

    /// Receives into the buffers, at most [`SLOTS`] of them, in system calls of `per_call` buffers,
    /// and returns how many were filled. `WouldBlock` arms [`Sockets::poll_readable`], and so does
    /// a call that has emptied the socket.
    pub(in crate::engine) fn try_recv<'a>(
        &self,
        mut buffers: impl ExactSizeIterator<Item = &'a mut [u8]>,
        meta: &mut [RecvMeta; SLOTS],
        per_call: usize,
    ) -> io::Result<usize> {
        let mut received = 0;
        let emptied = self.io.try_io(Interest::READABLE, || {
            let room = buffers.len().min(SLOTS);
            let mut slices: [IoSliceMut<'_>; SLOTS] =
                std::array::from_fn(|_| IoSliceMut::new(buffers.next().unwrap_or_default()));
            while received < room {
                let end = room.min(received + per_call);
                let count = self.recv(&mut slices[received..end], &mut meta[received..end])?;
                received += count;
                if READS_UNTIL_EMPTY && received < end {
                    // The socket is empty. The error arms the wake-up without one more system call.
                    return Err(io::ErrorKind::WouldBlock.into());
                }
            }
            Ok(())
        });
        if received == 0 {
            emptied?;
        }
        meta.iter().take(received).for_each(|meta| self.counters.receive(meta.len, meta.stride));
        Ok(received)
    }

    /// One system call, which fills at least one buffer.
    fn recv(&self, buffers: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> io::Result<usize> {
        for _ in 0..MAX_ERRORS {
            match self.state.recv(UdpSockRef::from(&self.io), buffers, meta) {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                    // An earlier datagram met a closed port or an unreachable host.
                    tracing::trace!(%error, "receive");
                    self.refusals.read_from(&self.io);
                }
                received => return received,
            }
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// Sets the time to live of each datagram for which the caller gives no other.
    pub(in crate::engine) fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.apply_ttl(ttl)?;
        self.ttl.store(ttl, Ordering::Relaxed);
        Ok(())
    }

    /// The sizes of the system's receive buffer and send buffer, in bytes.
    pub(in crate::engine) fn buffer_sizes(&self) -> io::Result<(usize, usize)> {
        let socket = SockRef::from(&self.io);
        Ok((socket.recv_buffer_size()?, socket.send_buffer_size()?))
    }

    pub(in crate::engine) fn set_recv_buffer_size(&self, bytes: usize) -> io::Result<()> {
        SockRef::from(&self.io).set_recv_buffer_size(bytes)
    }

    pub(in crate::engine) fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
        SockRef::from(&self.io).set_send_buffer_size(bytes)
    }

    /// Joins a multicast group or leaves it.
    pub(in crate::engine) fn set_membership(&self, group: Multicast, join: bool) -> io::Result<()> {
        let socket = SockRef::from(&self.io);
        match (group, join) {
            (Multicast::V4(group, at), true) => socket.join_multicast_v4(&group, &at),
            (Multicast::V4(group, at), false) => socket.leave_multicast_v4(&group, &at),
            (Multicast::V6(group, at), true) => socket.join_multicast_v6(&group, at),
            (Multicast::V6(group, at), false) => socket.leave_multicast_v6(&group, at),
        }
    }

    /// Sets the time to live by both options on a socket on an IPv6 address: which of them applies
    /// to an IPv4-mapped address depends on the system.
    fn apply_ttl(&self, ttl: u32) -> io::Result<()> {
        let socket = SockRef::from(&self.io);
        let set = socket.set_ttl_v4(ttl);
        if self.is_ipv6 { set.or(socket.set_unicast_hops_v6(ttl)) } else { set }
    }

    #[cfg(test)]
    pub(in crate::engine) fn ttl(&self) -> io::Result<u32> {
        SockRef::from(&self.io).ttl_v4()
    }
}

/// The slots of a batch: as many as `recvmmsg` fills in one call. Where a call fills only one slot,
/// as on macOS and Windows, a batch takes several calls but still takes the node's lock once.
pub(in crate::engine) const SLOTS: usize = 32;

/// Bulk arrives in bursts of a congestion window, while the driver may not be scheduled for
/// milliseconds. No burst of a connection exceeds the window that UDX advertises.
const RECV_BUFFER: usize = 4 << 20;

/// The default of Linux. Other systems may have a smaller one.
const SEND_BUFFER: usize = 212_992;

/// The time to live of sockets, as the reference sets it.
const DEFAULT_TTL: u32 = 64;

/// The most errors to skip in a row. Each ICMP message is one error, which reading removes from the
/// queue; an error that stays must not become an endless loop.
const MAX_ERRORS: usize = 64;

/// True where one call takes datagrams until the buffers are full or the socket is empty
/// (`recvmmsg`), and where a datagram that arrives later makes the socket readable again whether or
/// not the call before has seen it empty (edge-triggered `epoll`).
const READS_UNTIL_EMPTY: bool = cfg!(any(target_os = "linux", target_os = "android"));
