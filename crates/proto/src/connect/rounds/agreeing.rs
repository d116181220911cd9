//! The round in which both sides agree to punch.
//!
//! A server of the reference treats a repeated round as another punch, which is blocked by the
//! first one: it answers TRY_LATER and ends both. So the round is sent to such a server only once.
//! If no answer comes, or TRY_LATER, a round with `punching` unset asks whether the server punches.
//! That round may be repeated.
//!
//! Each end has a budget for random punches. A connection that has a blind relay waits for its turn
//! at either end. Any other one waits as long as a server waits for its client.

use std::time::{Duration, Instant};

use super::super::requests::{PendingRequests, Tries};
use super::{RemoteServer, Rounds, RoundsOutcome, ServerProbed, Step};
use crate::punch::Base;
use crate::wire::{HolepunchPayload, PayloadError};
use crate::{ConnectReason, ConnectStep, Cx, Timer};

/// How to agree with this server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Agreeing {
    tries: Tries,
    /// How many more times the round may be sent.
    left: u8,
    /// How many times it may be sent each time that it is our turn.
    most: u8,
    /// The server has asked us to try later.
    is_postponed: bool,
}

impl Agreeing {
    pub(super) fn with(server: &RemoteServer<'_>) -> Self {
        if server.answers_repeats {
            return Self::new(Tries::Usual, 1);
        }
        let wait = (server.round_trip * 2).clamp(LEAST_WAIT, MOST_WAIT);
        Self::new(Tries::Once(wait), MAX_ROUNDS)
    }

    fn new(tries: Tries, most: u8) -> Self {
        Self { tries, left: most, most, is_postponed: false }
    }
}

impl Rounds {
    /// Tells the server that we punch, and that it may punch too.
    pub(super) fn agree(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        probed: ServerProbed,
    ) -> RoundsOutcome {
        base.punchers.freeze(self.punch);
        if let Some(turn) = base.punchers.throttled_until(cx, self.punch) {
            let outcome = self.postpone(cx, base, probed, ConnectReason::Throttled, turn);
            if outcome == RoundsOutcome::On && base.pairings.has(self.conn) {
                // The server keeps its puncher, and both NATs their mappings.
                return self.commit(cx, base, requests, probed, false, Tries::Usual);
            }
            return outcome;
        }
        let Some(left) = self.agreeing.left.checked_sub(1) else {
            let later = self.agreeing.is_postponed;
            let reason =
                if later { ConnectReason::TryLater } else { ConnectReason::ServerNotPunching };
            return RoundsOutcome::Fail(reason);
        };
        self.agreeing.left = left;
        base.punchers.reserve(cx, self.punch);
        self.step = Step::Agreeing(probed);
        requests.trace.reach(cx.now, ConnectStep::Agree);
        self.commit(cx, base, requests, probed, true, self.agreeing.tries)
    }

    /// No answer came, or no answer that could be decoded.
    pub(super) fn handle_silence(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
    ) -> RoundsOutcome {
        match (self.step, self.agreeing.tries) {
            // The round or its answer was lost.
            (Step::Agreeing(probed), Tries::Once(_)) => {
                self.check(cx, base, requests, probed, Tries::Usual)
            }
            // The server has ended the punch.
            _ if self.agreeing.is_postponed => RoundsOutcome::Fail(ConnectReason::TryLater),
            _ => RoundsOutcome::Fail(ConnectReason::RoundSilent),
        }
    }

    /// The server refuses to go on, or asks to try later.
    pub(super) fn handle_refusal(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        payload: &HolepunchPayload,
    ) -> RoundsOutcome {
        let is_later = payload.error == PayloadError::TryLater;
        self.agreeing.is_postponed = is_later;
        match (self.step, self.agreeing.tries) {
            (Step::Agreeing(probed), Tries::Usual) if is_later => {
                self.postpone(cx, base, probed, ConnectReason::TryLater, cx.now)
            }
            // Our own punch may be the one in the way. If the server has ended it, as it does
            // without a relay, it will not answer.
            (Step::Agreeing(probed), Tries::Once(_)) if is_later => {
                let is_kept = base.pairings.has(self.conn);
                let tries = if is_kept { Tries::Usual } else { self.agreeing.tries };
                self.check(cx, base, requests, probed, tries)
            }
            // The reference fails with REMOTE_ABORTED here, and reports HOLEPUNCH_ABORTED, which
            // makes hyperswarm use a relay.
            _ if is_later => RoundsOutcome::Fail(ConnectReason::TryLater),
            _ => RoundsOutcome::Fail(ConnectReason::ServerAborted),
        }
    }

    /// The server has told whether it punches.
    pub(super) fn handle_checked(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        probed: ServerProbed,
        payload: &HolepunchPayload,
    ) -> RoundsOutcome {
        if payload.punching {
            return self.handle_agreed(cx, base, requests, payload);
        }
        if self.agreeing.is_postponed && base.pairings.has(self.conn) {
            return self.postpone(cx, base, probed, ConnectReason::TryLater, cx.now);
        }
        self.agree(cx, base, requests, probed)
    }

    /// Waits for a while, until `turn` at least. Without a relay, the punch fails for this reason
    /// if that takes longer than the server waits.
    fn postpone(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        probed: ServerProbed,
        reason: ConnectReason,
        turn: Instant,
    ) -> RoundsOutcome {
        let is_relayed = base.pairings.has(self.conn);
        let pause = if is_relayed { TRY_AGAIN } else { TRY_SOON };
        let more = Duration::from_millis(cx.rng.below(pause.as_millis() as u64));
        let at = turn.max(cx.now + pause + more);
        if !is_relayed && at > self.waits_until {
            return RoundsOutcome::Fail(reason);
        }
        base.punchers.yield_turn(cx, self.punch);
        self.agreeing = Agreeing::new(self.agreeing.tries, self.agreeing.most);
        self.step = Step::Waiting(probed);
        cx.wake_at(Timer::Connect(self.conn), at);
        RoundsOutcome::On
    }

    pub(super) fn handle_agreed(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        payload: &HolepunchPayload,
    ) -> RoundsOutcome {
        // The reference reports HOLEPUNCH_ABORTED here too, instead of REMOTE_NOT_HOLEPUNCHING.
        if !payload.punching {
            return RoundsOutcome::Fail(ConnectReason::ServerNotPunching);
        }
        if !base.punchers.punch(cx, &mut base.io, self.punch) {
            return RoundsOutcome::Fail(ConnectReason::NoStrategy);
        }
        self.step = Step::Punching;
        requests.trace.reach(cx.now, ConnectStep::Punch);
        RoundsOutcome::On
    }

    /// Asks whether the server punches.
    fn check(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        probed: ServerProbed,
        tries: Tries,
    ) -> RoundsOutcome {
        self.step = Step::Checking(probed);
        self.commit(cx, base, requests, probed, false, tries)
    }

    /// Sends a round that proves our address to the server, and asks for a proof of the server's.
    fn commit(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        probed: ServerProbed,
        punching: bool,
        tries: Tries,
    ) -> RoundsOutcome {
        let payload = HolepunchPayload {
            punching,
            token: Some(self.secret.token(*self.server.ip())),
            remote_token: probed.token,
            ..HolepunchPayload::default()
        };
        self.send(cx, base, requests, (self.node, self.server), tries, payload)
    }
}

/// The time after which the reference repeats a round.
const LEAST_WAIT: Duration = Duration::from_secs(1);

/// A longer round trip may mean that the handshake waited for the server's application. A server
/// drops a client that does not punch after 10 s.
const MOST_WAIT: Duration = Duration::from_secs(3);

/// We try again after this time, or after up to twice as long, as in the reference: several clients
/// may wait for the same server.
const TRY_AGAIN: Duration = Duration::from_secs(10);

/// The same without a relay: most punches succeed within a second.
const TRY_SOON: Duration = Duration::from_millis(300);

/// How long a connection without a relay waits for its turn. The server waits for 10 s from its
/// answer to the handshake, and the round has to arrive by then.
pub(super) const TURN_WITHIN: Duration = Duration::from_secs(8);

/// If a third of the rounds is lost, one of these arrives in 96 of 100 cases.
const MAX_ROUNDS: u8 = 3;
