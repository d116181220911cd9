//! The timers of the option `adaptiveTimeout`. Reference: adaptive-timeout 1.1, index.js.

use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use super::TRY;
use super::rtt_cache::RttCache;
use crate::{AdaptiveTimeout, Rng};

/// Round-trip times by destination. Computes in integer milliseconds, to round exactly as the
/// reference does.
#[derive(Debug)]
pub(super) struct Adaptive {
    option: AdaptiveTimeout,
    nodes: RttCache<Known>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    mean: i64,
    deviation: i64,
}

impl Adaptive {
    pub(super) fn new(option: AdaptiveTimeout, now: Instant) -> Self {
        let nodes = RttCache::new(option.max_size, option.max_age, now);
        Self { option, nodes }
    }

    /// The timeout of a try. The first try is number 1.
    pub(super) fn wait(&self, rng: &mut Rng, to: SocketAddrV4, attempt: u32) -> Duration {
        let jitter = rng.below(millis(self.option.jitter) as u64) as i64;
        let wait = match self.nodes.get(&to) {
            Some(Known { mean, deviation }) => {
                let retransmit = (mean + 2 * deviation) * i64::from(attempt) + jitter;
                retransmit.max(millis(self.option.min)).min(millis(self.option.max))
            }
            None => self.fallback(attempt) + jitter,
        };
        match u64::try_from(wait) {
            Ok(0) | Err(_) => TRY,
            Ok(wait) => Duration::from_millis(wait),
        }
    }

    /// Learns from a measured round trip.
    pub(super) fn learn(&mut self, now: Instant, to: SocketAddrV4, rtt: Duration) {
        let rtt = millis(rtt);
        let known = match self.nodes.get(&to) {
            Some(Known { mean, deviation }) => Known {
                mean: mean + ((rtt - mean) >> 3),
                deviation: deviation + (((mean - rtt).abs() - deviation) >> 2),
            },
            None => Known { mean: rtt, deviation: rtt >> 1 },
        };
        self.nodes.insert(now, to, known);
    }

    fn fallback(&self, attempt: u32) -> i64 {
        let waits = &self.option.fallback;
        let last = waits.len().saturating_sub(1);
        let at = usize::try_from(attempt).map_or(last, |n| n.saturating_sub(1).min(last));
        waits.get(at).copied().map_or(0, millis)
    }
}

/// Milliseconds, at most an hour. That is longer than any timeout, and cannot overflow the
/// arithmetic.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).min(3_600_000)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use serde_json::Value;

    use super::*;

    const NODE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1);

    #[test]
    fn the_timers_are_those_of_the_reference() {
        let text = include_str!("../../tests/vectors/B_dht_rpc.json");
        let vectors: Value = serde_json::from_str(text).unwrap();
        let now = Instant::now();
        let option = AdaptiveTimeout { jitter: Duration::ZERO, ..AdaptiveTimeout::default() };
        let mut adaptive = Adaptive::new(option, now);
        let mut rng = Rng::from_seed([1; 32]);
        let mut wait = |adaptive: &Adaptive, n| adaptive.wait(&mut rng, NODE, n).as_millis();
        for step in vectors["adaptive_timeout"]["steps"].as_array().unwrap() {
            let op = step["op"].as_str().unwrap();
            let Some(rtt) = op.strip_prefix("put ") else {
                let waits: Vec<u128> = (1..=6).map(|n| wait(&adaptive, n)).collect();
                let expected = step["out"].as_array().unwrap().iter();
                let expected = expected.map(|n| u128::from(n.as_u64().unwrap()));
                assert_eq!(waits, expected.collect::<Vec<_>>());
                continue;
            };
            adaptive.learn(now, NODE, Duration::from_millis(rtt.parse().unwrap()));
            let known = adaptive.nodes.get(&NODE).unwrap();
            let number = |name: &str| step[name].as_i64().unwrap();
            assert_eq!((known.mean, known.deviation), (number("avg"), number("variance")), "{op}");
            for n in 1..=3 {
                let expected = number(&format!("get{n}")) as u128;
                assert_eq!(wait(&adaptive, n), expected, "{op}, try {n}");
            }
        }
    }

    #[test]
    fn no_wait_is_the_usual_wait() {
        let option =
            AdaptiveTimeout { fallback: vec![], jitter: Duration::ZERO, ..Default::default() };
        let adaptive = Adaptive::new(option, Instant::now());
        assert_eq!(adaptive.wait(&mut Rng::from_seed([1; 32]), NODE, 1), TRY);
    }
}
