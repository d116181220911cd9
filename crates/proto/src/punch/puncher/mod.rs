//! One puncher: its sockets, the analysis of their NAT, and the punching.

mod analysis;
mod probes;
mod question;
mod sockets;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;
use std::time::Instant;

use super::counting::Counting;
use super::nat::{Nat, is_random};
use super::remote::Remote;
use super::strategy::Strategy;
use super::throttle::{Claim, Throttle};
use super::{News, PunchSummary};
use crate::base::{Io, Party, PunchId, PunchOwner};
use crate::net::{Reply, RequestKey};
use crate::wire::Firewall;
use crate::{Cx, Rng, SocketId, Timer};
use probes::MAX_PROBES;
pub(crate) use probes::open_own_nat;
pub(super) use sockets::SocketChange;
use sockets::Sockets;

#[derive(Debug)]
pub(crate) struct Puncher {
    id: PunchId,
    owner: PunchOwner,
    remote: Remote,
    nat: Nat,
    sockets: Sockets,
    /// For each socket, when a 1-byte probe was last answered from it. The probe may be the peer's.
    answered: BTreeMap<SocketId, Instant>,
    /// The server has answered a round with a probe, which may have arrived already.
    has_probed: bool,
    /// The puncher no longer sends or answers probes.
    retired: bool,
    analysis: Analysis,
    reopening: Reopening,
    work: Work,
    claim: Claim,
    /// It waits for its turn to punch at random.
    is_kept: bool,
    /// Pings in flight, by tag. They go on after the analysis has ended: each pong is a sample.
    pings: BTreeMap<u32, Ping>,
    asked: BTreeSet<SocketAddrV4>,
    next_tag: u32,
    probes_left: u32,
    news: Vec<News>,
}

/// A ping whose answer is a sample.
#[derive(Debug)]
struct Ping {
    key: RequestKey,
    /// Its answer is overdue, so that another node was asked too.
    is_late: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Analysis {
    /// There is no socket yet. `waits`: the analysis is postponed when there is one.
    Binding { waits: bool },
    /// The owner hopes to do without an analysis.
    Postponed,
    /// Pings are in flight. `again`: a second round of pings may follow.
    Sampling { again: bool },
    /// The analysis is done.
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reopening {
    No,
    Running { left: u8 },
    Done { consistent: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    None,
    Punching(Strategy),
    /// A probe has arrived, and there is nothing more to do.
    Connected,
    /// The puncher has given up, but a peer whose probe it answered may still send its first
    /// packet.
    Leaving,
    /// No probe arrived in time, or there is no socket.
    Over,
}

impl Puncher {
    pub(super) fn new(
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        id: PunchId,
        owner: PunchOwner,
        party: Party,
        remote_firewall: Firewall,
    ) -> Self {
        let mut puncher = Self {
            id,
            owner,
            remote: Remote::new(remote_firewall),
            nat: Nat::new(io.net.firewalled()),
            sockets: Sockets::new(id, party),
            answered: BTreeMap::new(),
            has_probed: false,
            retired: false,
            analysis: Analysis::Binding { waits: false },
            reopening: Reopening::No,
            work: Work::None,
            claim: Claim::None,
            is_kept: false,
            pings: BTreeMap::new(),
            asked: BTreeSet::new(),
            next_tag: 0,
            probes_left: MAX_PROBES,
            news: Vec::new(),
        };
        puncher.sockets.acquire(cx, io);
        puncher
    }

    pub(super) fn owner(&self) -> PunchOwner {
        self.owner
    }

    /// The socket that rounds are sent from.
    pub(crate) fn socket(&self) -> Option<SocketId> {
        self.sockets.first()
    }

    /// True once the socket is bound and can send.
    pub(crate) fn is_bound(&self) -> bool {
        !matches!(self.analysis, Analysis::Binding { .. })
    }

    /// The NAT's behaviour for that socket.
    pub(crate) fn firewall(&self) -> Firewall {
        self.nat.firewall()
    }

    /// The addresses that the peer is told to send to.
    pub(crate) fn addresses(&self) -> Option<&[SocketAddrV4]> {
        self.nat.addresses()
    }

    /// The same, and the last port that a counting NAT has given us.
    pub(crate) fn addresses_for_peer(&self) -> Option<Vec<SocketAddrV4>> {
        let hint = self.nat.hint();
        self.nat.addresses().map(|shown| shown.iter().copied().chain(hint).collect())
    }

    /// Whether the peer's NAT and ours count, so that their next ports can be guessed.
    pub(crate) fn both_count(&self) -> bool {
        self.nat.hint().is_some() && self.remote.last_port().is_some()
    }

    /// What it has found out and done so far.
    pub(crate) fn summary(&self) -> PunchSummary {
        let (local, remote) = (self.nat.firewall(), self.remote.firewall());
        PunchSummary { local, remote, probes: MAX_PROBES - self.probes_left }
    }

    pub(crate) fn remote(&self) -> &Remote {
        &self.remote
    }

    pub(super) fn remote_mut(&mut self) -> &mut Remote {
        &mut self.remote
    }

    pub(crate) fn is_punching(&self) -> bool {
        matches!(self.work, Work::Punching(_))
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.work == Work::Connected
    }

    /// True once a probe, presumably the peer's, has arrived and was answered.
    pub(crate) fn has_answered(&self) -> bool {
        !self.answered.is_empty()
    }

    /// True while the puncher has a claim on the random punch.
    pub(super) fn is_random(&self) -> bool {
        self.claim != Claim::None
    }

    /// True if one of the NATs makes a random punch necessary.
    pub(super) fn needs_random(&self) -> bool {
        is_random(self.nat.firewall()) || is_random(self.remote.firewall())
    }

    /// The peer that the puncher works for.
    pub(super) fn party(&self) -> Party {
        self.sockets.party()
    }

    /// True while the puncher has one of the places of those that wait for their turn.
    pub(crate) fn is_kept(&self) -> bool {
        self.is_kept
    }

    pub(super) fn keep(&mut self) {
        self.is_kept = true;
    }

    pub(super) fn is_over(&self) -> bool {
        self.work == Work::Over
    }

    pub(super) fn add_sample(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        sample: SocketAddrV4,
        from: SocketAddrV4,
    ) {
        self.nat.add(io.net.firewalled(), sample, from);
        self.settle(cx, io);
    }

    pub(super) fn freeze(&mut self) {
        self.nat.freeze();
    }

    pub(super) fn reserve(&mut self, throttle: &mut Throttle, now: Instant) {
        if self.claim == Claim::None {
            throttle.claim(&mut self.claim, Claim::Reserved, now);
        }
    }

    /// Gives back a reservation: the peer does not join in yet.
    pub(super) fn yield_turn(&mut self, throttle: &mut Throttle, now: Instant) {
        if self.claim == Claim::Reserved {
            self.release_claim(throttle, now);
        }
    }

    fn release_claim(&mut self, throttle: &mut Throttle, now: Instant) {
        let probes = self.summary().probes;
        throttle.release(&mut self.claim, probes, now);
    }

    /// Starts to punch, unless it already does. False if no strategy fits the two NATs.
    pub(super) fn punch(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        throttle: &mut Throttle,
    ) -> bool {
        match self.work {
            Work::None if !self.retired => {}
            Work::Punching(_) => return true,
            Work::None | Work::Connected | Work::Leaving | Work::Over => return false,
        }
        let Some(strategy) = self.choose(cx.rng) else { return false };
        if strategy.is_random() {
            cx.stats.punches_random += 1;
            throttle.claim(&mut self.claim, Claim::Used, cx.now);
        } else {
            // The peer's NAT may have turned out to be better than it seemed.
            self.release_claim(throttle, cx.now);
            cx.stats.punches_consistent += 1;
        }
        tracing::debug!(punch = self.id.0, ?strategy, "punching");
        self.is_kept = false;
        self.work = Work::Punching(strategy);
        while self.sockets.used().len() < strategy.sockets() {
            self.sockets.acquire(cx, io);
        }
        let delay = strategy.delay(self.has_probed);
        cx.wake_at(Timer::Punch(self.id.0), cx.now + delay);
        true
    }

    pub(super) fn handle_bound(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        socket: SocketId,
        ok: bool,
    ) {
        if !ok {
            self.handle_unbound(socket);
            return;
        }
        if self.socket() != Some(socket) {
            self.open_birthday_socket(cx, socket);
            return;
        }
        self.sockets.handle_bound(cx, io);
        self.news.extend((self.reopening == Reopening::No).then_some(News::Ready));
        let waits = self.analysis == Analysis::Binding { waits: true };
        self.analysis = Analysis::Postponed;
        if !waits {
            self.analyse(cx, io);
        }
    }

    pub(super) fn handle_reply(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        tag: u32,
        reply: Option<Reply>,
    ) {
        if self.pings.remove(&tag).is_none() {
            return;
        }
        if let Some(reply) = reply {
            self.nat.add(io.net.firewalled(), reply.to, reply.from);
        }
        self.settle(cx, io);
    }

    /// Releases all sockets, pings and claims.
    pub(super) fn end(mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, throttle: &mut Throttle) {
        cx.timers.cancel(Timer::Punch(self.id.0));
        self.release_claim(throttle, cx.now);
        self.cancel_pings(cx, io);
        self.sockets.release_all(cx, io);
    }

    pub(super) fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    pub(super) fn take_socket_changes(&mut self) -> Vec<SocketChange> {
        self.sockets.take_changes()
    }

    /// `None` if no strategy fits the two NATs.
    fn choose(&self, rng: &mut Rng) -> Option<Strategy> {
        if self.both_count() {
            let last = self.remote.last_port().filter(|remote| remote.verified)?;
            return Some(Strategy::Counting(Counting::new(last.address, self.is_initiator())));
        }
        let host = self.nat.addresses().and_then(<[_]>::first).map(|address| *address.ip());
        Strategy::choose(rng, self.nat.firewall(), host, &self.remote)
    }

    fn is_initiator(&self) -> bool {
        matches!(self.owner, PunchOwner::Conn(_))
    }

    fn handle_unbound(&mut self, socket: SocketId) {
        let was_first = self.socket() == Some(socket);
        let former = self.sockets.forget(socket);
        match self.socket() {
            _ if !was_first || self.work == Work::Connected => {}
            Some(_) => self.stop_reopening(former),
            None => self.work = Work::Over,
        }
    }

    fn cancel_pings(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>) {
        for Ping { key, .. } in std::mem::take(&mut self.pings).into_values() {
            io.net.cancel_request(cx, key);
        }
    }
}
