//! The keep-alive of a connection: its interval, and how the peer's keep-alives are treated.

use std::time::Duration;

/// The interval, and whether the peer's empty messages are filtered.
///
/// A peer that keeps its connections alive writes empty messages, and the application should not
/// see them. A connection that never had an interval of its own delivers them: they may be data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct KeepAlive {
    interval: Duration,
    filters_empty: bool,
}

impl KeepAlive {
    /// Zero turns the keep-alive off.
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, filters_empty: !interval.is_zero() }
    }

    /// Changes the interval. A connection that filters empty messages goes on filtering them,
    /// because the peer keeps sending them whatever our interval is.
    pub(super) fn set(&mut self, interval: Duration) {
        self.interval = interval;
        self.filters_empty |= !interval.is_zero();
    }

    /// The interval; `None` if the keep-alive is off.
    pub(super) fn interval(self) -> Option<Duration> {
        Some(self.interval).filter(|interval| !interval.is_zero())
    }

    /// Whether empty messages of the peer are dropped as keep-alives.
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
