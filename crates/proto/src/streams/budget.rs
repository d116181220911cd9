//! The node's bound on the unacknowledged data of all its streams.

/// Bytes that all streams together keep beyond their [`FREE`] allowances.
///
/// A single stream may take at most what is left of the budget, so its share shrinks as others take
/// more. The first streams cannot take everything, all streams together stay within the budget, and
/// one fast stream alone gets what the longest path needs.
#[derive(Debug, Default)]
pub(super) struct Sending {
    taken: usize,
}

/// The part of the budget that one stream has taken, in bytes.
#[derive(Debug, Default)]
pub(super) struct Share(usize);

impl Sending {
    /// How many bytes a single stream may keep.
    pub(super) fn room(&self) -> usize {
        FREE + BUDGET.saturating_sub(self.taken).min(MAX - FREE)
    }

    /// Records that a stream keeps `held` bytes.
    pub(super) fn set(&mut self, share: &mut Share, held: usize) {
        let before = std::mem::replace(&mut share.0, held.saturating_sub(FREE));
        self.taken = self.taken + share.0 - before;
    }
}

/// Every stream may keep this much, so that no stream ever stalls: two sends with segmentation
/// offload, or 5 Mbit/s at a round trip of 200 ms.
const FREE: usize = 128 * 1024;

/// The most for one stream. While a packet that is lost three times is missing, 100 Mbit/s send
/// this much in five round trips of 300 ms, bookkeeping included.
const MAX: usize = 24 * 1024 * 1024;

/// For all streams of a node: 31 streams get 4 MiB each, the window of the reference.
const BUDGET: usize = 128 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_connection_gets_what_it_needs_and_all_together_not_more_than_the_budget() {
        let (mut sending, mut shares) = (Sending::default(), Vec::new());
        assert_eq!(sending.room(), MAX);
        for _ in 0..1000 {
            let mut share = Share::default();
            sending.set(&mut share, sending.room());
            shares.push(share.0);
            assert!(sending.taken <= BUDGET && sending.room() >= FREE);
        }
        assert_eq!((shares[0], shares[999]), (MAX - FREE, 0));
    }

    #[test]
    fn those_that_send_without_end_share_fairly() {
        let mut sending = Sending::default();
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
        let (mut sending, mut share) = (Sending::default(), Share::default());
        sending.set(&mut share, MAX);
        sending.set(&mut share, FREE);
        assert_eq!(sending.taken, 0);
    }
}
