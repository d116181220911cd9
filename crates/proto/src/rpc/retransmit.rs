//! The timeouts of tries (PROTOCOL B.6).
//!
//! A request times out when it does in the reference: after one second per try. Retries are sent as
//! early as the measured round trips allow, within a budget.

use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use super::TRY;
use super::adaptive::Adaptive;
use super::rtt_cache::RttCache;
use crate::{AdaptiveTimeout, Rng};

/// The retransmission timers of all requests of a node.
#[derive(Debug)]
pub(crate) struct RetransmitPolicy {
    policy: Policy,
}

/// A request that was just sent, or whose deadline has passed.
#[derive(Clone, Copy, Debug)]
pub(super) struct SentRequest {
    pub(super) to: SocketAddrV4,
    /// How often it was sent.
    pub(super) sent: u32,
    /// How often it may be sent.
    pub(super) tries: u32,
    /// The time since the first try.
    pub(super) since_first: Duration,
}

/// What to do when a try was not answered in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Send,
    /// The budget for early tries is spent: wait until this time.
    WaitUntil(Instant),
}

#[derive(Debug)]
enum Policy {
    /// The reference's option `adaptiveTimeout`.
    Adaptive(Adaptive),
    Measured(Measured),
}

/// Measured round trips, and the budget for early tries.
#[derive(Debug)]
struct Measured {
    overall: Option<Estimate>,
    nodes: RttCache<Estimate>,
    /// Credit for early tries: each costs [`COST`].
    budget: u32,
}

/// A smoothed round-trip time and its mean deviation (RFC 6298).
#[derive(Clone, Copy, Debug)]
struct Estimate {
    mean: Duration,
    deviation: Duration,
}

impl RetransmitPolicy {
    /// With `None`, the timers follow the measured round trips.
    pub(crate) fn new(option: Option<AdaptiveTimeout>, now: Instant) -> Self {
        let policy = match option {
            Some(option) => Policy::Adaptive(Adaptive::new(option, now)),
            None => Policy::Measured(Measured::new(now)),
        };
        Self { policy }
    }

    /// The timeout of a try that is being sent.
    pub(super) fn wait(&mut self, rng: &mut Rng, attempt: SentRequest) -> Duration {
        match &mut self.policy {
            Policy::Adaptive(adaptive) => adaptive.wait(rng, attempt.to, attempt.sent),
            Policy::Measured(measured) => measured.wait(attempt),
        }
    }

    /// Notes that a request is sent for the first time, which adds to the budget.
    pub(super) fn handle_first(&mut self) {
        if let Policy::Measured(measured) = &mut self.policy {
            measured.budget = (measured.budget + EARNED).min(MAX_BUDGET);
        }
    }

    /// Decides what to do about a try that was not answered in time.
    pub(super) fn handle_silence(&mut self, now: Instant, attempt: SentRequest) -> Next {
        match &mut self.policy {
            Policy::Adaptive(_) => Next::Send,
            Policy::Measured(measured) => measured.handle_silence(now, attempt),
        }
    }

    /// Learns from an answer.
    pub(super) fn handle_answer(
        &mut self,
        now: Instant,
        attempt: SentRequest,
        since_last: Duration,
    ) {
        let SentRequest { to, sent, since_first, .. } = attempt;
        match &mut self.policy {
            Policy::Adaptive(adaptive) if sent <= 2 => adaptive.learn(now, to, since_first),
            Policy::Adaptive(_) => {}
            Policy::Measured(measured) if sent == 1 => measured.learn(now, to, since_last),
            // An answer so soon after the second try must be an answer to the first one.
            Policy::Measured(measured) if sent == 2 && measured.is_soon(since_last) => {
                measured.learn(now, to, since_first);
            }
            Policy::Measured(_) => {}
        }
    }

    /// True if the node had as much time to answer as one try has in the reference, or got two
    /// tries.
    pub(super) fn is_stalled(&self, attempt: SentRequest) -> bool {
        match &self.policy {
            Policy::Adaptive(_) => true,
            Policy::Measured(_) => attempt.sent > 1 || attempt.since_first >= TRY,
        }
    }
}

impl Measured {
    fn new(now: Instant) -> Self {
        Self { overall: None, nodes: RttCache::new(NODES, AGE, now), budget: MAX_BUDGET }
    }

    /// The last two tries share the remaining time evenly, so that one of them is sent after a
    /// short outage of the network.
    fn wait(&self, attempt: SentRequest) -> Duration {
        let SentRequest { to, sent, tries, .. } = attempt;
        let timeout = self.timeout(to);
        let even = attempt.even_share().max(timeout);
        let is_among_last = sent > 1 && sent + 1 >= tries;
        if sent >= tries || is_among_last {
            return even;
        }
        even.min(timeout * (1 << (sent - 1).min(MAX_DOUBLINGS)))
    }

    fn handle_silence(&mut self, now: Instant, attempt: SentRequest) -> Next {
        let patient = TRY * attempt.sent;
        if attempt.since_first >= patient {
            return Next::Send;
        }
        match self.budget.checked_sub(COST) {
            Some(rest) => {
                self.budget = rest;
                Next::Send
            }
            None => Next::WaitUntil(now + (patient - attempt.since_first)),
        }
    }

    fn learn(&mut self, now: Instant, to: SocketAddrV4, rtt: Duration) {
        self.overall = Some(Estimate::after(self.overall, rtt));
        let known = self.nodes.get(&to).copied();
        self.nodes.insert(now, to, Estimate::after(known, rtt));
    }

    /// True if the time is too short for a round trip: less than half the mean.
    fn is_soon(&self, elapsed: Duration) -> bool {
        self.overall.is_some_and(|overall| elapsed < overall.mean / 2)
    }

    fn timeout(&self, to: SocketAddrV4) -> Duration {
        let Some(overall) = self.overall else {
            return TRY;
        };
        let timeout = match self.nodes.get(&to) {
            // A few samples of one node overestimate its deviation. The deviation over all nodes is
            // an upper limit.
            Some(node) => {
                Estimate { deviation: node.deviation.min(overall.deviation), ..*node }.timeout()
            }
            None => overall.timeout(),
        };
        timeout.clamp(LEAST, TRY)
    }
}

impl Estimate {
    fn after(old: Option<Self>, rtt: Duration) -> Self {
        let Some(Self { mean, deviation }) = old else {
            return Self { mean: rtt, deviation: rtt / 2 };
        };
        Self { mean: (mean * 7 + rtt) / 8, deviation: (deviation * 3 + mean.abs_diff(rtt)) / 4 }
    }

    fn timeout(self) -> Duration {
        (self.mean * 2).max(self.mean + self.deviation * 4)
    }
}

impl SentRequest {
    /// The remaining time of the request, divided evenly among the remaining tries.
    fn even_share(self) -> Duration {
        let left = (TRY * self.tries).saturating_sub(self.since_first);
        left / (self.tries.saturating_sub(self.sent) + 1)
    }
}

/// The shortest timeout. An answer may take this long because the peer is busy, not because a
/// packet was lost.
const LEAST: Duration = Duration::from_millis(200);

/// Each request earns credit for a tenth of an early try. That is enough for a packet loss of 3 %.
const EARNED: u32 = 1;
const COST: u32 = 10;

/// Credit for at most six early tries in a burst.
const MAX_BUDGET: u32 = 60;

/// Limits the exponent of the backoff. No request has enough tries to reach it.
const MAX_DOUBLINGS: u32 = 8;

/// The least number of nodes whose round trips are remembered.
const NODES: usize = 256;

/// How long round trips are remembered: paths change in minutes, not in seconds.
const AGE: Duration = Duration::from_secs(10 * 60);

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const NODE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 1);

    #[test]
    fn without_measurements_the_timers_are_the_references() {
        let mut retransmit = RetransmitPolicy::new(None, Instant::now());
        assert_eq!(schedule(&mut retransmit, 4), [1000, 2000, 3000, 4000]);
        assert_eq!(schedule(&mut retransmit, 1), [1000]);
    }

    #[test]
    fn measured_timers_are_early_and_end_as_late() {
        let mut retransmit = measured(100);
        assert_eq!(schedule(&mut retransmit, 4), [200, 600, 2300, 4000]);
        assert_eq!(schedule(&mut retransmit, 6), [200, 600, 1400, 2933, 4466, 6000]);
        assert_eq!(schedule(&mut retransmit, 2), [200, 2000]);
        assert_eq!(schedule(&mut retransmit, 1), [1000]);
    }

    #[test]
    fn slow_and_fast_paths_stay_within_bounds() {
        assert_eq!(schedule(&mut measured(1), 4)[0], 200);
        assert_eq!(schedule(&mut measured(350), 4)[..2], [700, 1800]);
        assert_eq!(schedule(&mut measured(900), 4), [1000, 2000, 3000, 4000]);
    }

    #[test]
    fn early_tries_have_a_budget() {
        let (mut retransmit, now) = (measured(100), Instant::now());
        let attempt =
            SentRequest { to: NODE, sent: 1, tries: 4, since_first: Duration::from_millis(200) };
        for _ in 0..MAX_BUDGET / COST {
            assert_eq!(retransmit.handle_silence(now, attempt), Next::Send);
        }
        let later = Next::WaitUntil(now + Duration::from_millis(800));
        assert_eq!(retransmit.handle_silence(now, attempt), later);
        (0..COST).for_each(|_| retransmit.handle_first());
        assert_eq!(retransmit.handle_silence(now, attempt), Next::Send);
        assert_eq!(retransmit.handle_silence(now, attempt), later);
        let late = SentRequest { since_first: TRY, ..attempt };
        assert_eq!(retransmit.handle_silence(now, late), Next::Send);
    }

    #[test]
    fn an_answer_to_a_repeated_request_says_nothing_about_the_path() {
        let (mut retransmit, now) = (measured(100), Instant::now());
        let since_first = Duration::from_millis(290);
        let attempt = SentRequest { to: NODE, sent: 2, tries: 4, since_first };
        let mut answer = |since_last| {
            let since_last = Duration::from_millis(since_last);
            (0..99).for_each(|_| retransmit.handle_answer(now, attempt, since_last));
            schedule(&mut retransmit, 4)[0]
        };
        assert_eq!(answer(90), 200);
        assert!(answer(20) > 500, "unless it comes too soon to be one to the second try");
    }

    fn measured(rtt: u64) -> RetransmitPolicy {
        let mut retransmit = RetransmitPolicy::new(None, Instant::now());
        let since_first = Duration::from_millis(rtt);
        let attempt = SentRequest { to: NODE, sent: 1, tries: 4, since_first };
        (0..99).for_each(|_| retransmit.handle_answer(Instant::now(), attempt, since_first));
        retransmit
    }

    /// The time at which each try of an unanswered request ends, in milliseconds.
    fn schedule(retransmit: &mut RetransmitPolicy, tries: u32) -> Vec<u128> {
        let (mut rng, mut since_first) = (Rng::from_seed([1; 32]), Duration::ZERO);
        let waits = (1..=tries).map(|sent| {
            since_first +=
                retransmit.wait(&mut rng, SentRequest { to: NODE, sent, tries, since_first });
            since_first.as_millis()
        });
        waits.collect()
    }
}
