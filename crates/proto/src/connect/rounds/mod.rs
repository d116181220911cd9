//! The client's side of hole punching: one or two probe rounds, then one to agree (PROTOCOL D.8).

mod agreeing;
mod messages;

use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use self::agreeing::{Agreeing, TURN_WITHIN};
use super::decide::HelloRoute;
use super::requests::{PendingRequests, Tries};
use crate::base::{Party, PunchId, PunchOwner};
use crate::net::Reply;
use crate::noise::Finished;
use crate::punch::{Base, News, PunchSecret, Puncher, is_random};
use crate::wire::{Firewall, HolepunchInfo, HolepunchPayload, PayloadError, Relay, is_destination};
use crate::{Answer, AskId, ConnId, ConnectReason, ConnectStep, Cx, Timer};

/// The exchange in which client and server agree how to punch.
#[derive(Debug)]
pub(super) struct Rounds {
    conn: ConnId,
    punch: PunchId,
    secret: PunchSecret,
    /// The server's id of the handshake.
    slot: u64,
    /// The node that led to the server.
    node: SocketAddrV4,
    /// The relay that the server prefers.
    relay: Relay,
    server: SocketAddrV4,
    fast_open: bool,
    /// The server has opened its NAT to our socket, as it is one of ours and message 1 left from
    /// there.
    is_expected: bool,
    ask: bool,
    round: u64,
    /// Whether the server may be asked again if it told too little.
    may_repeat: bool,
    probes_left: u8,
    agreeing: Agreeing,
    /// Until then it may wait for its turn without a relay.
    waits_until: Instant,
    step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The puncher has no socket yet.
    Binding,
    /// A probe round is in flight.
    Probing,
    /// The server does not know its NAT yet. Our first packet may arrive during this pause.
    Pausing(ServerProbed),
    /// The analysis of our NAT is still running.
    Analyzing(ServerProbed),
    /// We look for a socket with a better NAT.
    Reopening(ServerProbed),
    /// The application decides.
    Asking(AskId, ServerProbed),
    /// The punch round is in flight.
    Agreeing(ServerProbed),
    /// A round that asks whether the punch round has arrived is in flight.
    Checking(ServerProbed),
    /// It is not our turn to punch at random, or not the server's.
    Waiting(ServerProbed),
    /// Both sides punch.
    Punching,
}

/// The outcome of a probe round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ServerProbed {
    /// Echoing this token proves that we receive at the address that we send from.
    token: Option<[u8; 32]>,
    /// The address of the server's puncher, as the node sees it.
    server: SocketAddrV4,
}

/// What the attempt has to do after an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoundsOutcome {
    On,
    Open(crate::streams::Path),
    Fail(ConnectReason),
}

/// What the handshake told us about the server.
#[derive(Clone, Copy, Debug)]
pub(super) struct RemoteServer<'a> {
    pub(super) route: HelloRoute,
    pub(super) info: &'a HolepunchInfo,
    pub(super) firewall: Firewall,
    /// The server answers a repeated round as it answered the first one.
    pub(super) answers_repeats: bool,
    /// The round-trip time of the handshake.
    pub(super) round_trip: Duration,
}

/// The application's options.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choices {
    pub(super) fast_open: bool,
    pub(super) ask: bool,
    /// Whether the server may be tried at its address in the local network.
    pub(super) local: bool,
}

impl Rounds {
    /// Starts the rounds. `None` if the server names no usable relay. `puncher` is the one from whose
    /// socket message 1 left; it is ready, and the caller says so with [`News::Ready`].
    pub(super) fn start(
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        conn: ConnId,
        keys: &Finished,
        server: RemoteServer<'_>,
        choices: Choices,
        puncher: Option<PunchId>,
    ) -> Option<Self> {
        let RemoteServer { route, info, firewall, .. } = server;
        let relay = pick_relay(info, route.node)?;
        let punch = puncher.unwrap_or_else(|| {
            let owner = PunchOwner::Conn(conn);
            base.punchers.start(cx, &mut base.io, owner, Party::Own, firewall)
        });
        Some(Self {
            conn,
            punch,
            secret: PunchSecret::new(keys, cx.rng),
            slot: info.id,
            node: route.node,
            relay,
            server: route.server,
            fast_open: choices.fast_open,
            is_expected: puncher.is_some() && server.answers_repeats && choices.fast_open,
            ask: choices.ask,
            round: 0,
            may_repeat: true,
            probes_left: MAX_PROBE_ROUNDS,
            agreeing: Agreeing::with(&server),
            waits_until: cx.now + TURN_WITHIN,
            step: Step::Binding,
        })
    }

    pub(super) fn punch(&self) -> PunchId {
        self.punch
    }

    pub(super) fn handle_news(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        news: News,
    ) -> RoundsOutcome {
        match news {
            News::Ready if self.step == Step::Binding => self.probe(cx, base, requests),
            News::Analyzed => self.handle_analyzed(cx, base, requests),
            News::Ready => RoundsOutcome::On,
            News::Connected(path) => RoundsOutcome::Open(path),
            News::Aborted(summary) => {
                requests.trace.note_punch(summary);
                let are_random = is_random(summary.local) && is_random(summary.remote);
                let reason =
                    if are_random { ConnectReason::RandomNats } else { ConnectReason::ProbesLost };
                RoundsOutcome::Fail(reason)
            }
            News::NoSocket => RoundsOutcome::Fail(ConnectReason::NoSocket),
        }
    }

    /// A pause is over.
    pub(super) fn handle_timeout(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
    ) -> RoundsOutcome {
        match self.step {
            Step::Pausing(probed) => {
                self.step = Step::Analyzing(probed);
                self.handle_analyzed(cx, base, requests)
            }
            Step::Waiting(probed) => self.agree(cx, base, requests, probed),
            Step::Binding | Step::Probing | Step::Analyzing(_) | Step::Reopening(_) => {
                RoundsOutcome::On
            }
            Step::Asking(..) | Step::Agreeing(_) | Step::Checking(_) | Step::Punching => {
                RoundsOutcome::On
            }
        }
    }

    /// Handles the server's answer to a round; `None` if there was no answer.
    pub(super) fn handle_reply(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        reply: Option<&Reply>,
    ) -> RoundsOutcome {
        let Some((payload, server)) = reply.and_then(|reply| self.read(cx, reply)) else {
            return self.handle_silence(cx, base, requests);
        };
        if payload.error != PayloadError::None {
            return self.handle_refusal(cx, base, requests, &payload);
        }
        self.update_remote(base, &payload);
        match (self.step, reply) {
            (Step::Probing, Some(reply)) => {
                base.punchers.analyse(cx, &mut base.io, self.punch);
                base.punchers.add_sample(cx, &mut base.io, self.punch, reply.to, reply.from);
                self.handle_probed(
                    cx,
                    base,
                    requests,
                    ServerProbed { token: payload.token, server },
                )
            }
            (Step::Agreeing(_), _) => self.handle_agreed(cx, base, requests, &payload),
            (Step::Checking(probed), _) => {
                self.handle_checked(cx, base, requests, probed, &payload)
            }
            _ => RoundsOutcome::On,
        }
    }

    /// The application has decided.
    pub(super) fn handle_answer(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        answer: Answer,
    ) -> RoundsOutcome {
        let Step::Asking(ask, probed) = self.step else { return RoundsOutcome::On };
        cx.timers.cancel(Timer::Ask(ask));
        match answer {
            Answer::Accept | Answer::AcceptThrough(_) => self.agree(cx, base, requests, probed),
            Answer::Reject | Answer::Wrote(_) | Answer::Read(_) => {
                self.abort(cx, base, requests, ConnectReason::Vetoed)
            }
        }
    }

    /// The question that the application has not answered yet.
    pub(super) fn question(&self) -> Option<AskId> {
        if let Step::Asking(ask, _) = self.step { Some(ask) } else { None }
    }

    fn probe(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
    ) -> RoundsOutcome {
        let Some(left) = self.probes_left.checked_sub(1) else {
            return self.abort(cx, base, requests, ConnectReason::NatUnknown);
        };
        self.probes_left = left;
        if std::mem::take(&mut self.is_expected) {
            base.punchers.meet(cx, self.punch, self.server);
        } else {
            // Without a meeting, the analysis goes on beside the round.
            base.punchers.analyse(cx, &mut base.io, self.punch);
            if self.fast_open {
                base.punchers.open_nat_mapping(cx, self.punch, self.server);
            }
        }
        let remote_address = self.fast_open.then_some(self.server);
        let payload = HolepunchPayload { remote_address, ..HolepunchPayload::default() };
        self.step = Step::Probing;
        let plan = (self.relay.relay_address, self.relay.peer_address);
        self.send(cx, base, requests, plan, Tries::Usual, payload)
    }

    fn handle_probed(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        probed: ServerProbed,
    ) -> RoundsOutcome {
        if self.remote_firewall(base) == Firewall::Unknown {
            self.step = Step::Pausing(probed);
            cx.wake_at(Timer::Connect(self.conn), cx.now + PAUSE);
            return RoundsOutcome::On;
        }
        self.step = Step::Analyzing(probed);
        self.handle_analyzed(cx, base, requests)
    }

    /// Goes on if the analysis that this step waits for has ended.
    fn handle_analyzed(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
    ) -> RoundsOutcome {
        let Some(stable) = base.punchers.get(self.punch).and_then(Puncher::analysis) else {
            return RoundsOutcome::On;
        };
        match self.step {
            Step::Analyzing(probed) if stable => self.conclude(cx, base, requests, probed),
            Step::Analyzing(probed) | Step::Reopening(probed) => {
                self.step = Step::Reopening(probed);
                match base.punchers.reopen(cx, &mut base.io, self.punch) {
                    None => RoundsOutcome::On,
                    // The socket is new, so the server has to be told its address.
                    Some(true) if self.probes_left > 0 => {
                        self.may_repeat = false;
                        self.probe(cx, base, requests)
                    }
                    Some(_) => self.conclude(cx, base, requests, probed),
                }
            }
            Step::Binding | Step::Probing | Step::Pausing(_) => RoundsOutcome::On,
            Step::Asking(..) | Step::Agreeing(_) | Step::Checking(_) | Step::Waiting(_) => {
                RoundsOutcome::On
            }
            Step::Punching => RoundsOutcome::On,
        }
    }

    /// Nothing more can be learned: repeats the probe round, asks the application, agrees, or
    /// aborts.
    fn conclude(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        probed: ServerProbed,
    ) -> RoundsOutcome {
        requests.trace.reach(cx.now, ConnectStep::Analyzed);
        let remote = self.remote_firewall(base);
        let local = self.local_firewall(base);
        if (remote == Firewall::Unknown || probed.token.is_none()) && self.may_repeat {
            self.may_repeat = false;
            return self.probe(cx, base, requests);
        }
        if remote == Firewall::Unknown || local == Firewall::Unknown {
            // The reference fails with HOLEPUNCH_PROBE_TIMEOUT here but reports HOLEPUNCH_ABORTED.
            return self.abort(cx, base, requests, ConnectReason::NatUnknown);
        }
        let can_guess = base.punchers.get(self.punch).is_some_and(Puncher::both_count);
        if is_random(remote) && is_random(local) && !can_guess {
            return self.abort(cx, base, requests, ConnectReason::RandomNats);
        }
        if self.relay.relay_address == self.node && self.server != probed.server {
            self.server = probed.server;
            base.punchers.open_nat_mapping(cx, self.punch, self.server);
        }
        if !self.ask {
            return self.agree(cx, base, requests, probed);
        }
        self.ask_application(cx, base, probed);
        RoundsOutcome::On
    }

    fn ask_application(&mut self, cx: &mut Cx<'_>, base: &Base<'_>, probed: ServerProbed) {
        let Some(puncher) = base.punchers.get(self.punch) else { return };
        let question = puncher.question(None, Some(self.conn));
        let ask = cx.ask(question);
        self.step = Step::Asking(ask, probed);
    }
}

/// The relay that led to the server, since the server's NAT is open to it; otherwise the first one.
fn pick_relay(info: &HolepunchInfo, node: SocketAddrV4) -> Option<Relay> {
    let mut relays = info.relays.iter().filter(|relay| is_destination(relay.relay_address));
    let first = relays.clone().next()?;
    Some(*relays.find(|relay| relay.relay_address == node).unwrap_or(first))
}

/// One for the first try, one if the server told too little, one for a new socket.
const MAX_PROBE_ROUNDS: u8 = 3;

/// The time that the reference gives the server to analyse its NAT.
const PAUSE: Duration = Duration::from_secs(1);
