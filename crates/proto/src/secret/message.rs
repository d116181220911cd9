//! A message in a buffer with room for the framing.

use std::fmt;

use bytes::Bytes;

use super::{HEADROOM, TAILROOM};

/// A message to be written, in a buffer where it can be framed without another copy.
pub struct Message {
    /// [`HEADROOM`] bytes, then the message.
    buf: Vec<u8>,
}

impl Message {
    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.buf.len() - HEADROOM
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes alone, without another copy.
    pub(crate) fn into_bytes(self) -> Bytes {
        Bytes::from(self.buf).slice(HEADROOM..)
    }

    /// The buffer, as [`super::Sender::frame_from`] expects it.
    pub(crate) fn into_buf(self) -> Vec<u8> {
        self.buf
    }
}

impl<T: AsRef<[u8]> + ?Sized> From<&T> for Message {
    fn from(data: &T) -> Self {
        let data = data.as_ref();
        let mut buf = Vec::with_capacity(HEADROOM + data.len() + TAILROOM);
        buf.resize(HEADROOM, 0);
        buf.extend_from_slice(data);
        Self { buf }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("len", &self.len()).finish_non_exhaustive()
    }
}
