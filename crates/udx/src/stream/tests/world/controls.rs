//! The congestion controls of other senders: the reference's BBR, and cubic.

use super::sender::{Ack, Control};
use crate::maxfilter::MaxFilter;
use crate::time::{Micros, SECOND};

/// BBR v1 as in the reference: with a clock of milliseconds, and without a check of its rate samples
/// for those that are too high.
pub(super) struct ReferenceBbr {
    mode: Mode,
    cwnd: u64,
    prior_cwnd: u64,
    bandwidth: MaxFilter,
    min_rtt: Option<Micros>,
    min_rtt_at: Micros,
    rounds: u64,
    round_ends: u64,
    full_bandwidth: u64,
    full_rounds: u8,
    /// The end of packet conservation, in rounds.
    conserves_until: Option<u64>,
    pacing_rate: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Startup,
    Drain,
    ProbeBandwidth { index: usize, since: Micros },
    ProbeRtt { until: Option<Micros> },
}

impl ReferenceBbr {
    pub(super) fn new() -> Self {
        Self {
            mode: Mode::Startup,
            cwnd: 10 * PACKET,
            prior_cwnd: 0,
            bandwidth: MaxFilter::new(10),
            min_rtt: None,
            min_rtt_at: 0,
            rounds: 0,
            round_ends: 0,
            full_bandwidth: 0,
            full_rounds: 0,
            conserves_until: None,
            pacing_rate: 10 * PACKET * 1000 * HIGH_GAIN / 256,
        }
    }

    fn bdp(&self, gain: u64) -> u64 {
        self.bandwidth.value() * self.min_rtt.unwrap_or(1000).max(1000) / SECOND * gain / 256
    }

    fn update_round(&mut self, ack: &Ack) {
        let Some(sample) = ack.sample else {
            return;
        };
        let starts = sample.prior_delivered >= self.round_ends;
        if starts {
            self.rounds += 1;
            self.round_ends = ack.delivered;
        }
        if sample.rate > 0 {
            self.bandwidth.update(self.rounds, sample.rate);
        }
        if starts && self.full_rounds < 3 {
            if self.bandwidth.value() >= self.full_bandwidth * 5 / 4 {
                (self.full_bandwidth, self.full_rounds) = (self.bandwidth.value(), 0);
            } else {
                self.full_rounds += 1;
            }
        }
    }

    fn update_mode(&mut self, ack: &Ack) {
        let cycle = Mode::ProbeBandwidth { index: 2, since: ack.now };
        let one = self.bdp(256);
        self.mode = match self.mode {
            Mode::Startup if self.full_rounds >= 3 => Mode::Drain,
            Mode::Drain if ack.in_flight <= one => cycle,
            Mode::ProbeBandwidth { index, since } => {
                let over = ack.now - since > self.min_rtt.unwrap_or(0);
                let next = match CYCLE[index] {
                    320 => over && (ack.lost > 0 || ack.prior_in_flight >= self.bdp(320)),
                    192 => over || ack.prior_in_flight <= one,
                    _ => over,
                };
                let index = (index + 1) % 8;
                if next { Mode::ProbeBandwidth { index, since: ack.now } } else { self.mode }
            }
            Mode::ProbeRtt { until: None } if ack.in_flight <= 4 * PACKET => {
                Mode::ProbeRtt { until: Some(ack.now + 200_000) }
            }
            Mode::ProbeRtt { until: Some(at) } if ack.now >= at => {
                self.min_rtt_at = ack.now;
                self.cwnd = self.cwnd.max(self.prior_cwnd);
                if self.full_rounds >= 3 { cycle } else { Mode::Startup }
            }
            mode @ (Mode::Startup | Mode::Drain | Mode::ProbeRtt { .. }) => mode,
        };
    }

    fn update_min_rtt(&mut self, ack: &Ack) {
        let expired = ack.now > self.min_rtt_at + 10 * SECOND;
        if let Some(rtt) = ack.rtt
            && (expired || self.min_rtt.is_none_or(|min| rtt <= min))
        {
            (self.min_rtt, self.min_rtt_at) = (Some(rtt), ack.now);
        }
        if expired && !matches!(self.mode, Mode::ProbeRtt { .. }) {
            self.prior_cwnd = self.prior_cwnd.max(self.cwnd);
            self.mode = Mode::ProbeRtt { until: None };
        }
    }

    fn update_window(&mut self, ack: &Ack) {
        let (pacing, window) = match self.mode {
            Mode::Startup => (HIGH_GAIN, HIGH_GAIN),
            Mode::Drain => (88, HIGH_GAIN),
            Mode::ProbeBandwidth { index, .. } => (CYCLE[index], 512),
            Mode::ProbeRtt { .. } => (256, 256),
        };
        let rate = self.bandwidth.value() * pacing / 256 * 99 / 100;
        if rate > 0 && (self.full_rounds >= 3 || rate > self.pacing_rate) {
            self.pacing_rate = rate;
        }
        if self.conserves_until.is_some_and(|round| self.rounds > round) {
            self.conserves_until = None;
            self.cwnd = self.cwnd.max(self.prior_cwnd);
        }
        let target = self.bdp(window) + 3 * (self.pacing_rate / 1000).max(2 * PACKET);
        if self.conserves_until.is_some() && ack.recovers {
            self.cwnd = self.cwnd.saturating_sub(ack.lost).max(ack.in_flight + ack.acked);
        } else if self.full_rounds >= 3 {
            self.cwnd = (self.cwnd + ack.acked).min(target);
        } else if self.cwnd < target || ack.delivered < 10 * PACKET {
            self.cwnd += ack.acked;
        }
        self.cwnd = self.cwnd.max(4 * PACKET);
        if matches!(self.mode, Mode::ProbeRtt { .. }) {
            self.cwnd = self.cwnd.min(4 * PACKET);
        }
    }
}

impl Control for ReferenceBbr {
    const TICK: Micros = 1000;

    fn handle_ack(&mut self, ack: &Ack) {
        self.update_round(ack);
        self.update_mode(ack);
        self.update_min_rtt(ack);
        self.update_window(ack);
    }

    fn enter_recovery(&mut self, in_flight: u64) {
        // What a probe of the round trip has left of the window is not worth saving.
        let probes = matches!(self.mode, Mode::ProbeRtt { .. });
        self.prior_cwnd = if probes { self.prior_cwnd.max(self.cwnd) } else { self.cwnd };
        self.conserves_until = Some(self.rounds);
        self.cwnd = in_flight + PACKET;
    }

    fn exit_recovery(&mut self) {
        self.conserves_until = None;
        self.cwnd = self.cwnd.max(self.prior_cwnd);
    }

    fn handle_timeout(&mut self, in_flight: u64) {
        self.prior_cwnd = self.prior_cwnd.max(self.cwnd);
        self.full_bandwidth = 0;
        self.full_rounds = 0;
        self.cwnd = in_flight + PACKET;
    }

    fn cwnd(&self) -> u64 {
        self.cwnd
    }

    fn pacing_rate(&self) -> Option<u64> {
        Some(self.pacing_rate)
    }
}

/// RFC 9438, without pacing. In packets.
pub(super) struct Cubic {
    cwnd: f64,
    threshold: f64,
    top: f64,
    since: Option<Micros>,
    rtt: Micros,
}

impl Cubic {
    pub(super) fn new() -> Self {
        Self { cwnd: 10.0, threshold: f64::INFINITY, top: 0.0, since: None, rtt: 100_000 }
    }

    fn shrink(&mut self) {
        self.top = if self.cwnd < self.top { self.cwnd * 0.85 } else { self.cwnd };
        self.cwnd = (self.cwnd * 0.7).max(2.0);
        self.threshold = self.cwnd;
        self.since = None;
    }
}

impl Control for Cubic {
    const TICK: Micros = 1;

    fn handle_ack(&mut self, ack: &Ack) {
        self.rtt = ack.rtt.unwrap_or(self.rtt);
        if ack.recovers {
            return;
        }
        let acked = ack.acked as f64 / PACKET as f64;
        if self.cwnd < self.threshold {
            self.cwnd += acked;
            return;
        }
        let since = *self.since.get_or_insert(ack.now);
        let at = (ack.now - since) as f64 / 1e6;
        let rise = ((self.top.max(self.threshold) - self.threshold) / 0.4).cbrt();
        let target = 0.4 * (at - rise).powi(3) + self.top.max(self.threshold);
        // As fast as Reno at least.
        let reno = self.threshold + 0.53 * at * 1e6 / self.rtt.max(1) as f64;
        let goal = target.max(reno).min(self.cwnd * 1.5);
        self.cwnd += (goal - self.cwnd).max(0.0) / self.cwnd * acked;
    }

    fn enter_recovery(&mut self, _: u64) {
        self.shrink();
    }

    fn exit_recovery(&mut self) {}

    fn handle_timeout(&mut self, _: u64) {
        self.shrink();
        self.cwnd = 2.0;
    }

    fn cwnd(&self) -> u64 {
        (self.cwnd * PACKET as f64) as u64
    }

    fn pacing_rate(&self) -> Option<u64> {
        None
    }
}

const PACKET: u64 = 1500;

/// In 1/256.
const HIGH_GAIN: u64 = 739;
const CYCLE: [u64; 8] = [320, 192, 256, 256, 256, 256, 256, 256];
