//! What a node is made from.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::noise::KeyPair;
use crate::wire::BootstrapNode;

/// Options of a node. Units and defaults are those of the reference's constructor.
#[derive(Clone, Debug)]
pub struct Config {
    /// Nodes to ask first. Empty: the first node of a network of its own.
    pub bootstrap: Vec<BootstrapNode>,
    /// Nodes to put into the routing table at the start.
    pub nodes: Vec<SocketAddrV4>,
    /// The identity of `connect` and `listen` without a key pair.
    pub key_pair: KeyPair,
    /// Local address of the client socket, bound by the driver before the node is made.
    pub client_socket: SocketAddrV4,
    /// Local address of the server socket, bound by the driver before the node is made.
    pub server_socket: SocketAddrV4,
    /// Non-internal IPv4 addresses of this host, in the system's order.
    pub interfaces: Vec<Ipv4Addr>,
    /// `Some(true)`: never persistent; `Some(false)`: persistent as soon as the NAT allows;
    /// `None`: adaptive, after about 20 minutes.
    pub ephemeral: Option<bool>,
    /// False allows no adaptive change. Default true.
    pub adaptive: bool,
    /// True until a check shows that strangers reach the server socket. Default true.
    pub firewalled: bool,
    /// One PING_NAT during bootstrap. Default true.
    pub quick_firewall: bool,
    /// One NAT sample known beforehand: a bootstrap node's own public address.
    pub public_address: Option<SocketAddrV4>,
    /// Empty messages keep a connection's path open; zero is off. Default 5 s.
    pub connection_keep_alive: Duration,
    /// Least time between two random punches. Default 20 s.
    pub random_punch_interval: Duration,
    /// The first random punch waits for that time as well, also after a suspension. Default false.
    pub defer_random_punch: bool,
    /// Requests of one query that run in parallel. Default 10.
    pub concurrency: usize,
    /// Requests per 750 ms slot. Default 80.
    pub max_window: usize,
    /// Longest delay that DELAYED_PING is answered after. Default 10 s.
    pub max_ping_delay: Duration,
    /// Entries of each record cache; those of mutable and of immutable values hold half as many.
    /// Default 65536.
    pub max_size: usize,
    /// Age of records. `None`: 20 min for announcements, 48 h for mutable and immutable values.
    pub max_age: Option<Duration>,
    /// The wall clock when the node is made, since the Unix epoch: the bump of an announcement is
    /// a time, and must not run ahead of it. Default zero: no bump is kept.
    pub unix_time: Duration,
    /// Handshakes in flight that one server admits. Default 256.
    pub max_handshakes: usize,
    /// Sockets that the node may have beside the two main ones, to punch and for the connections
    /// that were punched. Default 4096; the driver takes less where the process may have less.
    pub max_pool_sockets: usize,
    /// Tell of nodes that enter and leave the routing table, until `Command::WatchTable` says
    /// otherwise. Default false.
    pub watch_table: bool,
    /// Tell nodes which of those that they named are down. Default true.
    pub send_down_hints: bool,
    /// Down hints per tick of 5 s; `None` is no limit. Default 50.
    pub down_hints_rate_limit: Option<usize>,
    /// Timers for requests by destination. Default `None`: they follow the measured round trips,
    /// and a request fails after a second for each try.
    pub adaptive_timeout: Option<AdaptiveTimeout>,
}

/// Options of the reference's adaptive timeouts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdaptiveTimeout {
    /// Destinations that are remembered. Default 65536.
    pub max_size: usize,
    /// For so long. Default 10 min.
    pub max_age: Duration,
    /// Waits of the tries to an unknown destination; the last one repeats.
    pub fallback: Vec<Duration>,
    /// Shortest wait for a known destination. Default 300 ms.
    pub min: Duration,
    /// Longest wait for a known destination. Default 4 s.
    pub max: Duration,
    /// Added at random, up to this much. Default 256 ms.
    pub jitter: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
        Self {
            bootstrap: Vec::new(),
            nodes: Vec::new(),
            key_pair: KeyPair::from_seed([0; 32]),
            client_socket: any,
            server_socket: any,
            interfaces: Vec::new(),
            ephemeral: None,
            adaptive: true,
            firewalled: true,
            quick_firewall: true,
            public_address: None,
            connection_keep_alive: Duration::from_secs(5),
            random_punch_interval: Duration::from_secs(20),
            defer_random_punch: false,
            concurrency: 10,
            max_window: 80,
            max_ping_delay: Duration::from_secs(10),
            max_size: 65536,
            max_age: None,
            unix_time: Duration::ZERO,
            max_handshakes: 256,
            max_pool_sockets: 4096,
            watch_table: false,
            send_down_hints: true,
            down_hints_rate_limit: Some(50),
            adaptive_timeout: None,
        }
    }
}

impl Default for AdaptiveTimeout {
    fn default() -> Self {
        Self {
            max_size: 65536,
            max_age: Duration::from_secs(10 * 60),
            fallback: [250, 500, 1000, 2000, 4000].map(Duration::from_millis).to_vec(),
            min: Duration::from_millis(300),
            max: Duration::from_millis(4000),
            jitter: Duration::from_millis(256),
        }
    }
}
