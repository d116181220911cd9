//! Messages in buffers with room for the framing.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::buffer::{Buffer, Spares};
use super::{HEADROOM, LENGTH_LEN, TAILROOM};

/// A message to be written, in a buffer where it can be framed without another copy.
pub struct Message {
    /// [`HEADROOM`] bytes, then the message.
    buf: Buffer,
}

impl Message {
    /// A message with these bytes. A large one is in a spare buffer, if there is one, and leaves its
    /// buffer to the spare ones.
    pub fn with_spares(data: &[u8], spares: &Arc<dyn Spares>) -> Self {
        Self::new(data, Some(spares))
    }

    fn new(data: &[u8], spares: Option<&Arc<dyn Spares>>) -> Self {
        let mut buf = Buffer::for_message(data.len(), spares);
        buf.bytes.extend_from_slice(data);
        Self { buf }
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.buf.bytes.len() - HEADROOM
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes alone, without another copy.
    pub(crate) fn into_bytes(self) -> Bytes {
        self.buf.into_shared(HEADROOM)
    }

    /// The buffer, as [`super::Sender::frame_from`] expects it.
    pub(crate) fn into_buf(self) -> Buffer {
        self.buf
    }
}

impl<T: AsRef<[u8]> + ?Sized> From<&T> for Message {
    fn from(data: &T) -> Self {
        Self::new(data.as_ref(), None)
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Small messages to be written together, in one buffer where they can be framed without another
/// copy.
pub struct Messages {
    /// [`FIRST_HEAD`] bytes of any content. Then for each message a head with the length of the
    /// message, its bytes, and [`TAILROOM`].
    buf: Vec<u8>,
}

impl Messages {
    /// No messages yet, with room for some messages of a length.
    pub fn with_room(messages: usize, len: usize) -> Self {
        let room = messages.saturating_mul(HEAD_LEN + len.min(MAX_PACKED) + TAILROOM);
        let mut buf = Vec::with_capacity(FIRST_HEAD.saturating_add(room).min(MAX_BUFFER));
        buf.resize(FIRST_HEAD, 0);
        Self { buf }
    }

    /// Adds a message. False if the message or the buffer is too large for that.
    pub fn push(&mut self, data: &[u8]) -> bool {
        let size = HEAD_LEN + data.len() + TAILROOM;
        if data.len() > MAX_PACKED || self.buf.len() + size > MAX_BUFFER {
            return false;
        }
        self.buf.extend_from_slice(&(data.len() as u32).to_le_bytes());
        self.buf.extend_from_slice(data);
        self.buf.extend_from_slice(&[0; TAILROOM]);
        true
    }

    /// Whether no message was added.
    pub fn is_empty(&self) -> bool {
        self.buf.len() == FIRST_HEAD
    }

    /// The bytes of all messages, one after the other.
    pub(crate) fn into_bytes(mut self) -> Bytes {
        let mut end = 0;
        let mut rest = FIRST_HEAD;
        while let Some(len) = length_at(&self.buf, rest) {
            let start = rest + HEAD_LEN;
            self.buf.copy_within(start..start + len, end);
            end += len;
            rest = start + len + TAILROOM;
        }
        self.buf.truncate(end);
        self.buf.into()
    }

    /// The buffer, as [`super::Sender::frames_from`] expects it.
    pub(super) fn into_buf(self) -> Vec<u8> {
        self.buf
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Messages").finish_non_exhaustive()
    }
}

/// The length of the message whose head is at `start`. `None` at the end of the buffer.
pub(super) fn length_at(buf: &[u8], start: usize) -> Option<usize> {
    let head = buf.get(start..)?.first_chunk()?;
    Some(u32::from_le_bytes(*head) as usize)
}

/// Bytes of a head: first the length of the message, in the end the length field of the frame and
/// the encrypted tag.
pub(super) const HEAD_LEN: usize = LENGTH_LEN + 1;

/// Where the first head begins: the message behind it has its full headroom.
pub(super) const FIRST_HEAD: usize = HEADROOM - HEAD_LEN;

/// Larger messages have a buffer of their own, which needs no room to grow.
const MAX_PACKED: usize = 4096;

/// All messages of a buffer stay in memory until the last one is acknowledged.
const MAX_BUFFER: usize = 16 * 1024;
