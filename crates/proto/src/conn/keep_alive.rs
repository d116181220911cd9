//! The keep-alive of a connection: how often, and what it makes of the peer's.

use std::time::Duration;

/// An interval, and whether there ever was one.
///
/// A peer that keeps its connections alive writes empty messages, which the application of ours is
/// not to see. One that never had an interval of its own sees them: they may be the peer's data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct KeepAlive {
    interval: Duration,
    filters_empty: bool,
}

impl KeepAlive {
    /// Zero is off.
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, filters_empty: !interval.is_zero() }
    }

    /// Changes the interval. Messages that it filters stay filtered: what the peer sends does not
    /// change with it.
    pub(super) fn set(&mut self, interval: Duration) {
        self.interval = interval;
        self.filters_empty |= !interval.is_zero();
    }

    /// None if it is off.
    pub(super) fn interval(self) -> Option<Duration> {
        Some(self.interval).filter(|interval| !interval.is_zero())
    }

    /// Whether the peer's empty messages are no data.
    pub(super) fn filters_empty(self) -> bool {
        self.filters_empty
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_messages_are_filtered_from_the_first_interval_on() {
        let mut keep_alive = KeepAlive::new(Duration::ZERO);
        assert_eq!(keep_alive.interval(), None);
        assert!(!keep_alive.filters_empty());

        keep_alive.set(SECOND);
        assert_eq!(keep_alive.interval(), Some(SECOND));
        assert!(keep_alive.filters_empty());

        keep_alive.set(Duration::ZERO);
        assert_eq!(keep_alive.interval(), None);
        assert!(keep_alive.filters_empty());
        assert!(KeepAlive::new(SECOND).filters_empty());
    }

    const SECOND: Duration = Duration::from_secs(1);
}
