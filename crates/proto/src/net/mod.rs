//! A node of the DHT: requests, the routing table, queries, our own address (PROTOCOL B).
//!
//! The machines above start requests and queries here, each with its [`Owner`], and receive the
//! outcome as an [`Output`].

mod address;
mod bootstrap;
mod clock;
mod contacts;
mod delayed;
mod exchange;
mod filter;
mod firewall;
mod health;
mod hints;
mod machine;
mod queries;
mod query;
mod sampler;
mod table;
#[cfg(test)]
mod tests;

use std::net::SocketAddrV4;
use std::time::Duration;

use bytes::Bytes;

use crate::wire::{NodeId, Target, command, error_code};
use crate::{ConnId, QueryError, QueryId, RequestError, RequestId, ServerId, SocketId, Tally};

pub(crate) use crate::rpc::RequestKey;
pub(crate) use crate::{Answering, Incoming};
pub(crate) use machine::Net;

/// The part of the node that receives the outcome of a request or query. The second number is the
/// owner's tag for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Owner {
    /// A query of the application.
    UserQuery(QueryId),
    /// A request of the application.
    UserRequest(RequestId),
    /// A connecting machine.
    Connect(ConnId, u32),
    /// A server's announcer.
    Announce(ServerId, u32),
    /// A puncher's NAT sampling.
    Punch(u32, u32),
    /// An open connection that looks for its peer.
    Path(ConnId),
}

/// Identifies a running query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct QueryKey(pub u64);

/// One request to send.
#[derive(Clone, Debug)]
pub(crate) struct RequestSpec {
    pub to: SocketAddrV4,
    /// The destination's id, if known. A timeout then removes the node from the routing table.
    pub to_id: Option<NodeId>,
    pub internal: bool,
    pub command: u64,
    pub target: Option<Target>,
    pub token: Option<[u8; 32]>,
    pub value: Option<Bytes>,
    /// The socket to send from. `None`: the client socket while the node is firewalled, otherwise
    /// the server socket.
    pub socket: Option<SocketId>,
    /// How often the request is sent again. The default is 3.
    pub retries: u32,
    /// The timeout of each try. `None`: the retransmission policy decides.
    pub wait: Option<Duration>,
    pub ttl: Option<u8>,
    /// Whether the first try bypasses the congestion window.
    pub force: bool,
}

impl RequestSpec {
    /// A command of dht-rpc itself, without target, token and value, and with the default retries.
    pub(crate) fn internal(to: SocketAddrV4, command: u64) -> Self {
        Self { internal: true, ..Self::user(to, command, None) }
    }

    /// A command of the layers above, with the default retries.
    pub(crate) fn user(to: SocketAddrV4, command: u64, target: Option<Target>) -> Self {
        Self {
            to,
            to_id: None,
            internal: false,
            command,
            target,
            token: None,
            value: None,
            socket: None,
            retries: 3,
            wait: None,
            ttl: None,
            force: false,
        }
    }
}

/// A response to one of our requests.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub tid: u16,
    /// Milliseconds since the last transmission of the request.
    pub rtt: u32,
    pub from: SocketAddrV4,
    pub from_id: Option<NodeId>,
    /// Our address, as the responder sees it.
    pub to: SocketAddrV4,
    /// The local socket that it arrived on.
    pub socket: SocketId,
    pub token: Option<[u8; 32]>,
    pub closer_nodes: Vec<SocketAddrV4>,
    pub error: u64,
    pub value: Option<Bytes>,
}

impl Reply {
    /// True if the request's token was refused and the reply has a new one. Tokens expire, so the
    /// request may be repeated with the new token.
    pub(crate) fn renews_token(&self) -> bool {
        self.error == error_code::INVALID_TOKEN && self.token.is_some()
    }
}

/// One query to run.
#[derive(Clone, Debug)]
pub(crate) struct QuerySpec {
    pub target: Target,
    pub internal: bool,
    pub command: u64,
    pub value: Option<Bytes>,
    /// Nodes to ask first, in this order.
    pub nodes: Vec<SocketAddrV4>,
    pub only_closest_nodes: bool,
    pub concurrency: Option<usize>,
    pub retries: Option<u32>,
    pub force: bool,
    pub commit: Commit,
}

impl QuerySpec {
    /// A query that only collects nodes close to a target.
    pub(crate) fn find_node(target: Target) -> Self {
        Self {
            target,
            internal: true,
            command: command::FIND_NODE,
            value: None,
            nodes: Vec::new(),
            only_closest_nodes: false,
            concurrency: None,
            retries: None,
            force: false,
            commit: Commit::None,
        }
    }
}

/// The step after the closest nodes are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commit {
    /// Nothing.
    None,
    /// The owner receives the closest replies as [`Output::Commit`] and answers with `Net::commit`:
    /// once for all, and once more for each node that refuses the token and gives a new one.
    Ask,
}

/// An outcome for the layers above. The caller drains the outputs after every call.
#[derive(Debug)]
pub(crate) enum Output {
    Reply {
        owner: Owner,
        result: Result<Reply, RequestError>,
    },
    /// A try of a request has timed out; the request itself has not.
    Overdue {
        owner: Owner,
    },
    QueryReply {
        query: QueryKey,
        owner: Owner,
        reply: Reply,
    },
    Commit {
        query: QueryKey,
        owner: Owner,
        closest: Vec<Reply>,
    },
    QueryDone {
        query: QueryKey,
        owner: Owner,
        closest: Vec<Reply>,
        tally: Tally,
        result: Result<(), QueryError>,
    },
    Incoming(Incoming),
    /// Bootstrap has ended.
    Ready,
    /// The network answers again after it was offline or degraded.
    Online,
    /// The machine slept or the node was suspended; announcers start over.
    Wakeup,
}
