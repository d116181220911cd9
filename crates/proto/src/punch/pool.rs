//! Sockets for punching. One stays open as long as its puncher or a connection uses it.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use super::PunchId;
use crate::conn::Conns;
use crate::{Action, Cx, SocketId};

/// The sockets that a node bound beside its two main ones.
#[derive(Debug)]
pub(crate) struct Pool {
    users: BTreeMap<SocketId, Option<PunchId>>,
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
    /// No sockets.
    pub(crate) fn new() -> Self {
        Self { users: BTreeMap::new(), next: SocketId::FIRST_POOL }
    }

    /// Asks the driver for a socket. It can be sent from once `handle_bound` has been called.
    pub(crate) fn acquire(&mut self, cx: &mut Cx<'_>, user: PunchId) -> SocketId {
        let socket = SocketId(self.next);
        self.next = self.next.checked_add(1).unwrap_or(SocketId::FIRST_POOL);
        self.users.insert(socket, Some(user));
        cx.stats.pool_sockets_added += 1;
        cx.act(Action::Bind { socket });
        socket
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
    }
}
