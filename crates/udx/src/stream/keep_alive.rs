//! Heartbeats of a stream that is otherwise silent. They keep the path open, and their answers are
//! not waited for.

use crate::time::Micros;

/// When a heartbeat is due.
#[derive(Debug, Default)]
pub(super) struct KeepAlive {
    /// Zero is off.
    interval: Micros,
    at: Option<Micros>,
    /// The number of packets sent when the deadline was set.
    sent: u64,
    is_due: bool,
}

impl KeepAlive {
    /// Sets the interval; zero turns heartbeats off.
    pub(super) fn set(&mut self, now: Micros, interval: Micros, sent: u64) {
        let at = (interval > 0).then_some(now + interval);
        *self = Self { interval, at, sent, is_due: false };
    }

    pub(super) fn deadline(&self) -> Option<Micros> {
        self.at
    }

    /// Handles the deadline, if it has passed. A heartbeat is due unless something was sent since it
    /// was set.
    pub(super) fn handle_timeout(&mut self, now: Micros, sent: u64) {
        if self.at.is_some_and(|at| at <= now) {
            let is_due = sent == self.sent;
            self.set(now, self.interval, sent);
            self.is_due = is_due;
        }
    }

    /// Whether a heartbeat has to be sent now. It does not count as a packet of the stream.
    pub(super) fn take(&mut self) -> bool {
        let is_due = std::mem::take(&mut self.is_due);
        self.sent += u64::from(is_due);
        is_due
    }

    /// A heartbeat is due now.
    pub(super) fn demand(&mut self) {
        self.is_due = true;
    }

    pub(super) fn stop(&mut self) {
        *self = Self::default();
    }
}
