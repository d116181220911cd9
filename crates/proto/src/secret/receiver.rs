//! One direction of a secret stream: bytes to messages.

use bytes::{Buf, Bytes};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use super::cipher::{HEADER_LEN, MAC_LEN, Pull, SEAL_HEADROOM, WithHeadroom};
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
pub struct Receiver(Stage);

enum Stage {
    Header(Header),
    Messages(Pull, Frame),
    Broken(FrameError),
}

impl Receiver {
    /// A receiver for a finished handshake.
    pub fn new(handshake: &Finished) -> Self {
        Self(Stage::Header(Header {
            key: Zeroizing::new(*handshake.rx()),
            remote_id: stream_id(handshake, !handshake.is_initiator),
            bytes: [0; FIRST_FRAME_LEN],
            len: 0,
        }))
    }

    /// Takes the next bytes of the stream, which may be cut anywhere. Passes each message that they
    /// complete to `sink`, empty ones too. After an error, every later call returns the same error.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Bytes)) -> Result<(), FrameError> {
        let fed = self.try_feed(bytes, sink);
        if let Err(error) = fed {
            self.0 = Stage::Broken(error);
        }
        fed
    }

    #[cfg(test)]
    pub(super) fn reserved(&self) -> usize {
        match &self.0 {
            Stage::Messages(_, frame) => frame.body.capacity(),
            Stage::Header(_) | Stage::Broken(_) => 0,
        }
    }

    fn try_feed(
        &mut self,
        mut bytes: &[u8],
        sink: &mut dyn FnMut(Bytes),
    ) -> Result<(), FrameError> {
        if let Stage::Header(header) = &mut self.0 {
            let Some(pull) = header.read(&mut bytes)? else {
                return Ok(());
            };
            self.0 = Stage::Messages(pull, Frame::default());
        }
        match &mut self.0 {
            Stage::Messages(pull, frame) => {
                while let Some(message) = frame.read(&mut bytes, pull)? {
                    sink(message);
                }
                Ok(())
            }
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
    body: Vec<u8>,
    mac: [u8; MAC_LEN],
    mac_len: usize,
}

impl Frame {
    /// Consumes the bytes of one frame. Returns the message once the frame is complete.
    fn read(&mut self, bytes: &mut &[u8], pull: &mut Pull) -> Result<Option<Bytes>, FrameError> {
        fill(&mut self.head, &mut self.head_len, bytes);
        if self.head_len < LENGTH_LEN {
            return Ok(None);
        }
        let length = u24(&self.head);
        let size = length.checked_sub(1 + MAC_LEN).ok_or(FrameError::InvalidMessage)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        self.extend_body(size, bytes);
        fill(&mut self.mac, &mut self.mac_len, bytes);
        if self.mac_len < MAC_LEN {
            return Ok(None);
        }
        self.finish(pull).map(Some)
    }

    /// Consumes ciphertext. Memory grows with the bytes that have arrived, because a peer can
    /// announce a length and never send that much.
    fn extend_body(&mut self, size: usize, bytes: &mut &[u8]) {
        if self.body.is_empty() {
            self.body.reserve_exact(SEAL_HEADROOM + size.min(FIRST_RESERVATION.max(bytes.len())));
            self.body.resize(SEAL_HEADROOM, 0);
        }
        let missing = SEAL_HEADROOM + size - self.body.len();
        let (taken, rest) = bytes.split_at(missing.min(bytes.len()));
        if self.body.capacity() - self.body.len() < taken.len() {
            let doubled = self.body.capacity().min(missing);
            self.body.reserve_exact(doubled.max(taken.len()));
        }
        self.body.extend_from_slice(taken);
        *bytes = rest;
    }

    fn finish(&mut self, pull: &mut Pull) -> Result<Bytes, FrameError> {
        let mut frame = std::mem::take(self);
        let mut buf = WithHeadroom::new(&mut frame.body).ok_or(FrameError::Forged)?;
        pull.open(frame.head[LENGTH_LEN], &mut buf, &frame.mac).ok_or(FrameError::Forged)?;
        let mut message = Bytes::from(frame.body);
        message.advance(SEAL_HEADROOM);
        Ok(message)
    }
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
