//! What the application asks of a node.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bytes::Bytes;

use crate::noise::{KeyPair, PublicKey};
use crate::secret::Message;
use crate::wire::Target;
use crate::{
    AskId, ConnId, Incoming, Interests, QueryId, RequestAnswer, RequestId, ServerId, SocketId,
};

/// One command. All take effect at once; their outcome arrives as an [`crate::Event`].
#[derive(Debug)]
pub enum Command {
    /// Connects to a server by its public key.
    Connect { conn: ConnId, remote: PublicKey, options: ConnectOptions },
    /// Writes one message to a connection; queued until it is open.
    Write { conn: ConnId, data: Message },
    /// Writes one unordered, unreliable message.
    SendMessage { conn: ConnId, data: Bytes },
    /// Asks for an `Event::Flushed` once the peer has acknowledged all that was written before. It
    /// does not come if the connection ends first. The caller chooses the number.
    Flush { conn: ConnId, flush: u32 },
    /// Ends the write side.
    End { conn: ConnId },
    /// Tears a connection down at once.
    DestroyConn { conn: ConnId },
    /// The application has taken this many bytes of `Event::Data`, and the empty messages among
    /// them: the window may reopen.
    Consumed { conn: ConnId, bytes: usize },
    /// Interval of the keep-alive; zero is off.
    SetKeepAlive { conn: ConnId, interval: Duration },
    /// The same for the connections to come.
    SetDefaultKeepAlive { interval: Duration },
    /// Announces a key pair and accepts connections to it.
    Listen { server: ServerId, options: ServerOptions },
    /// Announces a server again at the next cycle.
    RefreshServer { server: ServerId },
    /// Unannounces a server and drops its half-open handshakes.
    CloseServer { server: ServerId },
    /// Changes which questions a server asks.
    SetHooks { server: ServerId, firewall: bool, holepunch: bool },
    /// The answer to an `Event::Ask`.
    Answer { ask: AskId, answer: Answer },
    /// The answer to an `Event::Sign`; `None` if there is no signature.
    Signed { server: ServerId, tag: u32, signature: Option<[u8; 64]> },
    /// Starts a query.
    Query { query: QueryId, target: Target, kind: QueryKind, options: QueryOptions },
    /// Ends a query early.
    CancelQuery { query: QueryId },
    /// Changes the course of a query that has not ended.
    SteerQuery { query: QueryId, steer: Steer },
    /// Removes a record from the node's own store, which it never asks itself.
    Unlink { target: Target, public_key: PublicKey },
    /// Sends one request.
    Request { request: RequestId, options: UserRequest },
    /// Forgets a request of the application. Nothing follows.
    CancelRequest { request: RequestId },
    /// Says what of other nodes the application wants to see.
    Subscribe { interests: Interests },
    /// Answers a request of another node, passes it on, or lets the node serve it.
    AnswerRequest { incoming: Box<Incoming>, answer: RequestAnswer },
    /// So many `Event::IncomingRequest`s and `Event::Datagram`s have reached the application.
    /// Until they have, no more than a few wait for it.
    Taken { events: usize },
    /// Treats a datagram as if it had just arrived and nobody had asked for it.
    HandleDatagram { socket: SocketId, from: SocketAddrV4, data: Bytes },
    /// Asks whether this host hears itself on an address; `Event::LocalChecked` follows.
    CheckLocal { host: Ipv4Addr },
    /// The answer to `Action::CheckLocal`.
    LocalChecked { host: Ipv4Addr, valid: bool },
    /// Adds a node to the routing table.
    AddNode { address: SocketAddrV4 },
    /// Whether to tell of nodes that enter and leave the routing table. Default: not.
    WatchTable { watch: bool },
    /// A socket that `Action::Bind` asked for is ready; `None` if it could not be bound.
    Bound { socket: SocketId, local: Option<SocketAddrV4> },
    /// The addresses of a name that `Action::Resolve` asked for; empty on failure.
    Resolved { host: String, addresses: Vec<Ipv4Addr> },
    /// The host's interfaces have changed; all of them. `Event::NetworkChange` follows, unless the
    /// node sleeps.
    Interfaces { interfaces: Vec<Interface> },
    /// The wall clock shows this, since the Unix epoch: it was set, or the machine slept.
    Clock { unix_time: Duration },
    /// The machine has slept, which the clock of this node does not show.
    MachineSlept,
    /// Puts the node to sleep: servers unannounce, for 5 s at most, then connections, requests and
    /// both main sockets end. One `Event::Suspended` follows, also if the node sleeps already.
    /// Several of these and of `Resume` take effect one after another.
    Suspend,
    /// Wakes the node: both main sockets are bound again, where they were if that is possible, and
    /// servers announce. One `Event::Resumed` follows, also if the node is awake.
    Resume,
    /// Unannounces a server, and accepts nobody until `ResumeServer` or `Resume`.
    /// `Event::ServerSuspended` follows within 5 s.
    SuspendServer { server: ServerId },
    /// Announces a suspended server again.
    ResumeServer { server: ServerId },
    /// `Action::CloseMain` is done.
    MainClosed,
    /// The outcome of `Action::BindMain`.
    MainBound { sockets: Result<MainSockets, ErrorKind> },
    /// Ends the node: servers unannounce first unless forced. `Event::Destroyed` follows.
    Destroy { force: bool },
}

/// Options of one `Connect`.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// Identity; `None` is the node's.
    pub key_pair: Option<KeyPair>,
    /// DHT nodes that may know the server, asked first.
    pub relay_addresses: Vec<SocketAddrV4>,
    /// LAN shortcut. Default true.
    pub local_connection: bool,
    /// An early punch packet. Default true.
    pub fast_open: bool,
    /// The application decides whether to punch: `Question::Holepunch`. Default false.
    pub ask_holepunch: bool,
    /// `None`: the node's default.
    pub keep_alive: Option<Duration>,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            key_pair: None,
            relay_addresses: Vec::new(),
            local_connection: true,
            fast_open: true,
            ask_holepunch: false,
            keep_alive: None,
        }
    }
}

/// Options of one server.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Identity; `None` is the node's.
    pub key_pair: Option<KeyPair>,
    /// The application signs the announcements of this key: `Event::Sign`. `None`: `key_pair` is
    /// announced, and signs itself.
    pub announces: Option<PublicKey>,
    /// The application decides on each handshake: `Question::Firewall`. Default false.
    pub ask_firewall: bool,
    /// The application decides on each punch: `Question::Holepunch`. Default false.
    pub ask_holepunch: bool,
    /// False: never punch. Default true.
    pub holepunch: bool,
    /// Tell clients our LAN addresses. Default true.
    pub share_local_address: bool,
    /// How long a finished handshake keeps its slot and repeats its reply. Default 10 s.
    pub handshake_clear_wait: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            key_pair: None,
            announces: None,
            ask_firewall: false,
            ask_holepunch: false,
            holepunch: true,
            share_local_address: true,
            handshake_clear_wait: Duration::from_secs(10),
        }
    }
}

/// The local addresses of the sockets that a node always has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MainSockets {
    /// Requests leave from here while the node is firewalled.
    pub client: SocketAddrV4,
    /// Others reach the node here.
    pub server: SocketAddrV4,
}

/// One address of one network interface of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The system's name for the interface.
    pub name: String,
    pub address: IpAddr,
    /// It leads to this host only.
    pub internal: bool,
}

impl Interface {
    /// The IPv4 address, if others may reach this host at it.
    pub fn external_ipv4(&self) -> Option<Ipv4Addr> {
        match self.address {
            IpAddr::V4(address) if !self.internal => Some(address),
            IpAddr::V4(_) | IpAddr::V6(_) => None,
        }
    }
}

/// Answers to a [`crate::Question`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Accept,
    /// Stop here.
    Reject,
}

/// The queries that an application can run.
#[derive(Clone, Debug)]
pub enum QueryKind {
    /// Internal FIND_NODE.
    FindNode,
    /// FIND_PEER; the target is the hash of a public key.
    FindPeer,
    /// LOOKUP of a topic.
    Lookup,
    /// LOOKUP, then a signed ANNOUNCE to the closest nodes; if `clear`, a signed UNANNOUNCE before
    /// that to each node that has our record.
    Announce { key_pair: KeyPair, relay_addresses: Vec<SocketAddrV4>, bump: u64, clear: bool },
    /// LOOKUP, and a signed UNANNOUNCE to each node that has our record.
    Unannounce { key_pair: KeyPair },
    /// A user command of dht-rpc.
    User { command: u64, value: Option<Bytes>, commit: UserCommit },
}

/// What a user query sends to each of the closest nodes, with the token of its reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum UserCommit {
    /// Nothing.
    #[default]
    None,
    /// This, with the target of the query.
    Send { command: u64, value: Option<Bytes> },
}

/// Changes of a query's course.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steer {
    /// Nobody else is asked until it goes on: whoever reads its replies is slow.
    Pause,
    /// The end of a pause.
    GoOn,
    /// Nobody else is asked: what answered so far is the result.
    Conclude,
}

/// Options of one query.
#[derive(Clone, Debug, Default)]
pub struct QueryOptions {
    /// Asked before the routing table.
    pub nodes: Vec<SocketAddrV4>,
    /// `None`: the node's default.
    pub concurrency: Option<usize>,
    /// `None`: 5.
    pub retries: Option<u32>,
    /// Ask the given nodes only.
    pub only_closest_nodes: bool,
    /// Bypass the congestion window, without retries.
    pub force: bool,
    /// Replies without a value count, and are not told. Default false.
    pub only_values: bool,
}

/// One request of the application.
#[derive(Clone, Debug)]
pub struct UserRequest {
    /// Destination.
    pub to: SocketAddrV4,
    /// A dht-rpc command of the protocol itself, as PING.
    pub internal: bool,
    /// The command's number.
    pub command: u64,
    /// 32 bytes, for commands that have one.
    pub target: Option<Target>,
    /// A token from an earlier reply.
    pub token: Option<[u8; 32]>,
    /// The command's payload.
    pub value: Option<Bytes>,
    /// How often it is sent again.
    pub retries: u32,
    /// `None`: the socket that requests leave from.
    pub socket: Option<SocketId>,
    /// IP time to live; `None` is the socket's.
    pub ttl: Option<u8>,
}
