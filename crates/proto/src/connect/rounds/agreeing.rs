//! The round in which both sides commit themselves to punch.
//!
//! A server of the reference takes a repeated round for another punch, for which its own stands in
//! the way: it answers TRY_LATER and ends both. To such a server the round is sent once. If no
//! answer comes, or TRY_LATER, a round in which we do not punch asks what the server does: that one
//! may be repeated.

use std::time::Duration;

use super::super::requests::{PendingRequests, Tries};
use super::{Probed, RemoteServer, Rounds, RoundsOutcome, Step};
use crate::punch::Base;
use crate::wire::{HolepunchPayload, PayloadError};
use crate::{ConnectError, Cx};

/// How to agree with this server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Agreeing {
    tries: Tries,
    /// How often the round may still be sent anew.
    left: u8,
}

impl Agreeing {
    pub(super) fn with(server: &RemoteServer<'_>) -> Self {
        if server.answers_repeats {
            return Self { tries: Tries::Usual, left: 1 };
        }
        let wait = (server.round_trip * 2).clamp(LEAST_WAIT, MOST_WAIT);
        Self { tries: Tries::Once(wait), left: MAX_ROUNDS }
    }
}

impl Rounds {
    /// Tells the server that we punch, and that it may.
    pub(super) fn agree(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        probed: Probed,
    ) -> RoundsOutcome {
        base.punchers.freeze(self.punch);
        if base.punchers.is_throttled(cx, self.punch) {
            return RoundsOutcome::Fail(ConnectError::HolepunchAborted);
        }
        let Some(left) = self.agreeing.left.checked_sub(1) else {
            return RoundsOutcome::Fail(ConnectError::HolepunchAborted);
        };
        self.agreeing.left = left;
        base.punchers.reserve(self.punch);
        self.step = Step::Agreeing(probed);
        self.commit(cx, base, requests, probed, true, self.agreeing.tries)
    }

    /// No answer came, or none that could be read.
    pub(super) fn handle_silence(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
    ) -> RoundsOutcome {
        match (self.step, self.agreeing.tries) {
            // The round is lost, or its answer.
            (Step::Agreeing(probed), Tries::Once(_)) => {
                self.check(cx, base, requests, probed, Tries::Usual)
            }
            _ => RoundsOutcome::Fail(ConnectError::HolepunchAborted),
        }
    }

    /// The server does not want to go on, or not yet.
    pub(super) fn handle_refusal(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        payload: &HolepunchPayload,
    ) -> RoundsOutcome {
        let is_later = payload.error == PayloadError::TryLater;
        match (self.step, self.agreeing.tries) {
            // It may be our own punch that stands in the way. A server that has ended it is silent.
            (Step::Agreeing(probed), Tries::Once(_)) if is_later => {
                self.check(cx, base, requests, probed, self.agreeing.tries)
            }
            // The reference fails with REMOTE_ABORTED here, and reports HOLEPUNCH_ABORTED, which
            // makes hyperswarm use a relay.
            _ => RoundsOutcome::Fail(ConnectError::HolepunchAborted),
        }
    }

    /// The server has told whether it punches.
    pub(super) fn handle_checked(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        probed: Probed,
        payload: &HolepunchPayload,
    ) -> RoundsOutcome {
        if payload.punching {
            return self.handle_agreed(cx, base, payload);
        }
        self.agree(cx, base, requests, probed)
    }

    pub(super) fn handle_agreed(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        payload: &HolepunchPayload,
    ) -> RoundsOutcome {
        // REMOTE_NOT_HOLEPUNCHING is hidden in the same way.
        if !payload.punching {
            return RoundsOutcome::Fail(ConnectError::HolepunchAborted);
        }
        if !base.punchers.punch(cx, &mut base.io, self.punch) {
            return RoundsOutcome::Fail(ConnectError::RemoteNotHolepunchable);
        }
        self.step = Step::Punching;
        RoundsOutcome::On
    }

    /// Asks whether the server punches.
    fn check(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        probed: Probed,
        tries: Tries,
    ) -> RoundsOutcome {
        self.step = Step::Checking(probed);
        self.commit(cx, base, requests, probed, false, tries)
    }

    /// A round that proves to the server that we receive where we say, and asks for the same.
    fn commit(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        probed: Probed,
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

/// What the reference waits before it repeats a round.
const LEAST_WAIT: Duration = Duration::from_secs(1);

/// The handshake may have waited for the server's application. A server keeps a client that does
/// not punch for 10 s.
const MOST_WAIT: Duration = Duration::from_secs(3);

/// Where a third of the rounds is lost on the way there, one of these arrives in 96 of 100 cases.
const MAX_ROUNDS: u8 = 3;
