//! One listening server: its handshakes, from message 1 to a path.

use std::net::Ipv4Addr;

use super::admission::{Admission, InFlight};
use super::requester::{ClientHello, Requester, remember, without_value};
use super::rounds::{Punching, Round, RoundOutcome, SlotRef};
use super::slots::{SlotState, Slots};
use crate::conn::ConnOwner;
use crate::net::Incoming;
use crate::noise::{KeyPair, PublicKey};
use crate::punch::{Base, News, Report};
use crate::streams::Path;
use crate::wire::{Handshake, Holepunch, hash, is_destination};
use crate::{Answer, AskId, ConnId, Cx, ServerId, ServerOptions, Timer};

#[derive(Debug)]
pub(super) struct Server {
    pub(super) id: ServerId,
    pub(super) identity: KeyPair,
    pub(super) options: ServerOptions,
    pub(super) slots: Slots,
    /// The owner of the connections that the server accepts.
    owner: ConnOwner,
    /// False after `refuse_clients`.
    pub(super) admits: bool,
}

impl Server {
    pub(super) fn new(id: ServerId, identity: KeyPair, options: ServerOptions) -> Self {
        Self {
            id,
            identity,
            options,
            slots: Slots::default(),
            owner: ConnOwner::Application,
            admits: true,
        }
    }

    pub(super) fn set_hooks(&mut self, firewall: bool, holepunch: bool, handshake: bool) {
        self.options.ask_firewall = firewall;
        self.options.ask_holepunch = holepunch;
        self.options.ask_handshake = handshake;
    }

    pub(super) fn set_relay_through(&mut self, relays: Vec<PublicKey>, ask: bool) {
        self.options.relay_through = relays;
        self.options.ask_relay = ask;
    }

    pub(super) fn owner(&self) -> ConnOwner {
        self.owner
    }

    pub(super) fn set_owner(&mut self, owner: ConnOwner) {
        self.owner = owner;
    }

    pub(super) fn owns_conn(&self, conn: ConnId) -> bool {
        self.slots.of_conn(conn).is_some()
    }

    pub(super) fn owns_ask(&self, ask: AskId) -> bool {
        self.slots.of_ask(ask).is_some()
    }

    /// The number of handshakes in flight.
    pub(super) fn handshakes(&self) -> usize {
        self.slots.in_flight()
    }

    /// The number of handshakes, including those that have ended.
    pub(super) fn kept(&self) -> usize {
        self.slots.len()
    }

    /// Handles message 1. A repeated message gets the same answer as before. A handshake that is
    /// not admitted allocates nothing, and a client that the application rejects gets no answer.
    pub(super) fn handle_handshake(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        admission: &mut Admission,
        incoming: &Incoming,
        message: &Handshake,
    ) {
        if !self.admits {
            return;
        }
        let Some(requester) = Requester::new(incoming, message) else {
            cx.stats.dropped.malformed += 1;
            return;
        };
        let noise = hash(&[&message.noise]);
        if let Some(slot) = self.slots.find(&noise) {
            self.repeat(cx, base, slot, requester);
            return;
        }
        let source = self.source(base, &requester);
        if !admission.admit(cx.now, self.in_flight(base, source), source) {
            cx.stats.dropped.admission += 1;
            return;
        }
        if self.asks_handshake() {
            let slot = self.slots.insert(noise, source);
            return self.ask_to_read(cx, base, slot, source, requester, &message.noise);
        }
        let Some(hello) =
            ClientHello::read(cx, &self.identity, requester.client(), source, &message.noise)
        else {
            cx.stats.dropped.handshake += 1;
            return;
        };
        let slot = self.slots.insert(noise, source);
        if self.options.ask_firewall || self.options.ask_relay {
            self.ask_firewall(cx, slot, hello, requester);
        } else {
            self.accept(cx, base, slot, hello, vec![requester], None);
        }
    }

    /// Handles a punch round of a client.
    pub(super) fn handle_holepunch(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        incoming: &Incoming,
        message: &Holepunch,
    ) {
        let client = message.peer_address.filter(|address| is_destination(*address));
        let (Some(client), Ok(slot)) = (client, u32::try_from(message.id)) else {
            cx.stats.dropped.malformed += 1;
            return;
        };
        let Some(payload) = self.punching(slot).and_then(|p| p.open(&message.payload)) else {
            cx.stats.dropped.punch += 1;
            return;
        };
        let round = Round {
            incoming: without_value(incoming),
            id: hash(&[&message.payload]),
            client,
            payload,
            trusted: base.io.announced.is_relay(self.id, incoming.from),
        };
        self.in_rounds(cx, base, slot, |punching, cx, base, slot_ref| {
            punching.handle_round(cx, base, slot_ref, round)
        });
    }

    /// Handles the client's first UDX packet. Its source gives the path.
    pub(super) fn handle_first_packet(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        conn: ConnId,
        path: Path,
    ) {
        let Some(slot) = self.slots.of_conn(conn) else { return };
        let Some(session) = self.take_session(cx, slot) else { return };
        self.end(cx, slot, Some(session.reply.clone()));
        session.open(cx, base, path);
    }

    pub(super) fn handle_punch(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        slot: u32,
        report: Report,
    ) {
        if self.punching(slot).map(|punching| punching.punch()) != Some(report.punch) {
            return;
        }
        match report.news {
            News::Ready => self.answer_all(cx, base, slot),
            News::Analyzed => self.in_rounds(cx, base, slot, Punching::handle_analyzed),
            News::Aborted(_) => self.abort(cx, base, slot),
            News::NoSocket => self.handle_no_socket(cx, base, slot),
            // The client decides which path is used.
            News::Connected(_) => {}
        }
    }

    pub(super) fn handle_answer(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        id: AskId,
        answer: Answer,
    ) {
        cx.timers.cancel(Timer::Ask(id));
        let Some(slot) = self.slots.of_ask(id) else { return };
        match self.slots.get_mut(slot) {
            Some(SlotState::Asking(_)) => self.handle_verdict(cx, base, slot, answer),
            Some(SlotState::Foreign(_)) => self.handle_foreign(cx, base, slot, answer),
            Some(SlotState::Waiting(_)) => {
                self.in_rounds(cx, base, slot, |punching, cx, base, slot_ref| {
                    punching.handle_answer(cx, base, slot_ref, answer)
                });
            }
            Some(SlotState::Begun | SlotState::Ended(_)) | None => {}
        }
    }

    /// A client has not sent anything in time, or an ended handshake can be forgotten.
    pub(super) fn handle_timeout(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, slot: u32) {
        match self.slots.get_mut(slot) {
            Some(SlotState::Waiting(_)) if self.admits => {
                if !self.keep_relayed(cx, base, slot) {
                    self.give_up(cx, base, slot);
                }
            }
            Some(SlotState::Waiting(_)) => self.end_session(cx, base, slot),
            Some(SlotState::Ended(_)) => self.slots.clear(slot),
            Some(SlotState::Begun | SlotState::Asking(_) | SlotState::Foreign(_)) | None => {}
        }
    }

    pub(super) fn resume(&mut self) {
        self.admits = true;
    }

    /// Whether the application makes the handshakes. The connections of a machine are the node's.
    fn asks_handshake(&self) -> bool {
        self.options.ask_handshake && self.owner == ConnOwner::Application
    }

    /// The source that a handshake counts against.
    fn source(&self, base: &Base<'_>, requester: &Requester) -> Ipv4Addr {
        let (client, sender) = (*requester.client().address.ip(), *requester.source().ip());
        // Our own relays state the client's address truthfully; any other relay may be the client
        // itself. Loopback clients have no share and no rate, so only a sender on this host may
        // state one.
        let is_believed = sender.is_loopback() || !client.is_loopback();
        let is_relayed = base.io.announced.is_relay(self.id, requester.source());
        if is_relayed && is_believed { client } else { sender }
    }

    /// Counts handshakes in flight. A client that was answered at once has a connection and no
    /// slot, and its address may still be forged.
    fn in_flight(&self, base: &Base<'_>, source: Ipv4Addr) -> InFlight {
        let unheard = base.io.conns.unheard(self.id, source);
        InFlight {
            all: self.slots.in_flight() + unheard.all,
            of_source: self.slots.in_flight_of(source) + unheard.of_source,
        }
    }

    /// Handles a repeated message 1: a retransmission, or the same message through another node.
    fn repeat(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, slot: u32, requester: Requester) {
        match self.slots.get_mut(slot) {
            Some(SlotState::Asking(asking)) => remember(&mut asking.unanswered, requester),
            Some(SlotState::Foreign(foreign)) => remember(&mut foreign.unanswered, requester),
            Some(SlotState::Waiting(session)) => {
                remember(&mut session.unanswered, requester);
                self.answer_all(cx, base, slot);
            }
            Some(SlotState::Ended(Some(reply))) => reply.send(cx, base, &[requester]),
            Some(SlotState::Begun | SlotState::Ended(None)) | None => {}
        }
    }

    /// Sends message 2 to all requesters that wait for it, once its socket is bound.
    pub(super) fn answer_all(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, slot: u32) {
        let Some(SlotState::Waiting(session)) = self.slots.get_mut(slot) else { return };
        let puncher = session.punching.as_ref().and_then(|p| base.punchers.get(p.punch()));
        let unbound = puncher.is_some_and(|puncher| !puncher.is_bound());
        if session.reply.socket.is_some() && unbound {
            return;
        }
        let requesters = std::mem::take(&mut session.unanswered);
        session.answered = Some(cx.now);
        session.reply.send(cx, base, &requesters);
        session.open_nat(cx, base, self.id, &requesters);
    }

    pub(super) fn punching(&mut self, slot: u32) -> Option<&mut Punching> {
        match self.slots.get_mut(slot)? {
            SlotState::Waiting(session) => session.punching.as_mut(),
            SlotState::Begun
            | SlotState::Asking(_)
            | SlotState::Foreign(_)
            | SlotState::Ended(_) => None,
        }
    }

    /// Runs a step of the rounds and handles its outcome.
    fn in_rounds(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        slot: u32,
        step: impl FnOnce(&mut Punching, &mut Cx<'_>, &mut Base<'_>, SlotRef) -> RoundOutcome,
    ) {
        let (server, ask) = (self.id, self.options.ask_holepunch);
        let Some(SlotState::Waiting(session)) = self.slots.get_mut(slot) else { return };
        let slot_ref = SlotRef { server, slot, conn: session.conn, ask };
        let Some(punching) = session.punching.as_mut() else { return };
        match step(punching, cx, base, slot_ref) {
            RoundOutcome::On => {}
            RoundOutcome::GiveUp => self.give_up(cx, base, slot),
            RoundOutcome::Abort => self.abort(cx, base, slot),
        }
    }
}
