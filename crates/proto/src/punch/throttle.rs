//! A limit on random punches, which send many packets: one at a time, with a pause between two.

use std::time::{Duration, Instant};

/// Counts a node's random punches.
#[derive(Debug)]
pub(super) struct Throttle {
    active: u32,
    last: Option<Instant>,
    interval: Duration,
    deferred: bool,
}

/// What a puncher has claimed of the limit.
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
        Self { active: 0, last: None, interval, deferred }
    }

    pub(super) fn is_busy(&self, now: Instant) -> bool {
        self.active >= MAX_ACTIVE || self.last.is_some_and(|last| now < last + self.interval)
    }

    /// A deferred throttle starts with a pause.
    pub(super) fn handle_start(&mut self, now: Instant) {
        if self.deferred {
            self.last = Some(now);
        }
    }

    /// Raises a claim.
    pub(super) fn claim(&mut self, claim: &mut Claim, wanted: Claim) {
        if *claim == Claim::None {
            self.active += 1;
        }
        *claim = wanted;
    }

    /// Gives a claim back. Only a punch that took place starts the pause.
    pub(super) fn release(&mut self, claim: &mut Claim, now: Instant) {
        match std::mem::take(claim) {
            Claim::None => return,
            Claim::Reserved => {}
            Claim::Used => self.last = Some(now),
        }
        self.active = self.active.saturating_sub(1);
    }
}

/// Two random punches at a time would halve the chances of both.
const MAX_ACTIVE: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_can_come_first() {
        let now = Instant::now();
        let mut throttle = Throttle::new(Duration::from_secs(20), true);
        throttle.handle_start(now);
        assert!(throttle.is_busy(now + Duration::from_secs(19)));
        assert!(!throttle.is_busy(now + Duration::from_secs(20)));
    }

    #[test]
    fn one_at_a_time_and_a_pause_after_it() {
        let now = Instant::now();
        let mut throttle = Throttle::new(Duration::from_secs(20), false);
        let mut claim = Claim::None;
        throttle.claim(&mut claim, Claim::Reserved);
        throttle.claim(&mut claim, Claim::Used);
        assert!(throttle.is_busy(now));

        throttle.release(&mut claim, now);
        assert!(throttle.is_busy(now + Duration::from_secs(19)));
        assert!(!throttle.is_busy(now + Duration::from_secs(20)));
    }

    #[test]
    fn a_reservation_that_came_to_nothing_costs_nothing() {
        let now = Instant::now();
        let mut throttle = Throttle::new(Duration::from_secs(20), false);
        let mut claim = Claim::None;
        throttle.claim(&mut claim, Claim::Reserved);
        throttle.release(&mut claim, now);
        assert!(!throttle.is_busy(now));
    }
}
