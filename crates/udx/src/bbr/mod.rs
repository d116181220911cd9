//! Congestion control: BBR v1 (as in Linux `net/ipv4/tcp_bbr.c`), in bytes and microseconds, with
//! the gentler start-up window and min-RTT probe of BBR v2.

use crate::maxfilter::MaxFilter;
use crate::mtu::BASE_MTU;
use crate::time::{MILLISECOND, Micros, SECOND};

mod parts;
mod view;

pub(crate) use parts::AckInfo;
use parts::{ExtraAcked, FullPipe, Mode, Recovery, Round};

/// The model of the path, with the congestion window and the pacing rate that follow from it.
#[derive(Debug)]
pub(crate) struct Bbr {
    mode: Mode,
    /// Largest IP packet, in bytes.
    packet: u64,
    cwnd: u64,
    /// The window before recovery, which is restored afterwards.
    prior_cwnd: u64,
    pacing_rate: u64,
    /// Bytes per second, the maximum of the last ten rounds.
    bandwidth: MaxFilter,
    min_rtt: Option<Micros>,
    min_rtt_at: Micros,
    round: Round,
    full: FullPipe,
    extra: ExtraAcked,
    recovery: Recovery,
    idle_restart: bool,
    /// Bytes found lost since the last acknowledgement.
    lost: u64,
}

impl Bbr {
    pub(crate) fn new() -> Self {
        let packet = u64::from(BASE_MTU);
        Self {
            mode: Mode::Startup,
            packet,
            cwnd: INITIAL_PACKETS * packet,
            prior_cwnd: 0,
            // Until a round-trip time is known: the initial window in one millisecond, times the
            // start-up gain.
            pacing_rate: INITIAL_PACKETS * packet * 1000 * STARTUP_GAIN / UNIT,
            bandwidth: MaxFilter::new(BANDWIDTH_ROUNDS),
            min_rtt: None,
            min_rtt_at: 0,
            round: Round::default(),
            full: FullPipe::default(),
            extra: ExtraAcked { max: MaxFilter::new(EXTRA_ROUNDS), since: 0, acked: 0 },
            recovery: Recovery::None,
            idle_restart: false,
            lost: 0,
        }
    }

    /// A model of a new path, while packets of the old path are still in flight.
    pub(crate) fn after_move(in_flight: u64) -> Self {
        let fresh = Self::new();
        Self { cwnd: fresh.cwnd + in_flight, ..fresh }
    }

    /// Bytes per second. `None` if the round trip is shorter than a timer tick, because then the
    /// window alone controls the rate more precisely.
    pub(crate) fn pacing_rate(&self) -> Option<u64> {
        let unpaced = self.min_rtt.is_some_and(|rtt| rtt < MILLISECOND);
        (!unpaced).then_some(self.pacing_rate)
    }

    pub(crate) fn set_packet_size(&mut self, packet: u16) {
        self.packet = u64::from(packet);
    }

    /// The first packet after an idle time is sent.
    pub(crate) fn handle_restart(&mut self, now: Micros) {
        self.idle_restart = true;
        self.extra.restart(now);
        if matches!(self.mode, Mode::ProbeBw { .. }) {
            self.set_pacing_rate(UNIT);
        }
    }

    /// Counts lost bytes, whether they were lost by congestion or by chance.
    pub(crate) fn handle_lost(&mut self, bytes: u64) {
        self.lost += bytes;
    }

    /// A packet that is not an MTU probe was lost. One loss may be chance: see [`Self::conserve`].
    pub(crate) fn enter_recovery(&mut self) {
        self.save_cwnd();
        self.recovery = Recovery::Probe;
    }

    /// All losses are repaired.
    pub(crate) fn exit_recovery(&mut self) {
        self.recovery = Recovery::None;
        self.cwnd = self.cwnd.max(self.prior_cwnd);
    }

    /// Handles the retransmission timeout.
    pub(crate) fn handle_timeout(&mut self, in_flight: u64) {
        self.save_cwnd();
        self.full.bandwidth = 0;
        self.full.rounds = 0;
        self.recovery = Recovery::Probe;
        self.cwnd = in_flight + self.packet;
    }

    /// Updates the model after an acknowledgement.
    pub(crate) fn handle_ack(&mut self, info: &AckInfo) {
        self.update_bandwidth(info);
        self.conserve(info);
        self.update_extra_acked(info);
        self.update_cycle(info);
        self.check_full_pipe(info);
        self.check_drain(info);
        self.update_min_rtt(info);
        let gain = self.pacing_gain();
        self.set_pacing_rate(gain);
        self.set_cwnd(info);
        self.lost = 0;
    }

    fn update_bandwidth(&mut self, info: &AckInfo) {
        self.round.started = false;
        self.round.acked += info.acked;
        self.round.lost += self.lost;
        let Some(sample) = info.sample else {
            return;
        };
        if sample.prior_delivered >= self.round.ends_at {
            self.round.ends_at = info.delivered;
            self.round.count += 1;
            self.round.started = true;
            self.round.was_lossy = self.round.is_lossy(self.packet);
            (self.round.lost, self.round.acked) = (0, 0);
            if self.recovery == Recovery::Conserve {
                self.recovery = Recovery::Probe;
                self.cwnd = self.cwnd.max(self.prior_cwnd);
            }
        }
        if sample.rate > 0 && (!sample.app_limited || sample.rate >= self.bandwidth.value()) {
            self.bandwidth.update(self.round.count, sample.rate);
        }
    }

    /// Enters packet conservation if the losses are too many for chance, and a queue at the
    /// bottleneck can explain them: for one round, no more is sent than was delivered.
    fn conserve(&mut self, info: &AckInfo) {
        let queued = info.prior_in_flight > self.bdp(PROBE_GAIN);
        if self.recovery == Recovery::Probe
            && self.lost > 0
            && queued
            && self.round.is_lossy(self.packet)
        {
            self.recovery = Recovery::Conserve;
            self.cwnd = (info.in_flight + info.acked).max(self.min_cwnd());
        }
    }

    fn update_extra_acked(&mut self, info: &AckInfo) {
        if info.reveals {
            return self.extra.restart(info.now);
        }
        let elapsed = info.now.saturating_sub(self.extra.since);
        let mut expected = self.bandwidth.value().saturating_mul(elapsed) / SECOND;
        if self.extra.acked <= expected {
            self.extra.restart(info.now);
            expected = 0;
        }
        self.extra.acked += info.acked;
        let extra = self.extra.acked.saturating_sub(expected).min(self.cwnd);
        self.extra.max.update(self.round.count, extra);
    }

    fn update_cycle(&mut self, info: &AckInfo) {
        let Mode::ProbeBw { index, since } = self.mode else {
            return;
        };
        let gain = CYCLE.get(index).copied().unwrap_or(UNIT);
        let (elapsed, min_rtt) = (info.now.saturating_sub(since), self.min_rtt.unwrap_or(0));
        let next = match gain {
            UNIT => elapsed > min_rtt,
            // Probing goes on until the pipe was filled, or losses tell that it is full.
            gain if gain > UNIT => {
                elapsed > min_rtt && (self.lost > 0 || info.prior_in_flight >= self.bdp(gain))
            }
            // Until the queue is empty, unless a longer path or others keep it full.
            _ => elapsed > DRAIN_ROUNDS * min_rtt || info.in_flight <= self.bdp(UNIT),
        };
        if next {
            self.mode = Mode::ProbeBw { index: (index + 1) % CYCLE.len(), since: info.now };
        }
    }

    fn check_full_pipe(&mut self, info: &AckInfo) {
        let app_limited = info.sample.is_none_or(|sample| sample.app_limited);
        // An application may limit the samples, but losses are not its doing.
        let unclear = app_limited && !self.round.was_lossy;
        if self.full.reached || !self.round.started || unclear {
            return;
        }
        let bandwidth = self.bandwidth.value();
        if bandwidth >= self.full.bandwidth * 5 / 4 && !self.round.was_lossy {
            self.full.bandwidth = bandwidth;
            self.full.rounds = 0;
            return;
        }
        self.full.rounds += 1;
        self.full.reached = self.full.rounds >= FULL_ROUNDS;
    }

    fn check_drain(&mut self, info: &AckInfo) {
        if self.mode == Mode::Startup && self.full.reached {
            self.mode = Mode::Drain;
        }
        if self.mode == Mode::Drain && info.in_flight <= self.bdp(UNIT) {
            self.enter_probe_bw(info.now);
        }
    }

    fn enter_probe_bw(&mut self, now: Micros) {
        self.mode = Mode::ProbeBw { index: CYCLE_START, since: now };
    }

    fn update_min_rtt(&mut self, info: &AckInfo) {
        let expired = info.now.saturating_sub(self.min_rtt_at) > MIN_RTT_WINDOW;
        if let Some(rtt) = info.rtt.map(|rtt| rtt.max(1))
            && (expired || self.min_rtt.is_none_or(|min| rtt <= min + min / MIN_RTT_PRECISION))
        {
            if self.min_rtt.is_none() {
                self.pacing_rate = self.cwnd * SECOND / rtt * STARTUP_GAIN / UNIT;
            }
            // A round trip close to the minimum confirms it, so that no min-RTT probe is needed.
            let known = self.min_rtt.filter(|_| !expired);
            self.min_rtt = Some(known.map_or(rtt, |min| min.min(rtt)));
            self.min_rtt_at = info.now;
        }
        let probing = matches!(self.mode, Mode::ProbeRtt { .. });
        if expired && !self.idle_restart && !probing {
            self.save_cwnd();
            self.mode = Mode::ProbeRtt { until: None, round_done: false };
        }
        self.probe_rtt(info);
        if info.acked > 0 {
            self.idle_restart = false;
        }
    }

    fn probe_rtt(&mut self, info: &AckInfo) {
        let Mode::ProbeRtt { until, round_done } = self.mode else {
            return;
        };
        let Some(end) = until else {
            if info.in_flight <= self.probe_rtt_cwnd() {
                self.round.ends_at = info.delivered;
                let until = Some(info.now + PROBE_RTT_TIME);
                self.mode = Mode::ProbeRtt { until, round_done: false };
            }
            return;
        };
        let round_done = round_done || self.round.started;
        self.mode = Mode::ProbeRtt { until, round_done };
        if !round_done || info.now < end {
            return;
        }
        self.min_rtt_at = info.now;
        self.cwnd = self.cwnd.max(self.prior_cwnd);
        if self.full.reached {
            self.enter_probe_bw(info.now);
        } else {
            self.mode = Mode::Startup;
        }
    }

    fn pacing_gain(&self) -> u64 {
        match self.mode {
            Mode::Startup => STARTUP_GAIN,
            Mode::Drain => DRAIN_GAIN,
            Mode::ProbeBw { index, .. } => CYCLE.get(index).copied().unwrap_or(UNIT),
            Mode::ProbeRtt { .. } => UNIT,
        }
    }

    fn set_pacing_rate(&mut self, gain: u64) {
        let bandwidth = self.bandwidth.value();
        if bandwidth == 0 {
            return;
        }
        // One percent less than the measured bandwidth, so that a queue can drain.
        let rate = bandwidth.saturating_mul(gain) / UNIT * 99 / 100;
        if self.full.reached || rate > self.pacing_rate {
            self.pacing_rate = rate.max(MIN_RATE);
        }
    }

    fn set_cwnd(&mut self, info: &AckInfo) {
        if info.acked == 0 {
            return;
        }
        if self.recovery == Recovery::Conserve {
            let conserved = info.in_flight + info.acked;
            self.cwnd = self.cwnd.saturating_sub(self.lost).max(conserved);
        } else {
            let extra = self.extra.max.value().min(self.extra_limit());
            let target = self.target(CWND_GAIN).saturating_add(extra);
            if self.full.reached {
                self.cwnd = (self.cwnd + info.acked).min(target);
            } else if self.cwnd < target || info.delivered < INITIAL_PACKETS * self.packet {
                self.cwnd += info.acked;
            }
        }
        self.cwnd = self.cwnd.max(self.min_cwnd());
        if matches!(self.mode, Mode::ProbeRtt { .. }) {
            self.cwnd = self.cwnd.min(self.probe_rtt_cwnd());
        }
    }

    /// The bandwidth-delay product, times a gain.
    fn bdp(&self, gain: u64) -> u64 {
        let Some(rtt) = self.min_rtt else {
            return INITIAL_PACKETS * self.packet;
        };
        let bytes = u128::from(self.bandwidth.value()) * u128::from(rtt) / u128::from(SECOND);
        u64::try_from(bytes * u128::from(gain) / u128::from(UNIT)).unwrap_or(u64::MAX)
    }

    /// The window for a gain. The extra quanta keep the pipe full although packets are sent in
    /// bursts.
    fn target(&self, gain: u64) -> u64 {
        self.bdp(gain).saturating_add(3 * self.send_quantum())
    }

    /// The bytes sent in one burst: one millisecond's worth, at least two packets, at most a GSO
    /// batch.
    fn send_quantum(&self) -> u64 {
        (self.pacing_rate / 1000).min(64 * 1024).max(2 * self.packet)
    }

    fn extra_limit(&self) -> u64 {
        self.bandwidth.value().saturating_mul(EXTRA_TIME) / SECOND
    }

    fn min_cwnd(&self) -> u64 {
        MIN_PACKETS * self.packet
    }

    fn probe_rtt_cwnd(&self) -> u64 {
        self.min_cwnd().max(self.bdp(UNIT / 2))
    }

    fn save_cwnd(&mut self) {
        let settled =
            self.recovery == Recovery::None && !matches!(self.mode, Mode::ProbeRtt { .. });
        self.prior_cwnd = if settled { self.cwnd } else { self.prior_cwnd.max(self.cwnd) };
    }
}

/// Gains are multiples of 1/256.
const UNIT: u64 = 256;

/// 2/ln 2, which doubles the rate in each round.
const STARTUP_GAIN: u64 = 739;
const DRAIN_GAIN: u64 = 88;
const CWND_GAIN: u64 = 2 * UNIT;

const PROBE_GAIN: u64 = 320;

/// One round of probing, one of draining, six of cruising.
const CYCLE: [u64; 8] = [PROBE_GAIN, 192, UNIT, UNIT, UNIT, UNIT, UNIT, UNIT];

/// The most smallest round trips that draining takes, which [`BANDWIDTH_ROUNDS`] outlast.
const DRAIN_ROUNDS: u64 = 8;

/// The cycle starts with cruising, because start-up has just probed.
const CYCLE_START: usize = 2;

/// Stays below the 25 000 bytes that the reference's pacer sends at once.
const INITIAL_PACKETS: u64 = 16;
const MIN_PACKETS: u64 = 4;
const BANDWIDTH_ROUNDS: u64 = 10;
const EXTRA_ROUNDS: u64 = 10;
const EXTRA_TIME: Micros = 100 * MILLISECOND;
const FULL_ROUNDS: u8 = 3;

/// A round trip that is at most 1/64 above the minimum confirms it.
const MIN_RTT_PRECISION: u64 = 64;

const MIN_RTT_WINDOW: Micros = 10 * SECOND;
const PROBE_RTT_TIME: Micros = 200 * MILLISECOND;

/// Four packets a second, so that a stalled path does not stall the pacing timer too.
const MIN_RATE: u64 = 4 * 1500;
