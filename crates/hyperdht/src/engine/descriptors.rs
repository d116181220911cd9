//! The descriptors of the process, of which all nodes together leave some to the program.

use std::sync::atomic::{AtomicUsize, Ordering};

/// One socket of a node, counted until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    open: &'static AtomicUsize,
}

impl Claim {
    /// For a socket beside the main ones. `None` if all nodes of this process have as many as they
    /// may: what one node may have says nothing of the others. Clients of their servers leave a
    /// part to the connections that the nodes make themselves.
    pub(super) fn take(for_client: bool) -> Option<Self> {
        Self::take_of(&OPEN, max_open(limit(), for_client))
    }

    /// For a main socket. A node cannot be without, so it is not refused; the others get fewer.
    pub(super) fn of_main() -> Self {
        Self::count_in(&OPEN)
    }

    fn count_in(open: &'static AtomicUsize) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self { open }
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

/// How many sockets all nodes may have open when one of them asks for one more.
fn max_open(limit: usize, for_client: bool) -> usize {
    let all = limit - limit / PROGRAM_SHARE;
    if for_client { all - all / OWN_SHARE } else { all }
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

/// Sockets of all nodes of this process.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// One part in so many is left to the program: its files, its own sockets.
const PROGRAM_SHARE: usize = 4;

/// Of what all nodes have, one part in so many is for connections that they make themselves. The
/// same part of one node's sockets is its own, but two nodes may have less than twice what one has.
const OWN_SHARE: usize = 4;

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
        let all = max_open(limit(), false);
        assert!(for_one_node() < all && all < limit());
    }

    /// However many nodes there are: they count in one place.
    #[test]
    fn clients_of_all_nodes_leave_some_to_the_nodes_and_main_sockets_count() {
        static COUNT: AtomicUsize = AtomicUsize::new(0);

        let main: Vec<_> = (0..6).map(|_| Claim::count_in(&COUNT)).collect();
        let take = |for_client| {
            let max = max_open(64, for_client);
            std::iter::from_fn(|| Claim::take_of(&COUNT, max)).collect::<Vec<_>>()
        };
        let clients = take(true);
        let own = take(false);
        assert_eq!((main.len() + clients.len(), own.len()), (36, 12));
    }

    #[cfg(unix)]
    #[test]
    fn the_limit_is_the_process_s_own() {
        let limit = system_limit().expect("a limit");
        assert!(limit > 0);
    }
}
