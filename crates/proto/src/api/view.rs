//! Views of a node's state, for the application. Times of the routing table are ticks of 5 s.

use std::net::{SocketAddr, SocketAddrV4};

use crate::wire::{NodeId, PublicKey, is_near};
use crate::{QueryId, RequestId, SocketId};

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
    pub remote: SocketAddr,
    /// Whether packets are known to arrive on this path. On a path that is not validated, little is
    /// sent until the peer acknowledges something. If it does not within 3 s, the connection
    /// returns to the previous path.
    pub validated: bool,
    /// The public key of the blind relay that passes the packets on, if one does.
    pub relay: Option<PublicKey>,
}

/// What a blind relay of this node counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayStats {
    /// Connections of clients so far.
    pub sessions_accepted: u64,
    /// Connections of clients.
    pub sessions_active: u64,
    /// Requests for a pairing.
    pub pairings_requested: u64,
    /// Pairs that were made.
    pub pairings_matched: u64,
    /// Requests that were taken back or expired, and pairs that a client has ended.
    pub pairings_cancelled: u64,
    /// Requests whose counterpart has not come yet.
    pub pairings_pending: u64,
    /// Pairs.
    pub pairings_active: u64,
    /// Requests and connections beyond a limit.
    pub refused: u64,
    /// Packets that were passed on.
    pub packets: u64,
    /// Bytes that were passed on, with UDX headers.
    pub bytes: u64,
    /// Packets that were dropped because a pair had exceeded its rate.
    pub throttled: u64,
}

/// How the path of a connection was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathOrigin {
    /// How the NATs were punched; `None` if they were not.
    pub punch: Option<PunchKind>,
    /// The public key of the relay that forwards the packets, if one does.
    pub relay: Option<PublicKey>,
}

/// How two NATs were punched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PunchKind {
    /// Both NATs keep their ports.
    Consistent,
    /// One of them takes a random port for each destination, which was guessed.
    Random,
}

/// Where the packets of a connection go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// To the peer, over public networks.
    Direct,
    /// To the peer, in a private network or on this host.
    Lan,
    /// To a relay, which forwards them.
    Relayed,
}

/// The path of a connection, as its owner is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathInfo {
    /// Where the packets go.
    pub kind: PathKind,
    /// The public key of the relay, if there is one.
    pub relay: Option<PublicKey>,
    /// The address that they are sent to.
    pub remote: SocketAddr,
    /// The local socket.
    pub socket: SocketId,
    /// How the NATs were punched; `None` if they were not.
    pub punch: Option<PunchKind>,
}

impl PathInfo {
    pub(crate) fn new(socket: SocketId, remote: SocketAddr, origin: PathOrigin) -> Self {
        let PathOrigin { punch, relay } = origin;
        let kind = match relay {
            Some(_) => PathKind::Relayed,
            None if is_near(remote.ip()) => PathKind::Lan,
            None => PathKind::Direct,
        };
        Self { kind, relay, remote, socket, punch }
    }
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

/// The numbers behind one tick of the health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthTick {
    /// All responses up to its end.
    pub responses: u64,
    /// All timeouts up to its end.
    pub timeouts: u64,
    /// Whether there was no response at all; `None` if too little had happened to judge.
    pub offline: Option<bool>,
    /// Whether most requests had timed out; `None` if too little had happened to judge.
    pub degraded: Option<bool>,
}

/// A request that has neither been answered nor given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InflightRequest {
    /// The transaction id.
    pub tid: u16,
    /// Where it was sent.
    pub to: SocketAddrV4,
    /// Whether the command is one of dht-rpc itself.
    pub internal: bool,
    /// The command.
    pub command: u64,
    /// How often it was sent so far; 0 while it waits for a place in the congestion window.
    pub sent: u32,
    /// How often it may be sent again.
    pub retries: u32,
    /// The query of the application that sent it, if one did.
    pub query: Option<QueryId>,
    /// The number of the application's request, if it is one.
    pub request: Option<RequestId>,
}

/// A handshake of a server, from its message 1 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandshakeView {
    /// The application has not let the client in, or not yet.
    pub firewalled: bool,
    /// The handshake has ended without a connection.
    pub aborted: bool,
    /// The handshake has ended.
    pub ended: bool,
    /// The client may still get a connection by punching.
    pub punching: bool,
    /// The latest round of punching.
    pub round: u64,
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
