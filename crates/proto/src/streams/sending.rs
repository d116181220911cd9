//! The node's bound on what its streams keep for peers that do not acknowledge it.

/// What streams keep above [`FREE`], in bytes.
///
/// The more of the budget is taken, the less a single stream may have: at most as much as is
/// left. So those that came first cannot take everything, all together never exceed it, and one
/// fast stream alone has what the longest path needs.
#[derive(Debug, Default)]
pub(super) struct Sending {
    taken: usize,
}

/// A stream's part of it.
#[derive(Debug, Default)]
pub(super) struct Share(usize);

impl Sending {
    /// How much a stream may keep.
    pub(super) fn room(&self) -> usize {
        FREE + BUDGET.saturating_sub(self.taken).min(MAX - FREE)
    }

    /// A stream keeps that much.
    pub(super) fn set(&mut self, share: &mut Share, held: usize) {
        let before = std::mem::replace(&mut share.0, held.saturating_sub(FREE));
        self.taken = self.taken + share.0 - before;
    }
}

/// What every stream may keep, so that none ever stops: twice a send with segmentation, and
/// 5 Mbit/s at a round trip of 200 ms.
const FREE: usize = 128 * 1024;

/// The most for one stream: what 100 Mbit/s send in five round trips of 300 ms, while a packet
/// that is lost three times is missing, and its bookkeeping.
const MAX: usize = 24 * 1024 * 1024;

/// For all streams of a node: 31 of them get 4 MiB each, the window of the reference.
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
