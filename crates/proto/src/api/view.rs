//! Views of a node's state, for the application. Times of the routing table are ticks of 5 s.

use std::net::SocketAddrV4;

use crate::SocketId;
use crate::wire::NodeId;

/// A node of the routing table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableNode {
    /// The node's id.
    pub id: NodeId,
    /// The node's address.
    pub address: SocketAddrV4,
    /// The tick at which the node entered the table.
    pub added: u64,
    /// The tick at which we last pinged the node or heard from it.
    pub pinged: u64,
    /// The tick at which we last heard from the node.
    pub seen: u64,
    /// The tick at which its view of our address last counted as a sample; 0 for never.
    pub sampled: u64,
    /// How many DOWN_HINTs named the node.
    pub down_hints: u32,
}

/// The path of a connection's packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnPath {
    /// The local socket.
    pub socket: SocketId,
    /// The peer's address.
    pub remote: SocketAddrV4,
    /// Whether packets are known to arrive on this path. On a path that is not validated, little is
    /// sent until the peer acknowledges something. If it does not within 3 s, the connection
    /// returns to the previous path.
    pub validated: bool,
}

/// The health of the network, and the numbers behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthReport {
    /// Whether any requests are answered.
    pub online: bool,
    /// Whether most requests time out.
    pub degraded: bool,
    /// True while fewer than four ticks have passed: the health is not judged yet.
    pub cold: bool,
    /// Responses in the latest tick.
    pub responses: u64,
    /// Timeouts in the latest tick.
    pub timeouts: u64,
}

/// A request that has neither been answered nor given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InflightRequest {
    /// The transaction id.
    pub tid: u16,
    /// Where it was sent.
    pub to: SocketAddrV4,
}

/// What the transport of a connection or of a raw stream measures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ConnStats {
    /// Smoothed round-trip time in milliseconds; 0 before the first sample.
    pub rtt: f64,
    /// Congestion window, in packets.
    pub cwnd: u64,
    /// Largest IP packet, in bytes.
    pub mtu: u64,
    /// Bytes in flight.
    pub inflight: u64,
    /// What congestion control does: 0 start-up, 1 drain, 2 probes for bandwidth, 3 probes for the
    /// round-trip time.
    pub bbr_state: u8,
    /// The estimated bandwidth of the path in bytes per second; 0 before the first sample.
    pub bbr_bandwidth: u64,
    /// Packets that were sent again.
    pub retransmits: u64,
    /// How often acknowledgements of later packets revealed a loss.
    pub fast_recoveries: u64,
    /// How often the retransmission timeout expired.
    pub rto_count: u64,
    /// Bytes sent, with UDX headers.
    pub bytes_transmitted: u64,
    /// Bytes received, with UDX headers.
    pub bytes_received: u64,
    /// Packets sent.
    pub packets_transmitted: u64,
    /// Packets received.
    pub packets_received: u64,
    /// Keep-alives sent.
    pub keep_alives_sent: u64,
    /// Keep-alives received.
    pub keep_alives_received: u64,
}

impl From<udx::StreamStats> for ConnStats {
    fn from(stats: udx::StreamStats) -> Self {
        let packet = u64::from(stats.mtu.max(1));
        Self {
            rtt: stats.rtt.as_secs_f64() * 1000.0,
            cwnd: stats.cwnd / packet,
            mtu: u64::from(stats.mtu),
            inflight: stats.inflight,
            bbr_state: stats.bbr_state,
            bbr_bandwidth: stats.bandwidth,
            retransmits: stats.retransmits,
            fast_recoveries: stats.fast_recoveries,
            rto_count: stats.rto_count,
            bytes_transmitted: stats.bytes_tx,
            bytes_received: stats.bytes_rx,
            packets_transmitted: stats.packets_tx,
            packets_received: stats.packets_rx,
            keep_alives_sent: 0,
            keep_alives_received: 0,
        }
    }
}
