//! Decides whether a client may start a handshake, before anything is allocated for it: anyone who
//! knows a public key can make valid first messages at any rate. The rates are limits of the node,
//! so a source gets no more by going from one of its servers to another.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// The limits: a cap on the handshakes in flight of each server, a share of that cap for each
/// source, and a rate for each source over all servers.
#[derive(Debug)]
pub(super) struct Admission {
    max_in_flight: usize,
    buckets: BTreeMap<Ipv4Addr, Bucket>,
    /// The earliest time of the next search for idle sources.
    prune_at: Option<Instant>,
}

/// The handshakes in flight of one server. They include answered clients that have sent nothing
/// since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct InFlight {
    pub(super) all: usize,
    /// Those of the asking source.
    pub(super) of_source: usize,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: u32,
    /// When the last token was added.
    filled: Instant,
}

impl Admission {
    pub(super) fn new(max_in_flight: usize) -> Self {
        Self { max_in_flight, buckets: BTreeMap::new(), prune_at: None }
    }

    /// The number of sources that have a bucket.
    pub(super) fn sources(&self) -> usize {
        self.buckets.len()
    }

    /// Takes a token of this source. False if the handshake is refused.
    pub(super) fn admit(&mut self, now: Instant, in_flight: InFlight, source: Ipv4Addr) -> bool {
        if in_flight.all >= self.max_in_flight {
            return false;
        }
        // A program on this host could take the process's sockets without our help.
        if source.is_loopback() {
            return true;
        }
        if in_flight.of_source >= (self.max_in_flight / SHARE).max(1) {
            return false;
        }
        if self.buckets.len() >= MAX_SOURCES && !self.buckets.contains_key(&source) {
            self.prune(now);
            if self.buckets.len() >= MAX_SOURCES {
                return true;
            }
        }
        let bucket = self.buckets.entry(source).or_insert(Bucket { tokens: BURST, filled: now });
        bucket.refill(now);
        let Some(left) = bucket.tokens.checked_sub(1) else { return false };
        bucket.tokens = left;
        true
    }

    /// Forgets idle sources. As this reads all buckets, it runs at most once per [`PRUNE_EVERY`].
    fn prune(&mut self, now: Instant) {
        if self.prune_at.is_some_and(|at| now < at) {
            return;
        }
        self.prune_at = Some(now + PRUNE_EVERY);
        self.buckets.retain(|_, bucket| now < bucket.filled + TOKEN_EVERY * BURST);
    }
}

impl Bucket {
    fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.filled);
        let earned = elapsed.as_millis() / TOKEN_EVERY.as_millis();
        let earned = u32::try_from(earned).unwrap_or(BURST).min(BURST);
        self.tokens = (self.tokens + earned).min(BURST);
        self.filled = if self.tokens == BURST { now } else { self.filled + TOKEN_EVERY * earned };
    }
}

/// One source may hold half of the places, so that it cannot shut out all others. An honest client
/// holds its place for a round trip, or for the seconds that punching takes.
const SHARE: usize = 2;

/// Many clients behind one carrier-grade NAT may come at once. Each costs one token, and a few more
/// if it comes through several relays that are not ours.
const BURST: u32 = 256;

/// 125 handshakes a second. This bounds the CPU time that one source can use, at about 0.2 ms for
/// each handshake. The places are protected by the cap and the share.
const TOKEN_EVERY: Duration = Duration::from_millis(8);

/// Each takes 24 bytes. With more sources than this, new ones have a cap and a share but no rate.
const MAX_SOURCES: usize = 4096;

const PRUNE_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: Ipv4Addr = Ipv4Addr::new(1, 2, 3, 4);
    const NONE: InFlight = InFlight { all: 0, of_source: 0 };

    #[test]
    fn the_cap_holds_for_everyone() {
        let mut admission = Admission::new(2);
        let in_flight = |all| InFlight { all, of_source: all };
        assert!(admission.admit(Instant::now(), in_flight(1), Ipv4Addr::LOCALHOST));
        assert!(!admission.admit(Instant::now(), in_flight(2), Ipv4Addr::LOCALHOST));
    }

    #[test]
    fn a_source_has_half_of_the_places() {
        let mut admission = Admission::new(256);
        let in_flight = |of_source| InFlight { all: 128, of_source };
        assert!(admission.admit(Instant::now(), in_flight(127), SOURCE));
        assert!(!admission.admit(Instant::now(), in_flight(128), SOURCE));
        assert!(admission.admit(Instant::now(), in_flight(0), Ipv4Addr::new(4, 3, 2, 1)));
    }

    #[test]
    fn a_source_has_a_burst_and_a_rate() {
        let mut admission = Admission::new(256);
        let start = Instant::now();
        let admitted = |admission: &mut Admission, now| {
            (0..1000).filter(|_| admission.admit(now, NONE, SOURCE)).count()
        };
        assert_eq!(admitted(&mut admission, start), 256);
        assert!(admission.admit(start, NONE, Ipv4Addr::new(4, 3, 2, 1)));

        assert_eq!(admitted(&mut admission, start + Duration::from_secs(1)), 125);
        assert_eq!(admitted(&mut admission, start + Duration::from_secs(60)), 256);
    }

    #[test]
    fn many_sources_do_not_grow_it_for_ever() {
        let mut admission = Admission::new(256);
        let start = Instant::now();
        let crowd = |admission: &mut Admission, now, first: u32| {
            (0..10_000).all(|n| admission.admit(now, NONE, Ipv4Addr::from(first + n)))
        };
        assert!(crowd(&mut admission, start, 0x0800_0000));
        assert_eq!(admission.buckets.len(), MAX_SOURCES);

        admission.admit(start + Duration::from_secs(10), NONE, SOURCE);
        assert_eq!(admission.buckets.len(), 1);
    }
}
