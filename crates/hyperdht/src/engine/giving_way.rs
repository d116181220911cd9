//! How a busy driver yields its processor to the threads of the application.

use std::thread;
use std::time::{Duration, Instant};

/// Offers the driver's processor to other threads between two turns.
///
/// A busy driver and an application that is busy with its events need more processors than a small
/// machine has. Without an offer, the system runs each of them for a whole time slice of several
/// milliseconds, which delays the application's timers as much.
///
/// The system may give an offer to a thread of any program. The time that other programs take is
/// charged to a small allowance, so that a machine full of them does not stop the driver.
#[derive(Debug)]
pub(super) struct GivingWay {
    /// The start of the current run: when the driver last slept, made an offer, or skipped one.
    since: Instant,
    /// The time that other programs may still take.
    allowance: Duration,
    /// The time that they took beyond the allowance.
    debt: Duration,
}

impl GivingWay {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, allowance: MAX_ALLOWANCE, debt: Duration::ZERO }
    }

    /// The driver has slept.
    pub(super) fn slept(&mut self) {
        self.since = Instant::now();
    }

    /// Lets other threads run if the driver has run for some time. `calls` counts what the
    /// application has done with the node; if it changes, the offer went to the application.
    pub(super) fn give_way(&mut self, calls: impl Fn() -> usize) {
        let start = Instant::now();
        if start.saturating_duration_since(self.since) < RUN {
            return;
        }
        self.since = start;
        if !self.earn() {
            return;
        }
        let before = calls();
        thread::yield_now();
        self.since = Instant::now();
        if calls() == before {
            self.spend(self.since.saturating_duration_since(start));
        }
    }

    /// Credits one run of the driver; true if there is no debt.
    fn earn(&mut self) -> bool {
        if self.debt.is_zero() {
            self.allowance = MAX_ALLOWANCE.min(self.allowance + RUN);
            return true;
        }
        self.debt = self.debt.saturating_sub(RUN);
        false
    }

    fn spend(&mut self, taken: Duration) {
        self.debt = taken.saturating_sub(self.allowance);
        self.allowance = self.allowance.saturating_sub(taken);
    }
}

/// How long the driver runs before it makes an offer. This is several turns, since a switch of
/// threads costs as much as several packets.
const RUN: Duration = Duration::from_micros(250);

/// Less than a time slice, since the allowance is for what the system itself takes.
const MAX_ALLOWANCE: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_get_as_much_time_as_the_driver() {
        let mut giving_way = GivingWay::new(Instant::now());
        let slice = Duration::from_millis(4);
        let mut taken = Duration::ZERO;
        for _ in 0..1000 {
            if giving_way.earn() {
                taken += slice;
                giving_way.spend(slice);
            }
        }
        let own = 1000 * RUN;
        assert!(taken <= own + slice && taken >= own / 5 * 4, "{taken:?} of {own:?}");
    }

    #[test]
    fn a_free_processor_is_always_offered() {
        let mut giving_way = GivingWay::new(Instant::now());
        for _ in 0..200 {
            assert!(giving_way.earn());
            giving_way.spend(Duration::from_micros(1));
        }
    }
}
