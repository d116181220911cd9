//! Plaintexts inside the Noise messages and the punch payloads (PROTOCOL C.2, D.7).

use std::net::{SocketAddrV4, SocketAddrV6};

use crate::noise::PublicKey;

/// The payload of both Noise messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoisePayload {
    /// 1; any other leaves everything else absent.
    pub version: u64,
    pub error: PayloadError,
    pub firewall: Firewall,
    pub holepunch: Option<HolepunchInfo>,
    pub addresses4: Vec<SocketAddrV4>,
    pub addresses6: Vec<SocketAddrV6>,
    pub udx: Option<UdxInfo>,
    /// True when the secret stream's version was sent.
    pub secret_stream: bool,
    pub relay_through: Option<RelayThrough>,
    pub relay_addresses: Vec<SocketAddrV4>,
}

/// How a client reaches the server's puncher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolepunchInfo {
    /// The server's slot of this handshake.
    pub id: u64,
    pub relays: Vec<Relay>,
}

/// A node that the server is announced on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relay {
    pub relay_address: SocketAddrV4,
    /// The server's address, as that node sees it.
    pub peer_address: SocketAddrV4,
}

/// The sender's UDX stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdxInfo {
    /// `FEATURE_*` bits.
    pub features: u64,
    /// The id that the peer puts into packets to the sender.
    pub id: u32,
    pub seq: u64,
}

/// A blind relay that the sender wants to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayThrough {
    pub public_key: PublicKey,
    pub token: [u8; 32],
}

/// The plaintext of a punch round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolepunchPayload {
    pub error: PayloadError,
    pub firewall: Firewall,
    pub round: u64,
    pub connected: bool,
    pub punching: bool,
    /// Empty is not absent.
    pub addresses: Option<Vec<SocketAddrV4>>,
    pub remote_address: Option<SocketAddrV4>,
    pub token: Option<[u8; 32]>,
    pub remote_token: Option<[u8; 32]>,
}

/// How a NAT maps ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Firewall {
    #[default]
    Unknown,
    Open,
    Consistent,
    Random,
    /// A number that this version does not know.
    Other(u64),
}

/// Errors inside payloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayloadError {
    #[default]
    None,
    Aborted,
    VersionMismatch,
    TryLater,
    /// A number that this version does not know.
    Other(u64),
}

/// The socket may be used for further streams.
pub const FEATURE_REUSABLE_SOCKET: u64 = 1;
/// Revision 1 of this implementation: see PROTOCOL C.2.
pub const FEATURE_REVISION_1: u64 = 64;
