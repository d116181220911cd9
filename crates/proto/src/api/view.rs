//! What can be seen of a node from outside. Times are ticks of 5 s.

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
    /// When it came into the table.
    pub added: u64,
    /// When we last tried it, or it was heard.
    pub pinged: u64,
    /// When it was last heard.
    pub seen: u64,
    /// When it last told us our address; 0 if it never did.
    pub sampled: u64,
    /// How often others reported it down.
    pub down_hints: u32,
}

/// Where the packets of a connection go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnPath {
    /// The socket that they leave from.
    pub socket: SocketId,
    /// The peer's address.
    pub remote: SocketAddrV4,
    /// Whether they are known to arrive. If not, little is sent until the peer has acknowledged
    /// something, and if it does not within 3 s, the path before is taken again.
    pub validated: bool,
}

/// What the health of the network is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthReport {
    /// Requests are answered.
    pub online: bool,
    /// Most are not.
    pub degraded: bool,
    /// Fewer than four ticks have passed: nothing is judged.
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

/// What a connection's transport measures.
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
    /// Packets that were sent again.
    pub retransmits: u64,
    /// How often a loss was seen by what arrived after it.
    pub fast_recoveries: u64,
    /// How often nothing was acknowledged in time.
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
