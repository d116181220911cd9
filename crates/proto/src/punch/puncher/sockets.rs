//! The sockets of a puncher, which holds them until it ends.

use crate::base::{Io, Party, PunchId};
use crate::punch::nat::Nat;
use crate::{Cx, SocketId};

#[derive(Debug)]
pub(super) struct Sockets {
    holder: PunchId,
    party: Party,
    /// The first is the one that rounds are sent from.
    used: Vec<SocketId>,
    /// Former first sockets that the peer may send to.
    replaced: Vec<SocketId>,
    /// The peer may have heard from the first socket.
    is_known: bool,
    /// What the first socket replaces as soon as it is bound.
    former: Option<Former>,
    changes: Vec<SocketChange>,
}

#[derive(Debug)]
struct Former {
    socket: SocketId,
    is_known: bool,
    /// What was known of it.
    nat: Nat,
}

/// Which sockets a puncher listens on.
#[derive(Clone, Copy, Debug)]
pub(in crate::punch) enum SocketChange {
    Opened(SocketId),
    Released(SocketId),
}

impl Sockets {
    /// The peer is shown the first of all sockets at once: by message 2, or by a round.
    pub(super) fn new(holder: PunchId, party: Party) -> Self {
        Self {
            holder,
            party,
            used: Vec::new(),
            replaced: Vec::new(),
            is_known: true,
            former: None,
            changes: Vec::new(),
        }
    }

    pub(super) fn first(&self) -> Option<SocketId> {
        self.used.first().copied()
    }

    pub(super) fn used(&self) -> &[SocketId] {
        &self.used
    }

    /// Adds a socket of the pool.
    pub(super) fn acquire(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>) {
        let socket = io.pool.acquire(cx, self.holder, self.party);
        self.used.push(socket);
        self.changes.push(SocketChange::Opened(socket));
    }

    /// A probe leaves.
    pub(super) fn note_probe(&mut self, socket: SocketId) {
        self.is_known |= self.first() == Some(socket);
        if let Some(former) = self.former.as_mut().filter(|former| former.socket == socket) {
            former.is_known = true;
        }
    }

    /// Puts a new socket in the place of the only one, which comes back with its NAT if the new one
    /// cannot be bound.
    pub(super) fn replace(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, nat: Nat) {
        let is_known = std::mem::take(&mut self.is_known);
        self.former = self.used.pop().map(|socket| Former { socket, is_known, nat });
        self.acquire(cx, io);
    }

    /// The first socket is bound. What comes to the one that it replaces still counts, if the peer
    /// may know that: a probe may be on its way there.
    pub(super) fn handle_bound(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>) {
        match self.former.take() {
            Some(Former { socket, is_known: true, .. }) => self.replaced.push(socket),
            Some(Former { socket, is_known: false, .. }) => self.release(cx, io, socket),
            None => {}
        }
    }

    /// Releases all but some.
    pub(super) fn keep(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        is_kept: impl Fn(SocketId) -> bool,
    ) {
        for socket in self.take_all() {
            match is_kept(socket) {
                true => self.used.push(socket),
                false => self.release(cx, io, socket),
            }
        }
    }

    /// A socket could not be bound: it is gone, and the one that it was to replace stays. Returns
    /// what was known of that one.
    pub(super) fn forget(&mut self, socket: SocketId) -> Option<Nat> {
        let was_first = self.first() == Some(socket);
        self.used.retain(|other| *other != socket);
        self.changes.push(SocketChange::Released(socket));
        let Former { socket, is_known, nat } = self.former.take_if(|_| was_first)?;
        self.used.insert(0, socket);
        self.is_known = is_known;
        Some(nat)
    }

    /// Releases all. Those that a connection has opened on stay open.
    pub(super) fn release_all(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>) {
        for socket in self.take_all() {
            self.release(cx, io, socket);
        }
    }

    pub(super) fn take_changes(&mut self) -> Vec<SocketChange> {
        std::mem::take(&mut self.changes)
    }

    fn take_all(&mut self) -> Vec<SocketId> {
        let mut all = std::mem::take(&mut self.used);
        all.append(&mut self.replaced);
        all.extend(self.former.take().map(|former| former.socket));
        all
    }

    fn release(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, socket: SocketId) {
        self.changes.push(SocketChange::Released(socket));
        io.pool.release(cx, io.streams, socket);
    }
}
