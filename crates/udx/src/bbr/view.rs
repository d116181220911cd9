//! What programs can see of the model.

use super::Bbr;
use super::parts::Mode;

impl Bbr {
    /// The congestion window: the most that may be in flight, in bytes.
    pub(crate) fn cwnd(&self) -> u64 {
        self.cwnd
    }

    /// The state as a number: start-up, drain, and the two kinds of probes.
    pub(crate) fn state(&self) -> u8 {
        match self.mode {
            Mode::Startup => 0,
            Mode::Drain => 1,
            Mode::ProbeBw { .. } => 2,
            Mode::ProbeRtt { .. } => 3,
        }
    }

    /// The estimated bandwidth in bytes per second.
    pub(crate) fn bandwidth(&self) -> u64 {
        self.bandwidth.value()
    }
}
