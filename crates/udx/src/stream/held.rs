//! The bound on what a peer can make a stream keep by not acknowledging it.

use super::Stream;
use crate::time::SECOND;

impl Stream {
    /// Bytes kept for data beyond the peer's cumulative acknowledgement, including the overhead of
    /// each write and each packet.
    pub fn held(&self) -> usize {
        self.buffer.in_transit() + self.flight.len() * PACKET_COST
    }

    /// Limits [`Self::held`]: above the limit no new data is sent, whatever the peer's window is.
    /// The limit may be exceeded by one packet.
    pub fn set_max_held(&mut self, bytes: usize) {
        self.config.max_held = bytes;
    }

    /// A peer that withholds one acknowledgement makes us keep what the path needs while a packet is
    /// sent again and again, and not more.
    pub(super) fn may_hold_more(&self) -> bool {
        let round_trip = self.rtt.smoothed().unwrap_or(0);
        let path = self.bbr.bandwidth().saturating_mul(round_trip) / SECOND;
        let needs = usize::try_from(path).unwrap_or(usize::MAX).saturating_mul(ROUND_TRIPS);
        self.held() < self.config.max_held.min(needs.max(WINDOWS))
    }
}

/// The memory for one packet in flight, in bytes.
const PACKET_COST: usize = 128;

/// What is sent while a packet that is lost three times is missing, in round trips of the path: five,
/// and the overhead of as many packets.
const ROUND_TRIPS: usize = 6;

/// Two windows of the reference. Packets that a peer holds do not count against its window.
const WINDOWS: usize = 8 * 1024 * 1024;
