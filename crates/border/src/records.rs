//! Structs and enums that are parts of commands, events and answers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use bytes::Bytes;
use hyperdht::wire::{Malformed, NodeId, Reader, Target, Writer};
use hyperdht::{
    AdaptiveTimeout, Answer, Answering, BootstrapNode, Closest, ConnError, ConnId, ConnectError,
    ConnectOptions, ConnectionInfo, Foreign, ForeignKeys, HostCommand, Incoming, Interests,
    Interface, KeyPair, ListenError, LocalAddress, Opened, PathInfo, PathKind, PublicKey,
    PunchKind, QueryError, QueryKind, QueryOptions, QueryReply, Question, RawCommand, RawOptions,
    RawRemote, ReadHandshake, RelayLimits, RemoteAddress, RequestAnswer, RequestError, ServerId,
    ServerOptions, SocketId, Steer, StreamError, StreamId, Tally, Unsigned, UserCommit,
    UserRequest, WrittenHandshake,
};
use zeroize::Zeroizing;

use crate::failure::{FAILURE, Failure, failure};
use crate::field::{Choice, Decode, Encode, Sample, Shape, camel};
use crate::sample::Random;

// Parts of commands.

choice! { both ways: BootstrapNode {
    0 address { address: SocketAddrV4 } => Address(address),
    1 name { host: String, port: u16, suggested: Option<Ipv4Addr> } => Name { host, port, suggested },
} }

record! { AdaptiveTimeout {
    max_size: usize,
    max_age: Duration,
    fallback: Vec<Duration>,
    min: Duration,
    max: Duration,
    jitter: Duration,
} }

record! { ConnectOptions {
    secret_key: Option<KeyPair>,
    relay_addresses: Vec<SocketAddrV4>,
    local_connection: bool,
    fast_open: bool,
    ask_holepunch: bool,
    keep_alive: Option<Duration>,
    reusable_socket: bool,
    relay_through: Vec<PublicKey>,
    relay_keep_alive: Duration,
    foreign: Foreign,
} => {
    key_pair: secret_key,
    relay_addresses,
    local_connection,
    fast_open,
    ask_holepunch,
    keep_alive,
    reusable_socket,
    relay_through,
    relay_keep_alive,
    foreign,
} }

words! { Foreign {
    0 nothing => Nothing,
    1 handshake => Handshake,
    2 everything => Everything,
} }

choice! { both ways: HostCommand {
    0 send_datagram { socket: SocketId, to: SocketAddr, ttl: Option<u8>, data: Bytes }
        => SendDatagram { socket, to, ttl, data },
    1 close_socket { socket: SocketId } => CloseSocket { socket },
    2 lookup { lookup: u32, host: String, family: u8 } => Lookup { lookup, host, family },
} }

choice! { both ways: RawCommand {
    0 create { options: RawOptions } => Create(options),
    1 connect { remote: RawRemote, ack: u32 } => Connect { remote, ack },
    2 change_remote { remote: RawRemote } => ChangeRemote(remote),
    3 relay_to { target: ConnId } => RelayTo(target),
    4 set_heartbeat { interval: Duration } => SetHeartbeat(interval),
} }

record! { RawOptions { id: StreamId, seq: u32, framed: bool, ask_firewall: bool } }

record! { RawRemote { socket: SocketId, address: SocketAddr, id: u32 } }

record! { ServerOptions {
    secret_key: Option<KeyPair>,
    announces: Option<PublicKey>,
    ask_firewall: bool,
    ask_holepunch: bool,
    holepunch: bool,
    share_local_address: bool,
    handshake_clear_wait: Duration,
    reusable_socket: bool,
    relay_through: Vec<PublicKey>,
    ask_relay: bool,
    relay_keep_alive: Duration,
    relay: Option<RelayLimits>,
    ask_handshake: bool,
} => {
    key_pair: secret_key,
    announces,
    ask_firewall,
    ask_holepunch,
    holepunch,
    share_local_address,
    handshake_clear_wait,
    reusable_socket,
    relay_through,
    ask_relay,
    relay_keep_alive,
    relay,
    ask_handshake,
} }

choice! { both ways: Answer {
    0 accept {} => Accept {},
    1 reject {} => Reject {},
    2 accept_through { relay: PublicKey } => AcceptThrough(relay),
    3 wrote { handshake: Box<WrittenHandshake> } => Wrote(handshake),
    4 read { handshake: Box<ReadHandshake> } => Read(handshake),
} }

record! { WrittenHandshake { message: Bytes, keys: Option<ForeignKeys> } }

record! { ReadHandshake {
    payload: Bytes,
    remote_public_key: Option<PublicKey>,
    relay: Option<PublicKey>,
    keys: Option<ForeignKeys>,
    foreign: Foreign,
} }

record! { ForeignKeys {
    hash: Zeroizing<[u8; 64]>,
    rx: Zeroizing<[u8; 32]>,
    tx: Zeroizing<[u8; 32]>,
    holepunch_secret: Zeroizing<[u8; 32]>,
} }

choice! { both ways: QueryKind {
    0 find_node {} => FindNode {},
    1 find_peer {} => FindPeer {},
    2 lookup {} => Lookup {},
    3 announce { secret_key: KeyPair, relay_addresses: Vec<SocketAddrV4>, bump: u64, clear: bool }
        => Announce { key_pair: secret_key, relay_addresses, bump, clear },
    4 unannounce { secret_key: KeyPair } => Unannounce { key_pair: secret_key },
    5 user { command: u64, value: Option<Bytes>, commit: UserCommit }
        => User { command, value, commit },
} }

choice! { both ways: UserCommit {
    0 none {} => None {},
    1 send { command: u64, value: Option<Bytes> } => Send { command, value },
} }

record! { QueryOptions {
    nodes: Vec<SocketAddrV4>,
    concurrency: Option<usize>,
    retries: Option<u32>,
    only_closest_nodes: bool,
    force: bool,
    only_values: bool,
} }

words! { Steer {
    0 pause => Pause,
    1 go_on => GoOn,
    2 conclude => Conclude,
} }

record! { UserRequest {
    to: SocketAddrV4,
    internal: bool,
    command: u64,
    target: Option<Target>,
    token: Option<[u8; 32]>,
    value: Option<Bytes>,
    retries: u32,
    ttl: Option<u8>,
    socket: Option<SocketId>,
} }

record! { Interests {
    unknown: bool,
    requests: bool,
    plugins: bool,
    datagrams: bool,
    copies: bool,
} }

choice! { both ways: RequestAnswer {
    0 reply { answer: Answering } => Reply(answer),
    1 relay { value: Option<Bytes>, to: SocketAddrV4, socket: Option<SocketId> }
        => Relay { value, to, socket },
    2 serve {} => Serve {},
} }

record! { Answering {
    error: u64,
    value: Option<Bytes>,
    token: bool,
    closer_nodes: bool,
    to: Option<SocketAddrV4>,
    socket: Option<SocketId>,
} }

// Parts of commands and events.

record! { Incoming {
    socket: SocketId,
    from: SocketAddrV4,
    id: Option<NodeId>,
    to: SocketAddrV4,
    tid: u16,
    command: u64,
    target: Option<Target>,
    token: Option<[u8; 32]>,
    value: Option<Bytes>,
} => { socket, from, from_id: id, to, tid, command, target, token, value } }

// Parts of events.

record! { ConnectionInfo {
    server: ServerId,
    opened: Opened,
    keep_alive: Duration,
    unasked: Vec<Question>,
} }

record! { Opened {
    conn: ConnId,
    remote_public_key: PublicKey,
    handshake_hash: Zeroizing<[u8; 64]>,
    remote: SocketAddr,
    socket: SocketId,
    local_id: u32,
    remote_id: u32,
    path: PathInfo,
} }

words! { PunchKind {
    0 consistent => Consistent,
    1 random => Random,
} }

record! { PathInfo {
    kind: PathKind,
    relay: Option<PublicKey>,
    remote: SocketAddr,
    socket: SocketId,
    punch: Option<PunchKind>,
} }

words! { PathKind {
    0 direct => Direct,
    1 lan => Lan,
    2 relayed => Relayed,
} }

choice! { both ways: Question {
    0 firewall {
        server: ServerId,
        remote_public_key: PublicKey,
        address: SocketAddrV4,
        payload: Bytes,
    } => Firewall { server, remote_public_key, address, payload },
    1 holepunch {
        server: Option<ServerId>,
        conn: Option<ConnId>,
        remote_firewall: u8,
        local_firewall: u8,
        remote_addresses: Vec<RemoteAddress>,
        local_addresses: Option<Vec<LocalAddress>>,
    } => Holepunch {
        server,
        conn,
        remote_firewall,
        local_firewall,
        remote_addresses,
        local_addresses,
    },
    2 stream_firewall { conn: ConnId, socket: SocketId, from: SocketAddr }
        => StreamFirewall { conn, socket, from },
    3 write_handshake { server: Option<ServerId>, conn: ConnId, payload: Bytes }
        => WriteHandshake { server, conn, payload },
    4 read_handshake {
        server: Option<ServerId>,
        conn: ConnId,
        message: Bytes,
        address: Option<SocketAddrV4>,
    } => ReadHandshake { server, conn, message, address },
    5 node { id: NodeId, address: SocketAddrV4 } => Node { id, address },
} }

record! { RemoteAddress { address: SocketAddrV4, verified: bool } }

record! { LocalAddress { address: SocketAddrV4, hits: u32 } }

record! { Unsigned { announces: bool, target: Target, token: [u8; 32], id: NodeId }
=> { announces, target, token, node: id } }

// `lib/native/border.js` reads this one by hand.
record! { QueryReply {
    tid: u16,
    rtt: u32,
    from: SocketAddrV4,
    to: SocketAddrV4,
    id: Option<NodeId>,
    token: Option<[u8; 32]>,
    closer_nodes: Vec<SocketAddrV4>,
    error: u64,
    value: Option<Bytes>,
} => { tid, rtt, from, to, from_id: id, token, closer_nodes, error, value } }

record! { Tally { successes: usize, errors: usize } }

failures! {
    ConnError: |error| match error {
        ConnError::Connect(error) => error.code(),
        ConnError::Stream(error) => error.code(),
        _ => None,
    }, [StreamError::Reset.into(), ConnectError::RemoteAborted(7).into()];
    ListenError: |error| Some(error.code()), [ListenError::AlreadyListening];
    QueryError: |error| error.code(), [QueryError::NoToken, QueryError::NodeFailed];
    RequestError: |error| error.code(), [RequestError::Timeout, RequestError::NodeDestroyed];
}

/// A reply that JavaScript already has crosses as its place among the replies of the query.
impl Shape for Closest {
    fn shape() -> String {
        let told = row!(0, told, fields!(place: u32));
        let untold = row!(1, untold, fields!(reply: QueryReply));
        format!("{{\"choice\":[{told},{untold}]}}")
    }
}

impl Encode for Closest {
    fn encode(&self, w: &mut Writer) {
        match self.told {
            Some(place) => place.encode(w.u8(0)),
            None => self.reply.encode(w.u8(1)),
        }
    }
}

impl Sample for Closest {
    fn sample(random: &mut Random) -> Self {
        Self { told: Option::sample(random), reply: QueryReply::sample(random) }
    }
}

/// Crosses as text, with its family. JavaScript never sends one back.
impl Shape for Interface {
    fn shape() -> String {
        let fields = fields!(name: String, host: String, family: u8, internal: bool);
        format!("{{\"record\":\"Interface\",\"fields\":{fields}}}")
    }
}

impl Encode for Interface {
    fn encode(&self, w: &mut Writer) {
        self.name.encode(w);
        self.address.to_string().encode(w);
        w.u8(if self.address.is_ipv4() { 4 } else { 6 });
        self.internal.encode(w);
    }
}

impl Sample for Interface {
    fn sample(random: &mut Random) -> Self {
        let address = match random.coin() {
            true => IpAddr::from(random.array::<4>()),
            false => IpAddr::from(random.array::<16>()),
        };
        Self { name: random.text(), address, internal: random.coin() }
    }
}
