//! How a stream handles its timers.

use std::time::Instant;

use super::{CloseReason, End, Event, LossRecovery, State, Stream};
use crate::config::MAX_TIMEOUTS;
use crate::loss::{LATE_PROBE_INTERVAL, PROBE_INTERVAL, suspects_black_hole};
use crate::time::Micros;

impl Stream {
    /// When to call [`Self::handle_timeout`]; `None` if no timer is set.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let at = match self.state {
            State::Closed => return None,
            State::Lingering { until, .. } => until,
            State::Open => {
                let doubt = self.doubt.map(|doubt| doubt.next);
                let (keep_alive, acks) = (self.keep_alive.deadline(), self.acks.deadline());
                let (pacing, persist) = (self.pacer.deadline(), self.window.persist_at);
                let all = [self.timers.next(), persist, pacing, keep_alive, acks, doubt];
                all.into_iter().flatten().min()?
            }
        };
        self.clock.instant(at)
    }

    /// Handles the timers that are due. [`Self::poll_transmit`] may have something to send
    /// afterwards.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.clock.micros(now);
        match self.state {
            State::Closed => return,
            State::Lingering { until, .. } if until <= now => {
                self.state = State::Closed;
                return;
            }
            State::Lingering { .. } => return,
            State::Open => {}
        }
        self.keep_alive.handle_timeout(now, self.stats.packets_tx);
        if !self.handle_doubt(now) {
            return;
        }
        if is_due(self.acks.deadline(), now) {
            self.acks.owe();
        }
        if is_due(self.pacer.deadline(), now) {
            self.pacer.handle_timeout();
        }
        if is_due(self.timers.reorder, now) {
            self.handle_reorder_timeout(now);
        }
        if is_due(self.timers.tlp, now) {
            self.handle_probe_timeout(now);
        }
        if is_due(self.timers.rto, now) {
            self.handle_retransmission_timeout(now);
        }
        if is_due(self.window.persist_at, now) {
            self.window.unanswered += 1;
            if self.gives_up_after(now, self.window.unanswered) {
                return self.give_up(now);
            }
            self.events.push_back(Event::Unanswered);
            self.window.persist_at = Some(now + 2 * self.rtt.rto());
            self.window.ask_due = true;
        }
    }

    /// Sets [`crate::Config::max_timeouts`].
    pub fn set_max_timeouts(&mut self, timeouts: u32) {
        self.config.max_timeouts = timeouts;
    }

    /// A peer that has been heard is not given up before, since the host has no network.
    pub fn keep_until(&mut self, until: Instant) {
        self.timers.kept_until = self.clock.micros(until);
    }

    fn handle_reorder_timeout(&mut self, now: Micros) {
        let recovering = self.recovering();
        let losses = self.rack.detect(now, &mut self.flight, &self.rtt, recovering);
        self.handle_losses(now, &losses);
    }

    /// Handles a tail loss probe timeout: nothing has arrived for two round trips, so a packet is
    /// sent to provoke an acknowledgement.
    fn handle_probe_timeout(&mut self, now: Micros) {
        self.timers.tlp = None;
        if self.flight.is_empty() {
            return;
        }
        self.probe_due = true;
        if self.rtt.smoothed().is_none() {
            // The timeout stays: a dead peer has to be noticed as soon as without the probe.
            self.timers.early = self.timers.early.get(1..).unwrap_or_default();
            return;
        }
        if self.timers.probed || self.timers.timeouts > 0 {
            self.timers.tlp = self.next_probe(now);
            return;
        }
        self.timers.probed = true;
        self.timers.tlp = self.next_probe(now);
        self.events.push_back(Event::Unanswered);
        self.timers.rto = Some(now + self.rtt.rto());
    }

    /// When to probe a silent path again. A peer of the reference expects no probes but those of the
    /// reference's timers. A peer whose window is closed is asked about its window.
    fn next_probe(&self, now: Micros) -> Option<Micros> {
        let interval = if self.timers.timeouts > MAX_TIMEOUTS {
            // The peer may be gone, and must not be sent to for long as if it was there.
            LATE_PROBE_INTERVAL
        } else {
            // The answer, and the data after it, take one and a half round trips.
            PROBE_INTERVAL.saturating_sub(self.rtt.min()? / 2).max(PROBE_INTERVAL / 3)
        };
        (self.config.peer_thin_acks && self.window.bytes > 0).then_some(now + interval)
    }

    fn handle_retransmission_timeout(&mut self, now: Micros) {
        self.timers.timeouts += 1;
        self.timers.probed = false;
        self.stats.rto_count += 1;
        if self.gives_up_after(now, self.timers.timeouts) {
            return self.give_up(now);
        }
        self.events.push_back(Event::Unanswered);
        if self.paths.handle_timeout() {
            self.events.push_back(Event::PathFailed);
            self.forget_measurements();
        }
        let losses = self.rack.detect_all(now, &mut self.flight, &self.rtt);
        if let Some(size) = losses.probe {
            self.mtu.handle_lost(size);
        }
        if suspects_black_hole(self.timers.timeouts, self.mtu.current()) {
            self.mtu.restart();
        }
        self.recovery = LossRecovery::Timeout { until: self.flight.next() };
        self.bbr.handle_timeout(self.flight.in_flight());
        self.pacer.refill();
        self.probe_due = false;
        // The timeout itself is not doubled: a dead peer is detected after 1 + 6 * 2 seconds.
        self.timers.rto = Some(now + 2 * self.rtt.rto());
        self.timers.tlp = self.next_probe(now);
        self.timers.reorder = None;
    }

    /// Whether the peer is given up after so many timeouts in a row.
    fn gives_up_after(&self, now: Micros, timeouts: u32) -> bool {
        let is_heard = self.stats.packets_rx > 0;
        let may_wait = timeouts <= self.config.max_timeouts || now < self.timers.kept_until;
        timeouts > MAX_TIMEOUTS && !(is_heard && may_wait && !self.only_lacks_last_ack())
    }

    /// Whether both sides have ended, and the peer has not acknowledged our END yet.
    fn only_lacks_last_ack(&self) -> bool {
        let only_end = self.flight.len() == 1 && matches!(self.end, End::Sent(_));
        only_end && self.receiver.is_complete()
    }

    /// The peer does not answer. If only our END is unacknowledged, the peer has probably received
    /// it and closed the stream, and its last acknowledgement was lost.
    pub(super) fn give_up(&mut self, now: Micros) {
        if self.only_lacks_last_ack() {
            self.end = End::Acknowledged;
            self.events.push_back(Event::Finished);
            self.flight.clear();
            self.buffer.clear();
            self.timers.stop();
            return self.finish_if_over(now);
        }
        tracing::debug!(id = self.local_id, "the peer does not answer");
        self.close(CloseReason::TimedOut);
    }
}

fn is_due(deadline: Option<Micros>, now: Micros) -> bool {
    deadline.is_some_and(|at| at <= now)
}
