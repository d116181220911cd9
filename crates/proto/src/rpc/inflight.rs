//! Requests in flight: identical retries, deadlines, and the wait for a place in the window.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use super::congestion::Congestion;
use super::outgoing::Outgoing;
use super::retransmit::{Next, RetransmitPolicy, SentRequest};
use crate::timers::NetTimer;
use crate::wire::NodeId;
use crate::{Cx, InflightRequest, Rng, Timer};

/// All requests of a node. `P` is the type of their purpose.
#[derive(Debug)]
pub(crate) struct Requests<P> {
    flights: BTreeMap<RequestKey, Flight<P>>,
    by_tid: HashMap<(u16, SocketAddrV4), RequestKey>,
    deadlines: BTreeSet<(Instant, RequestKey)>,
    /// Requests that wait for a place in the window, in order. May name requests that have ended.
    waiting: VecDeque<RequestKey>,
    congestion: Congestion,
    retransmit: RetransmitPolicy,
    max_window: usize,
    /// True while no request is transmitted. Deadlines still run.
    muted: bool,
    next_key: u64,
}

/// Identifies a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RequestKey(pub u64);

/// A request that has ended, with a reply or without.
#[derive(Debug)]
pub(crate) struct Completed<P> {
    pub(crate) key: RequestKey,
    pub(crate) purpose: P,
    pub(crate) to: SocketAddrV4,
    pub(crate) to_id: Option<NodeId>,
    /// The time since the last try.
    pub(crate) elapsed: Duration,
}

/// The outcome for a request whose deadline has passed.
#[derive(Debug)]
pub(crate) enum TimeoutOutcome<P> {
    /// The request is sent again, now or later. `stalled`: the node has had enough time to answer.
    Retry { key: RequestKey, stalled: bool },
    /// The last try was not answered.
    TimedOut(Completed<P>),
}

#[derive(Debug)]
struct Flight<P> {
    outgoing: Outgoing,
    purpose: P,
    sent: u32,
    /// It was sent outside its schedule too, so that an answer says nothing about the path.
    repeated: bool,
    first_sent_at: Instant,
    sent_at: Instant,
    /// `None` while the request waits for a place in the window.
    deadline: Option<Instant>,
}

impl<P> Requests<P> {
    /// Creates an empty set of requests.
    pub(crate) fn new(max_window: usize, retransmit: RetransmitPolicy) -> Self {
        Self {
            flights: BTreeMap::new(),
            by_tid: HashMap::new(),
            deadlines: BTreeSet::new(),
            waiting: VecDeque::new(),
            congestion: Congestion::new(max_window),
            retransmit,
            max_window,
            muted: false,
            next_key: 0,
        }
    }

    /// A transaction id for the next request to a destination. No other request to it uses the id,
    /// unless all ids are taken.
    ///
    /// The id is random, so that a node learns nothing about our requests to other nodes.
    pub(crate) fn next_tid(&self, rng: &mut Rng, to: SocketAddrV4) -> u16 {
        let first = rng.u32() as u16;
        let mut tids = (0..=u16::MAX).map(|step| first.wrapping_add(step));
        tids.find(|tid| !self.by_tid.contains_key(&(*tid, to))).unwrap_or(first)
    }

    /// Sends a request, or queues it while the window is full.
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>, outgoing: Outgoing, purpose: P) -> RequestKey {
        let key = self.next_key();
        cx.stats.requests_active += 1;
        cx.stats.requests_total += 1;
        if let Some([tx, _]) = outgoing.counter.and_then(|i| cx.stats.commands.get_mut(i)) {
            *tx += 1;
        }
        let force = outgoing.force;
        self.by_tid.insert((outgoing.tid, outgoing.to), key);
        let (sent, now) = (0, cx.now);
        let flight = Flight {
            outgoing,
            purpose,
            sent,
            repeated: false,
            first_sent_at: now,
            sent_at: now,
            deadline: None,
        };
        self.flights.insert(key, flight);
        if force {
            self.transmit(cx, key);
        } else {
            self.enqueue(cx, key);
        }
        self.set_timer(cx);
        key
    }

    /// A new key.
    pub(crate) fn next_key(&mut self) -> RequestKey {
        let key = RequestKey(self.next_key);
        self.next_key += 1;
        key
    }

    /// Ends the request to which a response with this transaction id from this address belongs.
    pub(crate) fn land(
        &mut self,
        cx: &mut Cx<'_>,
        tid: u16,
        from: SocketAddrV4,
    ) -> Option<Completed<P>> {
        let key = *self.by_tid.get(&(tid, from))?;
        let flight = self.flights.get(&key)?;
        let (attempt, repeated) = (flight.attempt(cx.now), flight.repeated);
        let (completed, counter) = self.remove(cx, key)?;
        if !repeated {
            self.retransmit.handle_answer(cx.now, attempt, completed.elapsed);
        }
        cx.stats.responses += 1;
        if let Some([_, rx]) = counter.and_then(|i| cx.stats.commands.get_mut(i)) {
            *rx += 1;
        }
        self.release(cx);
        self.set_timer(cx);
        Some(completed)
    }

    /// Sends a request that is in flight once more. Its schedule stays as it is.
    pub(crate) fn repeat(&mut self, cx: &mut Cx<'_>, key: RequestKey) {
        let Some(flight) = self.flights.get_mut(&key).filter(|flight| flight.sent > 0) else {
            return;
        };
        if !self.muted {
            flight.repeated = true;
            flight.outgoing.send(cx);
            cx.stats.retries += 1;
        }
    }

    /// Sends every request that is in flight once more, if it may be sent twice.
    pub(crate) fn repeat_all(&mut self, cx: &mut Cx<'_>) {
        let may_repeat = |flight: &Flight<P>| flight.outgoing.retries > 0;
        let flights = self.flights.iter().filter(|(_, flight)| may_repeat(flight));
        let keys: Vec<RequestKey> = flights.map(|(key, _)| *key).collect();
        keys.into_iter().for_each(|key| self.repeat(cx, key));
    }

    /// Forgets a request without an outcome.
    pub(crate) fn cancel(&mut self, cx: &mut Cx<'_>, key: RequestKey) {
        if self.remove(cx, key).is_some() {
            self.release(cx);
            self.set_timer(cx);
        }
    }

    /// Retries or ends one request whose deadline has passed; call until it returns `None`.
    pub(crate) fn poll_timed_out(&mut self, cx: &mut Cx<'_>) -> Option<TimeoutOutcome<P>> {
        let due = self.deadlines.first().is_some_and(|(at, _)| *at <= cx.now);
        let Some((_, key)) = due.then(|| self.deadlines.pop_first()).flatten() else {
            self.set_timer(cx);
            return None;
        };
        let flight = self.flights.get_mut(&key)?;
        flight.deadline = None;
        if flight.sent <= flight.outgoing.retries {
            return Some(self.retry(cx, key));
        }
        let (completed, _) = self.remove(cx, key)?;
        cx.stats.timeouts += 1;
        self.release(cx);
        Some(TimeoutOutcome::TimedOut(completed))
    }

    /// Ends a slot of the window.
    pub(crate) fn handle_slot(&mut self, cx: &mut Cx<'_>) {
        self.congestion.drain();
        self.release(cx);
        self.set_timer(cx);
    }

    /// True while slots have to be counted.
    pub(crate) fn is_active(&self) -> bool {
        !self.congestion.is_empty() || !self.waiting.is_empty()
    }

    /// The purpose of a request.
    pub(crate) fn purpose(&self, key: RequestKey) -> Option<&P> {
        self.flights.get(&key).map(|flight| &flight.purpose)
    }

    /// All requests with their purposes, in flight or waiting, the oldest first. The query or the
    /// request of the application that a request belongs to is not known here.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&P, InflightRequest)> {
        self.flights.values().map(|flight| (&flight.purpose, flight.view()))
    }

    /// The number of requests, in flight or waiting.
    pub(crate) fn len(&self) -> usize {
        self.flights.len()
    }

    /// The number of entries of the larger index; at most the number of requests.
    pub(crate) fn index_len(&self) -> usize {
        self.by_tid.len().max(self.deadlines.len())
    }

    /// The length of the queue for the window, including requests that have ended.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Ends every request, the oldest first.
    pub(crate) fn clear(&mut self, cx: &mut Cx<'_>) -> Vec<Completed<P>> {
        let keys: Vec<RequestKey> = self.flights.keys().copied().collect();
        let ended = keys.into_iter().filter_map(|key| self.remove(cx, key));
        let ended = ended.map(|(completed, _)| completed).collect();
        self.waiting.clear();
        self.set_timer(cx);
        ended
    }

    /// Stops transmitting requests and retries. Their deadlines still run.
    pub(crate) fn mute(&mut self) {
        self.muted = true;
        self.congestion = Congestion::new(self.max_window);
    }

    /// True while no request is transmitted.
    pub(crate) fn is_muted(&self) -> bool {
        self.muted
    }

    /// Transmits requests again. All existing requests start over with their first try.
    pub(crate) fn unmute(&mut self, cx: &mut Cx<'_>) {
        self.muted = false;
        self.congestion = Congestion::new(self.max_window);
        self.deadlines.clear();
        self.waiting = self.flights.keys().copied().collect();
        for flight in self.flights.values_mut() {
            flight.sent = 0;
            flight.deadline = None;
        }
        self.release(cx);
        self.set_timer(cx);
    }

    fn retry(&mut self, cx: &mut Cx<'_>, key: RequestKey) -> TimeoutOutcome<P> {
        let Some(flight) = self.flights.get_mut(&key) else {
            return TimeoutOutcome::Retry { key, stalled: false };
        };
        let attempt = flight.attempt(cx.now);
        let has_own_timer = flight.outgoing.wait.is_some();
        let stalled = has_own_timer || self.retransmit.is_stalled(attempt);
        let next = match has_own_timer {
            true => Next::Send,
            false => self.retransmit.handle_silence(cx.now, attempt),
        };
        match next {
            Next::Send => {
                cx.stats.retries += 1;
                self.enqueue(cx, key);
            }
            Next::WaitUntil(at) => {
                flight.deadline = Some(at);
                self.deadlines.insert((at, key));
            }
        }
        TimeoutOutcome::Retry { key, stalled }
    }

    fn enqueue(&mut self, cx: &mut Cx<'_>, key: RequestKey) {
        if self.congestion.is_full() {
            self.waiting.push_back(key);
        } else {
            self.transmit(cx, key);
        }
    }

    /// Sends waiting requests while the window has room.
    fn release(&mut self, cx: &mut Cx<'_>) {
        while !self.congestion.is_full() {
            let Some(key) = self.waiting.pop_front() else {
                return;
            };
            self.transmit(cx, key);
        }
    }

    fn transmit(&mut self, cx: &mut Cx<'_>, key: RequestKey) {
        let Some(flight) = self.flights.get_mut(&key) else {
            return;
        };
        if !self.muted {
            flight.outgoing.send(cx);
        }
        flight.sent += 1;
        flight.sent_at = cx.now;
        if flight.sent == 1 {
            flight.first_sent_at = cx.now;
            self.retransmit.handle_first();
        }
        let attempt = flight.attempt(cx.now);
        let wait = flight.outgoing.wait.unwrap_or_else(|| self.retransmit.wait(cx.rng, attempt));
        let deadline = cx.now + wait;
        flight.deadline = Some(deadline);
        self.deadlines.insert((deadline, key));
        self.congestion.take();
    }

    /// Removes a request from every index, and frees its place in the window.
    fn remove(
        &mut self,
        cx: &mut Cx<'_>,
        key: RequestKey,
    ) -> Option<(Completed<P>, Option<usize>)> {
        let Flight { outgoing, purpose, sent, sent_at, deadline, .. } =
            self.flights.remove(&key)?;
        if let Some(deadline) = deadline {
            self.deadlines.remove(&(deadline, key));
        }
        let index = (outgoing.tid, outgoing.to);
        if self.by_tid.get(&index) == Some(&key) {
            self.by_tid.remove(&index);
        }
        if sent > 0 {
            self.congestion.free();
        }
        cx.stats.requests_active = cx.stats.requests_active.saturating_sub(1);
        let elapsed = cx.now.saturating_duration_since(sent_at);
        let Outgoing { to, to_id, counter, .. } = outgoing;
        Some((Completed { key, purpose, to, to_id, elapsed }, counter))
    }

    fn set_timer(&self, cx: &mut Cx<'_>) {
        let timer = Timer::Net(NetTimer::Requests);
        match self.deadlines.first() {
            Some((at, _)) => cx.wake_at(timer, *at),
            None => cx.timers.cancel(timer),
        }
    }
}

impl<P> Flight<P> {
    fn view(&self) -> InflightRequest {
        let Outgoing { tid, to, internal, command, retries, .. } = self.outgoing;
        let (query, request) = (None, None);
        InflightRequest { tid, to, internal, command, sent: self.sent, retries, query, request }
    }

    fn attempt(&self, now: Instant) -> SentRequest {
        SentRequest {
            to: self.outgoing.to,
            sent: self.sent,
            tries: self.outgoing.retries.saturating_add(1),
            since_first: now.saturating_duration_since(self.first_sent_at),
        }
    }
}
