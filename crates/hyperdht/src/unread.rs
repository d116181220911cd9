//! How far the reader of a query has fallen behind.

use parking_lot::Mutex;

/// How many replies of a query wait for its reader.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    count: usize,
    /// The query is paused until the reader has caught up.
    paused: bool,
    /// The reader wants only the end of the query.
    unwanted: bool,
}

impl Unread {
    /// Counts a reply; false if the reader does not want it.
    pub(crate) fn add(&self) -> bool {
        let mut state = self.state.lock();
        state.count += usize::from(!state.unwanted);
        !state.unwanted
    }

    /// True if the query has to be paused. It is true again for each reply that arrives while the
    /// query is paused, since another thread may have resumed the query meanwhile.
    pub(crate) fn pause_if_full(&self) -> bool {
        let mut state = self.state.lock();
        state.paused |= state.count >= MAX_UNREAD;
        state.paused
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.state.lock().paused
    }

    /// The reader has taken a reply; true if the query has to go on.
    pub(crate) fn take(&self) -> bool {
        let mut state = self.state.lock();
        state.count = state.count.saturating_sub(1);
        state.count == 0 && std::mem::take(&mut state.paused)
    }

    /// The reader takes no more; true if the query has to go on.
    pub(crate) fn discard(&self) -> bool {
        let mut state = self.state.lock();
        state.unwanted = true;
        state.count = 0;
        std::mem::take(&mut state.paused)
    }
}

/// As many as the reference's queries keep for a slow reader, a stream of 16 objects.
const MAX_UNREAD: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_paused_while_its_reader_is_behind() {
        let unread = Unread::default();
        for _ in 1..MAX_UNREAD {
            assert!(unread.add());
            assert!(!unread.pause_if_full());
        }
        // The reply that fills it, and those that were already on their way.
        for _ in 0..3 {
            assert!(unread.add());
            assert!(unread.pause_if_full());
        }

        for _ in 1..MAX_UNREAD + 2 {
            assert!(!unread.take());
            assert!(unread.is_paused());
        }
        assert!(unread.take());
        assert!(!unread.is_paused());
    }

    #[test]
    fn a_reader_of_the_end_alone_never_pauses_a_query() {
        let unread = Unread::default();
        for _ in 0..MAX_UNREAD {
            unread.add();
        }
        assert!(unread.pause_if_full());

        assert!(unread.discard());

        assert!(!unread.add());
        assert!(!unread.pause_if_full());
    }
}
