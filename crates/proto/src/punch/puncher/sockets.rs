//! The sockets of a puncher, which holds them until it ends.

use crate::base::{Io, Party, PunchId};
use crate::punch::nat::Nat;
use crate::{Cx, SocketId};

#[derive(Debug)]
pub(super) struct Sockets {
    holder: PunchId,
    party: Party,
    /// Rounds are sent from the first of them.
    used: Vec<SocketId>,
    /// Former first sockets that the peer may send to.
    replaced: Vec<SocketId>,
    /// The peer may know the address of the first socket.
    is_known: bool,
    /// The socket that the first one replaces as soon as it is bound.
    former: Option<Former>,
    changes: Vec<SocketChange>,
}

#[derive(Debug)]
struct Former {
    socket: SocketId,
    is_known: bool,
    /// The analysis of that socket's NAT.
    nat: Nat,
}

/// A change in the set of sockets that a puncher listens on.
#[derive(Clone, Copy, Debug)]
pub(in crate::punch) enum SocketChange {
    Opened(SocketId),
    Released(SocketId),
}

impl Sockets {
    /// The peer learns the address of the very first socket at once: from message 2, or from a
    /// round.
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

    pub(super) fn party(&self) -> Party {
        self.party
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

    /// A probe leaves from a socket, whose address the peer may know from now on.
    pub(super) fn note_probe(&mut self, socket: SocketId) {
        self.is_known |= self.first() == Some(socket);
        if let Some(former) = self.former.as_mut().filter(|former| former.socket == socket) {
            former.is_known = true;
        }
    }

    /// Replaces the only socket. If the new one cannot be bound, the old one returns with its NAT.
    pub(super) fn replace(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, nat: Nat) {
        let is_known = std::mem::take(&mut self.is_known);
        self.former = self.used.pop().map(|socket| Former { socket, is_known, nat });
        self.acquire(cx, io);
    }

    /// The first socket is bound. The socket that it replaces stays open if the peer may know its
    /// address: a probe to it may be in flight.
    pub(super) fn handle_bound(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>) {
        match self.former.take() {
            Some(Former { socket, is_known: true, .. }) => self.replaced.push(socket),
            Some(Former { socket, is_known: false, .. }) => self.release(cx, io, socket),
            None => {}
        }
    }

    /// Releases all sockets except those that `is_kept` accepts.
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

    /// A socket could not be bound and is gone. If it was to replace another one, that one stays.
    /// Returns the analysis of its NAT.
    pub(super) fn forget(&mut self, socket: SocketId) -> Option<Nat> {
        let was_first = self.first() == Some(socket);
        self.used.retain(|other| *other != socket);
        self.changes.push(SocketChange::Released(socket));
        let Former { socket, is_known, nat } = self.former.take_if(|_| was_first)?;
        self.used.insert(0, socket);
        self.is_known = is_known;
        Some(nat)
    }

    /// Releases all sockets. Those that a connection uses stay open.
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
