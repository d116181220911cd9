//! Sockets for hole punching. A socket stays open while its puncher or a connection uses it, and
//! for a while longer if the next connection to the same peer may use it.

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::PunchId;
use super::routes::Routes;
use crate::streams::{Path, Streams};
use crate::wire::PublicKey;
use crate::{Action, Cx, SocketId, Timer};

/// The sockets that a node has bound beside its two main ones. Their number is limited, because
/// each is a file descriptor of the process, and remote clients can cause them to be opened.
#[derive(Debug)]
pub(crate) struct Pool {
    sockets: BTreeMap<SocketId, PooledSocket>,
    /// The sockets among them for which there was no room; they are reported as failed to bind.
    refused: Vec<SocketId>,
    /// How many sockets the clients of a source hold.
    by_source: HashMap<Ipv4Addr, usize>,
    routes: Routes,
    max: usize,
    next: u32,
}

/// The side that a socket is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    /// A connection that this node makes.
    Own,
    /// A client of one of this node's servers, and the source that the socket counts against.
    Client(Ipv4Addr),
}

#[derive(Debug)]
struct PooledSocket {
    user: Option<PunchId>,
    party: Party,
    /// Further connections may use the socket.
    is_reusable: bool,
}

/// The result of a bind that a puncher waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) user: PunchId,
    /// False if the socket could not be bound; then it is gone.
    pub(crate) ok: bool,
}

impl Pool {
    /// Starts without sockets. There are never more than `max`.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            sockets: BTreeMap::new(),
            refused: Vec::new(),
            by_source: HashMap::new(),
            routes: Routes::default(),
            max,
            next: SocketId::FIRST_POOL,
        }
    }

    /// Asks the driver for a socket, which can send once `handle_bound` has been called.
    pub(crate) fn acquire(&mut self, cx: &mut Cx<'_>, user: PunchId, party: Party) -> SocketId {
        let socket = SocketId(self.next);
        let is_free = |next: &u32| *next < SocketId::FIRST_BOUND;
        self.next = self.next.checked_add(1).filter(is_free).unwrap_or(SocketId::FIRST_POOL);
        cx.stats.pool_sockets_added += 1;
        if self.has_room(party) {
            cx.act(Action::Bind { socket, for_client: party != Party::Own });
        } else {
            self.refused.push(socket);
        }
        if let Party::Client(source) = party {
            *self.by_source.entry(source).or_insert(0) += 1;
        }
        self.sockets.insert(socket, PooledSocket { user: Some(user), party, is_reusable: false });
        socket
    }

    /// Whether another socket may be opened. The clients of all servers together leave a part of
    /// the sockets to the node's own connections, and each source leaves a part to other sources.
    pub(crate) fn has_room(&self, party: Party) -> bool {
        let held = self.sockets.len() - self.refused.len();
        let Party::Client(source) = party else { return held < self.max };
        let of_clients = self.max - self.max / OWN_SHARE;
        // A program on this host could take the process's sockets without our help.
        let of_source =
            if source.is_loopback() { of_clients } else { of_clients.div_ceil(SOURCE_SHARE) };
        held < of_clients && self.of_source(source) < of_source
    }

    /// Sockets that were refused since the last call. The caller has to call `handle_bound` for
    /// each.
    pub(crate) fn take_refused(&mut self) -> Vec<SocketId> {
        std::mem::take(&mut self.refused)
    }

    /// A puncher no longer uses a socket.
    pub(crate) fn release(&mut self, cx: &mut Cx<'_>, streams: &Streams, socket: SocketId) {
        if let Some(entry) = self.sockets.get_mut(&socket) {
            entry.user = None;
            self.handle_unused(cx, streams, socket);
        }
    }

    /// A connection no longer uses a socket: closes it if there is no other user, now or later.
    pub(crate) fn handle_unused(&mut self, cx: &mut Cx<'_>, streams: &Streams, socket: SocketId) {
        if !self.is_unused(streams, socket) {
            return;
        }
        let is_reusable = self.sockets.get(&socket).is_some_and(|entry| entry.is_reusable);
        if is_reusable && self.sockets.len() <= self.max / LINGER_SHARE {
            cx.wake_at(Timer::Linger(socket), cx.now + LINGER);
        } else {
            self.close(cx, socket);
        }
    }

    /// Handles `Timer::Linger`: closes the socket, unless it is used again.
    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>, streams: &Streams, socket: SocketId) {
        if self.is_unused(streams, socket) {
            self.close(cx, socket);
        }
    }

    /// The path of a connection that both ends would use for the next one.
    pub(crate) fn remember_route(&mut self, peer: PublicKey, path: Path) {
        self.routes.insert(peer, path);
        if let Some(entry) = self.sockets.get_mut(&path.socket) {
            entry.is_reusable = true;
        }
    }

    /// The path that the next connection to a peer may use.
    pub(crate) fn route(&self, peer: &PublicKey) -> Option<Path> {
        self.routes.get(peer)
    }

    /// The peer no longer answers on this path.
    pub(crate) fn forget_route(&mut self, path: Path) {
        self.routes.forget_path(path);
        if let Some(entry) = self.sockets.get_mut(&path.socket) {
            entry.is_reusable = false;
        }
    }

    /// No connection follows: sockets close as soon as they are unused.
    pub(crate) fn forget_routes(&mut self, cx: &mut Cx<'_>, streams: &Streams) {
        self.routes.clear();
        let all: Vec<SocketId> = self.sockets.keys().copied().collect();
        for socket in all {
            if let Some(entry) = self.sockets.get_mut(&socket) {
                entry.is_reusable = false;
            }
            self.handle_unused(cx, streams, socket);
        }
    }

    /// Paths that are remembered.
    pub(crate) fn routes(&self) -> usize {
        self.routes.len()
    }

    /// Handles the driver's answer. Returns the puncher that waits for the socket, if there still
    /// is one.
    pub(crate) fn handle_bound(
        &mut self,
        cx: &mut Cx<'_>,
        socket: SocketId,
        local: Option<SocketAddrV4>,
    ) -> Option<Bound> {
        let user = self.sockets.get(&socket)?.user;
        if local.is_none() {
            self.forget(cx, socket);
        }
        Some(Bound { user: user?, ok: local.is_some() })
    }

    /// True for a socket of the pool that has not been closed.
    pub(crate) fn is_open(&self, socket: SocketId) -> bool {
        self.sockets.contains_key(&socket)
    }

    /// Open sockets.
    pub(crate) fn len(&self) -> usize {
        self.sockets.len()
    }

    /// How many sources hold sockets.
    pub(crate) fn sources(&self) -> usize {
        self.by_source.len()
    }

    fn is_unused(&self, streams: &Streams, socket: SocketId) -> bool {
        let has_user = self.sockets.get(&socket).is_none_or(|entry| entry.user.is_some());
        !has_user && streams.users_of(socket) == 0
    }

    fn close(&mut self, cx: &mut Cx<'_>, socket: SocketId) {
        self.forget(cx, socket);
        cx.act(Action::Close { socket });
    }

    fn of_source(&self, source: Ipv4Addr) -> usize {
        self.by_source.get(&source).copied().unwrap_or(0)
    }

    fn forget(&mut self, cx: &mut Cx<'_>, socket: SocketId) {
        let Some(entry) = self.sockets.remove(&socket) else { return };
        cx.stats.pool_sockets_removed += 1;
        cx.timers.cancel(Timer::Linger(socket));
        self.routes.forget_socket(socket);
        self.refused.retain(|refused| *refused != socket);
        let Party::Client(source) = entry.party else { return };
        match self.of_source(source) {
            0 | 1 => self.by_source.remove(&source),
            more => self.by_source.insert(source, more - 1),
        };
    }
}

/// How long an unused socket waits for the next connection, as in the reference.
const LINGER: Duration = Duration::from_secs(3);

/// Sockets wait for connections only while this share of all is not taken.
const LINGER_SHARE: usize = 2;

/// One in this many sockets is for the connections that this node makes itself.
const OWN_SHARE: usize = 4;

/// One source may hold half of the clients' sockets, so that it cannot shut out all others.
const SOURCE_SHARE: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::bench::Bench;

    #[test]
    fn clients_and_each_of_their_sources_leave_some_to_others() {
        let mut bench = Bench::new();
        let mut pool = Pool::new(16);
        let mut take = |party| {
            let all = (0..100).take_while(|_| {
                let has_room = pool.has_room(party);
                if has_room {
                    pool.acquire(&mut bench.cx(), PunchId(0), party);
                }
                has_room
            });
            all.count()
        };
        assert_eq!(take(client(1)), 6);
        assert_eq!((take(client(2)), take(client(3))), (6, 0));
        assert_eq!(take(Party::Own), 4);
    }

    #[test]
    fn what_is_given_back_counts_for_nobody() {
        let mut bench = Bench::new();
        let mut pool = Pool::new(4);
        let streams = Streams::default();
        for _ in 0..10 {
            let first = pool.acquire(&mut bench.cx(), PunchId(0), client(1));
            let second = pool.acquire(&mut bench.cx(), PunchId(0), client(1));
            assert!(!pool.has_room(client(1)) && pool.has_room(client(2)));
            pool.release(&mut bench.cx(), &streams, first);
            pool.handle_bound(&mut bench.cx(), second, None);
        }
        assert_eq!((pool.len(), pool.sources()), (0, 0));
    }

    fn client(n: u8) -> Party {
        Party::Client(Ipv4Addr::new(1, 1, 1, n))
    }
}
