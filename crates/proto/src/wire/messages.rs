//! Values of the hyperdht commands (PROTOCOL C.2). Each has `decode(&[u8])` and `encode()`.

use std::net::SocketAddrV4;

use crate::noise::PublicKey;

/// A record: who, and through which nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    pub public_key: PublicKey,
    pub relay_addresses: Vec<SocketAddrV4>,
}

/// Where a routed message comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    FromClient = 0,
    FromServer = 1,
    FromRelay = 2,
    FromSecondRelay = 3,
    Reply = 4,
}

/// PEER_HANDSHAKE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    pub mode: Mode,
    pub noise: Vec<u8>,
    pub peer_address: Option<SocketAddrV4>,
    pub relay_address: Option<SocketAddrV4>,
}

/// PEER_HOLEPUNCH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holepunch {
    pub mode: Mode,
    pub id: u64,
    pub payload: Vec<u8>,
    pub peer_address: Option<SocketAddrV4>,
}

/// ANNOUNCE and UNANNOUNCE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announce {
    pub peer: Option<Peer>,
    pub refresh: Option<[u8; 32]>,
    pub signature: Option<[u8; 64]>,
    /// Milliseconds; 0 is absent.
    pub bump: u64,
}

/// The value of a LOOKUP reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupReply {
    pub peers: Vec<Peer>,
    pub bump: u64,
}

/// PLUGIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginRequest {
    pub plugin: String,
    pub version: u64,
    pub command: u64,
    pub value: Option<Vec<u8>>,
}
