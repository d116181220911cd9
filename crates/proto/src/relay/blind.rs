//! One blind relay: its clients, their requests, and the pairs.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::Token;
use super::client::RelayClient;
use crate::streams::Streams;
use crate::{ConnId, Cx, RelayLimits, RelayStats, ServerId, StreamId, Timer};

/// One blind relay.
#[derive(Debug)]
pub(super) struct BlindRelay {
    pub(super) server: ServerId,
    pub(super) limits: RelayLimits,
    pub(super) sessions: BTreeMap<ConnId, RelayClient>,
    /// Requests whose counterpart has not come yet.
    pub(super) requests: BTreeMap<Token, PairRequest>,
    /// The requests and when they expire, the oldest first. Some may be gone.
    pub(super) expiries: VecDeque<(Instant, Token)>,
    pub(super) pairs: BTreeMap<Token, Pair>,
    pub(super) stats: RelayStats,
    /// The timer is set.
    pub(super) is_watching: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct PairRequest {
    pub(super) conn: ConnId,
    pub(super) is_initiator: bool,
    /// The client's stream.
    pub(super) remote: u32,
    pub(super) expires: Instant,
}

/// Two streams that forward to each other.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) ends: [PairEnd; 2],
    /// Packets forwarded until `since`, when the number last changed.
    pub(super) packets: u64,
    pub(super) since: Instant,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct PairEnd {
    pub(super) conn: ConnId,
    pub(super) stream: StreamId,
    /// The client's stream.
    pub(super) remote: u32,
}

impl BlindRelay {
    pub(super) fn new(server: ServerId, limits: RelayLimits) -> Self {
        Self {
            server,
            limits,
            sessions: BTreeMap::new(),
            requests: BTreeMap::new(),
            expiries: VecDeque::new(),
            pairs: BTreeMap::new(),
            stats: RelayStats::default(),
            is_watching: false,
        }
    }

    /// The counters, with what is there at present.
    pub(super) fn count(&self, streams: &Streams) -> RelayStats {
        let mut stats = RelayStats {
            sessions_active: self.sessions.len() as u64,
            pairings_pending: self.requests.len() as u64,
            pairings_active: self.pairs.len() as u64,
            ..self.stats
        };
        for pair in self.pairs.values() {
            pair.count(streams, &mut stats);
        }
        stats
    }

    /// Whether a client may make another request.
    pub(super) fn admits(&self, conn: ConnId, token: &Token) -> bool {
        let all = self.requests.len() + self.pairs.len();
        let is_new = !self.pairs.contains_key(token);
        is_new && all < self.limits.max_pairings && self.has_share(conn) && !self.is_hurried()
    }

    pub(super) fn has_share(&self, conn: ConnId) -> bool {
        let session = self.sessions.get(&conn);
        session.is_some_and(|s| s.tokens.len() < self.limits.max_pairings_per_client)
    }

    /// True if more requests were made and taken back than ever may wait at once.
    pub(super) fn is_hurried(&self) -> bool {
        self.expiries.len() >= self.limits.max_pairings.saturating_mul(2)
    }

    pub(super) fn refuse(&mut self, cx: &mut Cx<'_>) {
        self.stats.refused += 1;
        cx.stats.dropped.relay += 1;
    }

    pub(super) fn cancel_request(&mut self, token: &Token) {
        if let Some(request) = self.requests.remove(token) {
            self.stats.pairings_cancelled += 1;
            self.forget_token(token, [request.conn; 2]);
        }
    }

    pub(super) fn note_token(&mut self, token: Token, conn: ConnId) {
        if let Some(session) = self.sessions.get_mut(&conn) {
            session.tokens.insert(token);
        }
    }

    pub(super) fn forget_token(&mut self, token: &Token, conns: [ConnId; 2]) {
        for conn in conns {
            if let Some(session) = self.sessions.get_mut(&conn) {
                session.tokens.remove(token);
            }
        }
    }

    /// Sets the timer, if there is something that may expire.
    pub(super) fn watch(&mut self, cx: &mut Cx<'_>) {
        let is_needed = !self.pairs.is_empty() || !self.expiries.is_empty();
        if is_needed && !self.is_watching {
            self.is_watching = true;
            cx.wake_at(Timer::Relay(self.server), cx.now + LOOK_EVERY);
        }
    }
}

impl Pair {
    /// Since when the pair has passed nothing on.
    pub(super) fn idle_since(&mut self, now: Instant, streams: &Streams) -> Instant {
        let forwarded = |end: &PairEnd| streams.stats(end.stream).map_or(0, |s| s.packets_tx);
        let packets = self.ends.iter().map(forwarded).sum();
        if packets != self.packets {
            (self.packets, self.since) = (packets, now);
        }
        self.since
    }

    /// Adds what the pair has passed on.
    pub(super) fn count(&self, streams: &Streams, stats: &mut RelayStats) {
        for end in &self.ends {
            if let Some(traffic) = streams.stats(end.stream) {
                stats.packets += traffic.packets_tx;
                stats.bytes += traffic.bytes_tx;
            }
            stats.throttled += streams.throttled(end.stream);
        }
    }
}

/// How often a relay looks for what has expired.
const LOOK_EVERY: Duration = Duration::from_secs(5);
