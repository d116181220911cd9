//! The sockets of a puncher, which holds them until it ends.

use crate::connect::Io;
use crate::punch::{PunchId, PunchOwner};
use crate::{Cx, SocketId};

#[derive(Debug)]
pub(super) struct Sockets {
    holder: PunchId,
    owner: PunchOwner,
    /// The first is the one that rounds are sent from.
    used: Vec<SocketId>,
    /// Former first sockets that the peer may send to.
    replaced: Vec<SocketId>,
    /// The peer may have heard from the first socket.
    is_known: bool,
    changes: Vec<SocketChange>,
}

/// Which sockets a puncher listens on.
#[derive(Clone, Copy, Debug)]
pub(in crate::punch) enum SocketChange {
    Opened(SocketId),
    Released(SocketId),
}

impl Sockets {
    /// The peer is shown the first of all sockets at once: by message 2, or by a round.
    pub(super) fn new(holder: PunchId, owner: PunchOwner) -> Self {
        Self {
            holder,
            owner,
            used: Vec::new(),
            replaced: Vec::new(),
            is_known: true,
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
        let socket = io.pool.acquire(cx, self.holder, self.owner);
        self.used.push(socket);
        self.changes.push(SocketChange::Opened(socket));
    }

    /// A probe leaves.
    pub(super) fn note_probe(&mut self, socket: SocketId) {
        self.is_known |= self.first() == Some(socket);
    }

    /// Puts a new socket in the place of the first. What comes to the old one still counts, if the
    /// peer may know it: a probe may be on its way there.
    pub(super) fn replace(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>) {
        let old = std::mem::take(&mut self.used);
        if std::mem::take(&mut self.is_known) {
            self.replaced.extend(old);
        } else {
            old.into_iter().for_each(|socket| self.release(cx, io, socket));
        }
        self.acquire(cx, io);
    }

    /// Releases all but some.
    pub(super) fn keep(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        is_kept: impl Fn(SocketId) -> bool,
    ) {
        let used = std::mem::take(&mut self.used);
        for socket in used.into_iter().chain(std::mem::take(&mut self.replaced)) {
            match is_kept(socket) {
                true => self.used.push(socket),
                false => self.release(cx, io, socket),
            }
        }
    }

    /// A socket could not be bound: it is gone.
    pub(super) fn forget(&mut self, socket: SocketId) {
        self.used.retain(|other| *other != socket);
        self.changes.push(SocketChange::Released(socket));
    }

    /// Releases all. Those that a connection has opened on stay open.
    pub(super) fn release_all(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>) {
        let used = std::mem::take(&mut self.used);
        for socket in used.into_iter().chain(std::mem::take(&mut self.replaced)) {
            self.release(cx, io, socket);
        }
    }

    pub(super) fn take_changes(&mut self) -> Vec<SocketChange> {
        std::mem::take(&mut self.changes)
    }

    fn release(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, socket: SocketId) {
        self.changes.push(SocketChange::Released(socket));
        io.pool.release(cx, io.conns, socket);
    }
}
