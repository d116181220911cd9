//! The answers to questions, and their parts.

use std::net::SocketAddrV4;

use hyperdht::wire::{Malformed, NodeId, Reader, Writer};
use hyperdht::{
    ConnStats, HandshakeView, HealthReport, HealthTick, InflightRequest, Live, Loans, QueryId,
    RequestId, Stats, TableNode, Traffic,
};

use crate::field::{Decode, Encode, Sample, Shape, camel};
use crate::sample::Random;

record! { TableNode {
    id: NodeId,
    address: SocketAddrV4,
    added: u64,
    pinged: u64,
    seen: u64,
    sampled: u64,
    down_hints: u32,
} }

record! { HealthReport {
    online: bool,
    degraded: bool,
    cold: bool,
    responses: u64,
    timeouts: u64,
} }

record! { HealthTick {
    responses: u64,
    timeouts: u64,
    offline: Option<bool>,
    degraded: Option<bool>,
} }

record! { InflightRequest {
    tid: u16,
    to: SocketAddrV4,
    internal: bool,
    command: u64,
    sent: u32,
    retries: u32,
    query: Option<QueryId>,
    request: Option<RequestId>,
} }

record! { HandshakeView {
    firewalled: bool,
    aborted: bool,
    ended: bool,
    punching: bool,
    round: u64,
} }

record! { Live {
    connections: usize,
    streams: usize,
    servers: usize,
    handshakes: usize,
    punchers: usize,
    queries: usize,
    requests: usize,
    pool_sockets: usize,
    timers: usize,
} }

record! { ConnStats {
    rtt: f64,
    cwnd: u64,
    mtu: u64,
    inflight: u64,
    bbr_state: u8,
    bbr_bandwidth: u64,
    retransmits: u64,
    fast_recoveries: u64,
    rto_count: u64,
    bytes_transmitted: u64,
    bytes_received: u64,
    packets_transmitted: u64,
    packets_received: u64,
    keep_alives_sent: u64,
    keep_alives_received: u64,
} }

record! { Loans {
    begun: u64,
    lent: bool,
    served: u64,
} }

record! { Traffic {
    bytes_transmitted: u64,
    bytes_received: u64,
    packets_transmitted: u64,
    packets_received: u64,
} }

// Named by their places in `dht.stats`.
counters! { Stats |s| {
    "requests.active": s.requests_active,
    "requests.total": s.requests_total,
    "requests.responses": s.responses,
    "requests.timeouts": s.timeouts,
    "requests.retries": s.retries,
    "queries.active": s.queries_active,
    "queries.total": s.queries_total,
    "punches.consistent": s.punches_consistent,
    "punches.random": s.punches_random,
    "punches.open": s.punches_open,
    "punches.tryLater": s.punches_try_later,
    "punches.tryLaterRelayedHandshakesAtLeastOnce": s.punches_try_later_relayed,
    "relaying.attempts": s.relaying_attempts,
    "relaying.successes": s.relaying_successes,
    "relaying.aborts": s.relaying_aborts,
    "socketPool.socketsAdded": s.pool_sockets_added,
    "socketPool.socketsRemoved": s.pool_sockets_removed,
    "dropped.malformed": s.dropped.malformed,
    "dropped.unexpected": s.dropped.unexpected,
    "dropped.handshake": s.dropped.handshake,
    "dropped.admission": s.dropped.admission,
    "dropped.punch": s.dropped.punch,
    "dropped.message": s.dropped.message,
    "dropped.frame": s.dropped.frame,
    "dropped.udx": s.dropped.udx,
    "dropped.store": s.dropped.store,
    "dropped.request": s.dropped.request,
    "dropped.relay": s.dropped.relay,
    "commands.ping.tx": s.commands[0][0],
    "commands.ping.rx": s.commands[0][1],
    "commands.pingNat.tx": s.commands[1][0],
    "commands.pingNat.rx": s.commands[1][1],
    "commands.findNode.tx": s.commands[2][0],
    "commands.findNode.rx": s.commands[2][1],
    "commands.downHint.tx": s.commands[3][0],
    "commands.downHint.rx": s.commands[3][1],
} }
