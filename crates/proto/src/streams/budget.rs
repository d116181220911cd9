//! Bounds on what all streams of a node keep together.

/// A bound on the bytes that all streams together keep beyond what each may keep freely.
///
/// A single stream may take at most what is left of the budget, so its share shrinks as others take
/// more. The first streams cannot take everything, all streams together stay within the budget, and
/// one fast stream alone gets what the longest path needs.
#[derive(Debug)]
pub(super) struct Budget {
    limits: Limits,
    taken: usize,
}

/// The limits of a budget, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Every stream may keep this much, so that no stream ever stalls.
    pub(super) free: usize,
    /// The most for one stream.
    pub(super) max: usize,
    /// For all streams of a node, beyond what is free.
    pub(super) total: usize,
}

/// The part of a budget that one stream has taken, in bytes.
#[derive(Debug, Default)]
pub(super) struct Share(usize);

impl Budget {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, taken: 0 }
    }

    /// How many bytes a single stream may keep.
    pub(super) fn room(&self) -> usize {
        let Limits { free, max, total } = self.limits;
        free + total.saturating_sub(self.taken).min(max - free)
    }

    /// Records that a stream keeps `held` bytes.
    pub(super) fn set(&mut self, share: &mut Share, held: usize) {
        let before = std::mem::replace(&mut share.0, held.saturating_sub(self.limits.free));
        self.taken = self.taken + share.0 - before;
    }
}

/// Data that peers have not acknowledged.
pub(super) const SENDING: Limits = Limits {
    // Two sends with segmentation offload, or 5 Mbit/s at a round trip of 200 ms.
    free: 128 * 1024,
    // While a packet that is lost three times is missing, 100 Mbit/s send this much in five round
    // trips of 300 ms, bookkeeping included.
    max: 24 * 1024 * 1024,
    // 31 streams get 4 MiB each, the window of the reference.
    total: 128 * 1024 * 1024,
};

/// Datagrams that wait to be forwarded.
pub(super) const FORWARDING: Limits = Limits {
    // Ten full datagrams. With as many pairs as a relay allows, 128 MiB.
    free: 16 * 1024,
    // What arrives while this much waits is dropped, as a router would do: 100 Mbit/s for 80 ms.
    max: 1024 * 1024,
    // 64 streams may have a full queue.
    total: 64 * 1024 * 1024,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_connection_gets_what_it_needs_and_all_together_not_more_than_the_budget() {
        for limits in [SENDING, FORWARDING] {
            let (mut budget, mut shares) = (Budget::new(limits), Vec::new());
            assert_eq!(budget.room(), limits.max);
            for _ in 0..1000 {
                let mut share = Share::default();
                budget.set(&mut share, budget.room());
                shares.push(share.0);
                assert!(budget.taken <= limits.total && budget.room() >= limits.free);
            }
            assert_eq!((shares[0], shares[999]), (limits.max - limits.free, 0));
        }
    }

    #[test]
    fn those_that_send_without_end_share_fairly() {
        let mut sending = Budget::new(SENDING);
        let mut all: Vec<_> = (0..31).map(|_| (Share::default(), 0)).collect();
        for _ in 0..1000 {
            for (share, held) in &mut all {
                let next = if *held < sending.room() { *held + 65536 } else { *held - 65536 };
                *held = next;
                sending.set(share, next);
            }
        }
        let fair = |(_, held): &(Share, usize)| *held > 3 << 20 && *held < 5 << 20;
        assert!(all.iter().all(fair), "{all:?}");
    }

    #[test]
    fn what_is_given_back_is_free() {
        let (mut sending, mut share) = (Budget::new(SENDING), Share::default());
        sending.set(&mut share, SENDING.max);
        sending.set(&mut share, SENDING.free);
        assert_eq!(sending.taken, 0);
    }
}
