//! Requests of other nodes, as the application sees and answers them.

use std::net::SocketAddrV4;

use bytes::Bytes;

use crate::SocketId;
use crate::wire::{NodeId, Target};

/// A request of another node for the layers above dht-rpc: a user command, its token checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The sender's address.
    pub from: SocketAddrV4,
    /// The sender's id, if it gave one that fits its address.
    pub from_id: Option<NodeId>,
    /// Our address, as the sender sees it.
    pub to: SocketAddrV4,
    /// The local socket that it arrived on.
    pub socket: SocketId,
    /// The transaction id, which the answer repeats.
    pub tid: u16,
    /// The command's number.
    pub command: u64,
    /// What the command is about, if it is about something.
    pub target: Option<Target>,
    /// Present only if it was valid.
    pub token: Option<[u8; 32]>,
    /// The payload.
    pub value: Option<Bytes>,
}

/// How an [`Incoming`] is answered. By default, with a bare acknowledgement to its source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answering {
    /// The payload.
    pub value: Option<Bytes>,
    /// An error of [`crate::wire::error_code`], or 0.
    pub error: u64,
    /// Give the requester a token.
    pub token: bool,
    /// Give the requester closer nodes, if it named a target.
    pub closer_nodes: bool,
    /// Not to the source, but here.
    pub to: Option<SocketAddrV4>,
    /// Not from the socket that it arrived on, but from here.
    pub socket: Option<SocketId>,
}

/// What the application does about an [`Incoming`]. It carries all that an answer needs, so that
/// an application may answer late, several times, or never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestAnswer {
    /// Answers it.
    Reply(Answering),
    /// Sends it on, with its id, so that the next node can answer the requester. A requester of
    /// ours accepts an answer only from the node that it asked.
    Relay {
        /// The payload.
        value: Option<Bytes>,
        /// The receiver.
        to: SocketAddrV4,
        /// The socket to send from; `None` is the one that it arrived on.
        socket: Option<SocketId>,
    },
    /// Does what the node would have done, had the application not asked for it.
    Serve,
}

/// What the application wants to see of other nodes. By default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interests {
    /// Requests with a command that the node does not know.
    pub unknown: bool,
    /// All requests, those that the node would serve included.
    pub requests: bool,
    /// PLUGIN requests, while the node is persistent.
    pub plugins: bool,
    /// Datagrams of pool sockets that belong to no stream and are no probes.
    pub datagrams: bool,
}
