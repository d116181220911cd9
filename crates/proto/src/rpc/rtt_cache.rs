//! Measurements by destination: a bounded map whose entries age. Reference: xache 1.2, index.js.

use std::collections::HashMap;
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

/// Two generations of entries. An entry that is not written again leaves with the older one.
#[derive(Debug)]
pub(super) struct RttCache<T> {
    fresh: HashMap<SocketAddrV4, T>,
    stale: HashMap<SocketAddrV4, T>,
    /// Maximum entries of one generation.
    size: usize,
    /// The time after which the fresh generation becomes the stale one.
    age: Duration,
    rotated: Instant,
}

impl<T> RttCache<T> {
    /// Keeps at least the latest `size` entries until they age. Generations rotate only at
    /// insertions. With frequent insertions, an entry that is not written again lives for 0.67 to
    /// 1.33 times `age`.
    pub(super) fn new(size: usize, age: Duration, now: Instant) -> Self {
        Self {
            fresh: HashMap::new(),
            stale: HashMap::new(),
            size: size.max(1),
            age: age * 2 / 3,
            rotated: now,
        }
    }

    /// Reads an entry.
    pub(super) fn get(&self, to: &SocketAddrV4) -> Option<&T> {
        self.fresh.get(to).or_else(|| self.stale.get(to))
    }

    /// Writes an entry.
    pub(super) fn insert(&mut self, now: Instant, to: SocketAddrV4, value: T) {
        if now.saturating_duration_since(self.rotated) >= self.age || self.fresh.len() >= self.size
        {
            self.stale = std::mem::take(&mut self.fresh);
            self.rotated = now;
        }
        self.stale.remove(&to);
        self.fresh.insert(to, value);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn the_latest_are_kept_and_the_old_forgotten() {
        let now = Instant::now();
        let mut known = RttCache::new(10, Duration::from_secs(60), now);
        (0..100).for_each(|port| known.insert(now, to(port), port));
        assert!((90..100).all(|port| known.get(&to(port)) == Some(&port)));
        assert!(known.fresh.len() + known.stale.len() <= 20);

        for minutes in 1..=2 {
            known.insert(now + Duration::from_secs(60 * minutes), to(200), 0);
        }
        assert_eq!(known.get(&to(99)), None);
        assert_eq!(known.get(&to(200)), Some(&0));
    }

    fn to(port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)
    }
}
