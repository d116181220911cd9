//! Hole punching: its sockets, the analysis of their NAT, and probes (PROTOCOL D.9).
//!
//! A puncher works for one connection attempt or one handshake of a server. Its owner starts it,
//! passes on what the peer says about itself, asks it to punch, and stops it. There are no
//! callbacks: reports to the owner wait in [`Punchers::poll_report`]. A puncher that reports
//! [`News::Aborted`] or [`News::NoSocket`] is gone already. A puncher that reports
//! [`News::Connected`] keeps its socket until its owner has opened the connection and stops it.
//! When a puncher has answered a probe, the peer may open its connection on that path, so the
//! socket stays open until the peer's first packet has had time to arrive.
//!
//! Reference: hyperdht 6.34.0 `lib/holepuncher.js`, `lib/nat.js`, `lib/socket-pool.js`.

mod counting;
mod nat;
mod probe;
mod puncher;
mod remote;
mod secret;
mod strategy;
mod throttle;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

pub(crate) use nat::{is_consistent, is_random};
pub(crate) use puncher::{Puncher, open_own_nat};
pub(crate) use remote::{MAX_ADDRESSES, Remote};
pub(crate) use secret::PunchSecret;

use crate::base::{Bound, Io, Party, PunchId, PunchOwner};
use crate::net::Reply;
use crate::relay::Pairings;
use crate::streams::Path;
use crate::wire::Firewall;
use crate::{ConnId, Cx, PunchKind, RequestError, SocketId};
use throttle::Throttle;

/// A report of a puncher to its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) punch: PunchId,
    pub(crate) owner: PunchOwner,
    pub(crate) news: News,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    /// The first socket is bound.
    Ready,
    /// The analysis of the NAT, or a reopening, has ended; [`Puncher::analysis`] has the result.
    Analyzed,
    /// A probe has arrived (client only).
    Connected(Path),
    /// The puncher has given up and is gone.
    Aborted(PunchSummary),
    /// No socket could be bound for the puncher, and it is gone.
    NoSocket,
}

/// What a puncher has found out and done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PunchSummary {
    pub(crate) local: Firewall,
    pub(crate) remote: Firewall,
    /// The probes that were sent.
    pub(crate) probes: u32,
}

/// The layers below, the punchers and the blind relays, borrowed for one call of a machine that connects. Reports
/// that the call leaves behind are passed to their owners by `Node`.
pub(crate) struct Base<'a> {
    pub(crate) io: Io<'a>,
    pub(crate) punchers: &'a mut Punchers,
    pub(crate) pairings: &'a mut Pairings,
}

/// All punchers of a node.
#[derive(Debug)]
pub(crate) struct Punchers {
    by_id: BTreeMap<PunchId, Puncher>,
    by_socket: HashMap<SocketId, PunchId>,
    reports: VecDeque<Report>,
    throttle: Throttle,
    next_id: u32,
}

impl Punchers {
    /// Starts without punchers. In `random_interval`, the node regains what one whole random punch
    /// costs. If `deferred`, the first random punch waits as long too.
    pub(crate) fn new(random_interval: Duration, deferred: bool) -> Self {
        Self {
            by_id: BTreeMap::new(),
            by_socket: HashMap::new(),
            reports: VecDeque::new(),
            throttle: Throttle::new(random_interval, deferred),
            next_id: 0,
        }
    }

    /// The node has started: from here on the first random punch may have to wait.
    pub(crate) fn handle_start(&mut self, now: Instant) {
        self.throttle.handle_start(now);
    }

    /// Binds a socket, which counts against `party`, and analyses its NAT once it is bound.
    pub(crate) fn start(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        owner: PunchOwner,
        party: Party,
        remote_firewall: Firewall,
    ) -> PunchId {
        let id = PunchId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        let puncher = Puncher::new(cx, io, id, owner, party, remote_firewall);
        self.by_id.insert(id, puncher);
        self.settle(id);
        id
    }

    /// The same for a connection whose first probe is expected to come through. The NAT is analysed
    /// only when [`Punchers::analyse`] asks for it.
    pub(crate) fn start_for_meeting(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        conn: ConnId,
    ) -> PunchId {
        let owner = PunchOwner::Conn(conn);
        let id = self.start(cx, io, owner, Party::Own, Firewall::Unknown);
        self.update(id, Puncher::postpone_analysis);
        id
    }

    /// Analyses the NAT if that was postponed.
    pub(crate) fn analyse(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, id: PunchId) {
        self.update(id, |puncher| puncher.analyse(cx, io));
    }

    /// A puncher that is at work.
    pub(crate) fn get(&self, id: PunchId) -> Option<&Puncher> {
        self.by_id.get(&id)
    }

    /// How a puncher punches, if this is one of its sockets.
    pub(crate) fn kind(&self, id: PunchId, socket: SocketId) -> Option<PunchKind> {
        let owner = self.by_socket.get(&socket).filter(|owner| **owner == id)?;
        let is_random = self.by_id.get(owner)?.needs_random();
        Some(if is_random { PunchKind::Random } else { PunchKind::Consistent })
    }

    /// What is known about the peer.
    pub(crate) fn remote_mut(&mut self, id: PunchId) -> Option<&mut Remote> {
        self.by_id.get_mut(&id).map(Puncher::remote_mut)
    }

    /// Adds a sample: our address as another node sees it when we send from the puncher's socket.
    pub(crate) fn add_sample(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        id: PunchId,
        sample: SocketAddrV4,
        from: SocketAddrV4,
    ) {
        self.update(id, |puncher| puncher.add_sample(cx, io, sample, from));
    }

    /// Fixes the verdict about the NAT, because the peer has been told it.
    pub(crate) fn freeze(&mut self, id: PunchId) {
        self.update(id, Puncher::freeze);
    }

    /// Opens a NAT mapping to an address, with a probe whose TTL is too low for it to arrive.
    pub(crate) fn open_nat_mapping(&mut self, cx: &mut Cx<'_>, id: PunchId, to: SocketAddrV4) {
        self.update(id, |puncher| puncher.probe_from_first(cx, to, true));
    }

    /// Sends one probe to a peer that has opened its NAT to the puncher's socket.
    pub(crate) fn meet(&mut self, cx: &mut Cx<'_>, id: PunchId, to: SocketAddrV4) {
        self.update(id, |puncher| puncher.probe_from_first(cx, to, false));
    }

    /// Answers a round of the client with a probe that is meant to arrive.
    pub(crate) fn probe(&mut self, cx: &mut Cx<'_>, id: PunchId, to: SocketAddrV4) {
        self.update(id, |puncher| puncher.answer_round(cx, to));
    }

    /// Tries other sockets until the NAT is consistent for one. `Some` if that has been done
    /// already.
    pub(crate) fn reopen(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, id: PunchId) -> Option<bool> {
        let puncher = self.by_id.get_mut(&id)?;
        let done = puncher.reopen(cx, io);
        self.settle(id);
        done
    }

    /// How long punching between these two NATs has to wait at least; `None` if it need not. A
    /// puncher's own random punch does not make it wait.
    pub(crate) fn throttled_until(&self, cx: &Cx<'_>, id: PunchId) -> Option<Instant> {
        self.by_id.get(&id).filter(|puncher| puncher.needs_random() && !puncher.is_random())?;
        self.throttle.busy_until(cx.now)
    }

    /// Reserves a random punch while the peer is asked to join in.
    pub(crate) fn reserve(&mut self, cx: &Cx<'_>, id: PunchId) {
        let Some(puncher) = self.by_id.get_mut(&id) else { return };
        if puncher.needs_random() {
            puncher.reserve(&mut self.throttle, cx.now);
        }
    }

    /// Gives the reserved punch back: the peer has to wait for its turn, and so do we.
    pub(crate) fn yield_turn(&mut self, cx: &Cx<'_>, id: PunchId) {
        if let Some(puncher) = self.by_id.get_mut(&id) {
            puncher.yield_turn(&mut self.throttle, cx.now);
        }
    }

    /// Keeps a server's puncher until one of the two peers may punch at random. False if it need
    /// not wait, or if too many wait already.
    pub(crate) fn keep(&mut self, id: PunchId) -> bool {
        let Some(puncher) = self.by_id.get(&id) else { return false };
        if puncher.is_kept() {
            return true;
        }
        if !puncher.needs_random() || puncher.is_random() || !self.has_place(puncher.party()) {
            return false;
        }
        self.update(id, Puncher::keep);
        true
    }

    /// Starts to punch. False if no strategy fits the two NATs.
    pub(crate) fn punch(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, id: PunchId) -> bool {
        let Some(puncher) = self.by_id.get_mut(&id) else { return false };
        let possible = puncher.punch(cx, io, &mut self.throttle);
        self.settle(id);
        possible
    }

    /// Stops a puncher from sending and answering probes. `Some` if it has to be kept until then,
    /// because the peer may still use a path whose probe it answered.
    pub(crate) fn retire(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        id: PunchId,
    ) -> Option<Instant> {
        let until = self.by_id.get_mut(&id)?.retire(cx, io, &mut self.throttle);
        self.settle(id);
        until
    }

    /// Ends a puncher without a report. Its sockets close unless connections use them.
    pub(crate) fn stop(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, id: PunchId) {
        let Some(puncher) = self.by_id.remove(&id) else { return };
        puncher.end(cx, io, &mut self.throttle);
        self.by_socket.retain(|_, owner| *owner != id);
        self.reports.retain(|report| report.punch != id);
    }

    /// A ping for the analysis has ended.
    pub(crate) fn handle_reply(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        id: PunchId,
        tag: u32,
        result: Result<Reply, RequestError>,
    ) {
        let Some(puncher) = self.by_id.get_mut(&id) else { return };
        puncher.handle_reply(cx, io, tag, result.ok());
        self.settle(id);
    }

    /// A ping of a puncher is not answered in time.
    pub(crate) fn handle_overdue(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        id: PunchId,
        tag: u32,
    ) {
        let Some(puncher) = self.by_id.get_mut(&id) else { return };
        puncher.handle_overdue(cx, io, tag);
    }

    /// A socket is ready, or could not be bound.
    pub(crate) fn handle_bound(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        socket: SocketId,
        local: Option<SocketAddrV4>,
    ) {
        let Some(Bound { user, ok }) = io.pool.handle_bound(cx, socket, local) else { return };
        let Some(puncher) = self.by_id.get_mut(&user) else { return };
        puncher.handle_bound(cx, io, socket, ok);
        self.settle(user);
        self.end_if_over(cx, io, user);
    }

    /// A 1-byte datagram has arrived. False if no puncher uses that socket.
    pub(crate) fn handle_probe(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        socket: SocketId,
        from: SocketAddrV4,
    ) -> bool {
        let Some(&id) = self.by_socket.get(&socket) else { return false };
        let Some(puncher) = self.by_id.get_mut(&id) else { return false };
        puncher.handle_probe(cx, io, &mut self.throttle, socket, from);
        self.settle(id);
        true
    }

    /// Handles `Timer::Punch`.
    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, id: PunchId) {
        let Some(puncher) = self.by_id.get_mut(&id) else { return };
        puncher.handle_timeout(cx, io, &mut self.throttle);
        self.settle(id);
        self.end_if_over(cx, io, id);
    }

    /// Takes the next report, the oldest first.
    pub(crate) fn poll_report(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    /// The number of running punchers.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    fn has_place(&self, party: Party) -> bool {
        let kept = || self.by_id.values().filter(|puncher| puncher.is_kept());
        let is_local = matches!(party, Party::Client(source) if source.is_loopback());
        let share = if is_local { MAX_KEPT } else { MAX_KEPT_OF_SOURCE };
        kept().count() < MAX_KEPT
            && kept().filter(|puncher| puncher.party() == party).count() < share
    }

    fn update(&mut self, id: PunchId, change: impl FnOnce(&mut Puncher)) {
        let Some(puncher) = self.by_id.get_mut(&id) else { return };
        change(puncher);
        self.settle(id);
    }

    /// To be called after any change: collects reports, and records which sockets are in use.
    fn settle(&mut self, id: PunchId) {
        let Some(puncher) = self.by_id.get_mut(&id) else { return };
        let owner = puncher.owner();
        let news = puncher.take_news();
        self.reports.extend(news.into_iter().map(|news| Report { punch: id, owner, news }));
        for change in puncher.take_socket_changes() {
            match change {
                puncher::SocketChange::Opened(socket) => self.by_socket.insert(socket, id),
                puncher::SocketChange::Released(socket) => self.by_socket.remove(&socket),
            };
        }
    }

    fn end_if_over(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, id: PunchId) {
        let Some(puncher) = self.by_id.get(&id).filter(|p| p.is_over()) else { return };
        let news = match puncher.socket() {
            Some(_) => News::Aborted(puncher.summary()),
            None => News::NoSocket,
        };
        let report = Report { punch: id, owner: puncher.owner(), news };
        self.stop(cx, io, id);
        self.reports.push_back(report);
    }
}

/// Punchers of all servers that wait for their turn. Random punches are a minute apart at worst, so
/// that those at the end wait for half an hour.
const MAX_KEPT: usize = 32;

/// One source may have half of the places.
const MAX_KEPT_OF_SOURCE: usize = MAX_KEPT / 2;

#[cfg(test)]
mod tests;
