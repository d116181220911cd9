//! What JavaScript can ask of a node at any time.

use std::net::{Ipv4Addr, SocketAddrV4};

use hyperdht::wire::{NodeId, Writer};
use hyperdht::{
    ConnId, ConnStats, Handle, HandshakeView, HealthReport, HealthTick, InflightRequest, Interface,
    Live, Loans, RawRemote, RelayStats, ServerId, SocketId, Stats, TableNode, Traffic,
};

use crate::field::{Encode, Sample, Shape, camel};
use crate::sample::Random;

questions! { |handle, argument|
    0 stats: Stats = handle.stats();
    /// The counters, if they have changed since they were last returned.
    1 changed_stats: Stats = handle.changed_stats();
    2 live: Live = handle.read(|node| node.live());
    3 id: Option<NodeId> = handle.read(|node| node.id());
    4 remote_address: Option<SocketAddrV4> = handle.read(|node| node.remote_address());
    5 local_host: Option<Ipv4Addr> = handle.read(|node| node.local_host());
    6 firewalled: bool = handle.read(|node| node.firewalled());
    7 health: HealthReport = handle.read(|node| node.health());
    /// Addresses of the routing table, at most `argument` of them.
    8 nodes: Vec<SocketAddrV4> = handle.read(|node| node.nodes(argument as usize));
    /// Nodes of the routing table, at most `argument` of them.
    9 table: Vec<TableNode> = handle.read(|node| node.table_nodes(argument as usize));
    10 table_id: NodeId = handle.read(|node| node.table_id());
    11 inflight: Vec<InflightRequest> = handle.read(|node| node.inflight());
    12 records: usize = handle.read(|node| node.stored().records);
    /// The argument is the id of a connection.
    13 transport: Option<ConnStats> = handle.read(|node| node.conn_stats(ConnId(argument)));
    /// The argument is the id of a socket.
    14 local_address: Option<SocketAddrV4> = Some(handle.local_addr(SocketId(argument)));
    /// The argument is the id of a socket.
    15 traffic: Option<Traffic> = Some(handle.traffic(SocketId(argument)));
    16 health_ticks: Vec<HealthTick> = handle.read(|node| node.health_ticks());
    17 next_tid: u16 = handle.read(|node| node.next_tid());
    /// The argument is the id of a server.
    18 handshakes: Vec<Option<HandshakeView>> = handle.read(|node| node.handshakes(ServerId(argument)));
    /// The argument is the id of a server.
    19 relay_stats: Option<RelayStats> = handle.read(|node| node.relay_stats(ServerId(argument)));
    /// The argument is the number of a raw stream.
    20 unacknowledged: bool = handle.read(|node| node.has_unacknowledged(ConnId(argument)));
    21 interfaces: Vec<Interface> = Some(handle.interfaces());
    22 total_traffic: Traffic = Some(handle.total_traffic());
    /// The argument is the number of a connection or a raw stream.
    23 way_back: Option<RawRemote> = handle.read(|node| node.way_back(ConnId(argument)));
    24 loans: Loans = Some(handle.loans());
}
