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
}

impl Pacer {
    pub(crate) fn new() -> Self {
        Self { tokens: INITIAL_TOKENS, filled_at: 0, blocked_until: None }
    }

    /// Whether a packet may leave at `now` at `rate` bytes per second. If not, a deadline is set.
    pub(crate) fn may_send(&mut self, now: Micros, rate: u64, packet: u64) -> bool {
        self.fill(now, rate, packet);
        if self.tokens > 0 {
            self.blocked_until = None;
            return true;
        }
        // Wait for a few packets' worth, or a millisecond if that is more: finer timers do not exist.
        let missing = self.tokens.unsigned_abs() + packet;
        let wait = (missing.saturating_mul(SECOND) / rate.max(1)).max(GRAIN);
        self.blocked_until = Some(now + wait.min(SECOND));
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

    /// The deadline has passed, or no longer matters.
    pub(crate) fn unblock(&mut self) {
        self.blocked_until = None;
    }

    fn fill(&mut self, now: Micros, rate: u64, packet: u64) {
        let elapsed = now.saturating_sub(self.filled_at).min(SECOND);
        let added = rate.saturating_mul(elapsed) / SECOND;
        if added == 0 {
            return;
        }
        self.filled_at = now;
        let cap = (rate.saturating_mul(BURST) / SECOND).max(BURST_PACKETS * packet);
        let cap = i64::try_from(cap).unwrap_or(i64::MAX);
        self.tokens = self.tokens.saturating_add_unsigned(added).min(cap);
    }
}

/// The initial window leaves at once.
const INITIAL_TOKENS: i64 = 25_000;

/// The resolution of the driver's timers.
const GRAIN: Micros = MILLISECOND;

/// What may leave at once: a timer tick, and one that came late.
const BURST: Micros = 2 * MILLISECOND;

/// The least burst: slow paths still get pairs of packets from one wake-up.
const BURST_PACKETS: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_rate() {
        let mut pacer = Pacer::new();
        let (rate, packet) = (10_000_000, 1500);
        let (mut now, mut sent) = (0, 0);
        while now < SECOND {
            if pacer.may_send(now, rate, packet) {
                pacer.handle_sent(packet);
                sent += packet;
            } else {
                now = pacer.deadline().unwrap_or(SECOND);
            }
        }
        let excess = sent.abs_diff(rate);
        assert!(excess < 50_000, "{sent}");
    }
}
