//! Receive buffers: one set for all nodes of an engine, filled from many sockets at a time.

use std::net::{SocketAddr, SocketAddrV6};

use proto::{HostEvent, Run, SocketId};
use quinn_udp::RecvMeta;

use super::sockets::{SLOTS, Socket, Sockets};

/// Received datagrams that were not yet handed to the node.
#[derive(Debug)]
pub(super) struct Batch {
    /// The slots; pages that were never written cost nothing.
    buffers: Vec<u8>,
    meta: Box<[RecvMeta; SLOTS]>,
    filled: Vec<Filled>,
    /// What the sockets have reported.
    news: Vec<HostEvent>,
    /// The most slots that one system call fills.
    per_call: usize,
    /// The last batch had slots of joined datagrams, so that fewer slots suffice for the next one.
    coalesced: bool,
}

/// One slot: one datagram, or several of equal length that the system has joined.
#[derive(Clone, Copy, Debug)]
struct Filled {
    socket: SocketId,
    from: SocketAddr,
    len: usize,
    stride: usize,
}

impl Batch {
    pub(super) fn new() -> Self {
        Self::with_calls_of(quinn_udp::BATCH_SIZE)
    }

    /// A batch that fills at most this many slots with each system call.
    pub(super) fn with_calls_of(per_call: usize) -> Self {
        Self::with(SLOTS, per_call)
    }

    /// A batch for the application's thread, which has other things to do.
    pub(super) fn for_loans() -> Self {
        Self::with(LOAN_SLOTS, LOAN_SLOTS)
    }

    fn with(slots: usize, per_call: usize) -> Self {
        Self {
            buffers: vec![0; slots * SLOT],
            meta: Box::new([RecvMeta::default(); SLOTS]),
            filled: Vec::with_capacity(SLOTS),
            news: Vec::new(),
            per_call,
            coalesced: false,
        }
    }

    /// Receives from all sockets that are not lent in turn, beginning with the one after `last`, and sets `last` to
    /// the last socket that was read. True when more may be waiting.
    pub(super) fn fill(&mut self, sockets: &Sockets, last: &mut SocketId) -> bool {
        self.filled.clear();
        let slots = if self.coalesced { COALESCED_SLOTS } else { SLOTS };
        self.coalesced = false;

        let sockets = sockets.read();
        let next = SocketId(last.0.wrapping_add(1));
        for (id, socket) in sockets.range(next..).chain(sockets.range(..next)) {
            if self.filled.len() >= slots {
                return true;
            }
            if socket.is_lent() {
                self.hear(*id, socket);
            } else if self.read(*id, socket, slots) {
                *last = *id;
            }
        }
        self.filled.len() >= slots
    }

    /// Receives from a lent socket.
    pub(super) fn fill_from(&mut self, sockets: &Sockets, id: SocketId) {
        self.filled.clear();
        if let Some(socket) = sockets.read().get(&id).filter(|socket| socket.is_lent()) {
            self.read(id, socket, LOAN_SLOTS);
        }
    }

    /// Receives from one socket, into the first of `slots` that are free; true if there was
    /// anything.
    fn read(&mut self, id: SocketId, socket: &Socket, slots: usize) -> bool {
        let Self { buffers, meta, per_call, filled, .. } = self;
        let free = buffers.chunks_exact_mut(SLOT).take(slots).skip(filled.len());
        let received = socket.try_recv(free, meta, *per_call);
        self.hear(id, socket);
        let Ok(count) = received else { return false };
        for meta in self.meta.iter().take(count) {
            self.filled.push(Filled::new(id, meta));
            self.coalesced |= meta.stride < meta.len;
        }
        true
    }

    /// Takes what a socket has reported.
    fn hear(&mut self, id: SocketId, socket: &Socket) {
        let refused = socket.take_refusals();
        self.news.extend(refused.map(|to| HostEvent::Unreachable { socket: id, to }));
    }

    /// The socket from which all datagrams are, if it is one.
    pub(super) fn only_socket(&self) -> Option<SocketId> {
        let first = self.filled.first()?.socket;
        self.filled.iter().all(|filled| filled.socket == first).then_some(first)
    }

    /// How many datagrams it has.
    pub(super) fn datagrams(&self) -> usize {
        self.filled.iter().map(|filled| filled.len.div_ceil(filled.stride).max(1)).sum()
    }

    pub(super) fn take_news(&mut self) -> Vec<HostEvent> {
        std::mem::take(&mut self.news)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.filled.is_empty()
    }

    /// Whether the system has joined datagrams of the batch, as it does if many come at once.
    pub(super) fn is_coalesced(&self) -> bool {
        self.coalesced
    }

    /// Whether it has datagrams or news.
    pub(super) fn has_anything(&self) -> bool {
        !self.is_empty() || !self.news.is_empty()
    }

    /// Hands over the datagrams of each slot, in the order of arrival at their socket.
    pub(super) fn for_each(&mut self, mut handle: impl FnMut(&mut Run<'_>)) {
        for (filled, slot) in self.filled.drain(..).zip(self.buffers.chunks_exact_mut(SLOT)) {
            let Filled { socket, from, len, stride } = filled;
            let Some(data) = slot.get_mut(..len) else {
                continue;
            };
            handle(&mut Run { socket, from, data, segment_size: stride });
        }
    }
}

impl Filled {
    fn new(socket: SocketId, meta: &RecvMeta) -> Self {
        Self { socket, from: source(meta.addr), len: meta.len, stride: meta.stride.max(1) }
    }
}

/// The source of a datagram. A socket of both families reports an IPv4 address as an IPv4-mapped
/// IPv6 address.
fn source(from: SocketAddr) -> SocketAddr {
    match from {
        SocketAddr::V4(_) => from,
        SocketAddr::V6(from) => match from.ip().to_ipv4_mapped() {
            Some(host) => SocketAddr::from((host, from.port())),
            None => SocketAddr::V6(SocketAddrV6::new(*from.ip(), from.port(), 0, from.scope_id())),
        },
    }
}

/// The largest UDP datagram, or the largest run of joined ones, and a part of a page: slots at
/// multiples of a power of two would all take the same lines of the processor's caches.
const SLOT: usize = (1 << 16) + 2048;

/// More than a calm exchange needs, and as little as shows that it is not calm.
const LOAN_SLOTS: usize = 4;

/// A slot of joined datagrams holds up to 64. Two slots keep the time under the lock, and the
/// memory between two levels of cache, as small as a batch of single datagrams does. With four, the
/// timers of a program that reads small messages are late by a third more.
const COALESCED_SLOTS: usize = 2;
