//! Events of a node, for its driver and its application.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::noise::PublicKey;
use crate::wire::{NodeId, Target};
use crate::{
    AskId, Closest, ConnError, ConnId, ConnStats, ConnectTrace, Incoming, Interface, ListenError,
    PathInfo, QueryError, QueryId, QueryReply, Question, RequestError, RequestId, ServerId,
    SocketId, TableNode, Tally,
};

/// One event. A node reports events in the order in which they happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Both sockets are bound and the bootstrap query starts.
    Listening,
    /// Our public address, as other nodes see it, has changed.
    NatUpdate {
        /// The host; `None` while the other nodes do not agree.
        host: Option<Ipv4Addr>,
        /// The port; 0 while the other nodes do not agree.
        port: u16,
    },
    /// Bootstrapping has ended, even if no node was reached.
    Ready,
    /// The node has become persistent: other nodes may store it in their routing tables under this
    /// id.
    Persistent {
        /// The id, which follows from the address.
        id: NodeId,
    },
    /// The node has become ephemeral: it no longer sends its id, and other nodes remove it from
    /// their routing tables in time.
    Ephemeral,
    /// The process or the machine has slept, or the node has resumed.
    Wakeup,
    /// The firewall check has shown that unsolicited packets reach the server socket.
    /// This holds for the rest of the node's life.
    NotFirewalled,
    /// The network interfaces of this host have changed. Servers announce again.
    NetworkChange {
        /// All interfaces that exist now, in the system's order.
        interfaces: Vec<Interface>,
    },
    /// The health of the network has changed.
    Health {
        /// Whether any requests are answered.
        online: bool,
        /// Whether most requests time out.
        degraded: bool,
    },
    /// A node has entered the routing table. Sent only while the application watches the table.
    NodeAdded {
        /// The node.
        node: TableNode,
    },
    /// A node has left the routing table. Sent only while the application watches the table.
    NodeRemoved {
        /// The node.
        node: TableNode,
    },
    /// A server's first announcement is done.
    ServerListening {
        /// The server.
        server: ServerId,
    },
    /// `Listen` failed.
    ServerFailed {
        /// The server.
        server: ServerId,
        /// Why.
        error: ListenError,
    },
    /// The relays of a server have changed; JavaScript shows them as `server.relayAddresses`.
    ServerRelays {
        /// The server.
        server: ServerId,
        /// Nodes that pass handshakes on to the server.
        relays: Vec<SocketAddrV4>,
    },
    /// A server is closed.
    ServerClosed {
        /// The server.
        server: ServerId,
    },
    /// A server is unannounced and accepts no connections.
    ServerSuspended {
        /// The server.
        server: ServerId,
    },
    /// A server accepted a connection.
    Connection(Box<ConnectionInfo>),
    /// A connection of ours is open: keys are set, a path is chosen.
    Opened(Box<Opened>),
    /// One message of a connection.
    Data {
        /// The connection.
        conn: ConnId,
        /// The bytes, as they were written.
        data: Bytes,
    },
    /// One unordered message.
    Message {
        /// The connection.
        conn: ConnId,
        /// The bytes, as they were sent.
        data: Bytes,
    },
    /// One unordered message of a connection that its secret stream cannot open: the application of
    /// the peer has sent it without the secret stream.
    RawMessage {
        /// The connection.
        conn: ConnId,
        /// The bytes, as they were sent.
        data: Bytes,
    },
    /// The peer has ended its side. All its data has been delivered before.
    RemoteEnd {
        /// The connection.
        conn: ConnId,
    },
    /// The packets of a connection go elsewhere from here on. This path may still turn out not to
    /// work: then another of these events follows, with the path before. For a raw stream, it says
    /// that the stream has followed a connection, or that a `RawCommand::ChangeRemote` is carried
    /// out.
    PathChanged {
        /// The connection or raw stream.
        conn: ConnId,
        /// The new path.
        path: Box<PathInfo>,
    },
    /// Our `End` was acknowledged.
    Finished {
        /// The connection.
        conn: ConnId,
    },
    /// The peer has acknowledged all that was written before this `Flush`.
    Flushed {
        /// The connection.
        conn: ConnId,
        /// The caller's number.
        flush: u32,
    },
    /// This many bytes of frames have left the write queue since the last report. Bytes that have
    /// left it and are not acknowledged have a limit of their own, see `Sizes::sending`. A message
    /// of n bytes makes a frame of n + 20 bytes. A remainder below 64 KiB may stay unreported.
    Drained {
        /// The connection.
        conn: ConnId,
        /// How many bytes.
        bytes: usize,
    },
    /// The peer of a connection or raw stream has received everything that was sent before the
    /// packets went elsewhere: after `PathChanged` or a `RawCommand::ChangeRemote`.
    RemoteChanged {
        /// The connection or raw stream.
        conn: ConnId,
    },
    /// A connection is gone. No event of this connection follows.
    Closed(Closed),
    /// The application has to answer a question, with `Command::Answer`.
    Ask {
        /// The question's number, which the answer repeats.
        ask: AskId,
        /// What to decide.
        question: Question,
    },
    /// A server's announcement needs a signature: `Command::Signed` with the same tag.
    Sign {
        /// The server.
        server: ServerId,
        /// The number that the answer repeats.
        tag: u32,
        /// What to sign.
        wanted: Box<Unsigned>,
    },
    /// One reply of a query.
    QueryReply {
        /// The query.
        query: QueryId,
        /// The reply.
        reply: Box<QueryReply>,
    },
    /// A query has ended.
    QueryDone {
        /// The query.
        query: QueryId,
        /// The closest nodes that answered, the closest first.
        closest: Vec<Closest>,
        /// How many nodes answered, and how many failed.
        tally: Tally,
        /// Why the query failed, if it did.
        result: Result<(), QueryError>,
    },
    /// A request has ended.
    Reply {
        /// The request.
        request: RequestId,
        /// The reply, or why no reply came.
        result: Result<Box<QueryReply>, RequestError>,
    },
    /// A request of another node, of a kind that the application has subscribed to.
    IncomingRequest(Box<Incoming>),
    /// A datagram of a kind that the application has subscribed to, or that has arrived at a socket
    /// of the application.
    Datagram {
        /// The local socket.
        socket: SocketId,
        /// The sender's address, as the system reports it.
        from: SocketAddr,
        /// The payload.
        data: Bytes,
    },
    /// A copy of a datagram that the node handles itself.
    CopiedDatagram {
        /// The socket of the node.
        socket: SocketId,
        /// The sender.
        from: SocketAddr,
        /// The datagram.
        data: Bytes,
    },
    /// A socket of the application is closed, and its port is free.
    SocketClosed {
        /// The socket.
        socket: SocketId,
    },
    /// The answer to `HostCommand::Lookup`.
    LookedUp {
        /// The caller's number.
        lookup: u32,
        /// The first address of the name; `None` if the name has no address.
        address: Option<IpAddr>,
    },
    /// The answer to `Command::CheckLocal`.
    LocalChecked {
        /// The address that was checked.
        host: Ipv4Addr,
        /// Whether this host received its own datagram on that address.
        valid: bool,
    },
    /// The node is suspended: its sockets are closed, and everything that needed them has ended.
    Suspended,
    /// The node has resumed, or it stays suspended because its sockets could not be bound.
    Resumed {
        /// Why the sockets could not be bound; `None` if the node has resumed.
        error: Option<ErrorKind>,
    },
    /// The node is destroyed; the driver can close its sockets.
    Destroyed,
    /// The node has panicked. It is gone as after `Destroyed`. Everything that waited for the node
    /// has failed, and no other event reports these failures. Drivers send this event; the node
    /// itself never does.
    Failed,
}

impl Event {
    /// True for events that are part of a flow: bytes of a stream, or replies of a query. Several
    /// such events may share one wake-up of the application; each other event needs its own.
    pub fn is_data(&self) -> bool {
        matches!(self, Self::Data { .. } | Self::Drained { .. } | Self::QueryReply { .. })
    }
}

/// A connection that a server accepted.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    /// The server that accepted it.
    pub server: ServerId,
    /// The connection.
    pub opened: Opened,
    /// The interval of its keep-alive: the node's default when the client arrived. Zero is off.
    pub keep_alive: Duration,
    /// The questions about this client that the application did not get, because the server did not
    /// ask them, in order. The application may have set a hook in the meantime, and can still
    /// decide now.
    pub unasked: Vec<Question>,
}

/// The facts about a connection that are known when it opens.
#[derive(Clone)]
pub struct Opened {
    /// The connection.
    pub conn: ConnId,
    /// The peer's public key.
    pub remote_public_key: PublicKey,
    /// The Noise handshake hash, the same at both ends. A secret: keys derive from it.
    pub handshake_hash: Zeroizing<[u8; 64]>,
    /// The peer's address.
    pub remote: SocketAddr,
    /// The local socket.
    pub socket: SocketId,
    /// The stream id that packets from the peer carry.
    pub local_id: u32,
    /// The stream id that packets to the peer carry.
    pub remote_id: u32,
    /// The path from `socket` to `remote`, and how it was found.
    pub path: PathInfo,
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
    /// The connection.
    pub conn: ConnId,
    /// `None` if both sides ended the connection, or if our own side destroyed it.
    pub error: Option<ConnError>,
    /// The final statistics of its transport. `None` if the connection never opened.
    pub stats: Option<Box<ConnStats>>,
    /// What the attempt did, if `error` is a [`ConnError::Connect`].
    pub trace: Option<Box<ConnectTrace>>,
}

/// An announcement or unannouncement that the application has to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    /// True for an announcement, false for an unannouncement.
    pub announces: bool,
    /// The hash of the announced key.
    pub target: Target,
    /// The token that the node gave. The signature covers it.
    pub token: [u8; 32],
    /// The node's id. The signature covers the id and is valid only at this node.
    pub node: NodeId,
}
