//! The parts of the model.

use crate::maxfilter::MaxFilter;
use crate::rate::RateSample;
use crate::time::Micros;

/// The input of the model from one acknowledgement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AckInfo {
    pub(crate) now: Micros,
    /// Bytes newly delivered.
    pub(crate) acked: u64,
    /// Bytes in flight before this acknowledgement, and after it.
    pub(crate) prior_in_flight: u64,
    pub(crate) in_flight: u64,
    /// All bytes delivered so far.
    pub(crate) delivered: u64,
    pub(crate) rtt: Option<Micros>,
    /// The peer had hidden some of the delivered bytes before.
    pub(crate) reveals: bool,
    pub(crate) sample: Option<RateSample>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Startup,
    Drain,
    /// The index of the gain in the cycle, and the time since which it is used.
    ProbeBw {
        index: usize,
        since: Micros,
    },
    /// `until` is the end of the probe, set once the pipe is empty enough.
    ProbeRtt {
        until: Option<Micros>,
        round_done: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recovery {
    None,
    /// For one round, no more is sent than was delivered.
    Conserve,
    /// The window grows as usual while losses are repaired.
    Probe,
}

#[derive(Debug, Default)]
pub(super) struct Round {
    pub(super) count: u64,
    pub(super) started: bool,
    /// The round ends when a packet is acknowledged that was sent after this much had been
    /// delivered.
    pub(super) ends_at: u64,
    pub(super) lost: u64,
    pub(super) acked: u64,
    /// The previous round lost so much that the queue at the bottleneck must have overflowed.
    pub(super) was_lossy: bool,
}

#[derive(Debug, Default)]
pub(super) struct FullPipe {
    pub(super) bandwidth: u64,
    pub(super) rounds: u8,
    pub(super) reached: bool,
}

/// How much more is acknowledged at once than the bandwidth explains, since acknowledgements are
/// aggregated.
#[derive(Debug)]
pub(super) struct ExtraAcked {
    pub(super) max: MaxFilter,
    pub(super) since: Micros,
    pub(super) acked: u64,
}

impl Round {
    /// Whether this round has lost more than a path loses by chance.
    pub(super) fn is_lossy(&self, packet: u64) -> bool {
        let Self { lost, acked, .. } = *self;
        lost > MIN_LOSS_PACKETS * packet && lost * LOSSY_PART > lost + acked
    }
}

impl ExtraAcked {
    pub(super) fn restart(&mut self, now: Micros) {
        self.since = now;
        self.acked = 0;
    }
}

/// A round is lossy if it lost more than one in 12 packets, and more than 8 packets.
const LOSSY_PART: u64 = 12;
const MIN_LOSS_PACKETS: u64 = 8;
