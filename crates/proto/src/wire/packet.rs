//! The two packets of dht-rpc (PROTOCOL B.2).

use std::net::SocketAddrV4;

use super::codec::{ADDR4_SIZE, bit};
use super::{Malformed, NodeId, Reader, Target, Writer};

/// A request packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// The transaction id.
    pub tid: u16,
    /// The receiver's address, as the sender sees it.
    pub to: SocketAddrV4,
    /// The sender's id. Only persistent nodes send it, and only from their server socket.
    pub id: Option<NodeId>,
    /// A token of the receiver, for commands that store.
    pub token: Option<[u8; 32]>,
    /// Whether the command belongs to dht-rpc itself.
    pub internal: bool,
    /// The command's number.
    pub command: u64,
    /// The target, for commands that have one.
    pub target: Option<Target>,
    /// The payload.
    pub value: Option<&'a [u8]>,
}

/// A response packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// The transaction id of the request.
    pub tid: u16,
    /// The requester's address, as the responder sees it.
    pub to: SocketAddrV4,
    /// The replier's id, if it has one.
    pub id: Option<NodeId>,
    /// A token, for requests that commit.
    pub token: Option<[u8; 32]>,
    /// Nodes that the replier knows closer to the target.
    pub closer_nodes: Vec<SocketAddrV4>,
    /// An error of [`error_code`], or 0.
    pub error: u64,
    /// The payload.
    pub value: Option<&'a [u8]>,
}

/// A datagram of dht-rpc.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A request.
    Request(Request<'a>),
    /// A response.
    Response(Response<'a>),
}

impl<'a> Packet<'a> {
    /// Decodes a whole datagram; trailing bytes and unknown flags are ignored.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        match r.u8()? {
            REQUEST => Ok(Self::Request(Request::decode_from(&mut r)?)),
            RESPONSE => Ok(Self::Response(Response::decode_from(&mut r)?)),
            _ => Err(Malformed::UnknownValue),
        }
    }
}

impl<'a> Request<'a> {
    /// Decodes the bytes after the first one.
    fn decode_from(r: &mut Reader<'a>) -> Result<Self, Malformed> {
        let flags = r.uint()?;
        Ok(Self {
            tid: r.u16()?,
            to: r.addr4()?,
            id: r.when(flags & HAS_ID, Reader::array)?,
            token: r.when(flags & HAS_TOKEN, Reader::array)?,
            internal: flags & INTERNAL != 0,
            command: r.uint()?,
            target: r.when(flags & HAS_TARGET, Reader::array)?,
            value: r.when(flags & HAS_VALUE, Reader::buffer)?,
        })
    }

    /// The datagram.
    pub fn encode(&self) -> Vec<u8> {
        let flags = bit(self.id.is_some(), HAS_ID)
            | bit(self.token.is_some(), HAS_TOKEN)
            | bit(self.internal, INTERNAL)
            | bit(self.target.is_some(), HAS_TARGET)
            | bit(self.value.is_some(), HAS_VALUE);

        let mut w = Writer::with_capacity(FIXED + self.value.map_or(0, <[u8]>::len));
        w.u8(REQUEST).uint(flags).u16(self.tid).addr4(self.to);
        w.when(&self.id, |w, id| w.raw(id));
        w.when(&self.token, |w, token| w.raw(token));
        w.uint(self.command);
        w.when(&self.target, |w, target| w.raw(target));
        w.when(&self.value, |w, value| w.buffer(value));
        w.finish()
    }
}

impl<'a> Response<'a> {
    /// Decodes the bytes after the first one.
    fn decode_from(r: &mut Reader<'a>) -> Result<Self, Malformed> {
        let flags = r.uint()?;
        Ok(Self {
            tid: r.u16()?,
            to: r.addr4()?,
            id: r.when(flags & HAS_ID, Reader::array)?,
            token: r.when(flags & HAS_TOKEN, Reader::array)?,
            closer_nodes: r.when(flags & HAS_CLOSER_NODES, Reader::addr4_list)?.unwrap_or_default(),
            error: r.when(flags & HAS_ERROR, Reader::uint)?.unwrap_or(error_code::NONE),
            value: r.when(flags & HAS_VALUE, Reader::buffer)?,
        })
    }

    /// The datagram.
    pub fn encode(&self) -> Vec<u8> {
        let has_error = self.error != error_code::NONE;
        let flags = bit(self.id.is_some(), HAS_ID)
            | bit(self.token.is_some(), HAS_TOKEN)
            | bit(!self.closer_nodes.is_empty(), HAS_CLOSER_NODES)
            | bit(has_error, HAS_ERROR)
            | bit(self.value.is_some(), HAS_VALUE);

        let variable = ADDR4_SIZE * self.closer_nodes.len() + self.value.map_or(0, <[u8]>::len);
        let mut w = Writer::with_capacity(FIXED + variable);
        w.u8(RESPONSE).uint(flags).u16(self.tid).addr4(self.to);
        w.when(&self.id, |w, id| w.raw(id));
        w.when(&self.token, |w, token| w.raw(token));
        if !self.closer_nodes.is_empty() {
            w.addr4_list(&self.closer_nodes);
        }
        if has_error {
            w.uint(self.error);
        }
        w.when(&self.value, |w, value| w.buffer(value));
        w.finish()
    }
}

/// Numbers of the commands.
pub mod command {
    /// Is the node there?
    pub const PING: u64 = 0;
    /// Answer to another port, to test whether the sender is reachable there.
    pub const PING_NAT: u64 = 1;
    /// Which nodes are close to the target?
    pub const FIND_NODE: u64 = 2;
    /// A node seems to be down.
    pub const DOWN_HINT: u64 = 3;
    /// Answer after a delay, to test whether the NAT mapping lives that long.
    pub const DELAYED_PING: u64 = 4;

    /// A handshake, on its way through relays.
    pub const PEER_HANDSHAKE: u64 = 0;
    /// A punching round, on its way through relays.
    pub const PEER_HOLEPUNCH: u64 = 1;
    /// Which server has the public key with this hash?
    pub const FIND_PEER: u64 = 2;
    /// Which peers announce this topic?
    pub const LOOKUP: u64 = 3;
    /// Store a record of the sender.
    pub const ANNOUNCE: u64 = 4;
    /// Remove a record of the sender.
    pub const UNANNOUNCE: u64 = 5;
    /// Store a signed value.
    pub const MUTABLE_PUT: u64 = 6;
    /// Give a signed value.
    pub const MUTABLE_GET: u64 = 7;
    /// Store a value under its hash.
    pub const IMMUTABLE_PUT: u64 = 8;
    /// Give a value by its hash.
    pub const IMMUTABLE_GET: u64 = 9;
    /// A command of a plugin.
    pub const PLUGIN: u64 = 10;
}

/// Codes in the error field of a response.
pub mod error_code {
    /// No error.
    pub const NONE: u64 = 0;
    /// The node does not know the command.
    pub const UNKNOWN_COMMAND: u64 = 1;
    /// The token is invalid or has expired.
    pub const INVALID_TOKEN: u64 = 2;
    /// The node has another value with this `seq`.
    pub const SEQ_REUSED: u64 = 16;
    /// The node has a value with a higher `seq`.
    pub const SEQ_TOO_LOW: u64 = 17;
}

/// First byte: version 3 in the low half, the type in the high half.
const REQUEST: u8 = 0x03;
const RESPONSE: u8 = 0x13;

/// Capacity for everything but a value and closer nodes: 9 bytes of type, transaction id and
/// address, three fields of 32 bytes, and three integers of at most 9 bytes.
const FIXED: usize = 9 + 3 * 32 + 3 * 9;

const HAS_ID: u64 = 1;
const HAS_TOKEN: u64 = 2;
const HAS_VALUE: u64 = 16;

/// Flags of a request only.
const INTERNAL: u64 = 4;
const HAS_TARGET: u64 = 8;

/// Flags of a response only.
const HAS_CLOSER_NODES: u64 = 4;
const HAS_ERROR: u64 = 8;
