//! What a node tells its driver and its application.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::noise::PublicKey;
use crate::wire::{NodeId, NoisePayload, Peer, Target};
use crate::{
    AskId, ConnError, ConnId, Incoming, Interface, ListenError, QueryError, QueryId, RequestError,
    RequestId, ServerId, SocketId, TableNode,
};

/// Work that only the driver can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Bind a UDP socket on any port; answered by `Command::Bound`. A client of one of our servers
    /// may be the one that needs it.
    Bind { socket: SocketId, for_client: bool },
    /// Close a socket.
    Close { socket: SocketId },
    /// Close both main sockets once all that the node has to send has left; answered by
    /// `Command::MainClosed`. What finds no room in a socket is lost.
    CloseMain,
    /// Bind both main sockets again, where they were or else by the rules of the start; answered by
    /// `Command::MainBound`.
    BindMain,
    /// Resolve a name to IPv4 addresses; answered by `Command::Resolved`.
    Resolve { host: String },
    /// Send a datagram from a socket on this address to itself; answered by
    /// `Command::LocalChecked`.
    CheckLocal { host: Ipv4Addr },
}

/// What happened, in the order in which it happened.
#[derive(Debug)]
pub enum Event {
    /// Both sockets are bound and the bootstrap query starts.
    Listening,
    /// Our address as others see it has changed.
    NatUpdate { host: Option<Ipv4Addr>, port: u16 },
    /// Bootstrapping has ended, with or without anybody reached.
    Ready,
    /// The node joined the routing tables of others under this id.
    Persistent { id: NodeId },
    /// The node left them.
    Ephemeral,
    /// The process or the machine slept.
    Wakeup,
    /// The firewall check showed that strangers reach us (`false`), or no longer.
    Firewalled { firewalled: bool },
    /// The interfaces of this host have changed: all of them, in the system's order. Servers
    /// announce again.
    NetworkChange { interfaces: Vec<Interface> },
    /// Requests are answered (`online`), or mostly not (`degraded`).
    Health { online: bool, degraded: bool },
    /// A node has come into the routing table; told if the application watches it.
    NodeAdded { node: TableNode },
    /// A node has left the routing table; told if the application watches it.
    NodeRemoved { node: TableNode },
    /// The first announcement is done.
    ServerListening { server: ServerId },
    /// `Listen` failed.
    ServerFailed { server: ServerId, error: ListenError },
    /// Our relays, for `server.relayAddresses`.
    ServerRelays { server: ServerId, relays: Vec<SocketAddrV4> },
    /// A server is closed.
    ServerClosed { server: ServerId },
    /// A server is unannounced and accepts nobody.
    ServerSuspended { server: ServerId },
    /// A server accepted a connection.
    Connection(Box<ConnectionInfo>),
    /// A connection of ours is open: keys are set, a path is chosen.
    Opened(Box<Opened>),
    /// One message of a connection.
    Data { conn: ConnId, data: Bytes },
    /// One unordered message.
    Message { conn: ConnId, data: Bytes },
    /// The peer ended its side; everything before it was delivered.
    RemoteEnd { conn: ConnId },
    /// Our `End` was acknowledged.
    Finished { conn: ConnId },
    /// The peer has acknowledged all that was written before this `Flush`.
    Flushed { conn: ConnId, flush: u32 },
    /// This many bytes of frames have left the write queue since the last report. What has left it
    /// and is not acknowledged is bounded by itself, see `Sizes::sending`. A message of n bytes is a
    /// frame of n + 20; a rest below 64 KiB may stay unreported.
    Drained { conn: ConnId, bytes: usize },
    /// A connection is gone. Nothing follows.
    Closed(Closed),
    /// The application has to decide.
    Ask { ask: AskId, question: Question },
    /// A server's announcement needs a signature: `Command::Signed` with the same tag.
    Sign { server: ServerId, tag: u32, wanted: Box<Unsigned> },
    /// One reply of a query.
    QueryReply { query: QueryId, reply: Box<QueryReply> },
    /// A query has ended.
    QueryDone {
        query: QueryId,
        closest: Vec<QueryReply>,
        tally: Tally,
        result: Result<(), QueryError>,
    },
    /// A request has ended.
    Reply { request: RequestId, result: Result<Box<QueryReply>, RequestError> },
    /// A request of another node that the application has subscribed to.
    IncomingRequest(Box<Incoming>),
    /// A datagram that the application has subscribed to.
    Datagram { socket: SocketId, from: SocketAddrV4, data: Bytes },
    /// Whether this host hears itself on an address.
    LocalChecked { host: Ipv4Addr, valid: bool },
    /// The node sleeps: its sockets are closed, and what needed them has ended.
    Suspended,
    /// The node is awake, or its sockets could not be bound and it goes on sleeping.
    Resumed { error: Option<ErrorKind> },
    /// The node is gone; its sockets can be closed.
    Destroyed,
    /// The node has panicked. It is gone as after `Destroyed`, and whatever waits for it has
    /// failed: no other event will say so. Drivers tell this, the node itself never does.
    Failed,
}

impl Event {
    /// Only what belongs to the flow of a stream, of bytes or of a query's replies, may be joined
    /// with others before the application is told.
    pub fn is_data(&self) -> bool {
        matches!(self, Self::Data { .. } | Self::Drained { .. } | Self::QueryReply { .. })
    }
}

/// A connection that a server accepted.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    pub server: ServerId,
    pub opened: Opened,
}

/// What is known of a connection from its start.
#[derive(Clone)]
pub struct Opened {
    pub conn: ConnId,
    pub remote_public_key: PublicKey,
    /// The Noise handshake hash, the same at both ends. A secret: keys derive from it.
    pub handshake_hash: Zeroizing<[u8; 64]>,
    /// The peer's address.
    pub remote: SocketAddrV4,
    /// The local socket.
    pub socket: SocketId,
    /// UDX stream ids of both ends.
    pub local_id: u32,
    pub remote_id: u32,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened")
            .field("conn", &self.conn)
            .field("remote_public_key", &self.remote_public_key)
            .field("remote", &self.remote)
            .field("socket", &self.socket)
            .field("local_id", &self.local_id)
            .field("remote_id", &self.remote_id)
            .finish_non_exhaustive()
    }
}

/// The end of a connection.
#[derive(Clone, Debug)]
pub struct Closed {
    pub conn: ConnId,
    /// `None`: both ends ended, or our own side destroyed it.
    pub error: Option<ConnError>,
}

/// A decision that the application takes.
#[derive(Clone, Debug)]
pub enum Question {
    /// May this client connect?
    Firewall {
        server: ServerId,
        remote_public_key: PublicKey,
        payload: Box<NoisePayload>,
        /// The true source of the client, as far as it can be known.
        address: SocketAddrV4,
    },
    /// Shall we punch?
    Holepunch {
        /// The server, or `None` on the connecting side.
        server: Option<ServerId>,
        conn: Option<ConnId>,
        remote_firewall: u8,
        local_firewall: u8,
        remote_addresses: Vec<RemoteAddress>,
        /// `None` while our NAT is not known.
        local_addresses: Option<Vec<LocalAddress>>,
    },
}

/// Where the peer of a punch wants to be probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteAddress {
    pub address: SocketAddrV4,
    /// The peer has shown that it receives on this host.
    pub verified: bool,
}

/// Where the peer of a punch is asked to probe us; port 0 behind a NAT that takes random ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalAddress {
    pub address: SocketAddrV4,
    /// How many nodes saw us there.
    pub hits: u32,
}

/// An announcement, or its end, that the application signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    /// False: it takes the announcement back.
    pub announces: bool,
    /// The hash of the announced key.
    pub target: Target,
    /// What the node gave, and who it is: the signature is good for nobody else.
    pub token: [u8; 32],
    pub node: NodeId,
}

/// A reply, as the application sees it.
#[derive(Clone, Debug)]
pub struct QueryReply {
    pub tid: u16,
    /// Milliseconds from the last transmission.
    pub rtt: u32,
    pub from: SocketAddrV4,
    pub from_id: Option<NodeId>,
    /// Our address as the replier sees it.
    pub to: SocketAddrV4,
    pub token: Option<[u8; 32]>,
    pub closer_nodes: Vec<SocketAddrV4>,
    pub error: u64,
    pub value: Option<Bytes>,
    /// Decoded records, for FIND_PEER and LOOKUP.
    pub record: Option<PeerRecord>,
}

/// How the nodes that a query asked took it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Replies without an error.
    pub successes: usize,
    /// Replies with one, and nodes that stayed silent.
    pub errors: usize,
}

/// The decoded value of a FIND_PEER or LOOKUP reply.
#[derive(Clone, Debug)]
pub enum PeerRecord {
    Peer(Peer),
    Peers { peers: Vec<Peer>, bump: u64 },
}

/// Counters of a node: plain numbers that only grow, except those named active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub requests_active: u64,
    pub requests_total: u64,
    pub responses: u64,
    pub timeouts: u64,
    pub retries: u64,
    pub queries_active: u64,
    pub queries_total: u64,
    pub punches_consistent: u64,
    pub punches_random: u64,
    pub punches_open: u64,
    /// Random punches that our servers put off: another one was under way, or had just been.
    pub punches_try_later: u64,
    /// tx and rx of PING, PING_NAT, FIND_NODE and DOWN_HINT.
    pub commands: [[u64; 2]; 4],
    pub pool_sockets_added: u64,
    pub pool_sockets_removed: u64,
    pub dropped: Dropped,
}

/// What was thrown away, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Datagrams of no known kind, or undecodable.
    pub malformed: u64,
    /// Responses to no request of ours, or from the wrong address.
    pub unexpected: u64,
    /// Handshakes that did not decrypt.
    pub handshake: u64,
    /// Handshakes and delayed pings refused by a cap or the source's budget.
    pub admission: u64,
    /// Punch payloads that did not decrypt.
    pub punch: u64,
    /// Unordered messages that did not decrypt.
    pub message: u64,
    /// Frames that ended their stream.
    pub frame: u64,
    /// UDX packets outside the window, or malformed.
    pub udx: u64,
    /// Announcements and values with a wrong signature or target, and entries of a full store that
    /// made room for others.
    pub store: u64,
    /// Requests and datagrams of others that the application was too slow for, and PLUGIN
    /// requests without a plugin.
    pub request: u64,
}

/// What a persistent node keeps for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Servers that announced themselves here.
    pub servers: usize,
    /// Announcements under topics.
    pub records: usize,
    /// Bumps of topics.
    pub bumps: usize,
    /// Announcements that can be refreshed without a signature.
    pub refreshes: usize,
    /// Mutable values.
    pub mutables: usize,
    /// Immutable values.
    pub immutables: usize,
}

/// Live objects of a node; all return to what they were when their users are gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Live {
    pub connections: usize,
    pub streams: usize,
    pub servers: usize,
    pub handshakes: usize,
    pub punchers: usize,
    pub queries: usize,
    pub requests: usize,
    pub pool_sockets: usize,
    pub timers: usize,
}
