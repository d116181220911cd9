//! Sockets for punching. One stays open as long as its puncher or a connection uses it.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use super::{PunchId, PunchOwner};
use crate::conn::Conns;
use crate::{Action, Cx, SocketId};

/// The sockets that a node bound beside its two main ones. Their number is limited: each is a
/// descriptor of the process, and clients of our servers ask for them.
#[derive(Debug)]
pub(crate) struct Pool {
    users: BTreeMap<SocketId, Option<PunchId>>,
    /// Those among them for which there was no room. They count as sockets that cannot be bound.
    refused: Vec<SocketId>,
    max: usize,
    next: u32,
}

/// A socket that somebody waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) user: PunchId,
    /// False: it could not be bound and is gone.
    pub(crate) ok: bool,
}

impl Pool {
    /// No sockets, and never more than `max`.
    pub(crate) fn new(max: usize) -> Self {
        Self { users: BTreeMap::new(), refused: Vec::new(), max, next: SocketId::FIRST_POOL }
    }

    /// Asks the driver for a socket. It can be sent from once `handle_bound` has been called.
    pub(crate) fn acquire(
        &mut self,
        cx: &mut Cx<'_>,
        user: PunchId,
        owner: PunchOwner,
    ) -> SocketId {
        let socket = SocketId(self.next);
        self.next = self.next.checked_add(1).unwrap_or(SocketId::FIRST_POOL);
        cx.stats.pool_sockets_added += 1;
        if self.has_room(owner) {
            cx.act(Action::Bind { socket });
        } else {
            self.refused.push(socket);
        }
        self.users.insert(socket, Some(user));
        socket
    }

    /// Whether there is a socket left. Clients of our servers leave a quarter of this node's
    /// sockets to its own connections.
    pub(crate) fn has_room(&self, owner: PunchOwner) -> bool {
        let max = match owner {
            PunchOwner::Conn(_) => self.max,
            PunchOwner::Slot(..) => self.max - self.max / OWN_SHARE,
        };
        self.users.len() - self.refused.len() < max
    }

    /// Sockets for which there was no room since the last call; `handle_bound` is to follow.
    pub(crate) fn take_refused(&mut self) -> Vec<SocketId> {
        std::mem::take(&mut self.refused)
    }

    /// A puncher is done with a socket.
    pub(crate) fn release(&mut self, cx: &mut Cx<'_>, conns: &Conns, socket: SocketId) {
        if let Some(user) = self.users.get_mut(&socket) {
            *user = None;
            self.handle_unused(cx, conns, socket);
        }
    }

    /// A connection is done with a socket: closes it if nobody else uses it.
    pub(crate) fn handle_unused(&mut self, cx: &mut Cx<'_>, conns: &Conns, socket: SocketId) {
        if self.users.get(&socket) == Some(&None) && conns.users_of(socket) == 0 {
            self.forget(cx, socket);
            cx.act(Action::Close { socket });
        }
    }

    /// Tells whose socket this is, unless nobody wants it any more.
    pub(super) fn handle_bound(
        &mut self,
        cx: &mut Cx<'_>,
        socket: SocketId,
        local: Option<SocketAddrV4>,
    ) -> Option<Bound> {
        let user = *self.users.get(&socket)?;
        if local.is_none() {
            self.forget(cx, socket);
        }
        Some(Bound { user: user?, ok: local.is_some() })
    }

    /// True for a socket of the pool that has not been closed.
    pub(crate) fn is_open(&self, socket: SocketId) -> bool {
        self.users.contains_key(&socket)
    }

    /// Open sockets.
    pub(crate) fn len(&self) -> usize {
        self.users.len()
    }

    fn forget(&mut self, cx: &mut Cx<'_>, socket: SocketId) {
        self.users.remove(&socket);
        cx.stats.pool_sockets_removed += 1;
        self.refused.retain(|refused| *refused != socket);
    }
}

/// One part in so many is for connections that this node makes itself.
const OWN_SHARE: usize = 4;
