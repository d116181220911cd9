//! The frames of protomux, as far as a blind relay needs them (PROTOCOL D.11). Each message of a
//! secret stream is one frame, or a batch of frames. Reference: protomux 3.12.1.

use super::{Malformed, Reader, Writer};

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MuxFrame<'a> {
    /// The sender opens a channel.
    Open(MuxOpen<'a>),
    /// The sender does not want a channel that the receiver has opened.
    Reject {
        /// The receiver's id of the channel.
        id: u64,
    },
    /// The sender closes a channel of its own.
    Close {
        /// The sender's id of the channel.
        id: u64,
    },
    /// A message on a channel.
    Message {
        /// The sender's id of the channel.
        channel: u64,
        /// The number of the message's type.
        kind: u64,
        /// The encoded message.
        body: &'a [u8],
    },
    /// A control frame of a kind that does not exist. Receivers ignore it.
    Unknown {
        /// The kind.
        kind: u64,
    },
}

/// The opening of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MuxOpen<'a> {
    /// The sender's id of the channel, at least 1.
    pub id: u64,
    /// The name of the protocol.
    pub protocol: &'a [u8],
    /// Distinguishes channels of one protocol; empty if absent.
    pub channel_id: &'a [u8],
    /// The protocol's handshake, which needs no length because it is last.
    pub handshake: &'a [u8],
}

/// The frames of one message. Nothing follows a frame that is malformed.
#[derive(Debug)]
pub struct MuxFrames<'a> {
    rest: Reader<'a>,
    /// The channel of the next frame.
    channel: Result<u64, Malformed>,
    is_batch: bool,
}

impl<'a> MuxFrame<'a> {
    /// Reads the frames of one message of the secret stream.
    pub fn read_all(message: &'a [u8]) -> MuxFrames<'a> {
        let mut rest = Reader::new(message);
        let channel = rest.uint();
        if !message.starts_with(&[CONTROL as u8, BATCH as u8]) {
            return MuxFrames { rest, channel, is_batch: false };
        }
        let channel = rest.uint().and_then(|_| rest.uint());
        MuxFrames { rest, channel, is_batch: true }
    }

    /// The frame as a message of its own.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        match *self {
            Self::Open(MuxOpen { id, protocol, channel_id, handshake }) => {
                w.uint(CONTROL).uint(OPEN).uint(id);
                w.buffer(protocol).buffer(channel_id).raw(handshake)
            }
            Self::Reject { id } => w.uint(CONTROL).uint(REJECT).uint(id),
            Self::Close { id } => w.uint(CONTROL).uint(CLOSE).uint(id),
            Self::Message { channel, kind, body } => w.uint(channel).uint(kind).raw(body),
            Self::Unknown { kind } => w.uint(CONTROL).uint(kind),
        };
        w.finish()
    }

    fn decode(channel: u64, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(bytes);
        let kind = r.uint()?;
        if channel != CONTROL {
            return Ok(Self::Message { channel, kind, body: r.rest() });
        }
        Ok(match kind {
            // A batch within a batch.
            BATCH => return Err(Malformed::UnknownValue),
            OPEN => Self::Open(MuxOpen {
                id: r.uint()?,
                protocol: r.buffer()?,
                channel_id: r.buffer()?,
                handshake: r.rest(),
            }),
            REJECT => Self::Reject { id: r.uint()? },
            CLOSE => Self::Close { id: r.uint()? },
            kind => Self::Unknown { kind },
        })
    }
}

impl<'a> Iterator for MuxFrames<'a> {
    type Item = Result<MuxFrame<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let frame = match self.channel {
            Ok(channel) => self.next_of(channel)?,
            Err(error) => Err(error),
        };
        if frame.is_err() {
            *self = Self { rest: Reader::new(&[]), channel: Ok(CONTROL), is_batch: true };
        }
        Some(frame)
    }
}

impl<'a> MuxFrames<'a> {
    fn next_of(&mut self, mut channel: u64) -> Option<Result<MuxFrame<'a>, Malformed>> {
        if !self.is_batch {
            let rest = std::mem::replace(&mut self.rest, Reader::new(&[]));
            self.is_batch = true;
            return Some(MuxFrame::decode(channel, rest.rest()));
        }
        while !self.rest.is_empty() {
            match self.next_item() {
                Ok(Item::Frame(bytes)) => return Some(MuxFrame::decode(channel, bytes)),
                Ok(Item::Channel(next)) => (channel, self.channel) = (next, Ok(next)),
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }

    fn next_item(&mut self) -> Result<Item<'a>, Malformed> {
        let bytes = self.rest.buffer()?;
        if bytes.is_empty() { self.rest.uint().map(Item::Channel) } else { Ok(Item::Frame(bytes)) }
    }
}

/// A part of a batch.
enum Item<'a> {
    Frame(&'a [u8]),
    /// The frames that follow are of this channel.
    Channel(u64),
}

/// The channel of the control frames.
const CONTROL: u64 = 0;

const BATCH: u64 = 0;
const OPEN: u64 = 1;
const REJECT: u64 = 2;
const CLOSE: u64 = 3;
