//! Queries and requests of the application, and their replies.

use std::net::SocketAddrV4;

use bytes::Bytes;

use crate::SocketId;
use crate::noise::KeyPair;
use crate::wire::{LookupReply, NodeId, Peer, Target};

/// The queries that an application can run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum QueryKind {
    /// The internal FIND_NODE of dht-rpc.
    FindNode,
    /// FIND_PEER; the target is the hash of a public key.
    FindPeer,
    /// LOOKUP of a topic.
    Lookup,
    /// LOOKUP, then a signed ANNOUNCE to the closest nodes; if `clear`, a signed UNANNOUNCE before
    /// that to each node that has our record.
    Announce {
        /// The key pair that is announced, and signs.
        key_pair: KeyPair,
        /// Nodes that pass handshakes on to the announced peer; at most three.
        relay_addresses: Vec<SocketAddrV4>,
        /// The topic's bump: a time in milliseconds since the Unix epoch, or 0 for none.
        bump: u64,
        /// Whether to unannounce earlier records of the key first.
        clear: bool,
    },
    /// LOOKUP, and a signed UNANNOUNCE to each node that has our record.
    Unannounce {
        /// The key pair whose records are removed.
        key_pair: KeyPair,
    },
    /// A user command of dht-rpc.
    User {
        /// The command of the requests.
        command: u64,
        /// Their payload.
        value: Option<Bytes>,
        /// The commit that follows.
        commit: UserCommit,
    },
}

/// What a user query sends to each of the closest nodes, with the token of its reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum UserCommit {
    /// Nothing.
    #[default]
    None,
    /// A request with this content and the target of the query.
    Send {
        /// The command.
        command: u64,
        /// The payload.
        value: Option<Bytes>,
    },
}

/// Changes of a query's course.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steer {
    /// Sends no further requests until `GoOn`, because the reader of the replies is slow.
    Pause,
    /// Ends a pause.
    GoOn,
    /// Sends no further requests. The replies so far are the result.
    Conclude,
}

/// Options of one query.
#[derive(Clone, Debug, Default)]
pub struct QueryOptions {
    /// Nodes to ask before those of the routing table.
    pub nodes: Vec<SocketAddrV4>,
    /// Requests in parallel. `None`: the node's default.
    pub concurrency: Option<usize>,
    /// Retries of each request. `None`: 5.
    pub retries: Option<u32>,
    /// Ask the given nodes only.
    pub only_closest_nodes: bool,
    /// Bypass the congestion window, without retries.
    pub force: bool,
    /// Replies without a value belong to the result, but cause no `Event::QueryReply`. Default
    /// false.
    pub only_values: bool,
    /// The result only says where the closest nodes are: those of its replies that no event has
    /// reported lack the token, the value and the closer nodes. Default false.
    pub brief: bool,
}

/// One request of the application.
#[derive(Clone, Debug)]
pub struct UserRequest {
    /// Destination.
    pub to: SocketAddrV4,
    /// Whether the command belongs to dht-rpc itself, like PING.
    pub internal: bool,
    /// The command's number.
    pub command: u64,
    /// The target, for commands that have one.
    pub target: Option<Target>,
    /// A token from an earlier reply.
    pub token: Option<[u8; 32]>,
    /// The command's payload.
    pub value: Option<Bytes>,
    /// How often the request is sent again.
    pub retries: u32,
    /// The socket to send from. `None`: the client socket while the node is firewalled, otherwise
    /// the server socket.
    pub socket: Option<SocketId>,
    /// IP time to live; `None` is the socket's.
    pub ttl: Option<u8>,
}

/// A reply, as the application sees it.
#[derive(Clone, Debug)]
pub struct QueryReply {
    /// The transaction id of the request.
    pub tid: u16,
    /// Milliseconds since the last transmission of the request.
    pub rtt: u32,
    /// The replier's address.
    pub from: SocketAddrV4,
    /// The replier's id, if the reply has one that matches the replier's address.
    pub from_id: Option<NodeId>,
    /// Our address as the replier sees it.
    pub to: SocketAddrV4,
    /// A token, for requests that commit.
    pub token: Option<[u8; 32]>,
    /// Nodes that the replier knows closer to the target.
    pub closer_nodes: Vec<SocketAddrV4>,
    /// An error of [`crate::wire::error_code`], or 0.
    pub error: u64,
    /// The payload; see [`QueryReply::peer`] and [`QueryReply::peers`].
    pub value: Option<Bytes>,
}

impl QueryReply {
    /// The record in the payload of a FIND_PEER reply. `None` if there is no record or it is
    /// malformed; nodes can send arbitrary payloads.
    pub fn peer(&self) -> Option<Peer> {
        Peer::decode(self.value.as_deref()?).ok()
    }

    /// The records in the payload of a LOOKUP reply. `None` under the conditions of
    /// [`QueryReply::peer`].
    pub fn peers(&self) -> Option<LookupReply> {
        LookupReply::decode(self.value.as_deref()?).ok()
    }
}

/// A reply that belongs to the result of a query.
#[derive(Clone, Debug)]
pub struct Closest {
    /// The position of this reply among the query's [`crate::Event::QueryReply`] events, counted
    /// from 0. `None` if no event reported it, because it is an error or lacks the requested value.
    pub told: Option<u32>,
    /// The reply.
    pub reply: QueryReply,
}

/// How the requests of a query ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Replies without an error.
    pub successes: usize,
    /// Replies with an error, and requests that timed out.
    pub errors: usize,
}
