//! Plaintexts inside the Noise messages and the punch payloads (PROTOCOL C.2, D.7).

use std::net::{SocketAddrV4, SocketAddrV6};

use super::codec::bit;
use super::{Malformed, PublicKey, Reader, Writer};
use crate::Rng;

/// The payload of both Noise messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoisePayload {
    /// The payload's version, 1. In a payload of another version, all other fields are absent.
    pub version: u64,
    /// Why the handshake fails, if it does.
    pub error: PayloadError,
    /// The class of the sender's NAT.
    pub firewall: Firewall,
    /// How to reach the server's puncher. Only servers send it.
    pub holepunch: Option<HolepunchInfo>,
    /// IPv4 addresses of the sender.
    pub addresses4: Vec<SocketAddrV4>,
    /// IPv6 addresses of the sender.
    pub addresses6: Vec<SocketAddrV6>,
    /// The sender's UDX stream.
    pub udx: Option<UdxInfo>,
    /// True when the secret stream's version was sent.
    pub secret_stream: bool,
    /// The blind relay that the sender offers.
    pub relay_through: Option<RelayThrough>,
    /// Nodes that pass handshakes on to the sender.
    pub relay_addresses: Vec<SocketAddrV4>,
}

impl Default for NoisePayload {
    /// A payload of version 1 in which everything else is absent.
    fn default() -> Self {
        Self {
            version: PAYLOAD_VERSION,
            error: PayloadError::None,
            firewall: Firewall::Unknown,
            holepunch: None,
            addresses4: Vec::new(),
            addresses6: Vec::new(),
            udx: None,
            secret_stream: false,
            relay_through: None,
            relay_addresses: Vec::new(),
        }
    }
}

impl NoisePayload {
    /// Decodes a plaintext. For an unknown version, only the version itself is read, so that the
    /// receiver can report the mismatch.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        let version = r.uint()?;
        if version != PAYLOAD_VERSION {
            return Ok(Self { version, ..Self::default() });
        }

        let flags = r.uint()?;
        Ok(Self {
            version,
            error: r.uint()?.into(),
            firewall: r.uint()?.into(),
            holepunch: r.when(flags & HAS_HOLEPUNCH, HolepunchInfo::decode_from)?,
            addresses4: r.when(flags & HAS_ADDRESSES4, Reader::addr4_list)?.unwrap_or_default(),
            addresses6: r.when(flags & HAS_ADDRESSES6, Reader::addr6_list)?.unwrap_or_default(),
            udx: r.when(flags & HAS_UDX, UdxInfo::decode_from)?,
            secret_stream: r.when(flags & HAS_SECRET_STREAM, Reader::uint)?.is_some(),
            relay_through: r.when(flags & HAS_RELAY_THROUGH, RelayThrough::decode_from)?,
            relay_addresses: r
                .when(flags & HAS_RELAY_ADDRESSES, Reader::addr4_list)?
                .unwrap_or_default(),
        })
    }

    /// The plaintext. For an unknown version, only the version is written.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.uint(self.version);
        if self.version != PAYLOAD_VERSION {
            return w.finish();
        }

        w.uint(self.flags()).uint(self.error.into()).uint(self.firewall.into());
        w.when(&self.holepunch, |w, info| info.encode_into(w));
        if !self.addresses4.is_empty() {
            w.addr4_list(&self.addresses4);
        }
        if !self.addresses6.is_empty() {
            w.addr6_list(&self.addresses6);
        }
        w.when(&self.udx, |w, info| info.encode_into(w));
        if self.secret_stream {
            w.uint(PAYLOAD_VERSION);
        }
        w.when(&self.relay_through, |w, info| info.encode_into(w));
        if !self.relay_addresses.is_empty() {
            w.addr4_list(&self.relay_addresses);
        }
        w.finish()
    }

    fn flags(&self) -> u64 {
        bit(self.holepunch.is_some(), HAS_HOLEPUNCH)
            | bit(!self.addresses4.is_empty(), HAS_ADDRESSES4)
            | bit(!self.addresses6.is_empty(), HAS_ADDRESSES6)
            | bit(self.udx.is_some(), HAS_UDX)
            | bit(self.secret_stream, HAS_SECRET_STREAM)
            | bit(self.relay_through.is_some(), HAS_RELAY_THROUGH)
            | bit(!self.relay_addresses.is_empty(), HAS_RELAY_ADDRESSES)
    }
}

/// How a client reaches the server's puncher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolepunchInfo {
    /// The server's slot of this handshake.
    pub id: u64,
    /// Nodes that pass punching rounds on.
    pub relays: Vec<Relay>,
}

impl HolepunchInfo {
    fn decode_from(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { id: r.uint()?, relays: r.list(RELAY_SIZE, Relay::decode_from)? })
    }

    fn encode_into<'w>(&self, w: &'w mut Writer) -> &'w mut Writer {
        w.uint(self.id).list(&self.relays, |w, relay| {
            w.addr4(relay.relay_address).addr4(relay.peer_address);
        })
    }
}

/// A node on which the server is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relay {
    /// The relay's address.
    pub relay_address: SocketAddrV4,
    /// The server's address, as that node sees it.
    pub peer_address: SocketAddrV4,
}

impl Relay {
    fn decode_from(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { relay_address: r.addr4()?, peer_address: r.addr4()? })
    }
}

/// The sender's UDX stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UdxInfo {
    /// `FEATURE_*` bits.
    pub features: u64,
    /// The id that the peer puts into packets to the sender.
    pub id: u32,
    /// The first sequence number; 0.
    pub seq: u64,
}

impl UdxInfo {
    /// What this implementation says of a stream. `reusable`: its path may be used again.
    /// `path_frames`: this end answers them.
    pub fn new(id: u32, reusable: bool, path_frames: bool) -> Self {
        let features = FEATURE_REVISION_1
            | bit(path_frames, FEATURE_PATH_FRAMES)
            | bit(reusable, FEATURE_REUSABLE_SOCKET);
        Self { features, id, seq: 0 }
    }

    /// Whether the path of the stream may be used again.
    pub fn is_reusable(&self) -> bool {
        self.features & FEATURE_REUSABLE_SOCKET != 0
    }

    fn decode_from(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let _version = r.uint()?;
        Ok(Self {
            features: r.uint()?,
            // The reference passes the id on to UDX, which keeps the low 32 bits.
            id: r.uint()? as u32,
            seq: r.uint()?,
        })
    }

    fn encode_into<'w>(&self, w: &'w mut Writer) -> &'w mut Writer {
        w.uint(PAYLOAD_VERSION).uint(self.features).uint(self.id.into()).uint(self.seq)
    }
}

/// A blind relay that the sender wants to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayThrough {
    /// The blind relay's public key.
    pub public_key: PublicKey,
    /// The token that both ends send to the blind relay.
    pub token: [u8; 32],
}

impl RelayThrough {
    /// Takes one of these relays at random, with a new token.
    pub fn choose(relays: &[PublicKey], rng: &mut Rng) -> Option<Self> {
        if relays.is_empty() {
            return None;
        }
        let public_key = *relays.get(rng.below(relays.len() as u64) as usize)?;
        Some(Self { public_key, token: rng.bytes() })
    }

    fn decode_from(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let _version = r.uint()?;
        let _flags = r.uint()?;
        Ok(Self { public_key: r.array()?, token: r.array()? })
    }

    fn encode_into<'w>(&self, w: &'w mut Writer) -> &'w mut Writer {
        w.uint(PAYLOAD_VERSION).uint(0).raw(&self.public_key).raw(&self.token)
    }
}

/// The plaintext of a punch round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HolepunchPayload {
    /// Why the sender stops punching, if it does.
    pub error: PayloadError,
    /// The class of the sender's NAT.
    pub firewall: Firewall,
    /// The number of the round.
    pub round: u64,
    /// Whether the sender has found a path.
    pub connected: bool,
    /// Whether the sender is punching.
    pub punching: bool,
    /// The sender's addresses. An empty list is encoded, unlike `None`.
    pub addresses: Option<Vec<SocketAddrV4>>,
    /// The receiver's address, as the sender sees it.
    pub remote_address: Option<SocketAddrV4>,
    /// A token of the sender for the receiver's address.
    pub token: Option<[u8; 32]>,
    /// The receiver's token, returned. It proves that the sender receives packets at its address.
    pub remote_token: Option<[u8; 32]>,
}

impl HolepunchPayload {
    /// Decodes a plaintext.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        let flags = r.uint()?;
        Ok(Self {
            error: r.uint()?.into(),
            firewall: r.uint()?.into(),
            round: r.uint()?,
            connected: flags & CONNECTED != 0,
            punching: flags & PUNCHING != 0,
            addresses: r.when(flags & HAS_ADDRESSES, Reader::addr4_list)?,
            remote_address: r.when(flags & HAS_REMOTE_ADDRESS, Reader::addr4)?,
            token: r.when(flags & HAS_TOKEN, Reader::array)?,
            remote_token: r.when(flags & HAS_REMOTE_TOKEN, Reader::array)?,
        })
    }

    /// The plaintext.
    pub fn encode(&self) -> Vec<u8> {
        let flags = bit(self.connected, CONNECTED)
            | bit(self.punching, PUNCHING)
            | bit(self.addresses.is_some(), HAS_ADDRESSES)
            | bit(self.remote_address.is_some(), HAS_REMOTE_ADDRESS)
            | bit(self.token.is_some(), HAS_TOKEN)
            | bit(self.remote_token.is_some(), HAS_REMOTE_TOKEN);

        let mut w = Writer::new();
        w.uint(flags).uint(self.error.into()).uint(self.firewall.into()).uint(self.round);
        w.when(&self.addresses, |w, addresses| w.addr4_list(addresses));
        w.when(&self.remote_address, |w, address| w.addr4(*address));
        w.when(&self.token, |w, token| w.raw(token));
        w.when(&self.remote_token, |w, token| w.raw(token));
        w.finish()
    }
}

/// How a NAT maps ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Firewall {
    #[default]
    /// Not known.
    Unknown,
    /// No NAT and no firewall: unsolicited packets arrive.
    Open,
    /// Endpoint-independent mapping (RFC 4787): all destinations see the same address.
    Consistent,
    /// Endpoint-dependent mapping: each destination sees another port.
    Random,
    /// A number that this version does not know.
    Other(u64),
}

impl From<u64> for Firewall {
    fn from(number: u64) -> Self {
        match number {
            0 => Self::Unknown,
            1 => Self::Open,
            2 => Self::Consistent,
            3 => Self::Random,
            other => Self::Other(other),
        }
    }
}

impl From<Firewall> for u64 {
    fn from(firewall: Firewall) -> Self {
        match firewall {
            Firewall::Unknown => 0,
            Firewall::Open => 1,
            Firewall::Consistent => 2,
            Firewall::Random => 3,
            Firewall::Other(number) => number,
        }
    }
}

/// Errors inside payloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayloadError {
    #[default]
    /// No error.
    None,
    /// The sender stops the handshake or the punch.
    Aborted,
    /// The sender speaks another version.
    VersionMismatch,
    /// The sender cannot punch now, because another punch occupies it.
    TryLater,
    /// A number that this version does not know.
    Other(u64),
}

impl From<u64> for PayloadError {
    fn from(number: u64) -> Self {
        match number {
            0 => Self::None,
            1 => Self::Aborted,
            2 => Self::VersionMismatch,
            3 => Self::TryLater,
            other => Self::Other(other),
        }
    }
}

impl From<PayloadError> for u64 {
    fn from(error: PayloadError) -> Self {
        match error {
            PayloadError::None => 0,
            PayloadError::Aborted => 1,
            PayloadError::VersionMismatch => 2,
            PayloadError::TryLater => 3,
            PayloadError::Other(number) => number,
        }
    }
}

/// The socket may be used for further streams.
pub const FEATURE_REUSABLE_SOCKET: u64 = 1;
/// Revision 1 of this implementation: see PROTOCOL C.2.
pub const FEATURE_REVISION_1: u64 = 64;
/// The sender answers the frames that prove a path: see PROTOCOL D.14.
pub const FEATURE_PATH_FRAMES: u64 = 128;

/// The version of the payload, and of each versioned part in it.
pub const PAYLOAD_VERSION: u64 = 1;

/// Flags of [`NoisePayload`].
const HAS_HOLEPUNCH: u64 = 1;
const HAS_ADDRESSES4: u64 = 2;
const HAS_ADDRESSES6: u64 = 4;
const HAS_UDX: u64 = 8;
const HAS_SECRET_STREAM: u64 = 16;
const HAS_RELAY_THROUGH: u64 = 32;
const HAS_RELAY_ADDRESSES: u64 = 64;

/// Flags of [`HolepunchPayload`].
const CONNECTED: u64 = 1;
const PUNCHING: u64 = 2;
const HAS_ADDRESSES: u64 = 4;
const HAS_REMOTE_ADDRESS: u64 = 8;
const HAS_TOKEN: u64 = 16;
const HAS_REMOTE_TOKEN: u64 = 32;

/// Two IPv4 addresses with their ports.
const RELAY_SIZE: usize = 12;
