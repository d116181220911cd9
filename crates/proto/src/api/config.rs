//! The configuration of a node.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use crate::noise::KeyPair;
use crate::secret::Spares;
use crate::wire::BootstrapNode;

/// Options of a node. Units and defaults are those of the reference's constructor.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whether the node takes part in the DHT. Otherwise it has no main sockets, and only carries
    /// raw streams over sockets of the application. Default true.
    pub joins_dht: bool,
    /// Nodes to query first. With an empty list, this node is the first of its own network.
    pub bootstrap: Vec<BootstrapNode>,
    /// Nodes to put into the routing table at the start.
    pub nodes: Vec<SocketAddrV4>,
    /// The default key pair of `connect` and `listen`.
    pub key_pair: KeyPair,
    /// Local address of the client socket. The driver binds it before it creates the node.
    pub client_socket: SocketAddrV4,
    /// Local address of the server socket. The driver binds it before it creates the node.
    pub server_socket: SocketAddrV4,
    /// Non-internal IPv4 addresses of this host, in the system's order.
    pub interfaces: Vec<Ipv4Addr>,
    /// `Some(true)`: never persistent; `Some(false)`: persistent as soon as the NAT allows;
    /// `None`: adaptive, after about 20 minutes.
    pub ephemeral: Option<bool>,
    /// Whether the node may become persistent on its own. Default true.
    pub adaptive: bool,
    /// Whether the node assumes that it is firewalled until a check shows that unsolicited packets
    /// reach the server socket. Default true.
    pub firewalled: bool,
    /// Whether bootstrapping checks the firewall with one PING_NAT. Default true.
    pub quick_firewall: bool,
    /// A NAT sample that is known beforehand: a bootstrap node's own public address.
    pub public_address: Option<SocketAddrV4>,
    /// Interval of the empty messages that keep a connection's path open; zero turns them off.
    /// Default 5 s.
    pub connection_keep_alive: Duration,
    /// How long a connection lasts while its peer acknowledges nothing of what was sent (TCP's user
    /// timeout, RFC 5482). Each end has its own. Default and
    /// least: 13 s. Most: 10 minutes. Counted in retransmission timeouts of 2 s, which are longer
    /// where the round trip is longer than half a second.
    pub user_timeout: Duration,
    /// The time in which the node regains what one whole random punch costs. Default 20 s.
    pub random_punch_interval: Duration,
    /// Whether the first random punch, and the first after a suspension, waits for that interval.
    /// Default false.
    pub defer_random_punch: bool,
    /// Maximum requests of one query that run in parallel. Default 10.
    pub concurrency: usize,
    /// Maximum requests per slot of 750 ms. Default 80.
    pub max_window: usize,
    /// Longest delay for which a DELAYED_PING is accepted. Default 10 s.
    pub max_ping_delay: Duration,
    /// Entries of each record cache; the caches of mutable and of immutable values hold half as
    /// many. Default 65536.
    pub max_size: usize,
    /// Age of records. `None`: 20 min for announcements, 48 h for mutable and immutable values.
    pub max_age: Option<Duration>,
    /// The wall-clock time at which the node is created, since the Unix epoch. The bump of an
    /// announcement is a time too, and is not stored if it is more than a minute ahead of this
    /// clock. With the default zero, no bump is stored.
    pub unix_time: Duration,
    /// Maximum handshakes in flight of one server. Default 256.
    pub max_handshakes: usize,
    /// Maximum sockets beside the two main ones, for punching and for punched connections. Default
    /// 4096; the driver lowers it where the process may open fewer.
    pub max_pool_sockets: usize,
    /// Whether to report nodes that enter and leave the routing table. `Command::WatchTable`
    /// changes it. Default false.
    pub watch_table: bool,
    /// Whether to ask before a node enters the routing table that we have heard from
    /// (`Question::Node`). Default false.
    pub filter_nodes: bool,
    /// Whether to send DOWN_HINTs: to tell nodes which of the closer nodes that they named are
    /// down. Default true.
    pub send_down_hints: bool,
    /// Maximum DOWN_HINTs per tick of 5 s; `None` is no limit. Default 50.
    pub down_hints_rate_limit: Option<usize>,
    /// The reference's adaptive request timeouts. Default `None`: retries follow the measured
    /// round-trip times, and a request fails after one second per try.
    pub adaptive_timeout: Option<AdaptiveTimeout>,
    /// Memory for the large messages of connections, from those that came before. The driver sets
    /// it. Default none: each message has memory of its own.
    pub spares: Option<Arc<dyn Spares>>,
}

/// Options of the reference's adaptive timeouts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdaptiveTimeout {
    /// Maximum number of remembered destinations. Default 65536.
    pub max_size: usize,
    /// About how long a destination is remembered. Default 10 min.
    pub max_age: Duration,
    /// Timeout of each try to an unknown destination; the last one repeats. Default 250, 500, 1000,
    /// 2000, 4000 ms.
    pub fallback: Vec<Duration>,
    /// Shortest timeout for a known destination. Default 300 ms.
    pub min: Duration,
    /// Longest timeout for a known destination. Default 4 s.
    pub max: Duration,
    /// Upper bound of the random time that is added to each timeout. Default 256 ms.
    pub jitter: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
        Self {
            joins_dht: true,
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
            user_timeout: Duration::from_secs(13),
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
            filter_nodes: false,
            send_down_hints: true,
            down_hints_rate_limit: Some(50),
            adaptive_timeout: None,
            spares: None,
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
