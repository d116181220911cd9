//! Spreads packets over the round trip.

use crate::time::{MILLISECOND, Micros, SECOND};

/// A token bucket that fills at the pacing rate.
#[derive(Debug)]
pub(crate) struct Pacer {
    /// Bytes that may be sent at once. Negative after the packet that emptied the bucket.
    tokens: i64,
    filled_at: Micros,
    /// When sending may continue, if the last attempt was blocked.
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
        // Waits for the tokens of one packet, or for a millisecond if that is longer, since there
        // are no finer timers.
        let missing = self.tokens.unsigned_abs() + packet;
        let wait = (missing.saturating_mul(SECOND) / rate.max(1)).max(GRAIN);
        self.blocked_until = Some(now + wait.min(SECOND));
        self.waiting = true;
        false
    }

    pub(crate) fn handle_sent(&mut self, bytes: u64) {
        self.tokens = self.tokens.saturating_sub_unsigned(bytes);
    }

    /// Lets one packet leave at once, after a timeout.
    pub(crate) fn refill(&mut self) {
        self.tokens = self.tokens.max(1);
    }

    /// When sending may continue.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        self.blocked_until
    }

    /// The deadline has passed.
    pub(crate) fn handle_timeout(&mut self) {
        self.blocked_until = None;
    }

    /// Nothing waits for tokens any more.
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
        // A sender that had to wait gets the tokens of up to `LATE_BURST`. Otherwise a timer that
        // is always late would become the bottleneck, and would be measured as the rate of the
        // path.
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

/// The burst after a silence: two timer ticks.
const BURST: Micros = 2 * MILLISECOND;

/// The burst after waiting for the timer: kernels with 100 ticks a second are up to 20 ms late.
const LATE_BURST: Micros = 25 * MILLISECOND;

/// The least burst: an initial window as in TCP.
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
