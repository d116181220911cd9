//! The limit of what a stream forwards.

use std::time::{Duration, Instant};

/// A token bucket, in bytes.
#[derive(Debug)]
pub(super) struct Rate {
    per_second: u64,
    level: u64,
    at: Instant,
    /// Packets that were not admitted.
    pub(super) refused: u64,
}

impl Rate {
    pub(super) fn new(now: Instant, per_second: u64) -> Self {
        let per_second = per_second.max(1);
        Self { per_second, level: Self::depth(per_second), at: now, refused: 0 }
    }

    /// Whether a packet of this many bytes may pass.
    pub(super) fn admits(&mut self, now: Instant, bytes: u64) -> bool {
        let is_admitted = self.admits_run(now, bytes);
        self.refused += u64::from(!is_admitted);
        is_admitted
    }

    /// Whether this many bytes of several packets may pass together. If not, nothing is counted.
    pub(super) fn admits_run(&mut self, now: Instant, bytes: u64) -> bool {
        let passed = now.saturating_duration_since(self.at).min(REFILLED_WITHIN);
        let gained = u128::from(self.per_second) * passed.as_micros() / 1_000_000;
        if gained > 0 {
            self.level = (self.level + gained as u64).min(Self::depth(self.per_second));
            self.at = now;
        }
        let is_admitted = self.level >= bytes;
        if is_admitted {
            self.level -= bytes;
        }
        is_admitted
    }

    fn depth(per_second: u64) -> u64 {
        (per_second / 8).max(LEAST_DEPTH)
    }
}

/// A window that the sender has opened in slow start.
const LEAST_DEPTH: u64 = 64 * 1024;

/// A bucket is full after this time, whatever its depth.
const REFILLED_WITHIN: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_the_rate_and_a_burst() {
        let start = Instant::now();
        let mut rate = Rate::new(start, 1_000_000);
        let mut passed = 0;
        for millis in 0..10_000 {
            let now = start + Duration::from_millis(millis);
            for _ in 0..2 {
                passed += if rate.admits(now, 1200) { 1200 } else { 0 };
            }
        }
        assert!((10_000_000..10_200_000).contains(&passed), "{passed}");
        assert!(rate.refused > 10_000);
    }
}
