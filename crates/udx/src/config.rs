//! Settings of a stream.

use std::time::Duration;

/// Settings of one stream. Protocol constants cannot be set.
#[derive(Clone, Debug)]
pub struct Config {
    /// Receive window in bytes: the most that is delivered before the application has
    /// [read](crate::Stream::set_unread) it. Default 4 MiB, as the reference advertises. A peer with
    /// [`Self::peer_thin_acks`] is told almost twice as much while the application reads as fast.
    pub recv_window: u32,
    /// Bytes queued beyond the congestion window before [`crate::Stream::has_room`] turns false.
    /// Default 256 KiB.
    pub high_water: usize,
    /// The most bytes kept for data that was sent and is not acknowledged in order, see
    /// [`crate::Stream::set_max_held`]. Default 24 MiB, of which a stream uses 8 MiB unless its path
    /// carries more in six round trips.
    pub max_held: usize,
    /// The most bytes of IP packets in flight, see [`crate::Stream::set_max_in_flight`]. Default: as
    /// many as the congestion window allows.
    pub max_in_flight: u64,
    /// Whether one acknowledgement per receive batch is enough for the peer, and its own tell of all
    /// packets that it has. Default `false`: the reference needs more of them for its bandwidth
    /// samples, and after many losses it leaves out some of what it has.
    pub peer_thin_acks: bool,
    /// Whether the packet that opens the stream is repeated after 0.4 s without an answer, and not
    /// only after a second. Default `false`, as in the reference.
    pub probes_early: bool,
    /// The retransmission timeouts in a row after which a peer that has been heard is given up; one
    /// that has not is given up after 13 s. Default and least: 6, as in the reference. See
    /// [`Self::timeouts_in`].
    pub max_timeouts: u32,
    /// Largest IP packet to try in the MTU search, in bytes. Default 1500; 1200 turns the search
    /// off.
    pub max_mtu: u16,
    /// Sequence number of the first packet. Default 0, which peers expect unless they were told
    /// otherwise, see [`crate::Stream::expect_from`].
    pub first_seq: u32,
}

impl Config {
    /// [`Self::max_timeouts`] for a user timeout (RFC 5482): as many as a stream survives if its peer
    /// is silent for so long. The first comes after a second, each other one two seconds later; on a
    /// path whose round trip is longer than half a second, they come later.
    pub fn timeouts_in(silence: Duration) -> u32 {
        let after_first = silence.saturating_sub(Duration::from_secs(1));
        u32::try_from(after_first.as_millis().div_ceil(2000)).unwrap_or(u32::MAX)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            recv_window: 4 * 1024 * 1024,
            high_water: 256 * 1024,
            max_held: 24 * 1024 * 1024,
            max_in_flight: u64::MAX,
            peer_thin_acks: false,
            probes_early: false,
            max_timeouts: MAX_TIMEOUTS,
            max_mtu: 1500,
            first_seq: 0,
        }
    }
}

/// The timeouts that a stream survives. The next one closes it, 13 s after the first transmission.
pub(crate) const MAX_TIMEOUTS: u32 = 6;
