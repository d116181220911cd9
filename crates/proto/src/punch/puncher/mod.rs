//! One puncher: its sockets, the analysis of their NAT, and the punching.

mod analysis;
mod question;
mod sockets;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use super::nat::{Nat, is_random};
use super::remote::Remote;
use super::strategy::{Probe, Strategy};
use super::throttle::{Claim, Throttle};
use super::{News, PunchId, PunchOwner};
use crate::conn::Path;
use crate::connect::Io;
use crate::net::{Reply, RequestKey};
use crate::wire::{Firewall, is_reserved};
use crate::{Cx, SocketId, Timer};
pub(super) use sockets::SocketChange;
use sockets::Sockets;

#[derive(Debug)]
pub(crate) struct Puncher {
    id: PunchId,
    owner: PunchOwner,
    remote: Remote,
    nat: Nat,
    sockets: Sockets,
    /// When a probe, which may be the peer's, was answered last.
    answered: Option<Instant>,
    /// It answers no more probes.
    retired: bool,
    analysis: Analysis,
    reopening: Reopening,
    work: Work,
    claim: Claim,
    /// Pings in flight, by tag. They go on when the analysis has ended: each is a sample.
    pings: BTreeMap<u32, RequestKey>,
    asked: BTreeSet<SocketAddrV4>,
    next_tag: u32,
    probes_left: u32,
    news: Vec<News>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Analysis {
    /// There is no socket yet.
    Binding,
    /// Pings are out. `again`: a second round may follow.
    Sampling { again: bool },
    /// No more is to be learnt.
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
    /// A probe came through: nothing more is to be done.
    Connected,
    /// It has given up; the first packet of a peer whose probe it answered may be under way.
    Leaving,
    /// Nothing came through, or there is no socket.
    Over,
}

impl Puncher {
    pub(super) fn new(
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        id: PunchId,
        owner: PunchOwner,
        remote_firewall: Firewall,
    ) -> Self {
        let mut puncher = Self {
            id,
            owner,
            remote: Remote::new(remote_firewall),
            nat: Nat::new(io.net.firewalled()),
            sockets: Sockets::new(id, owner),
            answered: None,
            retired: false,
            analysis: Analysis::Binding,
            reopening: Reopening::No,
            work: Work::None,
            claim: Claim::None,
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

    /// True once datagrams can leave from that socket.
    pub(crate) fn is_bound(&self) -> bool {
        self.analysis != Analysis::Binding
    }

    /// What our NAT does to that socket.
    pub(crate) fn firewall(&self) -> Firewall {
        self.nat.firewall()
    }

    /// Where the peer shall send to.
    pub(crate) fn addresses(&self) -> Option<&[SocketAddrV4]> {
        self.nat.addresses()
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

    /// True once the peer has got a probe through to us, and has had an answer.
    pub(crate) fn has_answered(&self) -> bool {
        self.answered.is_some()
    }

    /// True while it draws on the budget of random punches.
    pub(super) fn is_random(&self) -> bool {
        self.claim != Claim::None
    }

    /// True if one of the NATs makes a random punch necessary.
    pub(super) fn needs_random(&self) -> bool {
        is_random(self.nat.firewall()) || is_random(self.remote.firewall())
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

    pub(super) fn reserve(&mut self, throttle: &mut Throttle) {
        if self.claim == Claim::None {
            throttle.claim(&mut self.claim, Claim::Reserved);
        }
    }

    /// Starts to punch, unless it does already. False if there is no way.
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
        let Some(strategy) = Strategy::choose(self.nat.firewall(), &self.remote) else {
            return false;
        };
        if strategy.is_random() {
            cx.stats.punches_random += 1;
            throttle.claim(&mut self.claim, Claim::Used);
        } else {
            cx.stats.punches_consistent += 1;
        }
        tracing::debug!(punch = self.id.0, ?strategy, "punching");
        self.work = Work::Punching(strategy);
        while self.sockets.used().len() < strategy.sockets() {
            self.sockets.acquire(cx, io);
        }
        let delay = strategy.delay(self.is_initiator());
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
        self.news.extend((self.reopening == Reopening::No).then_some(News::Ready));
        self.analysis = Analysis::Sampling { again: true };
        self.sample(cx, io);
        self.settle(cx, io);
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

    /// The server answers every probe; for the client the first one decides.
    pub(super) fn handle_probe(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        throttle: &mut Throttle,
        socket: SocketId,
        from: SocketAddrV4,
    ) {
        if !self.is_initiator() {
            self.answer_probe(cx, socket, from);
            return;
        }
        if matches!(self.work, Work::Connected | Work::Leaving | Work::Over) || from.port() == 0 {
            return;
        }
        tracing::debug!(punch = self.id.0, %from, "punched");
        self.work = Work::Connected;
        cx.timers.cancel(Timer::Punch(self.id.0));
        throttle.release(&mut self.claim, cx.now);
        self.sockets.keep(cx, io, socket);
        self.news.push(News::Connected(Path { socket, remote: from }));
    }

    /// The next step of the strategy.
    pub(super) fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        if self.work == Work::Leaving {
            self.work = Work::Over;
        }
        let Work::Punching(mut strategy) = self.work else { return };
        let mut probes = Vec::new();
        let next = strategy.step(cx.rng, self.sockets.used(), &self.remote, &mut probes);
        for probe in probes {
            self.probe(cx, probe);
        }
        match next {
            Some(delay) => {
                self.work = Work::Punching(strategy);
                cx.wake_at(Timer::Punch(self.id.0), cx.now + delay);
            }
            None => self.leave(cx),
        }
    }

    /// Answers no more probes. `Some` while the first packet of a peer whose probe it has answered
    /// may be under way: until then, that peer must find us.
    pub(super) fn retire(&mut self, now: Instant) -> Option<Instant> {
        self.retired = true;
        let until = self.answered? + OPENS_WITHIN;
        (until > now).then_some(until)
    }

    pub(super) fn probe_from_first(&mut self, cx: &mut Cx<'_>, to: SocketAddrV4, low_ttl: bool) {
        if let Some(socket) = self.socket().filter(|_| self.is_bound()) {
            self.probe(cx, Probe { socket, to, low_ttl });
        }
    }

    /// Gives everything back.
    pub(super) fn end(mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, throttle: &mut Throttle) {
        cx.timers.cancel(Timer::Punch(self.id.0));
        throttle.release(&mut self.claim, cx.now);
        self.cancel_pings(cx, io);
        self.sockets.release_all(cx, io);
    }

    pub(super) fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    pub(super) fn take_socket_changes(&mut self) -> Vec<SocketChange> {
        self.sockets.take_changes()
    }

    fn is_initiator(&self) -> bool {
        matches!(self.owner, PunchOwner::Conn(_))
    }

    fn handle_unbound(&mut self, socket: SocketId) {
        let was_first = self.socket() == Some(socket);
        self.sockets.forget(socket);
        if was_first && self.work != Work::Connected {
            self.work = Work::Over;
        }
    }

    /// From here on, the peer may take this for the path.
    fn answer_probe(&mut self, cx: &mut Cx<'_>, socket: SocketId, from: SocketAddrV4) {
        if !self.retired && self.probe(cx, Probe { socket, to: from, low_ttl: false }) {
            self.answered = Some(cx.now);
        }
    }

    fn leave(&mut self, cx: &mut Cx<'_>) {
        self.work = Work::Over;
        if let Some(until) = self.retire(cx.now) {
            self.work = Work::Leaving;
            cx.wake_at(Timer::Punch(self.id.0), until);
        }
    }

    fn open_birthday_socket(&mut self, cx: &mut Cx<'_>, socket: SocketId) {
        if let Work::Punching(Strategy::Birthday { to, .. }) = self.work {
            self.probe(cx, Probe { socket, to, low_ttl: true });
        }
    }

    fn cancel_pings(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>) {
        for key in std::mem::take(&mut self.pings).into_values() {
            io.net.cancel_request(cx, key);
        }
    }

    /// True if it leaves.
    fn probe(&mut self, cx: &mut Cx<'_>, probe: Probe) -> bool {
        let Probe { socket, to, low_ttl } = probe;
        if to.port() == 0 || is_reserved(*to.ip()) {
            return false;
        }
        let Some(left) = self.probes_left.checked_sub(1) else { return false };
        self.probes_left = left;
        self.sockets.note_probe(socket);
        let ttl = if low_ttl { OPENER_TTL } else { PROBE_TTL };
        cx.send_with_ttl(socket, to, ttl, PROBE.to_vec());
        true
    }
}

const PROBE: [u8; 1] = [0];

const PROBE_TTL: u8 = 64;

/// Far enough to leave our own NATs, too short to reach the peer's, which could take offence.
const OPENER_TTL: u8 = 5;

/// From our answer to the peer's first packet: a round trip, and one repetition of what is lost.
const OPENS_WITHIN: Duration = Duration::from_secs(3);

/// All that one puncher ever sends: four times what its longest strategy needs.
const MAX_PROBES: u32 = 8192;
