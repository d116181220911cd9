//! The messages between a blind relay and its clients (PROTOCOL D.10), on a channel of protomux.
//! Reference: blind-relay 1.6.1.

use super::{Malformed, MuxFrame, Reader, Writer};

/// A client asks to be paired, or the relay tells it that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayPair {
    /// The role of the client in the pair.
    pub is_initiator: bool,
    /// What both clients of the pair send.
    pub token: [u8; 32],
    /// The sender's UDX stream: the client's own end, or the relay's end for this client.
    pub id: u32,
    /// The first sequence number; 0.
    pub seq: u64,
}

impl RelayPair {
    /// The number of this type of message.
    pub const KIND: u64 = 0;

    /// The name of the protocol that has these messages.
    pub const PROTOCOL: &'static [u8] = b"blind-relay";

    /// Decodes the body of a message.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        Ok(Self {
            is_initiator: r.uint()? & IS_INITIATOR != 0,
            token: r.array()?,
            // The reference passes the id on to UDX, which keeps the low 32 bits.
            id: r.uint()? as u32,
            seq: r.uint()?,
        })
    }

    /// The body of a message.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.uint(if self.is_initiator { IS_INITIATOR } else { 0 });
        w.raw(&self.token).uint(self.id.into()).uint(self.seq);
        w.finish()
    }

    /// The message as a frame of this channel.
    pub fn frame(&self, channel: u64) -> Vec<u8> {
        MuxFrame::Message { channel, kind: Self::KIND, body: &self.encode() }.encode()
    }
}

/// A client takes its request back, or ends its pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayUnpair {
    /// The token of the pair.
    pub token: [u8; 32],
}

impl RelayUnpair {
    /// The number of this type of message.
    pub const KIND: u64 = 1;

    /// Decodes the body of a message.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        let _flags = r.uint()?;
        Ok(Self { token: r.array()? })
    }

    /// The body of a message.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.uint(0).raw(&self.token);
        w.finish()
    }

    /// The message as a frame of this channel.
    pub fn frame(&self, channel: u64) -> Vec<u8> {
        MuxFrame::Message { channel, kind: Self::KIND, body: &self.encode() }.encode()
    }
}

const IS_INITIATOR: u64 = 1;
