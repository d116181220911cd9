//! The parts of the model.

use crate::maxfilter::MaxFilter;
use crate::rate::RateSample;
use crate::time::Micros;

/// What one acknowledgement tells the model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AckInfo {
    pub(crate) now: Micros,
    /// Bytes newly delivered.
    pub(crate) acked: u64,
    /// Bytes on their way, before this acknowledgement and after it.
    pub(crate) prior_in_flight: u64,
    pub(crate) in_flight: u64,
    /// All bytes delivered so far.
    pub(crate) delivered: u64,
    pub(crate) rtt: Option<Micros>,
    pub(crate) sample: Option<RateSample>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Startup,
    Drain,
    /// The index of the gain in the cycle, and since when it holds.
    ProbeBw {
        index: usize,
        since: Micros,
    },
    /// The end of the dwell, once the pipe is empty enough.
    ProbeRtt {
        until: Option<Micros>,
        round_done: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Recovery {
    None,
    /// The first round: what leaves is what arrived.
    Conserve,
    /// The rounds after it.
    Probe,
}

#[derive(Debug, Default)]
pub(super) struct Round {
    pub(super) count: u64,
    pub(super) started: bool,
    /// The round ends when a packet sent after this much was delivered is acknowledged.
    pub(super) ends_at: u64,
    pub(super) lost: u64,
    pub(super) acked: u64,
    /// The round before lost so much that its queue must have overflowed.
    pub(super) was_lossy: bool,
}

#[derive(Debug, Default)]
pub(super) struct FullPipe {
    pub(super) bandwidth: u64,
    pub(super) rounds: u8,
    pub(super) reached: bool,
}

/// How much more arrives at once than the bandwidth explains: acknowledgements come in lumps.
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

/// One in so many packets lost is more than chance, and so are more packets than this in a round.
const LOSSY_PART: u64 = 12;
const MIN_LOSS_PACKETS: u64 = 8;
