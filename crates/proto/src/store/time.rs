//! When what is stored ages, and what time it is for the nodes that sent it.

use std::time::{Duration, Instant};

use crate::timers::StoreTimer;
use crate::{Cx, Timer};

/// When entries of a kind age.
#[derive(Debug)]
pub(super) struct Age {
    timer: StoreTimer,
    interval: Duration,
    /// True while the timer is set.
    watched: bool,
}

impl Age {
    /// Two thirds let an entry live between 0.66 and 1.33 times its age.
    pub(super) fn new(timer: StoreTimer, max_age: Duration) -> Self {
        Self { timer, interval: max_age * 2 / 3, watched: false }
    }

    /// Sets the timer if there is something to wait for; an age of zero is none.
    pub(super) fn watch(&mut self, cx: &mut Cx<'_>, entries: usize) {
        if self.watched || entries == 0 || self.interval.is_zero() {
            return;
        }
        self.watched = true;
        cx.wake_at(Timer::Store(self.timer), cx.now + self.interval);
    }

    /// The timer is no longer set.
    pub(super) fn handle_timeout(&mut self) {
        self.watched = false;
    }
}

/// Tells Unix time from the time that the driver hands down.
#[derive(Clone, Copy, Debug)]
pub(super) struct WallClock {
    at: Instant,
    unix_time: Duration,
}

impl WallClock {
    /// A clock that showed this at this moment.
    pub(super) fn new(at: Instant, unix_time: Duration) -> Self {
        Self { at, unix_time }
    }

    /// Milliseconds since the Unix epoch.
    pub(super) fn unix_ms(&self, now: Instant) -> u64 {
        let time = self.unix_time + now.saturating_duration_since(self.at);
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
    }
}
