//! What a stream takes and gives.

use std::net::SocketAddrV4;
use std::time::Duration;

#[cfg(doc)]
use super::Stream;

/// Where a filled buffer is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The destination.
    pub to: SocketAddrV4,
    /// The buffer holds several datagrams of this size, the last of which may be shorter. `None`:
    /// it is one datagram.
    pub segment_size: Option<usize>,
}

/// What the owner of a stream is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The peer has everything, up to our END.
    Finished,
    /// Everything sent before [`Stream::change_remote`] has arrived.
    RemoteChanged,
    /// The peer has acknowledged a packet that went over the path of [`Stream::change_remote`].
    PathValidated,
    /// The path of [`Stream::change_remote`] answered nothing. Packets take the last path again
    /// that was known to work.
    PathFailed,
    /// The stream is over. It may have a last packet to send, see [`Stream::is_done`].
    Closed(CloseReason),
}

/// Why a stream is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// Both sides have ended and know it.
    Graceful,
    /// The peer destroyed the stream.
    Reset,
    /// The peer answered nothing for seven transmissions.
    TimedOut,
    /// [`Stream::destroy`] was called.
    Destroyed,
}

/// Counters and gauges of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamStats {
    /// Smoothed round-trip time; zero until measured.
    pub rtt: Duration,
    /// Smallest round-trip time of the last minutes; zero until measured.
    pub min_rtt: Duration,
    /// Congestion window in bytes of IP packets.
    pub cwnd: u64,
    /// IP packet size in bytes.
    pub mtu: u16,
    /// Bytes of IP packets on their way.
    pub inflight: u64,
    /// Packets sent again.
    pub retransmits: u64,
    /// How often losses were repaired without a timeout.
    pub fast_recoveries: u64,
    /// Retransmission timeouts.
    pub rto_count: u64,
    /// UDP payload bytes sent.
    pub bytes_tx: u64,
    /// UDP payload bytes received.
    pub bytes_rx: u64,
    /// Datagrams sent.
    pub packets_tx: u64,
    /// Datagrams received.
    pub packets_rx: u64,
    /// Received packets that exceeded what is held for a peer, and messages that nobody fetched.
    pub dropped: u64,
}
