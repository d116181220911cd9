//! Round-trip times and the retransmission timeout.

use crate::time::{Micros, SECOND};

/// Smoothed round-trip time in the manner of RFC 6298, in microseconds.
#[derive(Debug, Default)]
pub(crate) struct Rtt {
    smoothed: Option<Micros>,
    variance: Micros,
    min: MinRtt,
}

impl Rtt {
    /// Adds the round trip of a packet that was sent only once.
    pub(crate) fn sample(&mut self, now: Micros, rtt: Micros) {
        self.min.sample(now, rtt.max(1));
        let Some(smoothed) = self.smoothed else {
            self.smoothed = Some(rtt);
            self.variance = rtt / 2;
            return;
        };
        // A path that stalls for seconds must not push the timeout out of reach at once.
        let rtt = if rtt > 5 * SECOND { rtt.min(smoothed + 5 * self.variance) } else { rtt };
        let rtt = rtt.min(MAX_RTO);
        self.variance = (3 * self.variance + smoothed.abs_diff(rtt)) / 4;
        self.smoothed = Some((7 * smoothed + rtt) / 8);
    }

    /// `None` until the first sample.
    pub(crate) fn smoothed(&self) -> Option<Micros> {
        self.smoothed
    }

    /// The smallest round trip of the last five minutes.
    pub(crate) fn min(&self) -> Option<Micros> {
        self.min.value
    }

    /// The retransmission timeout.
    pub(crate) fn rto(&self) -> Micros {
        let Some(smoothed) = self.smoothed else {
            return MIN_RTO;
        };
        (smoothed + 4 * self.variance).clamp(MIN_RTO, MAX_RTO)
    }

    /// Forgets all samples, because the path has changed.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

/// A windowed minimum in two halves: exact to half a window, without a list.
#[derive(Debug, Default)]
struct MinRtt {
    value: Option<Micros>,
    /// The minimum of the current half, which began at `since`.
    current: Option<Micros>,
    since: Micros,
}

impl MinRtt {
    fn sample(&mut self, now: Micros, rtt: Micros) {
        if now.saturating_sub(self.since) > MIN_WINDOW / 2 {
            self.value = self.current;
            self.current = None;
            self.since = now;
        }
        self.current = Some(self.current.map_or(rtt, |min| min.min(rtt)));
        self.value = Some(self.value.map_or(rtt, |min| min.min(rtt)));
    }
}

const MIN_WINDOW: Micros = 300 * SECOND;
const MIN_RTO: Micros = SECOND;
const MAX_RTO: Micros = 30 * SECOND;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_is_a_second_at_least() {
        let mut rtt = Rtt::default();
        assert_eq!(rtt.rto(), SECOND);
        rtt.sample(0, 50);
        assert_eq!(rtt.rto(), SECOND);
        rtt.sample(1, 2 * SECOND);
        assert!(rtt.rto() > SECOND);
    }
}
