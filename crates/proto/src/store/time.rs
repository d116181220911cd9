//! The ageing timers of the store, and the wall clock.

use std::time::{Duration, Instant};

use crate::timers::StoreTimer;
use crate::{Cx, Timer};

/// The ageing timer of one kind of entries.
#[derive(Debug)]
pub(super) struct Age {
    timer: StoreTimer,
    interval: Duration,
    /// True while the timer is set.
    watched: bool,
}

impl Age {
    /// Entries age in two generations. With an interval of two thirds of `max_age`, an entry lives
    /// between 0.67 and 1.33 times `max_age`.
    pub(super) fn new(timer: StoreTimer, max_age: Duration) -> Self {
        Self { timer, interval: max_age * 2 / 3, watched: false }
    }

    /// Sets the timer if there are entries. With an age of zero, entries never age.
    pub(super) fn watch(&mut self, cx: &mut Cx<'_>, entries: usize) {
        if self.watched || entries == 0 || self.interval.is_zero() {
            return;
        }
        self.watched = true;
        cx.wake_at(Timer::Store(self.timer), cx.now + self.interval);
    }

    /// Notes that the timer has fired.
    pub(super) fn handle_timeout(&mut self) {
        self.watched = false;
    }
}

/// Converts the driver's time to Unix time.
#[derive(Clone, Copy, Debug)]
pub(super) struct WallClock {
    at: Instant,
    unix_time: Duration,
}

impl WallClock {
    /// A clock that showed `unix_time` at the instant `at`.
    pub(super) fn new(at: Instant, unix_time: Duration) -> Self {
        Self { at, unix_time }
    }

    /// Milliseconds since the Unix epoch.
    pub(super) fn unix_ms(&self, now: Instant) -> u64 {
        let time = self.unix_time + now.saturating_duration_since(self.at);
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
    }
}
