//! Counts the descriptors of all nodes of the process, so that some are left to the program.

use std::sync::atomic::{AtomicUsize, Ordering};

/// One socket of a node, counted until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    open: &'static AtomicUsize,
}

impl Claim {
    /// Claims a socket beside the main ones. `None` if all nodes of this process together have
    /// reached their limit, which the limit of a single node does not ensure. Sockets for clients
    /// of a server have a lower limit, so that some are left for connections that the nodes make
    /// themselves.
    pub(super) fn take(for_client: bool) -> Option<Self> {
        Self::take_of(&OPEN, max_open(limit(), for_client))
    }

    /// Claims a main socket. It is never refused, since a node cannot work without; less is left
    /// for pool sockets.
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

/// The most sockets that all nodes may have open when one of them asks for another.
fn max_open(limit: usize, for_client: bool) -> usize {
    let all = limit - limit / PROGRAM_SHARE;
    if for_client { all - all / OWN_SHARE } else { all }
}

/// The most pool sockets of one node. This is less than the limit of all nodes, so that a flooded
/// node leaves some to the others.
pub(super) fn for_one_node() -> usize {
    limit() / 2
}

/// The descriptor limit of the process. It is read each time, as the program may change it.
fn limit() -> usize {
    system_limit().map_or(DEFAULT_LIMIT, |limit| limit.min(MAX_LIMIT))
}

#[cfg(unix)]
fn system_limit() -> Option<usize> {
    use nix::sys::resource::{Resource, getrlimit};

    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    // A number that does not fit means no limit.
    Some(usize::try_from(soft).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
fn system_limit() -> Option<usize> {
    None
}

/// Sockets of all nodes of this process.
static OPEN: AtomicUsize = AtomicUsize::new(0);

/// One descriptor in so many is left to the program, for its files and its own sockets.
const PROGRAM_SHARE: usize = 4;

/// One in so many of the sockets of all nodes is kept for connections that the nodes make
/// themselves. Each node keeps the same share of its own sockets, but the limit of all nodes is
/// less than twice that of one.
const OWN_SHARE: usize = 4;

/// The limit on systems that do not limit descriptors, such as Windows. One node gets half of it, the default of
/// `Config::max_pool_sockets`.
const DEFAULT_LIMIT: usize = 8192;

/// A higher limit has no effect: a system has some 28 000 ephemeral ports for all programs.
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

    /// All nodes count in one place, however many there are.
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
