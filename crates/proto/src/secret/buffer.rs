//! Memory for large messages, which is used again.

use std::fmt;
use std::mem;
use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::{Buf, Bytes};

use super::{HEADROOM, TAILROOM};

/// Keeps the buffers of messages that nobody needs any more, for the next messages. Memory that the
/// system gives anew costs a page fault for each 4 KiB, which takes a tenth of the time of a
/// sender.
pub trait Spares: Send + Sync + fmt::Debug {
    /// A buffer of [`SPARE_CAPACITY`], with any content. `None` if there is none.
    fn take(&self) -> Option<Vec<u8>>;
    /// Gets a buffer of [`SPARE_CAPACITY`].
    fn give(&self, buf: Vec<u8>);
}

/// A buffer with room for the framing of a message.
pub struct Buffer {
    pub(super) bytes: Vec<u8>,
    /// Who gets the memory after the last use.
    spares: Option<Arc<dyn Spares>>,
}

impl Buffer {
    /// Room for a message of this length: [`HEADROOM`] bytes, with spare capacity behind them.
    pub(super) fn for_message(len: usize, spares: Option<&Arc<dyn Spares>>) -> Self {
        let spares = spares.filter(|_| SUITS_SPARE.contains(&len)).cloned();
        let mut bytes = match &spares {
            Some(spares) => spares.take().unwrap_or_else(|| Vec::with_capacity(SPARE_CAPACITY)),
            None => Vec::with_capacity(HEADROOM + len + TAILROOM),
        };
        bytes.clear();
        bytes.resize(HEADROOM, 0);
        Self { bytes, spares }
    }

    /// The bytes from `start` on, without a copy.
    pub(super) fn into_shared(mut self, start: usize) -> Bytes {
        let mut all = match self.spares {
            Some(_) => Bytes::from_owner(self),
            None => Bytes::from(mem::take(&mut self.bytes)),
        };
        all.advance(start);
        all
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, spares: None }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(spares) = &self.spares {
            spares.give(mem::take(&mut self.bytes));
        }
    }
}

/// Bytes that a spare buffer has room for.
pub const SPARE_CAPACITY: usize = HEADROOM + LARGEST + TAILROOM;

/// The messages that get a spare buffer. A smaller one would keep much more memory than it needs
/// until it is acknowledged.
const SUITS_SPARE: RangeInclusive<usize> = LARGEST / 8 * 7..=LARGEST;

/// What programs write at once that write much: files and sockets of Node.js are read in chunks of
/// 64 KiB.
const LARGEST: usize = 64 * 1024;
