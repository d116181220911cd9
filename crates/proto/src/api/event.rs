//! What a node tells its driver and its application.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::noise::PublicKey;
use crate::wire::{NodeId, Target};
use crate::{
    AskId, Closest, ConnError, ConnId, ConnStats, Incoming, Interface, ListenError, QueryError,
    QueryId, QueryReply, RequestError, RequestId, ServerId, SocketId, TableNode, Tally,
};

/// What happened, in the order in which it happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Both sockets are bound and the bootstrap query starts.
    Listening,
    /// Our address as others see it has changed.
    NatUpdate {
        /// The host; `None` while others do not agree.
        host: Option<Ipv4Addr>,
        /// The port; 0 while others do not agree.
        port: u16,
    },
    /// Bootstrapping has ended, with or without anybody reached.
    Ready,
    /// The node joined the routing tables of others under this id.
    Persistent {
        /// The id, which follows from the address.
        id: NodeId,
    },
    /// The node left them.
    Ephemeral,
    /// The process or the machine slept.
    Wakeup,
    /// The firewall check showed that strangers reach us (`false`), or no longer.
    Firewalled {
        /// Whether strangers' packets are kept from us.
        firewalled: bool,
    },
    /// The interfaces of this host have changed: all of them, in the system's order. Servers
    /// announce again.
    NetworkChange {
        /// All interfaces.
        interfaces: Vec<Interface>,
    },
    /// Requests are answered (`online`), or mostly not (`degraded`).
    Health {
        /// Requests are answered.
        online: bool,
        /// Most requests are not.
        degraded: bool,
    },
    /// A node has come into the routing table; told if the application watches it.
    NodeAdded {
        /// The node.
        node: TableNode,
    },
    /// A node has left the routing table; told if the application watches it.
    NodeRemoved {
        /// The node.
        node: TableNode,
    },
    /// The first announcement is done.
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
    /// Our relays, for `server.relayAddresses`.
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
    /// A server is unannounced and accepts nobody.
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
    /// The peer ended its side; everything before it was delivered.
    RemoteEnd {
        /// The connection.
        conn: ConnId,
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
    /// This many bytes of frames have left the write queue since the last report. What has left it
    /// and is not acknowledged is bounded by itself, see `Sizes::sending`. A message of n bytes is
    /// a frame of n + 20; a rest below 64 KiB may stay unreported.
    Drained {
        /// The connection.
        conn: ConnId,
        /// How many bytes.
        bytes: usize,
    },
    /// A connection is gone. Nothing follows.
    Closed(Closed),
    /// The application has to decide.
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
        /// How the nodes took it.
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
    /// A request of another node that the application has subscribed to.
    IncomingRequest(Box<Incoming>),
    /// A datagram that the application has subscribed to.
    Datagram {
        /// The local socket.
        socket: SocketId,
        /// The sender's address, as the system tells it.
        from: SocketAddrV4,
        /// The payload.
        data: Bytes,
    },
    /// Whether this host hears itself on an address.
    LocalChecked {
        /// The address that was checked.
        host: Ipv4Addr,
        /// This host received its own datagram there.
        valid: bool,
    },
    /// The node sleeps: its sockets are closed, and what needed them has ended.
    Suspended,
    /// The node is awake, or its sockets could not be bound and it goes on sleeping.
    Resumed {
        /// Why the sockets could not be bound.
        error: Option<ErrorKind>,
    },
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
    /// The server that accepted it.
    pub server: ServerId,
    /// The connection.
    pub opened: Opened,
    /// The interval of its keep-alive: the node's default when the client came. Zero is off.
    pub keep_alive: Duration,
    /// What the server's options did not have the application asked about this client, in the order
    /// of the questions. The application may have changed its mind since.
    pub unasked: Vec<Question>,
}

/// What is known of a connection from its start.
#[derive(Clone)]
pub struct Opened {
    /// The connection.
    pub conn: ConnId,
    /// The peer's public key.
    pub remote_public_key: PublicKey,
    /// The Noise handshake hash, the same at both ends. A secret: keys derive from it.
    pub handshake_hash: Zeroizing<[u8; 64]>,
    /// The peer's address.
    pub remote: SocketAddrV4,
    /// The local socket.
    pub socket: SocketId,
    /// UDX stream ids of both ends.
    pub local_id: u32,
    /// The stream id that packets to the peer carry.
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
    /// The connection.
    pub conn: ConnId,
    /// `None`: both ends ended, or our own side destroyed it.
    pub error: Option<ConnError>,
    /// What its transport had measured by then. `None` if the connection never opened.
    pub stats: Option<Box<ConnStats>>,
}

/// A decision that the application takes. A new kind breaks every application that answers, so the
/// compiler tells them all.
#[derive(Clone, Debug)]
pub enum Question {
    /// May this client connect?
    Firewall {
        /// The server that is asked.
        server: ServerId,
        /// The client's public key, which the handshake has proven.
        remote_public_key: PublicKey,
        /// What the client says of itself: an encoded [`crate::wire::NoisePayload`].
        payload: Bytes,
        /// The true source of the client, as far as it can be known.
        address: SocketAddrV4,
    },
    /// Shall we punch?
    Holepunch {
        /// The server, or `None` on the connecting side.
        server: Option<ServerId>,
        /// The connection; `None` on the server's side.
        conn: Option<ConnId>,
        /// The class of the peer's NAT, as the wire has it: [`crate::wire::Firewall`].
        remote_firewall: u8,
        /// The class of our NAT, likewise.
        local_firewall: u8,
        /// Where the peer wants to be probed.
        remote_addresses: Vec<RemoteAddress>,
        /// `None` while our NAT is not known.
        local_addresses: Option<Vec<LocalAddress>>,
    },
}

/// Where the peer of a punch wants to be probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteAddress {
    /// The address.
    pub address: SocketAddrV4,
    /// The peer has shown that it receives on this host.
    pub verified: bool,
}

/// Where the peer of a punch is asked to probe us; port 0 behind a NAT that takes random ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalAddress {
    /// The address.
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
    /// The token that the node gave, and its id: the signature is good for no other node.
    pub token: [u8; 32],
    /// The node's id: the signature is good for no other node.
    pub node: NodeId,
}
