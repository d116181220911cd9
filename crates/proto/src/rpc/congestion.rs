//! The congestion window: limits the requests per time.

use std::time::Duration;

/// Counts requests in four buckets, one for each of the latest slots of [`Congestion::SLOT`].
#[derive(Debug)]
pub(crate) struct Congestion {
    buckets: [usize; 4],
    current: usize,
    /// Maximum requests in the current bucket. All buckets together may hold twice as many.
    max_window: usize,
}

impl Congestion {
    /// How long a bucket is current.
    pub(crate) const SLOT: Duration = Duration::from_millis(750);

    pub(crate) fn new(max_window: usize) -> Self {
        Self { buckets: [0; 4], current: 0, max_window: max_window.max(1) }
    }

    /// True if the next request has to wait.
    pub(crate) fn is_full(&self) -> bool {
        self.total() >= 2 * self.max_window || self.buckets[self.current] >= self.max_window
    }

    /// True if all buckets are empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.total() == 0
    }

    /// Counts a request that was sent.
    pub(crate) fn take(&mut self) {
        self.buckets[self.current] += 1;
    }

    /// Counts a request that has ended.
    pub(crate) fn free(&mut self) {
        let bucket = &mut self.buckets[self.current];
        *bucket = bucket.saturating_sub(1);
    }

    /// Makes the next bucket the current one and clears it.
    pub(crate) fn drain(&mut self) {
        self.current = (self.current + 1) % self.buckets.len();
        self.buckets[self.current] = 0;
    }

    fn total(&self) -> usize {
        self.buckets.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_bucket_blocks_until_the_next_one() {
        let mut window = Congestion::new(2);
        window.take();
        window.take();
        assert!(window.is_full());
        window.drain();
        assert!(!window.is_full());
    }

    #[test]
    fn two_full_buckets_block_until_the_oldest_is_drained() {
        let mut window = Congestion::new(2);
        for _ in 0..2 {
            window.take();
            window.take();
            window.drain();
        }
        assert!(window.is_full());
        window.drain();
        assert!(window.is_full());
        window.drain();
        assert!(!window.is_full());
    }

    #[test]
    fn a_reply_frees_a_place() {
        let mut window = Congestion::new(1);
        window.take();
        assert!(window.is_full());
        window.free();
        window.free();
        assert!(window.is_empty());
    }
}
