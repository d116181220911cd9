//! How a handshake ends, and what is released then.

use std::time::Instant;

use super::accepting::CLIENT_COMES_WITHIN;
use super::requester::ServerHello;
use super::server::Server;
use super::session::{FIRST_PACKET_WITHIN, Session};
use super::slots::SlotState;
use crate::punch::Base;
use crate::relay::PairingOutcome;
use crate::{ConnId, Cx, Timer};

impl Server {
    /// Refuses new clients, and drops the handshakes of all clients that cannot have opened their
    /// connection yet. The server waits for the first packets of the others, for a second at most.
    pub(super) fn refuse_clients(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>) {
        self.admits = false;
        for slot in self.slots.indices() {
            match self.may_have_opened(cx, base, slot) {
                Some(until) => cx.wake_at(Timer::Handshake(self.id, slot), until),
                None => self.forget(cx, base, slot),
            }
        }
    }

    /// Drops every handshake. Open connections stay.
    pub(super) fn drop_handshakes(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>) {
        for slot in self.slots.indices() {
            self.forget(cx, base, slot);
        }
    }

    /// The time until which a client may come that has opened its connection, if it may have done
    /// so: it opens when it gets message 2, or when its probe is answered.
    fn may_have_opened(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        slot: u32,
    ) -> Option<Instant> {
        let Some(SlotState::Waiting(session)) = self.slots.get_mut(slot) else { return None };
        let mut opened = session.answered?;
        if let Some(punching) = &session.punching {
            match base.punchers.retire(cx, &mut base.io, punching.punch()) {
                Some(_) => opened = cx.now,
                None if session.reply.socket.is_some() => return None,
                None => {}
            }
        }
        Some(opened + FIRST_PACKET_WITHIN).filter(|until| *until > cx.now)
    }

    /// Ends a handshake, and frees its slot.
    fn forget(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, slot: u32) {
        match self.slots.get_mut(slot) {
            Some(SlotState::Asking(asking)) => cx.timers.cancel(Timer::Ask(asking.ask)),
            Some(SlotState::Foreign(_)) => self.abandon_foreign(cx, base, slot),
            Some(SlotState::Begun | SlotState::Waiting(_) | SlotState::Ended(_)) | None => {}
        }
        self.end_session(cx, base, slot);
        cx.timers.cancel(Timer::Handshake(self.id, slot));
        self.slots.discard(slot);
    }

    /// The puncher could not get a socket. A client that was answered from a main socket may still
    /// connect to that socket. Any other client was not answered, and may try again.
    pub(super) fn handle_no_socket(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, slot: u32) {
        let Some(SlotState::Waiting(session)) = self.slots.get_mut(slot) else { return };
        if session.reply.socket.is_none() || session.is_open {
            session.punching = None;
            return;
        }
        let Some(session) = self.take_session(cx, slot) else { return };
        cx.timers.cancel(Timer::Handshake(self.id, slot));
        base.io.fail(cx, session.conn, None);
        cx.stats.dropped.admission += 1;
        self.slots.discard(slot);
    }

    /// A client that talks through a relay may have to wait with its random punch. True if the
    /// handshake goes on for that.
    pub(super) fn keep_relayed(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, slot: u32) -> bool {
        let server = self.id;
        let Some(SlotState::Waiting(session)) = self.slots.get_mut(slot) else { return false };
        let Some(punching) = session.punching.as_ref().filter(|_| session.is_open) else {
            return false;
        };
        !punching.is_kept(base) && punching.keep(cx, base, (server, slot))
    }

    /// No path was found, as far as this side knows. A client whose probe was answered may have
    /// one.
    pub(super) fn give_up(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, slot: u32) {
        let punch = self.punching(slot).map(|punching| punching.punch());
        match punch.and_then(|punch| base.punchers.retire(cx, &mut base.io, punch)) {
            Some(until) => cx.wake_at(Timer::Handshake(self.id, slot), until),
            None => self.abort(cx, base, slot),
        }
    }

    /// No punch succeeds. The handshake goes on only if it waits for a blind relay, or for a client
    /// that may have opened its connection on a network that it shares with us.
    pub(super) fn abort(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, slot: u32) {
        let Some(SlotState::Waiting(session)) = self.slots.get_mut(slot) else { return };
        let timer = Timer::Handshake(self.id, slot);
        if base.pairings.is_waiting(session.conn) {
            // The pairing has a deadline of its own.
            cx.timers.cancel(timer);
            session.is_last_resort = true;
        } else if let Some(until) = session.comes_until().filter(|until| *until > cx.now) {
            cx.wake_at(timer, until);
        } else {
            return self.end_session(cx, base, slot);
        }
        let Some(punching) = session.punching.take() else { return };
        if let Some(ask) = punching.question() {
            cx.timers.cancel(Timer::Ask(ask));
        }
        base.punchers.stop(cx, &mut base.io, punching.punch());
    }

    /// A blind relay has paired a connection, or has failed.
    pub(super) fn handle_pairing(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        conn: ConnId,
        outcome: PairingOutcome,
    ) {
        let Some(slot) = self.slots.of_conn(conn) else { return };
        let Some(SlotState::Waiting(session)) = self.slots.get_mut(slot) else { return };
        let is_open = match outcome {
            PairingOutcome::Paired(path, stream) => session.open_interim(cx, base, path, stream),
            PairingOutcome::Failed => false,
        };
        if !is_open {
            base.pairings.release(cx, &mut base.io, conn);
            // A random punch may wait long only while there is a relay.
            let punching = session.punching.as_ref().filter(|_| !session.is_open);
            if punching.is_some_and(|punching| punching.is_kept(base)) {
                cx.wake_at(Timer::Handshake(self.id, slot), cx.now + CLIENT_COMES_WITHIN);
            }
        }
        if session.is_last_resort {
            self.end_session(cx, base, slot);
        }
    }

    /// A connection that was open through a blind relay is gone.
    pub(super) fn handle_closed(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, conn: ConnId) {
        if let Some(slot) = self.slots.of_conn(conn) {
            self.end_session(cx, base, slot);
        }
    }

    /// Waiting → Ended. A connection that has not opened ends too.
    pub(super) fn end_session(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, slot: u32) {
        let Some(session) = self.take_session(cx, slot) else { return };
        self.slots.note_abort(slot);
        let Session { conn, reply, punching, unanswered, .. } = *session;
        if let Some(punching) = punching {
            base.punchers.stop(cx, &mut base.io, punching.punch());
        }
        base.io.fail(cx, conn, None);
        // A client that was not answered yet gets no answer any more: the reply offers a connection
        // that is gone.
        let reply = unanswered.is_empty().then_some(ServerHello { socket: None, ..reply });
        self.end(cx, slot, reply);
    }

    /// Leaves Waiting; the caller enters the next state.
    pub(super) fn take_session(&mut self, cx: &mut Cx<'_>, slot: u32) -> Option<Box<Session>> {
        if !matches!(self.slots.get_mut(slot), Some(SlotState::Waiting(_))) {
            return None;
        }
        let state = self.slots.take(slot)?;
        if let Some(ask) = state.question() {
            cx.timers.cancel(Timer::Ask(ask));
        }
        match state {
            SlotState::Waiting(session) => Some(session),
            SlotState::Begun
            | SlotState::Asking(_)
            | SlotState::Foreign(_)
            | SlotState::Ended(_) => None,
        }
    }

    /// Enters Ended; the slot is cleared after `handshake_clear_wait`.
    pub(super) fn end(&mut self, cx: &mut Cx<'_>, slot: u32, reply: Option<ServerHello>) {
        self.slots.set(slot, SlotState::Ended(reply));
        cx.wake_at(Timer::Handshake(self.id, slot), cx.now + self.options.handshake_clear_wait);
        if let Some(oldest) = self.slots.surplus() {
            cx.timers.cancel(Timer::Handshake(self.id, oldest));
            self.slots.clear(oldest);
        }
    }
}
