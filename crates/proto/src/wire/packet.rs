//! The two packets of dht-rpc (PROTOCOL B.2).

use std::net::SocketAddrV4;

use super::{Malformed, NodeId, Target};

/// A request packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    pub tid: u16,
    /// The receiver's address, as the sender sees it.
    pub to: SocketAddrV4,
    /// The sender's id; only persistent nodes give it, only from their server socket.
    pub id: Option<NodeId>,
    pub token: Option<[u8; 32]>,
    /// A command of dht-rpc itself.
    pub internal: bool,
    pub command: u64,
    pub target: Option<Target>,
    pub value: Option<&'a [u8]>,
}

/// A response packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    pub tid: u16,
    /// The requester's address, as the responder sees it.
    pub to: SocketAddrV4,
    pub id: Option<NodeId>,
    pub token: Option<[u8; 32]>,
    pub closer_nodes: Vec<SocketAddrV4>,
    pub error: u64,
    pub value: Option<&'a [u8]>,
}

/// A datagram of dht-rpc.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    Request(Request<'a>),
    Response(Response<'a>),
}

impl<'a> Packet<'a> {
    /// Decodes a whole datagram; trailing bytes are ignored.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        unimplemented!("{bytes:?}")
    }
}

impl Request<'_> {
    pub fn encode(&self) -> Vec<u8> {
        unimplemented!()
    }
}

impl Response<'_> {
    pub fn encode(&self) -> Vec<u8> {
        unimplemented!()
    }
}

/// Numbers of the commands.
pub mod command {
    pub const PING: u64 = 0;
    pub const PING_NAT: u64 = 1;
    pub const FIND_NODE: u64 = 2;
    pub const DOWN_HINT: u64 = 3;
    pub const DELAYED_PING: u64 = 4;

    pub const PEER_HANDSHAKE: u64 = 0;
    pub const PEER_HOLEPUNCH: u64 = 1;
    pub const FIND_PEER: u64 = 2;
    pub const LOOKUP: u64 = 3;
    pub const ANNOUNCE: u64 = 4;
    pub const UNANNOUNCE: u64 = 5;
    pub const MUTABLE_PUT: u64 = 6;
    pub const MUTABLE_GET: u64 = 7;
    pub const IMMUTABLE_PUT: u64 = 8;
    pub const IMMUTABLE_GET: u64 = 9;
    pub const PLUGIN: u64 = 10;
}

/// Codes in the error field of a response.
pub mod error_code {
    pub const NONE: u64 = 0;
    pub const UNKNOWN_COMMAND: u64 = 1;
    pub const INVALID_TOKEN: u64 = 2;
    pub const SEQ_REUSED: u64 = 16;
    pub const SEQ_TOO_LOW: u64 = 17;
}
