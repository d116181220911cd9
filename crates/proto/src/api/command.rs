//! What the application asks of a node.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use bytes::Bytes;

use crate::noise::PublicKey;
use crate::secret::{Message, Messages};
use crate::wire::{NodeId, Target};
use crate::{
    Answer, AskId, ConnId, ConnectOptions, Incoming, Interests, QueryId, QueryKind, QueryOptions,
    RequestAnswer, RequestId, ServerId, ServerOptions, SocketId, Steer, StreamId, UserRequest,
};

/// One command. Each takes effect at once; its outcome arrives as an [`crate::Event`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Command {
    /// Connects to a server by its public key.
    Connect {
        /// The caller's number for the connection.
        conn: ConnId,
        /// The server's public key.
        remote: PublicKey,
        /// Options of the connection.
        options: ConnectOptions,
    },
    /// Creates a raw stream, or changes it or the stream below a connection.
    Raw {
        /// The caller's number for the raw stream, or the connection.
        conn: ConnId,
        /// What to do.
        command: RawCommand,
    },
    /// Writes one message to a connection, or bytes to a raw stream; queued until it is open.
    Write {
        /// The connection.
        conn: ConnId,
        /// The message.
        data: Message,
    },
    /// Writes small messages, as many `Write` would.
    WriteAll {
        /// The connection.
        conn: ConnId,
        /// The messages.
        data: Messages,
    },
    /// Writes one unordered, unreliable message.
    SendMessage {
        /// The connection.
        conn: ConnId,
        /// The message.
        data: Bytes,
    },
    /// Sends one unordered, unreliable message without the secret stream of the connection. The peer
    /// gets an `Event::RawMessage`.
    SendRaw {
        /// The connection.
        conn: ConnId,
        /// The message.
        data: Bytes,
    },
    /// Asks for an `Event::Flushed` once the peer has acknowledged everything that was written
    /// before. If the connection ends first, the event does not come. The caller chooses the
    /// number.
    Flush {
        /// The connection.
        conn: ConnId,
        /// The caller's number.
        flush: u32,
    },
    /// Ends the write side.
    End {
        /// The connection.
        conn: ConnId,
    },
    /// Tears a connection down at once.
    DestroyConn {
        /// The connection.
        conn: ConnId,
    },
    /// The application has consumed this many bytes of `Event::Data`, and the empty messages among
    /// them. The receive window may reopen.
    Consumed {
        /// The connection.
        conn: ConnId,
        /// How many bytes.
        bytes: usize,
    },
    /// Sets the keep-alive interval of a connection; zero turns it off.
    SetKeepAlive {
        /// The connection.
        conn: ConnId,
        /// The interval.
        interval: Duration,
    },
    /// Sets the keep-alive interval of future connections; zero turns it off.
    SetDefaultKeepAlive {
        /// The interval.
        interval: Duration,
    },
    /// Announces a key pair and accepts connections to it.
    Listen {
        /// The caller's number for the server.
        server: ServerId,
        /// Options of the server.
        options: ServerOptions,
    },
    /// Announces a server again at the next cycle.
    RefreshServer {
        /// The server.
        server: ServerId,
    },
    /// Unannounces a server and drops its half-open handshakes.
    CloseServer {
        /// The server.
        server: ServerId,
    },
    /// Changes which questions a server asks.
    SetHooks {
        /// The server.
        server: ServerId,
        /// Whether the server asks [`crate::Question::Firewall`].
        firewall: bool,
        /// Whether the server asks [`crate::Question::Holepunch`].
        holepunch: bool,
        /// See [`ServerOptions::ask_handshake`].
        handshake: bool,
    },
    /// Changes the blind relays that a server offers.
    SetRelayThrough {
        /// The server.
        server: ServerId,
        /// See [`ServerOptions::relay_through`].
        relay_through: Vec<PublicKey>,
        /// See [`ServerOptions::ask_relay`].
        ask: bool,
    },
    /// The answer to an `Event::Ask`.
    Answer {
        /// The question's number.
        ask: AskId,
        /// The answer.
        answer: Answer,
    },
    /// The answer to an `Event::Sign`; `None` if the application refuses or fails to sign.
    Signed {
        /// The server.
        server: ServerId,
        /// The tag of the `Event::Sign`.
        tag: u32,
        /// The signature.
        signature: Option<[u8; 64]>,
    },
    /// Starts a query.
    Query {
        /// The caller's number for the query.
        query: QueryId,
        /// The target that the query searches for.
        target: Target,
        /// Which query.
        kind: QueryKind,
        /// Options of the query.
        options: QueryOptions,
    },
    /// Ends a query early.
    CancelQuery {
        /// The query.
        query: QueryId,
    },
    /// Changes the course of a query that has not ended.
    SteerQuery {
        /// The query.
        query: QueryId,
        /// The change.
        steer: Steer,
    },
    /// Removes a record from the node's own store, because the node sends no UNANNOUNCE to itself.
    Unlink {
        /// The target of the record.
        target: Target,
        /// The public key of the record.
        public_key: PublicKey,
    },
    /// Sends one request.
    Request {
        /// The caller's number for the request.
        request: RequestId,
        /// The request.
        options: UserRequest,
    },
    /// Forgets a request of the application. Nothing follows.
    CancelRequest {
        /// The request.
        request: RequestId,
    },
    /// Chooses which messages of other nodes the application receives.
    Subscribe {
        /// The kinds of messages.
        interests: Interests,
    },
    /// Answers a request of another node, passes it on, or lets the node serve it.
    AnswerRequest {
        /// The request, as the event gave it.
        incoming: Box<Incoming>,
        /// The answer.
        answer: RequestAnswer,
    },
    /// The application has processed this many `Event::IncomingRequest`s, `Event::Datagram`s
    /// and `Event::CopiedDatagram`s.
    /// The node queues only a bounded number of them that are not yet reported here, and drops the
    /// rest.
    Taken {
        /// How many.
        events: usize,
    },
    /// Handles a datagram as if it had just arrived unsolicited.
    HandleDatagram {
        /// The socket on which it counts as received.
        socket: SocketId,
        /// The sender's address.
        from: SocketAddrV4,
        /// The bytes.
        data: Bytes,
    },
    /// Does something for the application that is no part of the DHT.
    Host(HostCommand),
    /// Checks whether this host receives its own datagrams on an address. `Event::LocalChecked`
    /// follows.
    CheckLocal {
        /// The address to check.
        host: Ipv4Addr,
    },
    /// Adds a node to the routing table.
    AddNode {
        /// The address.
        address: SocketAddrV4,
    },
    /// Removes a node from the routing table.
    RemoveNode {
        /// The node's id.
        id: NodeId,
    },
    /// Forgets the ticks by which the health is judged: the node counts as online.
    ResetHealth,
    /// Judges the health now, as at the end of a tick.
    JudgeHealth,
    /// Whether to report nodes that enter and leave the routing table. Default: as
    /// `Config::watch_table` says.
    WatchTable {
        /// Whether to report.
        watch: bool,
    },
    /// Suspends the node. Servers unannounce, for 5 s at most; then connections and requests end,
    /// and both main sockets close. One `Event::Suspended` follows, also if the node was suspended
    /// already. Several `Suspend` and `Resume` commands take effect one after another.
    Suspend,
    /// Resumes the node. Both main sockets are bound again, at their previous addresses if
    /// possible, and servers announce. One `Event::Resumed` follows, also if the node was not
    /// suspended.
    Resume,
    /// Unannounces a server, which then accepts no connection until `ResumeServer` or `Resume`.
    /// `Event::ServerSuspended` follows within 5 s.
    SuspendServer {
        /// The server.
        server: ServerId,
    },
    /// Announces a suspended server again.
    ResumeServer {
        /// The server.
        server: ServerId,
    },
    /// Ends the node: servers unannounce first unless forced. `Event::Destroyed` follows.
    Destroy {
        /// Whether to skip unannouncing.
        force: bool,
    },
}

/// What a node does for the application with the sockets and the resolver of its host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostCommand {
    /// Sends a datagram of the application.
    SendDatagram {
        /// The socket to send from.
        socket: SocketId,
        /// The destination.
        to: SocketAddr,
        /// The time to live; `None` is the socket's own.
        ttl: Option<u8>,
        /// The bytes.
        data: Bytes,
    },
    /// Closes a socket of the application, once everything queued has left it.
    /// `Event::SocketClosed` follows.
    CloseSocket {
        /// The socket.
        socket: SocketId,
    },
    /// Resolves a name. `Event::LookedUp` follows.
    Lookup {
        /// The caller's number.
        lookup: u32,
        /// The name.
        host: String,
        /// 4 or 6 for an address of that family, 0 for any.
        family: u8,
    },
}

/// What is done with a raw stream, or with the stream below a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawCommand {
    /// Creates a raw stream: a UDX stream whose bytes are the application's. Packets of its peer
    /// are kept or asked about until it is connected.
    Create(RawOptions),
    /// Connects a raw stream to the peer's stream. It cannot be connected twice.
    Connect {
        /// The peer's stream.
        remote: RawRemote,
        /// The sequence number of the peer's first packet: [`RawOptions::seq`] there.
        ack: u32,
    },
    /// Sends the packets of a connected stream elsewhere from here on. `Event::RemoteChanged`
    /// follows when the peer has received everything that was sent before.
    ChangeRemote(RawRemote),
    /// From here on, a stream delivers nothing: its packets are forwarded to the peer of this other
    /// one.
    RelayTo(ConnId),
    /// Sets after how long without a packet a heartbeat is sent; zero is never.
    SetHeartbeat(Duration),
}

/// Options of one raw stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawOptions {
    /// The id by which the peer addresses the stream.
    pub id: StreamId,
    /// The sequence number of the first packet. Peers expect 0 unless they were told otherwise.
    pub seq: u32,
    /// Whether to deliver frames in one piece if possible. A frame begins with its length in three
    /// bytes, little endian.
    pub framed: bool,
    /// Whether to ask `Question::StreamFirewall` about packets that do not arrive on the socket
    /// that the stream is connected to. Otherwise they are dropped.
    pub ask_firewall: bool,
}

/// Where the packets of a stream go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawRemote {
    /// The local socket.
    pub socket: SocketId,
    /// The peer's address.
    pub address: SocketAddr,
    /// The id of the peer's stream.
    pub id: u32,
}
