//! One direction of a secret stream: messages to frames.

use bytes::{Buf, Bytes};

use super::aead::MAC_LEN;
use super::buffer::Buffer;
use super::cipher::{HEADER_LEN, Push, SEAL_HEADROOM, WithHeadroom};
use super::message::{FIRST_HEAD, HEAD_LEN, Messages, length_at};
use super::{FIRST_FRAME_LEN, LENGTH_LEN, MAX_MESSAGE, stream_id};
use crate::noise::Finished;

/// Encrypts and frames the messages that this side sends.
pub struct Sender {
    /// Empty once it was taken.
    first_frame: Vec<u8>,
    push: Push,
}

impl Sender {
    /// A sender for a finished handshake. `header` is 24 fresh random bytes.
    pub fn new(handshake: &Finished, header: [u8; HEADER_LEN]) -> Self {
        let mut first_frame = vec![0; FIRST_FRAME_LEN];
        let (length, rest) = first_frame.split_at_mut(LENGTH_LEN);
        length.copy_from_slice(&u24(rest.len()));
        let (id, rest) = rest.split_at_mut(32);
        id.copy_from_slice(&stream_id(handshake, handshake.is_initiator));
        rest.copy_from_slice(&header);
        Self { first_frame, push: Push::new(handshake.tx(), &header) }
    }

    /// Takes the first frame of this direction. Send it before all others.
    pub fn first_frame(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.first_frame)
    }

    /// The frame of a message. A message longer than [`MAX_MESSAGE`] is split into several
    /// messages, which callers should avoid.
    pub fn frame(&mut self, plaintext: &[u8]) -> Bytes {
        let mut buf = Buffer::for_message(plaintext.len(), None);
        buf.bytes.extend_from_slice(plaintext);
        self.frame_from(buf)
    }

    /// The frame of the message in `buf`, which begins after [`HEADROOM`] bytes of any content.
    /// Nothing is copied if `buf` has [`TAILROOM`] bytes of spare capacity.
    pub fn frame_from(&mut self, buf: impl Into<Buffer>) -> Bytes {
        let mut buffer = buf.into();
        let buf = &mut buffer.bytes;
        if buf.len() > HEADROOM + MAX_MESSAGE {
            return self.frames_of(&buf[HEADROOM..]);
        }
        let Some(mut headed) = WithHeadroom::new(buf) else {
            return self.frame(&[]);
        };
        let (first, mac) = self.push.seal(TAG_MESSAGE, &mut headed);
        buf.extend_from_slice(&mac);

        let start = HEADROOM - LENGTH_LEN - 1;
        let length = u24(buf.len() - HEADROOM + 1);
        buf[start..HEADROOM - 1].copy_from_slice(&length);
        buf[HEADROOM - 1] = first;
        buffer.into_shared(start)
    }

    /// The frames of messages, one after the other. Nothing is copied.
    pub fn frames_from(&mut self, messages: Messages) -> Bytes {
        let mut buf = messages.into_buf();
        let mut head = FIRST_HEAD;
        while let Some(len) = length_at(&buf, head) {
            let end = head + HEAD_LEN + len;
            self.frame_at(&mut buf[head - FIRST_HEAD..end + MAC_LEN]);
            head = end + MAC_LEN;
        }
        let mut frames = Bytes::from(buf);
        frames.advance(FIRST_HEAD.min(frames.len()));
        frames
    }

    /// Frames a message between [`HEADROOM`] and [`TAILROOM`] bytes. The frame before it may be in
    /// the headroom, except for the bytes of the message's own head.
    fn frame_at(&mut self, room: &mut [u8]) {
        let (sealed, tail) = room.split_at_mut(room.len() - MAC_LEN);
        let mut before = [0; FIRST_HEAD];
        before.copy_from_slice(&sealed[..FIRST_HEAD]);
        let length = u24(sealed.len() - HEADROOM + 1 + MAC_LEN);
        let Some(mut headed) = WithHeadroom::new(sealed) else { return };
        let (first, mac) = self.push.seal(TAG_MESSAGE, &mut headed);
        tail.copy_from_slice(&mac);
        sealed[..FIRST_HEAD].copy_from_slice(&before);
        sealed[FIRST_HEAD..HEADROOM - 1].copy_from_slice(&length);
        sealed[HEADROOM - 1] = first;
    }

    fn frames_of(&mut self, plaintext: &[u8]) -> Bytes {
        let mut frames = Vec::new();
        for part in plaintext.chunks(MAX_MESSAGE) {
            frames.extend_from_slice(&self.frame(part));
        }
        frames.into()
    }
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

fn u24(value: usize) -> [u8; LENGTH_LEN] {
    let [low, middle, high, ..] = value.to_le_bytes();
    [low, middle, high]
}

/// Bytes before the message in a buffer for [`Sender::frame_from`].
pub const HEADROOM: usize = SEAL_HEADROOM;

/// Bytes of spare capacity after the message.
pub const TAILROOM: usize = MAC_LEN;

/// The only tag that secret streams send.
const TAG_MESSAGE: u8 = 0;
