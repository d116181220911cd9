//! The commands of JavaScript, and the options that a node is made from.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bytes::Bytes;
use hyperdht::wire::{Malformed, NodeId, Reader, Target, Writer};
use hyperdht::{
    AdaptiveTimeout, Answer, AskId, BootstrapNode, Command, Config, ConnId, ConnectOptions,
    HostCommand, Incoming, Interests, KeyPair, OpenOptions, PublicKey, QueryId, QueryKind,
    QueryOptions, RawCommand, RequestAnswer, RequestId, ServerId, ServerOptions, SocketId, Steer,
    UserRequest,
};

use crate::field::{Choice, Decode, Encode, Sample, Shape, camel};
use crate::sample::Random;

// Write, SendMessage, SendRaw, Consumed and Taken are calls of their own.
choice! { both ways: Command {
    1 connect { conn: ConnId, remote_public_key: PublicKey, options: ConnectOptions }
        => Connect { conn, remote: remote_public_key, options },
    2 end { conn: ConnId } => End { conn },
    3 destroy_conn { conn: ConnId } => DestroyConn { conn },
    4 flush { conn: ConnId, flush: u32 } => Flush { conn, flush },
    5 set_keep_alive { conn: ConnId, interval: Duration } => SetKeepAlive { conn, interval },
    6 set_default_keep_alive { interval: Duration } => SetDefaultKeepAlive { interval },
    7 raw { conn: ConnId, command: RawCommand } => Raw { conn, command },

    10 listen { server: ServerId, options: ServerOptions } => Listen { server, options },
    11 refresh_server { server: ServerId } => RefreshServer { server },
    12 close_server { server: ServerId } => CloseServer { server },
    13 suspend_server { server: ServerId } => SuspendServer { server },
    14 resume_server { server: ServerId } => ResumeServer { server },
    15 set_hooks { server: ServerId, firewall: bool, holepunch: bool, handshake: bool }
        => SetHooks { server, firewall, holepunch, handshake },
    16 answer { ask: AskId, answer: Answer } => Answer { ask, answer },
    17 signed { server: ServerId, tag: u32, signature: Option<[u8; 64]> }
        => Signed { server, tag, signature },
    18 set_relay_through { server: ServerId, relay_through: Vec<PublicKey>, ask: bool }
        => SetRelayThrough { server, relay_through, ask },

    20 query { query: QueryId, target: Target, kind: QueryKind, options: QueryOptions }
        => Query { query, target, kind, options },
    21 cancel_query { query: QueryId } => CancelQuery { query },
    22 steer_query { query: QueryId, steer: Steer } => SteerQuery { query, steer },
    23 request { request: RequestId, options: UserRequest } => Request { request, options },
    24 cancel_request { request: RequestId } => CancelRequest { request },
    25 unlink { target: Target, public_key: PublicKey } => Unlink { target, public_key },

    30 subscribe { interests: Interests } => Subscribe { interests },
    31 answer_request { request: Box<Incoming>, answer: RequestAnswer }
        => AnswerRequest { incoming: request, answer },
    32 handle_datagram { socket: SocketId, from: SocketAddrV4, data: Bytes }
        => HandleDatagram { socket, from, data },

    40 add_node { address: SocketAddrV4 } => AddNode { address },
    41 watch_table { watch: bool } => WatchTable { watch },
    42 check_local { host: Ipv4Addr } => CheckLocal { host },
    43 suspend {} => Suspend {},
    44 resume {} => Resume {},
    45 destroy { force: bool } => Destroy { force },
    46 remove_node { id: NodeId } => RemoveNode { id },
    47 reset_health {} => ResetHealth {},
    48 judge_health {} => JudgeHealth {},
    49 host { command: HostCommand } => Host(command),
} }

record! {
    /// What a node is made from, as JavaScript gives it.
    struct NodeOptions {
        host: Ipv4Addr,
        dual_stack: bool,
        port_from: u32,
        port_to: u32,
        any_port: bool,
        lends: bool,
        secret_key: KeyPair,
        bootstrap: Vec<BootstrapNode>,
        nodes: Vec<SocketAddrV4>,
        ephemeral: Option<bool>,
        adaptive: bool,
        firewalled: bool,
        quick_firewall: bool,
        public_address: Option<SocketAddrV4>,
        connection_keep_alive: Duration,
        user_timeout: Duration,
        random_punch_interval: Duration,
        concurrency: usize,
        max_window: usize,
        max_ping_delay: Duration,
        max_size: usize,
        max_age: Option<Duration>,
        watch_table: bool,
        filter_nodes: bool,
        defer_random_punch: bool,
        send_down_hints: bool,
        down_hints_rate_limit: Option<usize>,
        adaptive_timeout: Option<AdaptiveTimeout>,
    }
}

impl From<NodeOptions> for OpenOptions {
    fn from(from: NodeOptions) -> Self {
        let config = Config {
            key_pair: from.secret_key,
            bootstrap: from.bootstrap,
            nodes: from.nodes,
            ephemeral: from.ephemeral,
            adaptive: from.adaptive,
            firewalled: from.firewalled,
            quick_firewall: from.quick_firewall,
            public_address: from.public_address,
            connection_keep_alive: from.connection_keep_alive,
            user_timeout: from.user_timeout,
            random_punch_interval: from.random_punch_interval,
            concurrency: from.concurrency,
            max_window: from.max_window,
            max_ping_delay: from.max_ping_delay,
            max_size: from.max_size,
            max_age: from.max_age,
            watch_table: from.watch_table,
            filter_nodes: from.filter_nodes,
            defer_random_punch: from.defer_random_punch,
            send_down_hints: from.send_down_hints,
            down_hints_rate_limit: from.down_hints_rate_limit,
            adaptive_timeout: from.adaptive_timeout,
            ..Config::default()
        };
        Self {
            host: from.host,
            dual_stack: from.dual_stack,
            ports: from.port_from..from.port_to,
            any_port: from.any_port,
            protect: None,
            lends: from.lends,
            config,
        }
    }
}
