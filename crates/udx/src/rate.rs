//! Delivery rate samples: the bandwidth of the path, measured per acknowledgement, in bytes and
//! microseconds. See draft-cheng-iccrg-delivery-rate-estimation.

use crate::time::{Micros, SECOND};

/// The sampler's state at the moment when a packet was sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RateMark {
    delivered: u64,
    delivered_at: Micros,
    first_sent_at: Micros,
    app_limited: bool,
}

/// A measurement of the path over about one round trip.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateSample {
    /// Bytes per second; zero if the interval was too short to measure.
    pub(crate) rate: u64,
    /// Total delivered when the measured packet was sent.
    pub(crate) prior_delivered: u64,
    /// The rate was limited by the application, not by the path.
    pub(crate) app_limited: bool,
}

/// Counts delivered bytes and makes samples.
#[derive(Debug, Default)]
pub(crate) struct RateSampler {
    delivered: u64,
    delivered_at: Micros,
    first_sent_at: Micros,
    /// Everything up to here was delivered when an acknowledgement last revealed what the peer had
    /// hidden.
    revealed_until: u64,
    /// Samples are limited by the application until this much has been delivered.
    app_limited_until: u64,
}

impl RateSampler {
    /// The mark for a packet that is sent while `in_flight` bytes are in flight.
    pub(crate) fn mark(&mut self, now: Micros, in_flight: u64) -> RateMark {
        if in_flight == 0 {
            self.first_sent_at = now;
            self.delivered_at = now;
        }
        RateMark {
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent_at: self.first_sent_at,
            app_limited: self.app_limited_until != 0,
        }
    }

    /// `bytes` were delivered. `newest` is the last sent of their packets: when it was sent, and
    /// its mark. If the peer `reveals` packets that it had hidden, they arrived before, and every
    /// rate that is measured over this moment would be too high.
    pub(crate) fn sample(
        &mut self,
        now: Micros,
        (bytes, reveals): (u64, bool),
        newest: Option<(Micros, RateMark)>,
        min_rtt: Option<Micros>,
    ) -> Option<RateSample> {
        self.delivered += bytes;
        self.delivered_at = now;
        if reveals {
            self.revealed_until = self.delivered;
        }
        if self.app_limited_until != 0 && self.delivered > self.app_limited_until {
            self.app_limited_until = 0;
        }

        let (sent_at, mark) = newest?;
        self.first_sent_at = sent_at;
        let send_time = sent_at.saturating_sub(mark.first_sent_at);
        let ack_time = now.saturating_sub(mark.delivered_at);
        let interval = send_time.max(ack_time);
        let delivered = self.delivered - mark.delivered;
        // An interval below the smallest round trip is an artefact of compressed acknowledgements.
        let usable = interval > 0
            && interval >= min_rtt.unwrap_or(0)
            && mark.delivered >= self.revealed_until;
        let rate = if usable { delivered.saturating_mul(SECOND) / interval } else { 0 };
        Some(RateSample { rate, prior_delivered: mark.delivered, app_limited: mark.app_limited })
    }

    /// There is nothing to send although the window is open.
    pub(crate) fn limited_by_application(&mut self, in_flight: u64) {
        self.app_limited_until = (self.delivered + in_flight).max(1);
    }

    pub(crate) fn is_app_limited(&self) -> bool {
        self.app_limited_until != 0
    }

    /// All bytes delivered so far.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }
}
