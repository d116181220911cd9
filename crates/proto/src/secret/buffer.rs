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
    /// Takes a buffer of [`SPARE_CAPACITY`], whose content is undefined. `None` if all are in use.
    fn take(&self) -> Option<Vec<u8>>;
    /// Gets a buffer of [`SPARE_CAPACITY`].
    fn give(&self, buf: Vec<u8>);
}

/// A buffer with room for the framing of a message.
#[derive(Default)]
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
        // A long message has outgrown its buffer.
        if let Some(spares) = &self.spares
            && self.bytes.capacity() == SPARE_CAPACITY
        {
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::secret::tests::reference_handshake;
    use crate::secret::{Message, Receiver, Sender};

    #[test]
    fn a_large_message_takes_a_spare_buffer_and_leaves_it_at_both_ends() {
        let shelf = Arc::<Shelf>::default();
        let mut pair = Pair::new(&shelf);
        assert_eq!(pair.carry(LARGEST), LARGEST);
        assert_eq!(shelf.len(), 2, "one of each end");
        assert_eq!(pair.carry(LARGEST - 5), LARGEST - 5);
        assert_eq!(shelf.len(), 2, "they were used again");
    }

    #[test]
    fn other_messages_have_memory_of_their_own() {
        let shelf = Arc::<Shelf>::default();
        let mut pair = Pair::new(&shelf);
        for len in [0, LARGEST / 2, 2 * LARGEST, 10 * LARGEST] {
            assert_eq!(pair.carry(len), len);
            assert_eq!(shelf.len(), 0, "a buffer that has grown is not spare");
        }
    }

    #[derive(Debug, Default)]
    struct Shelf(Mutex<Vec<Vec<u8>>>);

    impl Shelf {
        fn len(&self) -> usize {
            self.0.lock().expect("nothing panics").len()
        }
    }

    impl Spares for Shelf {
        fn take(&self) -> Option<Vec<u8>> {
            self.0.lock().expect("nothing panics").pop()
        }

        fn give(&self, buf: Vec<u8>) {
            self.0.lock().expect("nothing panics").push(buf);
        }
    }

    struct Pair {
        sender: Sender,
        receiver: Receiver,
        spares: Arc<dyn Spares>,
    }

    impl Pair {
        fn new(shelf: &Arc<Shelf>) -> Self {
            let spares: Arc<dyn Spares> = Arc::<Shelf>::clone(shelf);
            let (near, far) = reference_handshake();
            let mut sender = Sender::new(&near, [3; 24]);
            let mut receiver = Receiver::new(&far).with_spares(Some(Arc::clone(&spares)));
            receiver.feed(&sender.first_frame(), &mut |_| ()).expect("a good header");
            Self { sender, receiver, spares }
        }

        /// Returns how much of a message of this length arrives.
        fn carry(&mut self, len: usize) -> usize {
            let text = vec![len as u8; len];
            let message = Message::with_spares(&text, &self.spares);
            let frame = self.sender.frame_from(message.into_buf());
            let mut received = Vec::new();
            for packet in frame.chunks(1400) {
                let fed = self.receiver.feed(packet, &mut |message| received.push(message));
                fed.expect("a good frame");
            }
            assert_eq!(received, [text]);
            received.iter().map(Bytes::len).sum()
        }
    }
}
