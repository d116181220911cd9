//! A node of the DHT: requests, the routing table, queries, our own address (PROTOCOL B).
//!
//! The machines above start requests and queries here under a name, their [`Owner`], and are told
//! the outcome through [`Output`].

mod address;
mod bootstrap;
mod clock;
mod contacts;
mod delayed;
mod exchange;
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

/// The part of the node that is told how a request or a query ended. `tag` is the owner's number
/// for it.
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
}

/// Names a running query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct QueryKey(pub u64);

/// One request to send.
#[derive(Clone, Debug)]
pub(crate) struct RequestSpec {
    pub to: SocketAddrV4,
    /// The destination's id, if known: a timeout then removes it from the table.
    pub to_id: Option<NodeId>,
    pub internal: bool,
    pub command: u64,
    pub target: Option<Target>,
    pub token: Option<[u8; 32]>,
    pub value: Option<Bytes>,
    /// `None`: the socket that requests leave from.
    pub socket: Option<SocketId>,
    /// Sent at most this often plus once. The default is 3.
    pub retries: u32,
    /// How long each try waits for the reply; `None`: as the path allows.
    pub wait: Option<Duration>,
    pub ttl: Option<u8>,
    /// Bypass the congestion window.
    pub force: bool,
}

impl RequestSpec {
    /// A command of dht-rpc itself, with nothing in it and with the usual retries.
    pub(crate) fn internal(to: SocketAddrV4, command: u64) -> Self {
        Self { internal: true, ..Self::user(to, command, None) }
    }

    /// A command of the layers above, with the usual retries.
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
    /// Milliseconds since the last transmission.
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
    /// True if the token of the request was refused, and this is a new one: tokens age, and the
    /// request may be made again with it.
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
    /// Asked first, in this order.
    pub nodes: Vec<SocketAddrV4>,
    pub only_closest_nodes: bool,
    pub concurrency: Option<usize>,
    pub retries: Option<u32>,
    pub force: bool,
    pub commit: Commit,
}

impl QuerySpec {
    /// A walk that gathers nodes.
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

/// What follows once the closest nodes are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Commit {
    /// Nothing.
    None,
    /// The owner is told the closest replies ([`Output::Commit`]) and answers with `Net::commit`:
    /// once, and again for each node that refuses its token and gives a new one.
    Ask,
}

/// What happened, for the layers above; drained after every call.
#[derive(Debug)]
pub(crate) enum Output {
    Reply {
        owner: Owner,
        result: Result<Reply, RequestError>,
    },
    /// A request has had the time that its path takes, and no answer.
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
    /// Replies arrive again.
    Online,
    /// The node slept; announcers begin again.
    Wakeup,
}
