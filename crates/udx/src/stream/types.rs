//! The public types of a stream's outputs, and what it counts.

use std::net::SocketAddr;
use std::time::Duration;

use super::Stream;

/// How to send a filled buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The destination.
    pub to: SocketAddr,
    /// The size of the datagrams in the buffer, of which the last may be shorter. `None` if the
    /// buffer is one datagram.
    pub segment_size: Option<usize>,
    /// The one datagram may be larger than the path carries, and cannot be sent in any other way.
    /// The network should be allowed to fragment it.
    pub may_fragment: bool,
}

/// An event for the owner of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The peer has acknowledged everything, including our END.
    Finished,
    /// Everything sent before [`Stream::change_remote`] has arrived.
    RemoteChanged,
    /// The peer has acknowledged a packet that only the path of [`Stream::change_remote`] carried.
    PathValidated,
    /// The path of [`Stream::change_remote`] did not answer. Packets take the last validated path
    /// again.
    PathFailed,
    /// Packets were sent, and the peer has not answered in time: a probe timeout or a
    /// retransmission timeout.
    Unanswered,
    /// The stream is closed. It may still have a last packet to send, see [`Stream::is_done`].
    Closed(CloseReason),
}

/// Why a stream is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// Both sides have ended, and everything was delivered and acknowledged.
    Graceful,
    /// The peer destroyed the stream.
    Reset,
    /// The peer answered nothing for seven transmissions.
    TimedOut,
    /// [`Stream::destroy`] was called.
    Destroyed,
}

/// What a stream counts, see [`StreamStats`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    pub(super) retransmits: u64,
    pub(super) fast_recoveries: u64,
    pub(super) rto_count: u64,
    pub(super) bytes_tx: u64,
    pub(super) bytes_rx: u64,
    pub(super) packets_tx: u64,
    pub(super) packets_rx: u64,
    pub(super) dropped: u64,
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
    /// Bytes of IP packets in flight.
    pub inflight: u64,
    /// What congestion control does: 0 start-up, 1 drain, 2 probes for bandwidth, 3 probes for the
    /// round-trip time.
    pub bbr_state: u8,
    /// The estimated bandwidth of the path in bytes per second; zero until measured.
    pub bandwidth: u64,
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
    /// Received packets that exceeded the limit on held data, and messages that
    /// [`Stream::send_message`] dropped.
    pub dropped: u64,
}

impl Stream {
    /// Counters and gauges of the stream.
    pub fn stats(&self) -> StreamStats {
        let counters = self.stats;
        StreamStats {
            rtt: Duration::from_micros(self.rtt.smoothed().unwrap_or(0)),
            min_rtt: Duration::from_micros(self.rtt.min().unwrap_or(0)),
            cwnd: self.bbr.cwnd(),
            mtu: self.mtu.current(),
            inflight: self.flight.in_flight(),
            bbr_state: self.bbr.state(),
            bandwidth: self.bbr.bandwidth(),
            retransmits: counters.retransmits,
            fast_recoveries: counters.fast_recoveries,
            rto_count: counters.rto_count,
            bytes_tx: counters.bytes_tx,
            bytes_rx: counters.bytes_rx,
            packets_tx: counters.packets_tx,
            packets_rx: counters.packets_rx,
            dropped: counters.dropped,
        }
    }
}
