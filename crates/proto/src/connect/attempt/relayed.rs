//! The part of an attempt that concerns interim paths, such as that of a blind relay (PROTOCOL D.10).

use std::time::Duration;

use super::super::cache::{KnownWay, Lesson};
use super::super::connecting::PathPlan;
use super::{Attempt, Outcome, Stage};
use crate::base::Party;
use crate::punch::Base;
use crate::relay::{PairingOutcome, PairingRequest};
use crate::streams::RemoteStream;
use crate::wire::RelayThrough;
use crate::{ConnectOptions, ConnectReason, ConnectStep, Cx, StreamId, Timer};

/// What a relay needs to know of the attempt.
#[derive(Debug)]
pub(super) struct Relaying {
    /// The stream of the connection.
    stream: StreamId,
    /// The relay that we offer the server.
    pub(super) own: Option<RelayThrough>,
    keep_alive: Duration,
}

impl Relaying {
    /// Takes one of the application's relays.
    pub(super) fn new(cx: &mut Cx<'_>, stream: StreamId, options: &ConnectOptions) -> Self {
        let own = RelayThrough::choose(&options.relay_through, cx.rng);
        Self { stream, own, keep_alive: options.relay_keep_alive }
    }
}

impl Attempt {
    /// Asks the server's relay to pair the connection, or our own. False if neither of them has one.
    pub(super) fn start_relaying(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        offered: Option<RelayThrough>,
    ) -> bool {
        let Relaying { stream, own, keep_alive } = self.relaying;
        let Some(through) = offered.or(own) else { return false };
        let is_initiator = offered.is_none();
        let (conn, party) = (self.conn, Party::Own);
        let request = PairingRequest { conn, stream, through, is_initiator, keep_alive, party };
        self.requests.trace.reach(cx.now, ConnectStep::Relay);
        self.requests.trace.relay = Some(through.public_key);
        base.pairings.start(cx, &mut base.io, request)
    }

    /// Opens the connection on the interim path of its owner, if there is one.
    pub(super) fn open_interim(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>) {
        let Stage::Connecting(connecting) = &mut self.stage else { return };
        if let Some(path) = self.interim.take().filter(|_| !connecting.is_open) {
            connecting.is_open = connecting.open(cx, base, self.conn, path);
        }
    }

    /// The connection has a direct path: it has moved there, or has opened there.
    pub(super) fn leave_relay(&self, cx: &mut Cx<'_>, base: &mut Base<'_>, is_moved: bool) {
        if is_moved {
            base.pairings.handle_moved(cx, self.conn);
        } else {
            base.pairings.release(cx, &mut base.io, self.conn);
        }
    }

    /// The relay has paired the connection, or has failed.
    pub(in super::super) fn handle_pairing(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        outcome: PairingOutcome,
    ) -> Option<Outcome> {
        let Stage::Connecting(connecting) = &mut self.stage else { return None };
        let is_last = matches!(connecting.plan, PathPlan::Relay);
        let PairingOutcome::Paired(path, stream) = outcome else {
            return if is_last { self.fail(cx, base, ConnectReason::RelayFailed) } else { None };
        };
        if connecting.is_open {
            return None;
        }
        let remote = RemoteStream { id: stream, ..connecting.remote_stream };
        let keys = connecting.keys.clone();
        connecting.is_open = base.io.open_interim(cx, self.conn, path, remote, keys);
        if !connecting.is_open {
            base.pairings.release(cx, &mut base.io, self.conn);
        }
        if !is_last {
            return None;
        }
        if !connecting.is_open {
            return self.fail(cx, base, ConnectReason::RelayFailed);
        }
        let way = std::mem::take(&mut connecting.way);
        let lesson = Lesson::Way(KnownWay { punched: false, ..way });
        self.stop(cx, base);
        Some(Outcome { remote: self.remote, lesson })
    }

    /// Every other path has failed: only the relay is left. False before the handshake is done.
    pub(super) fn await_relay(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>) -> bool {
        let Stage::Connecting(connecting) = &mut self.stage else { return false };
        let plan = std::mem::replace(&mut connecting.plan, PathPlan::Relay);
        cx.timers.cancel(Timer::Connect(self.conn));
        if let PathPlan::Punching(rounds) = &plan
            && let Some(ask) = rounds.question()
        {
            cx.timers.cancel(Timer::Ask(ask));
        }
        self.leave(cx, base, plan);
        true
    }
}
