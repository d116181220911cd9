//! The descriptors of the process, of which all nodes together leave some to the program.

use std::sync::atomic::{AtomicUsize, Ordering};

/// One socket beside the main ones, counted until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    open: &'static AtomicUsize,
}

impl Claim {
    /// `None` if all nodes of this process have as many as they may.
    pub(super) fn take() -> Option<Self> {
        Self::take_of(&OPEN, limit() - limit() / PROGRAM_SHARE)
    }

    fn take_of(open: &'static AtomicUsize, max: usize) -> Option<Self> {
        let taken = open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
            (open < max).then_some(open + 1)
        });
        taken.ok().map(|_| Self { open })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How many of them one node may have: less than all nodes together, so that one that is flooded
/// leaves some to the others.
pub(super) fn for_one_node() -> usize {
    limit() / 2
}

/// What the process may open; asked each time, as the program may change it.
fn limit() -> usize {
    system_limit().map_or(DEFAULT_LIMIT, |limit| limit.min(MAX_LIMIT))
}

#[cfg(unix)]
fn system_limit() -> Option<usize> {
    use nix::sys::resource::{Resource, getrlimit};

    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    // A number that does not fit is no limit.
    Some(usize::try_from(soft).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
fn system_limit() -> Option<usize> {
    None
}

/// Pool sockets of all nodes of this process.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// One part in so many is left to the program: its files, its own sockets, the main sockets.
const PROGRAM_SHARE: usize = 4;

/// Windows has no limit of this kind. One node gets half of it, the default of
/// `Config::max_pool_sockets`.
const DEFAULT_LIMIT: usize = 8192;

/// The ports that systems give away by themselves are some 28 000 for all programs.
const MAX_LIMIT: usize = 32_768;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_can_be_taken_again() {
        static COUNT: AtomicUsize = AtomicUsize::new(0);

        let first = Claim::take_of(&COUNT, 2).expect("the first");
        let second = Claim::take_of(&COUNT, 2).expect("the second");
        assert!(Claim::take_of(&COUNT, 2).is_none());

        drop(first);
        let third = Claim::take_of(&COUNT, 2).expect("the third");
        drop((second, third));
        assert_eq!(COUNT.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_node_has_less_than_all_nodes_and_all_have_less_than_the_process() {
        let all = limit() - limit() / PROGRAM_SHARE;
        assert!(for_one_node() < all && all < limit());
    }

    #[cfg(unix)]
    #[test]
    fn the_limit_is_the_process_s_own() {
        let limit = system_limit().expect("a limit");
        assert!(limit > 0);
    }
}
