//! One connection attempt, from the command to a path or an error.

mod finding;
mod relayed;

use std::net::SocketAddrV4;

use super::cache::Lesson;
use super::candidates::Candidates;
use super::connecting::{Connecting, PathPlan, choose};
use super::discovery::Discovery;
use super::hello::{HandshakeDone, HandshakeParams};
use super::requests::{EndedRequest, PendingRequests, RequestPurpose};
use super::rounds::{Choices, Rounds, RoundsOutcome};
use crate::conn::OwnedConn;
use crate::net::Reply;
use crate::noise::{KeyPair, PublicKey};
use crate::punch::{Base, News, Report};
use crate::streams::Path;
use crate::wire::hash;
use crate::{
    Answer, AskId, ConnId, ConnectError, ConnectOptions, ConnectReason, Cx, Foreign, PunchKind,
    SocketId, StreamId, Timer,
};
use finding::way;
use relayed::Relaying;

#[derive(Debug)]
pub(super) struct Attempt {
    conn: ConnId,
    remote: PublicKey,
    choices: Choices,
    /// The path may be used again, if the server agrees.
    reusable: bool,
    requests: PendingRequests,
    /// A path to open the connection on until a better one is found.
    interim: Option<Path>,
    relaying: Relaying,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Discovery(Box<Discovery>),
    /// The handshake is done. The connection may have opened on an interim path already.
    Connecting(Box<Connecting>),
    /// The attempt has ended, with a path or without.
    Over,
}

/// The result of an attempt.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) remote: PublicKey,
    pub(super) lesson: Lesson,
}

impl Attempt {
    pub(super) fn start(
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        conn: OwnedConn,
        remote: PublicKey,
        identity: KeyPair,
        options: &ConnectOptions,
        candidates: Candidates,
    ) -> Self {
        let stream_id = base.io.dial(cx, conn, options.keep_alive, options.foreign).0;
        let conn = conn.id;
        let mut requests = PendingRequests::new(cx.now, conn, hash(&[&remote]));
        let share_local = options.local_connection;
        let reusable = options.reusable_socket;
        let relaying = Relaying::new(cx, StreamId(stream_id), options);
        let relay_through = relaying.own;
        let foreign = options.foreign.has_handshake();
        let params = HandshakeParams {
            conn,
            identity,
            remote,
            stream_id,
            share_local,
            reusable,
            relay_through,
            foreign,
            path_frames: options.foreign != Foreign::Everything,
        };
        let discovery = Discovery::start(cx, base, &mut requests, params, candidates);
        Self {
            conn,
            remote,
            choices: Choices {
                fast_open: options.fast_open,
                ask: options.ask_holepunch,
                local: options.local_connection,
            },
            reusable,
            interim: None,
            relaying,
            requests,
            stage: Stage::Discovery(Box::new(discovery)),
        }
    }

    /// The question that the application has not answered yet.
    pub(super) fn question(&self) -> Option<AskId> {
        match &self.stage {
            Stage::Discovery(discovery) => discovery.question(),
            Stage::Connecting(connecting) => connecting.question(),
            Stage::Over => None,
        }
    }

    pub(super) fn handle_reply(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        tag: u32,
        reply: Option<&Reply>,
    ) -> Option<Outcome> {
        let EndedRequest { purpose, elapsed } = self.requests.take(cx.now, tag)?;
        match purpose {
            RequestPurpose::Handshake { via, socket, .. } => {
                self.handle_handshake(cx, base, (via, socket), elapsed, reply)
            }
            RequestPurpose::Lan { address } => self.handle_pong(cx, base, address, reply.is_some()),
            RequestPurpose::Round => self.in_rounds(cx, base, |rounds, cx, base, requests| {
                rounds.handle_reply(cx, base, requests, reply)
            }),
        }
    }

    pub(super) fn handle_punch(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        report: Report,
    ) -> Option<Outcome> {
        if let Stage::Discovery(discovery) = &mut self.stage {
            discovery.handle_punch(cx, base, &mut self.requests, report);
            return self.settle(cx, base);
        }
        self.in_rounds(cx, base, |rounds, cx, base, requests| {
            if rounds.punch() != report.punch {
                return RoundsOutcome::On;
            }
            rounds.handle_news(cx, base, requests, report.news)
        })
    }

    pub(super) fn handle_answer(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        answer: Answer,
    ) -> Option<Outcome> {
        if let Stage::Discovery(discovery) = &mut self.stage {
            let found = discovery.handle_answer(cx, base, &mut self.requests, answer);
            return self.handle_found(cx, base, found);
        }
        self.in_rounds(cx, base, |rounds, cx, base, requests| {
            rounds.handle_answer(cx, base, requests, answer)
        })
    }

    /// A pause has ended, or the time that a passive client waits for the server, or a step of the
    /// discovery is due.
    pub(super) fn handle_timeout(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
    ) -> Option<Outcome> {
        if let Stage::Discovery(discovery) = &mut self.stage {
            discovery.handle_timeout(cx, base, &mut self.requests);
            return self.settle(cx, base);
        }
        let Stage::Connecting(connecting) = &self.stage else { return None };
        if matches!(connecting.plan, PathPlan::Passive) {
            return self.fail(cx, base, ConnectReason::ServerSilent);
        }
        self.in_rounds(cx, base, |rounds, cx, base, requests| {
            rounds.handle_timeout(cx, base, requests)
        })
    }

    /// The server has sent a UDX packet, which shows a path.
    pub(super) fn handle_first_packet(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        path: Path,
    ) -> Option<Outcome> {
        match &mut self.stage {
            Stage::Discovery(discovery) => {
                discovery.handle_first_packet(path);
                None
            }
            Stage::Connecting(_) => self.open(cx, base, path),
            Stage::Over => None,
        }
    }

    /// Opens the connection on this path as soon as the keys are known. The attempt goes on looking
    /// for a better path to move to.
    pub(super) fn open_on(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, path: Path) {
        self.interim = Some(path);
        self.open_interim(cx, base);
    }

    /// Cancels the attempt's timers, requests and puncher.
    pub(super) fn stop(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>) {
        cx.timers.cancel(Timer::Connect(self.conn));
        if let Some(ask) = self.question() {
            cx.timers.cancel(Timer::Ask(ask));
        }
        self.requests.cancel_all(cx, &mut base.io);
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Discovery(mut discovery) => discovery.stop(cx, base),
            Stage::Connecting(connecting) => self.leave(cx, base, connecting.plan),
            Stage::Over => {}
        }
    }

    /// Ends what belongs to a plan.
    fn leave(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, plan: PathPlan) {
        let PathPlan::Punching(rounds) = plan else { return };
        if let Some(puncher) = base.punchers.get(rounds.punch()) {
            self.requests.trace.note_punch(puncher.summary());
        }
        base.punchers.stop(cx, &mut base.io, rounds.punch());
    }

    /// Discovery → Connecting. `silent` are nodes that did not answer in time.
    fn connect(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        done: HandshakeDone,
        silent: &[SocketAddrV4],
    ) -> Option<Outcome> {
        let remote_stream = done.payload.udx.into();
        self.note_answer(cx, &done);
        self.reusable &= done.payload.udx.is_some_and(|udx| udx.is_reusable());
        base.io.introduce(self.conn, remote_stream);
        let Self { conn, choices, requests, .. } = self;
        let plan = choose(cx, base, requests, *conn, *choices, &done);
        let is_known = matches!(plan, Ok(PathPlan::Known(_)));
        let is_relayed = !is_known && self.start_relaying(cx, base, done.payload.relay_through);
        let punched = matches!(plan, Ok(PathPlan::Punching(_)));
        let unused = done.puncher.filter(|_| !punched);
        let outcome = match plan {
            Err(reason) if !is_relayed => self.fail(cx, base, reason),
            plan => {
                let plan = plan.unwrap_or_else(|reason| {
                    self.requests.trace.direct = Some(reason);
                    PathPlan::Relay
                });
                let has_puncher = punched && done.puncher.is_some();
                let (keys, way) = (done.keys.clone(), way(done, punched, silent));
                let is_open = false;
                let connecting = Connecting { keys, remote_stream, way, plan, is_open };
                self.stage = Stage::Connecting(Box::new(connecting));
                self.begin(cx, base, has_puncher)
            }
        };
        if let Some(punch) = unused {
            // A connection may have opened on its socket.
            base.punchers.stop(cx, &mut base.io, punch);
        }
        outcome
    }

    /// Begins with the plan. `has_puncher`: the rounds have a puncher that is ready.
    fn begin(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        has_puncher: bool,
    ) -> Option<Outcome> {
        let Stage::Connecting(connecting) = &self.stage else { return None };
        if let PathPlan::Known(path) = connecting.plan {
            return self.open(cx, base, path);
        }
        self.open_interim(cx, base);
        if !has_puncher {
            return None;
        }
        self.in_rounds(cx, base, |rounds, cx, base, requests| {
            rounds.handle_news(cx, base, requests, News::Ready)
        })
    }

    fn handle_pong(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        address: SocketAddrV4,
        answered: bool,
    ) -> Option<Outcome> {
        let Stage::Connecting(connecting) = &self.stage else { return None };
        if answered {
            return self.open(cx, base, Path::to_peer(SocketId::SERVER, address));
        }
        match connecting.plan {
            PathPlan::Lan { otherwise } => self.fail(cx, base, otherwise),
            PathPlan::Known(_) | PathPlan::Passive | PathPlan::Relay | PathPlan::Punching(_) => {
                None
            }
        }
    }

    /// Runs a step of the rounds and handles its outcome.
    fn in_rounds(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        step: impl FnOnce(
            &mut Rounds,
            &mut Cx<'_>,
            &mut Base<'_>,
            &mut PendingRequests,
        ) -> RoundsOutcome,
    ) -> Option<Outcome> {
        let Stage::Connecting(connecting) = &mut self.stage else { return None };
        let rounds = connecting.rounds()?;
        match step(rounds, cx, base, &mut self.requests) {
            RoundsOutcome::On => None,
            RoundsOutcome::Open(path) => self.open(cx, base, path),
            RoundsOutcome::Fail(reason) => self.give_up_punching(cx, base, reason),
        }
    }

    /// Punching has failed. A ping in the local network that is still in flight may yet find a
    /// path.
    fn give_up_punching(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        reason: ConnectReason,
    ) -> Option<Outcome> {
        if self.requests.count(|purpose| matches!(purpose, RequestPurpose::Lan { .. })) == 0 {
            return self.fail(cx, base, reason);
        }
        let Stage::Connecting(connecting) = &mut self.stage else { return None };
        let plan = std::mem::replace(&mut connecting.plan, PathPlan::Lan { otherwise: reason });
        self.leave(cx, base, plan);
        None
    }

    /// A path was found.
    fn open(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, path: Path) -> Option<Outcome> {
        let Stage::Connecting(connecting) = &mut self.stage else { return None };
        if connecting.rounds().is_some() {
            let kind = connecting.origin(base, path.socket).punch;
            connecting.way.punched = kind == Some(PunchKind::Consistent);
        }
        let way = std::mem::take(&mut connecting.way);
        let is_moved = connecting.is_open;
        // The connection opens before the puncher stops, so that the socket always has a user.
        if !connecting.open(cx, base, self.conn, path) {
            return self.fail(cx, base, ConnectReason::NoSocket);
        }
        base.io.set_relays(self.conn, hash(&[&self.remote]), &way.relays);
        if self.reusable {
            base.io.remember_route(self.remote, path);
        }
        self.leave_relay(cx, base, is_moved);
        self.stop(cx, base);
        Some(Outcome { remote: self.remote, lesson: Lesson::Way(way) })
    }

    /// Ends the attempt. Its connection ends too, unless it has opened on an interim path.
    pub(super) fn end(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, reason: ConnectReason) {
        self.stop(cx, base);
        let trace = self.requests.trace.finish(cx.now, base.io.net, reason);
        base.io.fail(cx, self.conn, Some(Box::new(trace)));
    }

    /// No path was found, or none that is better than the current one.
    fn fail(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        reason: ConnectReason,
    ) -> Option<Outcome> {
        tracing::debug!(conn = ?self.conn, ?reason, "connect failed");
        if base.pairings.is_waiting(self.conn) && self.await_relay(cx, base) {
            self.requests.trace.direct = Some(reason);
            return None;
        }
        self.end(cx, base, reason);
        let not_reached = matches!(
            reason.error(),
            ConnectError::PeerNotFound | ConnectError::PeerConnectionFailed
        );
        let lesson = if not_reached { Lesson::NoWay } else { Lesson::Nothing };
        Some(Outcome { remote: self.remote, lesson })
    }
}
