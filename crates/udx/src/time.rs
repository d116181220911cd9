//! Time inside a stream: whole microseconds since the first instant that the stream was given.

use std::time::{Duration, Instant};

/// A point in stream time, or a span of it, in microseconds.
pub(crate) type Micros = u64;

/// Turns instants into stream time and back.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    epoch: Option<Instant>,
}

impl Clock {
    /// The stream time of `now`. The first call sets the epoch.
    pub(crate) fn micros(&mut self, now: Instant) -> Micros {
        let epoch = *self.epoch.get_or_insert(now);
        // 2^64 µs are 584 000 years.
        now.saturating_duration_since(epoch).as_micros() as Micros
    }

    /// The instant of a stream time; `None` before the first call of [`Self::micros`].
    pub(crate) fn instant(&self, at: Micros) -> Option<Instant> {
        self.epoch?.checked_add(Duration::from_micros(at))
    }
}

pub(crate) const MILLISECOND: Micros = 1_000;
pub(crate) const SECOND: Micros = 1_000_000;
