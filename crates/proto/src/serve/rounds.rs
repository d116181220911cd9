//! The server's side of punching: each round of the client is answered once our NAT is known
//! (PROTOCOL D.8).

use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::time::Duration;

use super::requester::answer_round;
use crate::base::PunchId;
use crate::net::Incoming;
use crate::punch::{Base, PunchSecret, Puncher, is_consistent};
use crate::wire::{Firewall, HolepunchPayload, PayloadError};
use crate::{Answer, AskId, ConnId, Cx, ServerId, SocketId, Timer};

/// The puncher of a handshake, and the client's rounds.
#[derive(Debug)]
pub(super) struct Punching {
    punch: PunchId,
    secret: PunchSecret,
    round: u64,
    /// Rounds that wait for an answer. The first one is being worked on.
    pending: VecDeque<Round>,
    /// The application's question about the first round.
    asking: Option<AskId>,
    /// The latest answers, for rounds that the client retransmits.
    answered: VecDeque<Answered>,
    /// The client was told to try later.
    is_postponed: bool,
}

/// One round of the client.
#[derive(Debug)]
pub(super) struct Round {
    /// The request without its value.
    pub(super) incoming: Incoming,
    /// The hash of the sealed payload.
    pub(super) id: [u8; 32],
    pub(super) client: SocketAddrV4,
    pub(super) payload: HolepunchPayload,
    /// The round came through one of our own relays, which states the client's address truthfully.
    pub(super) trusted: bool,
}

#[derive(Debug)]
struct Answered {
    id: [u8; 32],
    payload: Vec<u8>,
    socket: SocketId,
}

/// What the handshake has to do after a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoundOutcome {
    On,
    /// The server does not punch, and the client has been told.
    GiveUp,
    /// The handshake has ended: the client or the application has rejected the punch.
    Abort,
}

/// What the rounds of this handshake need to know about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlotRef {
    pub(super) server: ServerId,
    pub(super) slot: u32,
    pub(super) conn: ConnId,
    /// Whether the application is asked before the punch.
    pub(super) ask: bool,
}

impl Punching {
    pub(super) fn new(punch: PunchId, secret: PunchSecret) -> Self {
        Self {
            punch,
            secret,
            round: 0,
            pending: VecDeque::new(),
            asking: None,
            answered: VecDeque::new(),
            is_postponed: false,
        }
    }

    /// The question that the application has not answered yet.
    pub(super) fn question(&self) -> Option<AskId> {
        self.asking
    }

    pub(super) fn punch(&self) -> PunchId {
        self.punch
    }

    /// The number of the client's latest round.
    pub(super) fn round(&self) -> u64 {
        self.round
    }

    /// Decrypts and decodes the payload of a round; `None` if it was forged.
    pub(super) fn open(&self, sealed: &[u8]) -> Option<HolepunchPayload> {
        self.secret.open(sealed)
    }

    /// Handles a round of the client.
    pub(super) fn handle_round(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        slot_ref: SlotRef,
        round: Round,
    ) -> RoundOutcome {
        if let Some(answered) = self.answered.iter().find(|answered| answered.id == round.id) {
            let Answered { payload, socket, .. } = answered;
            let payload = payload.clone();
            answer_round(cx, &mut base.io, &round.incoming, round.client, payload, *socket);
            return RoundOutcome::On;
        }
        if self.pending.iter().any(|pending| pending.id == round.id) {
            return RoundOutcome::On;
        }
        self.take_sample(cx, base, &round.incoming);
        if self.pending.len() >= MAX_PENDING {
            cx.stats.dropped.punch += 1;
            return RoundOutcome::On;
        }
        self.pending.push_back(round);
        if self.pending.len() > 1 {
            return RoundOutcome::On;
        }
        self.begin(cx, base, slot_ref)
    }

    /// The analysis of our NAT, or a reopening, has ended.
    pub(super) fn handle_analyzed(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        slot_ref: SlotRef,
    ) -> RoundOutcome {
        let (Some(puncher), Some(round)) = (base.punchers.get(self.punch), self.pending.front())
        else {
            return RoundOutcome::On;
        };
        let Some(stable) = puncher.analysis().filter(|_| self.asking.is_none()) else {
            return RoundOutcome::On;
        };
        // A probe that was answered shows a path, whatever our NAT is.
        let hopeless = !stable && !round.payload.punching && !puncher.has_answered();
        if hopeless {
            match base.punchers.reopen(cx, &mut base.io, self.punch) {
                None => return RoundOutcome::On,
                Some(true) => {}
                Some(false) => return self.give_up(cx, base, PayloadError::Aborted),
            }
        }
        self.answer_fast(cx, base);
        self.decide(cx, base, slot_ref)
    }

    /// The application has decided.
    pub(super) fn handle_answer(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        slot_ref: SlotRef,
        answer: Answer,
    ) -> RoundOutcome {
        self.asking = None;
        match answer {
            Answer::Accept | Answer::AcceptThrough(_) => self.join(cx, base, slot_ref),
            Answer::Reject | Answer::Wrote(_) | Answer::Read(_) => {
                self.give_up(cx, base, PayloadError::Aborted);
                RoundOutcome::Abort
            }
        }
    }

    /// Adds a sample: the node that passed the round on has seen the address of our puncher.
    fn take_sample(&self, cx: &mut Cx<'_>, base: &mut Base<'_>, incoming: &Incoming) {
        let own = base.punchers.get(self.punch).and_then(Puncher::socket);
        if own == Some(incoming.socket) {
            let (to, from) = (incoming.to, incoming.from);
            base.punchers.add_sample(cx, &mut base.io, self.punch, to, from);
        }
    }

    fn begin(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, slot_ref: SlotRef) -> RoundOutcome {
        let Some(round) = self.pending.front() else { return RoundOutcome::On };
        let Round { client, payload, trusted, .. } = round;
        if payload.error != PayloadError::None {
            self.give_up(cx, base, PayloadError::Aborted);
            return RoundOutcome::Abort;
        }
        if payload.round >= self.round {
            self.round = payload.round;
            let host = *client.ip();
            let echoed = *trusted && self.secret.is_echo(host, payload.remote_token.as_ref());
            if let Some(remote) = base.punchers.remote_mut(self.punch) {
                let addresses = payload.addresses.as_deref().unwrap_or_default();
                let verified = echoed.then_some(host);
                remote.update(payload.punching, payload.firewall, addresses, verified);
            }
        }
        self.handle_analyzed(cx, base, slot_ref)
    }

    /// Probes the client at once if it has opened its NAT to our real address. Such a probe arrives
    /// before the next round.
    fn answer_fast(&self, cx: &mut Cx<'_>, base: &mut Base<'_>) {
        let (Some(puncher), Some(round)) = (base.punchers.get(self.punch), self.pending.front())
        else {
            return;
        };
        let ours = puncher.addresses().unwrap_or_default();
        let expected = round.payload.remote_address.is_some_and(|a| ours.contains(&a));
        if expected && is_consistent(puncher.firewall()) {
            base.punchers.probe(cx, self.punch, round.client);
        }
    }

    fn decide(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, slot_ref: SlotRef) -> RoundOutcome {
        let Some(puncher) = base.punchers.get(self.punch) else { return RoundOutcome::On };
        if !puncher.remote().is_punching() {
            // Without a relay, the client has to come within the time that it has left.
            if puncher.is_kept() && base.pairings.has(slot_ref.conn) {
                self.keep(cx, base, (slot_ref.server, slot_ref.slot));
            }
            return self.answer(cx, base, slot_ref);
        }
        let question = puncher.question(Some(slot_ref.server), None);
        // The application is asked once the punch can take place, and not each time that the client
        // comes again.
        if base.punchers.throttled_until(cx, self.punch).is_some() {
            return self.postpone(cx, base, slot_ref);
        }
        if slot_ref.ask {
            self.asking = Some(cx.ask(question));
            return RoundOutcome::On;
        }
        base.io.conns.leave_unasked(slot_ref.conn, question);
        self.join(cx, base, slot_ref)
    }

    /// Starts to punch, since the client does.
    fn join(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, slot_ref: SlotRef) -> RoundOutcome {
        if base.punchers.throttled_until(cx, self.punch).is_some() {
            return self.postpone(cx, base, slot_ref);
        }
        // From here on the puncher has its own deadline.
        cx.timers.cancel(Timer::Handshake(slot_ref.server, slot_ref.slot));
        if !base.punchers.punch(cx, &mut base.io, self.punch) {
            return self.give_up(cx, base, PayloadError::Aborted);
        }
        self.answer(cx, base, slot_ref)
    }

    /// Tells the client to try later, within the time that it has left. A client that has a relay
    /// meanwhile gets more time.
    fn postpone(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        slot_ref: SlotRef,
    ) -> RoundOutcome {
        let is_relayed = base.pairings.has(slot_ref.conn);
        let is_first = !std::mem::replace(&mut self.is_postponed, true);
        // As in the reference, a client that is told so again counts again if it has a relay.
        cx.stats.punches_try_later += u64::from(is_relayed || is_first);
        if is_relayed {
            if !self.keep(cx, base, (slot_ref.server, slot_ref.slot)) {
                return self.give_up(cx, base, PayloadError::TryLater);
            }
            cx.stats.punches_try_later_relayed += u64::from(is_first);
        }
        self.answer_with(cx, base, slot_ref, PayloadError::TryLater)
    }

    /// Waits for the client's next round while a random punch has to wait, if there is room.
    pub(super) fn keep(
        &self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        (server, slot): (ServerId, u32),
    ) -> bool {
        let is_kept = base.punchers.keep(self.punch);
        if is_kept {
            cx.wake_at(Timer::Handshake(server, slot), cx.now + KEPT_FOR);
        }
        is_kept
    }

    pub(super) fn is_kept(&self, base: &Base<'_>) -> bool {
        base.punchers.get(self.punch).is_some_and(Puncher::is_kept)
    }

    fn answer(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, slot_ref: SlotRef) -> RoundOutcome {
        self.answer_with(cx, base, slot_ref, PayloadError::None)
    }

    fn answer_with(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        slot_ref: SlotRef,
        error: PayloadError,
    ) -> RoundOutcome {
        let Some(round) = self.pending.pop_front() else { return RoundOutcome::On };
        let Some(puncher) = base.punchers.get(self.punch) else { return RoundOutcome::On };
        let Some(socket) = puncher.socket() else { return RoundOutcome::On };
        let known = puncher.firewall() != Firewall::Unknown;
        let payload = HolepunchPayload {
            error,
            firewall: puncher.firewall(),
            round: self.round,
            connected: puncher.is_connected(),
            punching: puncher.is_punching(),
            addresses: puncher.addresses_for_peer(),
            remote_address: None,
            token: round.trusted.then(|| self.secret.token(*round.client.ip())),
            remote_token: round.payload.token,
        };
        let payload = self.secret.seal(cx.rng, &payload);
        answer_round(cx, &mut base.io, &round.incoming, round.client, payload.clone(), socket);
        self.answered.push_back(Answered { id: round.id, payload, socket });
        if self.answered.len() > MAX_ANSWERED {
            self.answered.pop_front();
        }
        if known {
            base.punchers.freeze(self.punch);
        }
        self.begin(cx, base, slot_ref)
    }

    /// Tells the client with `error`, from a socket that stays open.
    fn give_up(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        error: PayloadError,
    ) -> RoundOutcome {
        let Some(round) = self.pending.pop_front() else { return RoundOutcome::GiveUp };
        let number = self.round.max(round.payload.round);
        let payload = HolepunchPayload { error, round: number, ..HolepunchPayload::default() };
        let payload = self.secret.seal(cx.rng, &payload);
        let socket = base.io.net.socket();
        answer_round(cx, &mut base.io, &round.incoming, round.client, payload, socket);
        RoundOutcome::GiveUp
    }
}

/// A client whose own random punch has to wait may be silent for as long as another one of its
/// punches, and the pause after that, take: 35 s and 20 s in the reference, which looks every 20 s.
const KEPT_FOR: Duration = Duration::from_secs(120);

/// An honest client has one round under way, and perhaps an abort behind it.
const MAX_PENDING: usize = 4;

/// The client may still retransmit the round before the last one.
const MAX_ANSWERED: usize = 2;
