//! One direction of a secret stream: bytes to messages.

use std::sync::Arc;

use bytes::Bytes;
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use super::aead::MAC_LEN;
use super::buffer::{Buffer, Spares};
use super::cipher::{HEADER_LEN, Pull, SEAL_HEADROOM, SHORT, WithHeadroom};
use super::{FIRST_FRAME_LEN, LENGTH_LEN, stream_id};
use crate::noise::Finished;

/// Why a stream is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The first frame does not have the length of a header.
    #[error("Invalid header message received")]
    HeaderLength,
    /// The stream id in the first frame does not match the handshake.
    #[error("Invalid header received")]
    InvalidHeader,
    /// A frame is too short for a tag and a MAC.
    #[error("Invalid message received")]
    InvalidMessage,
    /// A frame does not authenticate. The text is that of the reference's crypto library.
    #[error("pull failed")]
    Forged,
}

/// Reassembles and decrypts the stream that this side receives.
pub struct Receiver {
    stage: Stage,
    /// Memory for large messages.
    spares: Option<Arc<dyn Spares>>,
}

enum Stage {
    Header(Header),
    Messages(Pull, Frame),
    Broken(FrameError),
}

impl Receiver {
    /// A receiver for a finished handshake.
    pub fn new(handshake: &Finished) -> Self {
        let stage = Stage::Header(Header {
            key: Zeroizing::new(*handshake.rx()),
            remote_id: stream_id(handshake, !handshake.is_initiator),
            bytes: [0; FIRST_FRAME_LEN],
            len: 0,
        });
        Self { stage, spares: None }
    }

    /// The same receiver, which takes the memory of large messages from here.
    pub fn with_spares(self, spares: Option<Arc<dyn Spares>>) -> Self {
        Self { spares, ..self }
    }

    /// Takes the next bytes of the stream, which may be cut anywhere. Passes each message that they
    /// complete to `sink`, empty ones too. After an error, every later call returns the same error.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Bytes)) -> Result<(), FrameError> {
        let fed = self.try_feed(bytes, sink);
        if let Err(error) = fed {
            self.stage = Stage::Broken(error);
        }
        fed
    }

    #[cfg(test)]
    pub(super) fn reserved(&self) -> usize {
        match &self.stage {
            Stage::Messages(_, frame) => frame.body.bytes.capacity(),
            Stage::Header(_) | Stage::Broken(_) => 0,
        }
    }

    fn try_feed(
        &mut self,
        mut bytes: &[u8],
        sink: &mut dyn FnMut(Bytes),
    ) -> Result<(), FrameError> {
        if let Stage::Header(header) = &mut self.stage {
            let Some(pull) = header.read(&mut bytes)? else {
                return Ok(());
            };
            self.stage = Stage::Messages(pull, Frame::default());
        }
        match &mut self.stage {
            Stage::Messages(pull, frame) => loop {
                if frame.head_len == 0 {
                    open_short(&mut bytes, pull, sink)?;
                }
                match frame.read(&mut bytes, pull, self.spares.as_ref())? {
                    Some(message) => sink(message),
                    None => return Ok(()),
                }
            },
            Stage::Broken(error) => Err(*error),
            Stage::Header(_) => Ok(()),
        }
    }
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// The first frame, as far as it has arrived.
struct Header {
    key: Zeroizing<[u8; 32]>,
    remote_id: [u8; 32],
    bytes: [u8; FIRST_FRAME_LEN],
    len: usize,
}

impl Header {
    /// Consumes the bytes of the first frame. Returns the cipher once the frame is complete.
    fn read(&mut self, bytes: &mut &[u8]) -> Result<Option<Pull>, FrameError> {
        fill(&mut self.bytes, &mut self.len, bytes);
        let (length, rest) = self.bytes.split_at(LENGTH_LEN);
        if self.len >= LENGTH_LEN && u24(length) != rest.len() {
            return Err(FrameError::HeaderLength);
        }
        if self.len < FIRST_FRAME_LEN {
            return Ok(None);
        }
        let (id, header) = rest.split_at(32);
        if !bool::from(id.ct_eq(&self.remote_id)) {
            return Err(FrameError::InvalidHeader);
        }
        let header: &[u8; HEADER_LEN] = header.try_into().map_err(|_| FrameError::InvalidHeader)?;
        Ok(Some(Pull::new(&self.key, header)))
    }
}

/// A later frame, as far as it has arrived.
#[derive(Default)]
struct Frame {
    /// The length field and the encrypted tag.
    head: [u8; LENGTH_LEN + 1],
    head_len: usize,
    /// Headroom, then ciphertext.
    body: Buffer,
    mac: [u8; MAC_LEN],
    mac_len: usize,
}

impl Frame {
    /// Consumes the bytes of one frame. Returns the message once the frame is complete.
    fn read(
        &mut self,
        bytes: &mut &[u8],
        pull: &mut Pull,
        spares: Option<&Arc<dyn Spares>>,
    ) -> Result<Option<Bytes>, FrameError> {
        fill(&mut self.head, &mut self.head_len, bytes);
        if self.head_len < LENGTH_LEN {
            return Ok(None);
        }
        let length = u24(&self.head);
        let size = length.checked_sub(1 + MAC_LEN).ok_or(FrameError::InvalidMessage)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        self.extend_body(size, bytes, spares);
        fill(&mut self.mac, &mut self.mac_len, bytes);
        if self.mac_len < MAC_LEN {
            return Ok(None);
        }
        self.finish(pull).map(Some)
    }

    /// Consumes ciphertext. Memory grows with the bytes that have arrived, because a peer can
    /// announce a length and never send that much.
    fn extend_body(&mut self, size: usize, bytes: &mut &[u8], spares: Option<&Arc<dyn Spares>>) {
        if self.body.bytes.is_empty() {
            let reserved = size.min(FIRST_RESERVATION.max(bytes.len()));
            // A longer message outgrows a spare buffer.
            self.body = Buffer::for_message(reserved, spares.filter(|_| reserved == size));
        }
        let body = &mut self.body.bytes;
        let missing = SEAL_HEADROOM + size - body.len();
        let (taken, rest) = bytes.split_at(missing.min(bytes.len()));
        if body.capacity() - body.len() < taken.len() {
            let doubled = body.capacity().min(missing);
            body.reserve_exact(doubled.max(taken.len()));
        }
        body.extend_from_slice(taken);
        *bytes = rest;
    }

    fn finish(&mut self, pull: &mut Pull) -> Result<Bytes, FrameError> {
        let mut frame = std::mem::take(self);
        let mut buf = WithHeadroom::new(&mut frame.body.bytes).ok_or(FrameError::Forged)?;
        pull.open(frame.head[LENGTH_LEN], &mut buf, &frame.mac).ok_or(FrameError::Forged)?;
        Ok(frame.body.into_shared(SEAL_HEADROOM))
    }
}

/// A short frame that has arrived as a whole.
struct ShortFrame<'a> {
    encrypted_tag: u8,
    ciphertext: &'a [u8],
    mac: &'a [u8; MAC_LEN],
}

impl<'a> ShortFrame<'a> {
    /// The frames at the front of these bytes, up to one that is long, invalid or not whole.
    fn all(mut bytes: &'a [u8]) -> impl Iterator<Item = Self> {
        std::iter::from_fn(move || {
            let (head, rest) = bytes.split_first_chunk::<{ LENGTH_LEN + 1 }>()?;
            let size = u24(head).checked_sub(1 + MAC_LEN).filter(|size| *size <= SHORT)?;
            let (ciphertext, rest) = rest.split_at_checked(size)?;
            let (mac, rest) = rest.split_first_chunk()?;
            bytes = rest;
            Some(Self { encrypted_tag: head[LENGTH_LEN], ciphertext, mac })
        })
    }

    fn len(&self) -> usize {
        LENGTH_LEN + 1 + self.ciphertext.len() + MAC_LEN
    }

    /// Adds the message to the end of `block`.
    fn open(&self, pull: &mut Pull, block: &mut Vec<u8>) -> Option<()> {
        let start = block.len();
        block.extend_from_slice(self.ciphertext);
        pull.open_short(self.encrypted_tag, block.get_mut(start..)?, self.mac)?;
        Some(())
    }
}

/// Takes the short frames that are whole, if they are several, and passes their messages to `sink`.
/// The messages share one allocation: to allocate memory for each and to free it on the
/// application's thread takes a tenth of the time of the smallest messages. `bytes` are those of
/// one packet, so that a message which is kept holds little besides.
fn open_short(
    bytes: &mut &[u8],
    pull: &mut Pull,
    sink: &mut dyn FnMut(Bytes),
) -> Result<(), FrameError> {
    let all = *bytes;
    let sizes = ShortFrame::all(all).map(|frame| frame.ciphertext.len());
    let (count, room) = sizes.fold((0, 0), |(count, room), size| (count + 1, room + size));
    if count < 2 {
        return Ok(());
    }
    let mut block = Vec::with_capacity(room);
    let opened =
        ShortFrame::all(all).take_while(|one| one.open(pull, &mut block).is_some()).count();
    let mut block = Bytes::from(block);
    for frame in ShortFrame::all(all).take(opened) {
        sink(block.split_to(frame.ciphertext.len()));
        *bytes = bytes.get(frame.len()..).unwrap_or_default();
    }
    if opened < count { Err(FrameError::Forged) } else { Ok(()) }
}

/// Moves bytes from the front of a slice into an array that is `len` full.
fn fill(into: &mut [u8], len: &mut usize, bytes: &mut &[u8]) {
    let free = &mut into[*len..];
    let (taken, rest) = bytes.split_at(free.len().min(bytes.len()));
    free[..taken.len()].copy_from_slice(taken);
    *len += taken.len();
    *bytes = rest;
}

fn u24(bytes: &[u8]) -> usize {
    match bytes {
        [low, middle, high, ..] => {
            usize::from(*low) | usize::from(*middle) << 8 | usize::from(*high) << 16
        }
        _ => 0,
    }
}

/// The most bytes that are reserved because of a frame's length alone: the size of a usual bulk
/// write.
const FIRST_RESERVATION: usize = 65_536;
