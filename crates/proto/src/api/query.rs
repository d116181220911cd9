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
    /// Internal FIND_NODE.
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
        /// Nodes that pass handshakes on to the announced peer; three at most.
        relay_addresses: Vec<SocketAddrV4>,
        /// A time in milliseconds since the Unix epoch, which marks the topic; 0 for none.
        bump: u64,
        /// Whether earlier records of the key are taken back first.
        clear: bool,
    },
    /// LOOKUP, and a signed UNANNOUNCE to each node that has our record.
    Unannounce {
        /// The key pair whose records are taken back.
        key_pair: KeyPair,
    },
    /// A user command of dht-rpc.
    User {
        /// The command of the requests.
        command: u64,
        /// Their payload.
        value: Option<Bytes>,
        /// What follows.
        commit: UserCommit,
    },
}

/// What a user query sends to each of the closest nodes, with the token of its reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum UserCommit {
    /// Nothing.
    #[default]
    None,
    /// This, with the target of the query.
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
    /// No other node is asked until the query goes on: the reader of its replies is slow.
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

/// A reply, as the application sees it.
#[derive(Clone, Debug)]
pub struct QueryReply {
    /// The transaction id of the request.
    pub tid: u16,
    /// Milliseconds from the last transmission.
    pub rtt: u32,
    /// The replier's address.
    pub from: SocketAddrV4,
    /// The replier's id, if it gave one that fits its address.
    pub from_id: Option<NodeId>,
    /// Our address as the replier sees it.
    pub to: SocketAddrV4,
    /// A token, for requests that commit.
    pub token: Option<[u8; 32]>,
    /// Nodes that the replier knows closer to the target.
    pub closer_nodes: Vec<SocketAddrV4>,
    /// The error of [`crate::wire::error_code`], or 0.
    pub error: u64,
    /// The payload; see [`QueryReply::peer`] and [`QueryReply::peers`].
    pub value: Option<Bytes>,
}

impl QueryReply {
    /// The record in the payload of a FIND_PEER reply. `None` if there is none, or it is malformed:
    /// a node may answer anything.
    pub fn peer(&self) -> Option<Peer> {
        Peer::decode(self.value.as_deref()?).ok()
    }

    /// The records in the payload of a LOOKUP reply. `None` as of [`QueryReply::peer`].
    pub fn peers(&self) -> Option<LookupReply> {
        LookupReply::decode(self.value.as_deref()?).ok()
    }
}

/// A reply that belongs to the result of a query.
#[derive(Clone, Debug)]
pub struct Closest {
    /// Which of the query's [`crate::Event::QueryReply`]s has told it, counted from 0. `None`: none
    /// has, because it is an error or lacks what was asked for.
    pub told: Option<u32>,
    /// The reply.
    pub reply: QueryReply,
}

/// How the nodes that a query asked took it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Replies without an error.
    pub successes: usize,
    /// Replies with one, and nodes that stayed silent.
    pub errors: usize,
}
