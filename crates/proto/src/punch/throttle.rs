//! A budget for random punches, which send many probes.
//!
//! It is a leaky bucket. A whole punch adds an interval of debt, and time takes it away. A punch
//! that ends early pays only for the probes that it has sent, so that one that succeeds costs
//! little.

use std::time::{Duration, Instant};

use super::strategy::GUESSES;

/// The random punches that a node makes and has made.
#[derive(Debug)]
pub(super) struct Throttle {
    active: u32,
    /// What the punches cost, as the time in which it is paid back, at the time `at`.
    debt: Duration,
    at: Option<Instant>,
    /// What a whole punch costs.
    interval: Duration,
    deferred: bool,
}

/// What a puncher has claimed of the budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Claim {
    #[default]
    None,
    /// The puncher will punch if the peer joins in.
    Reserved,
    /// The puncher is punching.
    Used,
}

impl Throttle {
    pub(super) fn new(interval: Duration, deferred: bool) -> Self {
        let interval = interval.min(LONGEST_INTERVAL);
        Self { active: 0, debt: Duration::ZERO, at: None, interval, deferred }
    }

    /// A deferred throttle starts without a budget.
    pub(super) fn handle_start(&mut self, now: Instant) {
        if self.deferred {
            self.debt = self.interval * PUNCHES;
            self.at = Some(now);
        }
    }

    /// The time before which no other punch may start; `None` if one may start now. A punch at work
    /// may make room at any time.
    pub(super) fn busy_until(&self, now: Instant) -> Option<Instant> {
        let wait = self.debt(now).saturating_sub(self.interval * (PUNCHES - 1));
        let is_busy = self.active >= MAX_ACTIVE || !wait.is_zero();
        is_busy.then_some(if self.active > 0 { now } else { now + wait })
    }

    /// Raises a claim. The punch is charged in full until it ends.
    pub(super) fn claim(&mut self, claim: &mut Claim, wanted: Claim, now: Instant) {
        if *claim == Claim::None {
            self.active += 1;
            self.set_debt(self.debt(now) + self.interval, now);
        }
        *claim = wanted;
    }

    /// Gives a claim back, after this many probes.
    pub(super) fn release(&mut self, claim: &mut Claim, probes: u32, now: Instant) {
        let probes = match std::mem::take(claim) {
            Claim::None => return,
            Claim::Reserved => 0,
            Claim::Used => probes,
        };
        let unused = u32::from(GUESSES).saturating_sub(probes);
        let refund = self.interval * unused / u32::from(GUESSES);
        self.set_debt(self.debt(now).saturating_sub(refund), now);
        self.active = self.active.saturating_sub(1);
    }

    fn debt(&self, now: Instant) -> Duration {
        let passed = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.debt.saturating_sub(passed)
    }

    fn set_debt(&mut self, debt: Duration, now: Instant) {
        self.debt = debt;
        self.at = Some(now);
    }
}

/// Each takes places in the NATs, and a share of the path. One that cannot succeed lasts for 35 s,
/// in which others have to take place.
const MAX_ACTIVE: u32 = 2;

/// The punches in a full budget. A NAT at home has room for as many.
const PUNCHES: u32 = 3;

/// Bounds the calculations.
const LONGEST_INTERVAL: Duration = Duration::from_secs(365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_can_come_first() {
        let now = Instant::now();
        let mut throttle = Throttle::new(INTERVAL, true);
        throttle.handle_start(now);
        let first = now + INTERVAL;
        assert_eq!(throttle.busy_until(now), Some(first));
        assert_eq!(throttle.busy_until(first), None);
        punch(&mut throttle, first, u32::MAX);
        assert_eq!(throttle.busy_until(first), Some(first + INTERVAL));
    }

    #[test]
    fn three_punches_without_a_pause_then_one_in_each_interval() {
        let mut now = Instant::now();
        let mut throttle = Throttle::new(INTERVAL, false);
        for _ in 0..PUNCHES {
            assert_eq!(throttle.busy_until(now), None);
            punch(&mut throttle, now, u32::MAX);
        }
        for _ in 0..5 {
            assert_eq!(throttle.busy_until(now), Some(now + INTERVAL));
            now += INTERVAL;
            assert_eq!(throttle.busy_until(now), None);
            punch(&mut throttle, now, u32::MAX);
        }
    }

    #[test]
    fn two_at_a_time() {
        let now = Instant::now();
        let mut throttle = Throttle::new(INTERVAL, false);
        let mut claims = [Claim::None; 2];
        for claim in &mut claims {
            assert_eq!(throttle.busy_until(now), None);
            throttle.claim(claim, Claim::Reserved, now);
            throttle.claim(claim, Claim::Used, now);
        }
        assert_eq!(throttle.busy_until(now), Some(now), "one of them may end");
        throttle.release(&mut claims[0], 0, now);
        assert_eq!(throttle.busy_until(now), None);
    }

    #[test]
    fn a_punch_that_ends_early_pays_for_its_probes() {
        let now = Instant::now();
        let mut throttle = Throttle::new(INTERVAL, false);
        // Ten, as there is a rest of two after a tenth of the probes of each.
        for _ in 0..10 * (PUNCHES - 1) {
            assert_eq!(throttle.busy_until(now), None);
            punch(&mut throttle, now, u32::from(GUESSES) / 10);
        }
        punch(&mut throttle, now, u32::from(GUESSES) / 10);
        assert!(throttle.busy_until(now).is_some());
    }

    #[test]
    fn a_reservation_that_came_to_nothing_costs_nothing() {
        let now = Instant::now();
        let mut throttle = Throttle::new(INTERVAL, false);
        for _ in 0..10 {
            let mut claim = Claim::None;
            throttle.claim(&mut claim, Claim::Reserved, now);
            throttle.release(&mut claim, 8, now);
        }
        assert_eq!(throttle.busy_until(now), None);
    }

    #[test]
    fn an_interval_of_any_length_is_taken() {
        let now = Instant::now();
        let mut throttle = Throttle::new(Duration::MAX, true);
        throttle.handle_start(now);
        assert!(throttle.busy_until(now).is_some());
    }

    fn punch(throttle: &mut Throttle, now: Instant, probes: u32) {
        let mut claim = Claim::None;
        throttle.claim(&mut claim, Claim::Used, now);
        throttle.release(&mut claim, probes, now);
    }

    const INTERVAL: Duration = Duration::from_secs(20);
}
