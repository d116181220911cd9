//! Whether a client may begin a handshake. Asked before anything is allocated for it: anyone who
//! knows a public key can make valid first messages at any rate. The rates are those of the node: a
//! source that goes from one of its servers to the next gets no more.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// A cap on the handshakes in flight of a server, a share of it for each source, and a rate for
/// each source over all servers.
#[derive(Debug)]
pub(super) struct Admission {
    max_in_flight: usize,
    buckets: BTreeMap<Ipv4Addr, Bucket>,
    /// When idle sources are looked for next.
    prune_at: Option<Instant>,
}

/// Handshakes of one server in flight: the client may have been answered, and has sent nothing
/// since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct InFlight {
    pub(super) all: usize,
    /// Those of the source that asks.
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

    /// Sources that are remembered.
    pub(super) fn sources(&self) -> usize {
        self.buckets.len()
    }

    /// Takes a token of this source.
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

    /// Forgets idle sources; seldom, as it looks at all of them.
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

/// One source may hold half of the places, so that it alone shuts nobody out. An honest client
/// holds its place for a round trip, or for the seconds that punching takes.
const SHARE: usize = 2;

/// A crowd behind one carrier's NAT may come at once: each of its clients costs one token, and a
/// few more if it comes through several relays that are not ours.
const BURST: u32 = 256;

/// 125 a second. It bounds what one source makes the node compute, some 0.2 ms for each; the places
/// are protected by the cap and the share.
const TOKEN_EVERY: Duration = Duration::from_millis(8);

/// 24 bytes each. Beyond, the cap alone protects us.
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
