//! Requests of other nodes, for applications that handle them.

use std::net::SocketAddrV4;

use bytes::Bytes;

use crate::SocketId;
use crate::wire::{NodeId, Target};

/// A request of another node for the layers above dht-rpc: a user command. Its token has been
/// checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The sender's address.
    pub from: SocketAddrV4,
    /// The sender's id, if the request has one that matches the sender's address.
    pub from_id: Option<NodeId>,
    /// Our address, as the sender sees it.
    pub to: SocketAddrV4,
    /// The local socket that it arrived on.
    pub socket: SocketId,
    /// The transaction id, which the answer repeats.
    pub tid: u16,
    /// The command's number.
    pub command: u64,
    /// The target, for commands that have one.
    pub target: Option<Target>,
    /// The token, if the request had one; it is valid.
    pub token: Option<[u8; 32]>,
    /// The payload.
    pub value: Option<Bytes>,
}

/// The answer to an [`Incoming`]. The default is an empty reply to its source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answering {
    /// The payload.
    pub value: Option<Bytes>,
    /// An error of [`crate::wire::error_code`], or 0.
    pub error: u64,
    /// Whether to include a token for the requester.
    pub token: bool,
    /// Whether to include closer nodes, if the request has a target.
    pub closer_nodes: bool,
    /// The destination; `None` is the request's source.
    pub to: Option<SocketAddrV4>,
    /// The socket to send from; `None` is the one that the request arrived on.
    pub socket: Option<SocketId>,
}

/// The application's decision about an [`Incoming`]. The `Incoming` contains everything that an
/// answer needs, so the application may answer late, several times, or never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestAnswer {
    /// Answers the request.
    Reply(Answering),
    /// Forwards the request under its transaction id, so that the next node can answer the
    /// requester. A requester of this implementation accepts an answer only from the node that it
    /// asked.
    Relay {
        /// The payload.
        value: Option<Bytes>,
        /// The receiver.
        to: SocketAddrV4,
        /// The socket to send from; `None` is the one that the request arrived on.
        socket: Option<SocketId>,
    },
    /// Lets the node handle the request, as if the application had not subscribed to it.
    Serve,
}

/// The messages of other nodes that the application receives. By default it receives no messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interests {
    /// Requests with a command that the node does not know.
    pub unknown: bool,
    /// All requests, including those that the node would serve itself.
    pub requests: bool,
    /// PLUGIN requests, while the node is persistent.
    pub plugins: bool,
    /// Datagrams on pool sockets that belong to no stream and are not probes.
    pub datagrams: bool,
    /// Copies of the datagrams on all sockets of the node that belong to no stream.
    pub copies: bool,
}
