//! How a busy driver leaves its processor to the threads of the application.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// What a driver thread, its nodes and their application have in common.
#[derive(Clone, Debug)]
pub(super) struct Offers {
    giving_way: Arc<Mutex<GivingWay>>,
    calls: Calls,
}

/// Counts what the application does with the nodes of a driver: a change says that it has run.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls(Arc<AtomicUsize>);

impl Offers {
    pub(super) fn new(now: Instant) -> Self {
        Self { giving_way: Arc::new(Mutex::new(GivingWay::new(now))), calls: Calls::default() }
    }

    pub(super) fn calls(&self) -> Calls {
        self.calls.clone()
    }

    /// The driver thread has nothing to do.
    pub(super) fn handle_park(&self) {
        self.giving_way.lock().handle_park(Instant::now());
    }

    /// It has something to do again.
    pub(super) fn handle_unpark(&self) {
        self.giving_way.lock().handle_unpark(Instant::now());
    }

    /// Lets other threads run if the driver has run for some time; true if it had.
    pub(super) fn give_way(&self) -> bool {
        let offer = || {
            thread::yield_now();
            Instant::now()
        };
        self.giving_way.lock().give_way(Instant::now(), || self.calls.get(), offer)
    }
}

impl Calls {
    pub(super) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Offers the driver's processor to other threads between two turns.
///
/// A busy driver and an application that is busy with its events want more processors than a small
/// machine has. Without an offer the system runs each of them for a whole time slice, several
/// milliseconds, and the application's timers are as late.
///
/// The system gives an offer to any thread. What strangers take of it comes out of a small
/// allowance, so that a machine full of other programs does not stop the driver.
///
/// There is one for all nodes of a driver, since they share its thread.
#[derive(Debug)]
struct GivingWay {
    /// When the driver last left the processor.
    since: Instant,
    /// When it last waited for something to do.
    parked: Instant,
    /// What strangers may still take.
    allowance: Duration,
    /// What they took beyond it.
    debt: Duration,
}

impl GivingWay {
    fn new(now: Instant) -> Self {
        Self { since: now, parked: now, allowance: MAX_ALLOWANCE, debt: Duration::ZERO }
    }

    fn handle_park(&mut self, now: Instant) {
        self.parked = now;
    }

    /// The thread has slept, if its wait did not end at once.
    fn handle_unpark(&mut self, now: Instant) {
        if now.saturating_duration_since(self.parked) >= MIN_SLEEP {
            self.earn(self.parked);
            self.since = now;
        }
    }

    /// Makes an offer if the driver has run for some time; true if it had.
    ///
    /// `calls` tells what the application has done so far: if an offer changes that, the
    /// application was the one to run. `offer` leaves the processor, and returns the time at which
    /// it is back.
    fn give_way(
        &mut self,
        now: Instant,
        calls: impl Fn() -> usize,
        offer: impl FnOnce() -> Instant,
    ) -> bool {
        if now.saturating_duration_since(self.since) < RUN {
            return false;
        }
        self.earn(now);
        if !self.debt.is_zero() {
            return true;
        }
        let before = calls();
        self.since = offer();
        if calls() == before {
            self.spend(self.since.saturating_duration_since(now));
        }
        true
    }

    /// Counts the time that the driver has run: it pays the debt first.
    fn earn(&mut self, now: Instant) {
        let ran = now.saturating_duration_since(self.since);
        self.since = now;
        let paid = self.debt.min(ran);
        self.debt -= paid;
        self.allowance = MAX_ALLOWANCE.min(self.allowance + (ran - paid));
    }

    fn spend(&mut self, taken: Duration) {
        self.debt = taken.saturating_sub(self.allowance);
        self.allowance = self.allowance.saturating_sub(taken);
    }
}

/// How long the driver runs before it makes an offer: some turns, since a switch of threads costs
/// as much as several packets.
const RUN: Duration = Duration::from_micros(250);

/// Less than a time slice: the allowance is for what the system itself takes.
const MAX_ALLOWANCE: Duration = Duration::from_millis(2);

/// A wait for events that have already come takes one or two microseconds, and a thread that
/// sleeps takes longer than this to be woken.
const MIN_SLEEP: Duration = Duration::from_micros(10);

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn an_offer_follows_a_run() {
        let mut driver = Driver::new();
        driver.run(RUN - MICROSECOND);
        assert!(!driver.gives_way(MICROSECOND));
        driver.run(MICROSECOND);
        assert!(driver.gives_way(MICROSECOND));
        driver.run(RUN - MICROSECOND);
        assert!(!driver.gives_way(MICROSECOND), "the next run begins when the thread is back");
    }

    #[test]
    fn a_sleep_begins_a_run_and_a_wait_that_ends_at_once_does_not() {
        for (wait, gives_way) in [(MICROSECOND, true), (Duration::from_micros(50), false)] {
            let mut driver = Driver::new();
            driver.run(RUN - MICROSECOND);
            driver.park(wait);
            driver.run(MICROSECOND);
            assert_eq!(driver.gives_way(MICROSECOND), gives_way, "{wait:?}");
        }
    }

    #[test]
    fn strangers_get_as_much_time_as_the_driver() {
        for run in [RUN, 3 * RUN] {
            let mut driver = Driver::new();
            let slice = Duration::from_millis(4);
            let mut taken = Duration::ZERO;
            for _ in 0..1000 {
                driver.run(run);
                if driver.gives_way(slice) {
                    taken += slice;
                }
            }
            let own = 1000 * run;
            assert!(taken <= own + slice && taken >= own / 5 * 4, "{taken:?} of {own:?}");
        }
    }

    #[test]
    fn what_the_driver_ran_before_it_slept_pays_the_debt_too() {
        let mut driver = Driver::new();
        driver.run(RUN);
        assert!(driver.gives_way(MAX_ALLOWANCE + 4 * RUN));
        for _ in 0..8 {
            driver.run(RUN / 2);
            driver.park(RUN);
        }
        driver.run(RUN);
        assert!(driver.gives_way(MICROSECOND));
    }

    #[test]
    fn the_application_may_take_as_long_as_it_likes() {
        let mut driver = Driver::new();
        for _ in 0..100 {
            driver.run(RUN);
            assert!(driver.gives_way_to_the_application(Duration::from_millis(4)));
        }
    }

    #[test]
    fn a_free_processor_is_always_offered() {
        let mut driver = Driver::new();
        for _ in 0..200 {
            driver.run(RUN);
            assert!(driver.gives_way(MICROSECOND));
        }
    }

    /// A thread on virtual time.
    struct Driver {
        giving_way: GivingWay,
        now: Instant,
    }

    impl Driver {
        fn new() -> Self {
            let now = Instant::now();
            Self { giving_way: GivingWay::new(now), now }
        }

        fn run(&mut self, time: Duration) {
            self.now += time;
        }

        fn park(&mut self, time: Duration) {
            self.giving_way.handle_park(self.now);
            self.now += time;
            self.giving_way.handle_unpark(self.now);
        }

        /// True if it made an offer, of which another program took so much.
        fn gives_way(&mut self, taken: Duration) -> bool {
            self.offers(taken, 0)
        }

        /// True if it made an offer, of which the application took so much.
        fn gives_way_to_the_application(&mut self, taken: Duration) -> bool {
            self.offers(taken, 1)
        }

        fn offers(&mut self, taken: Duration, new_calls: usize) -> bool {
            let (calls, offered) = (Cell::new(0), Cell::new(false));
            let (start, end) = (self.now, self.now + taken);
            let offer = || {
                offered.set(true);
                calls.set(new_calls);
                end
            };
            self.giving_way.give_way(start, || calls.get(), offer);
            if offered.get() {
                self.now = end;
            }
            offered.get()
        }
    }

    const MICROSECOND: Duration = Duration::from_micros(1);
}
