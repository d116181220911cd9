//! Spreads packets over the round trip.

use crate::time::{MILLISECOND, Micros, SECOND};

/// A token bucket that fills at the pacing rate.
#[derive(Debug)]
pub(crate) struct Pacer {
    /// Bytes that may leave at once; below zero after the packet that emptied it.
    tokens: i64,
    filled_at: Micros,
    /// When to go on, if the last attempt had to stop.
    blocked_until: Option<Micros>,
    /// Something has been waiting for tokens since the last attempt.
    waiting: bool,
}

impl Pacer {
    pub(crate) fn new() -> Self {
        Self { tokens: INITIAL_TOKENS, filled_at: 0, blocked_until: None, waiting: false }
    }

    /// Whether a packet may leave at `now` at `rate` bytes per second. If not, a deadline is set.
    pub(crate) fn may_send(&mut self, now: Micros, rate: u64, packet: u64) -> bool {
        self.fill(now, rate, packet);
        if self.tokens > 0 {
            self.unblock();
            return true;
        }
        // Wait for a few packets' worth, or a millisecond if that is more: finer timers do not
        // exist.
        let missing = self.tokens.unsigned_abs() + packet;
        let wait = (missing.saturating_mul(SECOND) / rate.max(1)).max(GRAIN);
        self.blocked_until = Some(now + wait.min(SECOND));
        self.waiting = true;
        false
    }

    pub(crate) fn handle_sent(&mut self, bytes: u64) {
        self.tokens = self.tokens.saturating_sub_unsigned(bytes);
    }

    /// After a timeout one packet must leave at once.
    pub(crate) fn refill(&mut self) {
        self.tokens = self.tokens.max(1);
    }

    /// When sending may go on.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        self.blocked_until
    }

    /// The deadline has passed.
    pub(crate) fn handle_timeout(&mut self) {
        self.blocked_until = None;
    }

    /// Nothing waits for tokens.
    pub(crate) fn unblock(&mut self) {
        self.blocked_until = None;
        self.waiting = false;
    }

    fn fill(&mut self, now: Micros, rate: u64, packet: u64) {
        let elapsed = now.saturating_sub(self.filled_at).min(SECOND);
        let added = rate.saturating_mul(elapsed) / SECOND;
        if added == 0 {
            return;
        }
        self.filled_at = now;
        // A sender that had to wait gets all that has become due, however late its wake-up is: a
        // timer that is always late must not become the bottleneck, which would then be taken for
        // the path's.
        let burst = if self.waiting { LATE_BURST } else { BURST };
        let cap = (rate.saturating_mul(burst) / SECOND).max(BURST_PACKETS * packet);
        let cap = i64::try_from(cap).unwrap_or(i64::MAX);
        self.tokens = self.tokens.saturating_add_unsigned(added).min(cap);
    }
}

/// The initial window leaves at once.
const INITIAL_TOKENS: i64 = 25_000;

/// The resolution of the driver's timers.
const GRAIN: Micros = MILLISECOND;

/// What may leave at once after a silence: two timer ticks' worth.
const BURST: Micros = 2 * MILLISECOND;

/// The same after a wait for the timer: kernels with 100 ticks a second are up to 20 ms late.
const LATE_BURST: Micros = 25 * MILLISECOND;

/// The least burst: an initial window as TCP has it.
const BURST_PACKETS: u64 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_rate_with_exact_and_with_late_timers() {
        for lateness in [0, 8 * MILLISECOND] {
            let mut pacer = Pacer::new();
            let (rate, packet) = (10_000_000, 1500);
            let (mut now, mut sent) = (0, 0);
            while now < SECOND {
                if pacer.may_send(now, rate, packet) {
                    pacer.handle_sent(packet);
                    sent += packet;
                } else {
                    now = pacer.deadline().unwrap_or(SECOND) + lateness;
                }
            }
            let excess = sent.abs_diff(rate);
            assert!(excess < 100_000, "{sent}");
        }
    }
}
