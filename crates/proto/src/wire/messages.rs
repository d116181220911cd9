//! Values of the hyperdht commands (PROTOCOL C.2). Each has `decode(&[u8])` and `encode()`.
//!
//! Decoders ignore trailing bytes and unknown flags, so that later versions can extend the
//! messages.

use std::net::SocketAddrV4;

use super::codec::bit;
use super::{Malformed, PublicKey, Reader, Writer};

/// A record: the public key of a peer, and the nodes through which it can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The peer's public key.
    pub public_key: PublicKey,
    /// Nodes that pass handshakes on to it.
    pub relay_addresses: Vec<SocketAddrV4>,
}

impl Peer {
    /// Decodes a record.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Self::decode_from(&mut Reader::new(bytes))
    }

    /// Decodes a record that is a part of a message.
    pub fn decode_from(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { public_key: r.array()?, relay_addresses: r.addr4_list()? })
    }

    /// The record as nodes store it.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        self.encode_into(&mut w);
        w.finish()
    }

    /// Appends the record to a message.
    pub fn encode_into(&self, w: &mut Writer) {
        w.raw(&self.public_key).addr4_list(&self.relay_addresses);
    }
}

/// Where a routed message comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// From a client to a relay.
    FromClient = 0,
    /// From a server to a relay, as an answer.
    FromServer = 1,
    /// From a relay to the server, or to a second relay.
    FromRelay = 2,
    /// From a second relay to the server.
    FromSecondRelay = 3,
    /// The answer, to the client.
    Reply = 4,
}

impl TryFrom<u64> for Mode {
    type Error = Malformed;

    fn try_from(number: u64) -> Result<Self, Malformed> {
        match number {
            0 => Ok(Self::FromClient),
            1 => Ok(Self::FromServer),
            2 => Ok(Self::FromRelay),
            3 => Ok(Self::FromSecondRelay),
            4 => Ok(Self::Reply),
            _ => Err(Malformed::UnknownValue),
        }
    }
}

impl From<Mode> for u64 {
    fn from(mode: Mode) -> Self {
        mode as u64
    }
}

/// PEER_HANDSHAKE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// The leg of the route that the message is on.
    pub mode: Mode,
    /// A message of the Noise handshake.
    pub noise: Vec<u8>,
    /// The address of the other end, as the relay sees it.
    pub peer_address: Option<SocketAddrV4>,
    /// The address of the relay before this one.
    pub relay_address: Option<SocketAddrV4>,
}

impl Handshake {
    /// Decodes the value of a request or a reply.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        let flags = r.uint()?;
        Ok(Self {
            mode: r.uint()?.try_into()?,
            noise: r.buffer()?.to_vec(),
            peer_address: r.when(flags & HAS_PEER_ADDRESS, Reader::addr4)?,
            relay_address: r.when(flags & HAS_RELAY_ADDRESS, Reader::addr4)?,
        })
    }

    /// The value of a request or a reply.
    pub fn encode(&self) -> Vec<u8> {
        let flags = bit(self.peer_address.is_some(), HAS_PEER_ADDRESS)
            | bit(self.relay_address.is_some(), HAS_RELAY_ADDRESS);

        let mut w = Writer::new();
        w.uint(flags).uint(self.mode.into()).buffer(&self.noise);
        w.when(&self.peer_address, |w, address| w.addr4(*address));
        w.when(&self.relay_address, |w, address| w.addr4(*address));
        w.finish()
    }
}

/// PEER_HOLEPUNCH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holepunch {
    /// The leg of the route that the message is on.
    pub mode: Mode,
    /// The server's number for the handshake that it belongs to.
    pub id: u64,
    /// The encrypted [`super::HolepunchPayload`].
    pub payload: Vec<u8>,
    /// The address of the other end, as the relay sees it.
    pub peer_address: Option<SocketAddrV4>,
}

impl Holepunch {
    /// Decodes the value of a request or a reply.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        let flags = r.uint()?;
        Ok(Self {
            mode: r.uint()?.try_into()?,
            id: r.uint()?,
            payload: r.buffer()?.to_vec(),
            peer_address: r.when(flags & HAS_PEER_ADDRESS, Reader::addr4)?,
        })
    }

    /// The value of a request or a reply.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.uint(bit(self.peer_address.is_some(), HAS_PEER_ADDRESS))
            .uint(self.mode.into())
            .uint(self.id)
            .buffer(&self.payload)
            .when(&self.peer_address, |w, address| w.addr4(*address));
        w.finish()
    }
}

/// ANNOUNCE and UNANNOUNCE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announce {
    /// The peer that is announced; `None` for a refresh.
    pub peer: Option<Peer>,
    /// The refresh token. In an announcement it is a hash; a refresh gives the preimage of the
    /// previous one instead of a signature.
    pub refresh: Option<[u8; 32]>,
    /// The signature; `None` for a refresh.
    pub signature: Option<[u8; 64]>,
    /// The topic's bump, in milliseconds since the Unix epoch; 0 is absent.
    pub bump: u64,
}

impl Announce {
    /// Decodes the value of a request.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        let flags = r.uint()?;
        Ok(Self {
            peer: r.when(flags & HAS_PEER, Peer::decode_from)?,
            refresh: r.when(flags & HAS_REFRESH, Reader::array)?,
            signature: r.when(flags & HAS_SIGNATURE, Reader::array)?,
            bump: r.when(flags & HAS_BUMP, Reader::uint)?.unwrap_or(0),
        })
    }

    /// The value of a request.
    pub fn encode(&self) -> Vec<u8> {
        let flags = bit(self.peer.is_some(), HAS_PEER)
            | bit(self.refresh.is_some(), HAS_REFRESH)
            | bit(self.signature.is_some(), HAS_SIGNATURE)
            | bit(self.bump != 0, HAS_BUMP);

        let mut w = Writer::new();
        w.uint(flags);
        if let Some(peer) = &self.peer {
            peer.encode_into(&mut w);
        }
        w.when(&self.refresh, |w, refresh| w.raw(refresh));
        w.when(&self.signature, |w, signature| w.raw(signature));
        if self.bump != 0 {
            w.uint(self.bump);
        }
        w.finish()
    }
}

/// The value of a LOOKUP reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupReply {
    /// The announced peers.
    pub peers: Vec<Peer>,
    /// The topic's bump, in milliseconds since the Unix epoch; 0 is none.
    pub bump: u64,
}

impl LookupReply {
    /// Decodes the value of a reply. Older nodes send no bump.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        let peers = r.list(MIN_PEER_SIZE, Peer::decode_from)?;
        let bump = if r.is_empty() { 0 } else { r.uint()? };
        Ok(Self { peers, bump })
    }

    /// The value of a reply.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.list(&self.peers, |w, peer| peer.encode_into(w)).uint(self.bump);
        w.finish()
    }

    /// The value of a reply, from records that are stored in their encoded form.
    pub fn encode_raw(records: &[impl AsRef<[u8]>], bump: u64) -> Vec<u8> {
        let mut w = Writer::new();
        w.list(records, |w, record| {
            w.raw(record.as_ref());
        });
        w.uint(bump);
        w.finish()
    }
}

/// The message that the signature of a mutable record covers, before hashing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MutableSignable<'a> {
    /// The version of the value, which only grows.
    pub seq: u64,
    /// The payload.
    pub value: &'a [u8],
}

impl<'a> MutableSignable<'a> {
    /// Decodes the bytes under the hash.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        Ok(Self { seq: r.uint()?, value: r.buffer()? })
    }

    /// The bytes under the hash.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.uint(self.seq).buffer(self.value);
        w.finish()
    }
}

/// MUTABLE_PUT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MutablePut {
    /// The owner's public key.
    pub public_key: PublicKey,
    /// The version of the value, which only grows.
    pub seq: u64,
    /// The payload.
    pub value: Vec<u8>,
    /// The signature of the key's owner.
    pub signature: [u8; 64],
}

impl MutablePut {
    /// Decodes the value of a request.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        Ok(Self {
            public_key: r.array()?,
            seq: r.uint()?,
            value: r.buffer()?.to_vec(),
            signature: r.array()?,
        })
    }

    /// The value of a request.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.raw(&self.public_key).uint(self.seq).buffer(&self.value).raw(&self.signature);
        w.finish()
    }
}

/// The value of a MUTABLE_GET reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MutableGetReply {
    /// The version of the value, which only grows.
    pub seq: u64,
    /// The payload.
    pub value: Vec<u8>,
    /// The signature of the key's owner.
    pub signature: [u8; 64],
}

impl MutableGetReply {
    /// Decodes the value of a reply.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        Ok(Self { seq: r.uint()?, value: r.buffer()?.to_vec(), signature: r.array()? })
    }

    /// The value of a reply.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.uint(self.seq).buffer(&self.value).raw(&self.signature);
        w.finish()
    }
}

/// PLUGIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginRequest {
    /// The plugin's name.
    pub plugin: String,
    /// The plugin's version.
    pub version: u64,
    /// The command's number.
    pub command: u64,
    /// The payload.
    pub value: Option<Vec<u8>>,
}

impl PluginRequest {
    /// Decodes the value of a request. Invalid UTF-8 in the name is replaced, as in the reference.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        let plugin = String::from_utf8_lossy(r.buffer()?).into_owned();
        let version = r.uint()?;
        let command = r.uint()?;
        let flags = r.uint()?;
        let value = r.when(flags & HAS_PLUGIN_VALUE, Reader::buffer)?.map(<[u8]>::to_vec);
        Ok(Self { plugin, version, command, value })
    }

    /// The value of a request.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.buffer(self.plugin.as_bytes())
            .uint(self.version)
            .uint(self.command)
            .uint(bit(self.value.is_some(), HAS_PLUGIN_VALUE))
            .when(&self.value, |w, value| w.buffer(value));
        w.finish()
    }
}

/// Flags of [`Handshake`] and [`Holepunch`].
const HAS_PEER_ADDRESS: u64 = 1;
const HAS_RELAY_ADDRESS: u64 = 2;

/// Flags of [`Announce`].
const HAS_PEER: u64 = 1;
const HAS_REFRESH: u64 = 2;
const HAS_SIGNATURE: u64 = 4;
const HAS_BUMP: u64 = 8;

/// Flag of [`PluginRequest`].
const HAS_PLUGIN_VALUE: u64 = 1;

/// A key and an empty list.
const MIN_PEER_SIZE: usize = 33;
