//! Who may begin a handshake. Asked before anything is allocated for it: anyone who knows a public
//! key can make valid first messages at any rate.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// A cap on handshakes in flight, and a budget for each source.
#[derive(Debug)]
pub(super) struct Admission {
    max_in_flight: usize,
    buckets: BTreeMap<Ipv4Addr, Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: u32,
    /// When the last token was added.
    filled: Instant,
}

impl Admission {
    pub(super) fn new(max_in_flight: usize) -> Self {
        Self { max_in_flight, buckets: BTreeMap::new() }
    }

    /// Takes a token of this source.
    pub(super) fn admit(&mut self, now: Instant, in_flight: usize, source: Ipv4Addr) -> bool {
        if in_flight >= self.max_in_flight {
            return false;
        }
        // Whoever sends from this host can do worse.
        if source.is_loopback() {
            return true;
        }
        if self.buckets.len() >= MAX_SOURCES && !self.buckets.contains_key(&source) {
            self.buckets.retain(|_, bucket| now < bucket.filled + TOKEN_EVERY * BURST);
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

/// A crowd behind one NAT may come at once.
const BURST: u32 = 64;

/// 16 a second: with the burst and 10 s for each, one source fills less than the default cap of
/// 256.
const TOKEN_EVERY: Duration = Duration::from_millis(62);

/// 24 bytes each. Beyond, the cap alone protects us.
const MAX_SOURCES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: Ipv4Addr = Ipv4Addr::new(1, 2, 3, 4);

    #[test]
    fn the_cap_holds_for_everyone() {
        let mut admission = Admission::new(2);
        assert!(admission.admit(Instant::now(), 1, Ipv4Addr::LOCALHOST));
        assert!(!admission.admit(Instant::now(), 2, Ipv4Addr::LOCALHOST));
    }

    #[test]
    fn a_source_has_a_burst_and_a_rate() {
        let mut admission = Admission::new(256);
        let start = Instant::now();
        let admitted = |admission: &mut Admission, now| {
            (0..1000).filter(|_| admission.admit(now, 0, SOURCE)).count()
        };
        assert_eq!(admitted(&mut admission, start), 64);
        assert!(admission.admit(start, 0, Ipv4Addr::new(4, 3, 2, 1)));

        assert_eq!(admitted(&mut admission, start + Duration::from_secs(1)), 16);
        assert_eq!(admitted(&mut admission, start + Duration::from_secs(60)), 64);
    }

    #[test]
    fn many_sources_do_not_grow_it_for_ever() {
        let mut admission = Admission::new(256);
        for n in 0..10_000 {
            assert!(admission.admit(Instant::now(), 0, Ipv4Addr::from(0x0800_0000 + n)));
        }
        assert!(admission.buckets.len() <= MAX_SOURCES);
    }
}
