//! The byte stream that the application wrote, held until it is acknowledged.

use std::collections::VecDeque;

use bytes::Bytes;

/// Written bytes by stream offset. Packets refer to them as (offset, length), so that a packet in
/// flight costs no reference count and no allocation.
#[derive(Debug)]
pub(crate) struct SendBuffer {
    chunks: VecDeque<Chunk>,
    /// Everything below this offset is acknowledged and released.
    head: u64,
    /// Everything below this offset has been written.
    tail: u64,
    /// Everything below this offset has been put into packets.
    sent: u64,
    /// Index of the chunk that holds `sent`.
    cursor: usize,
}

#[derive(Debug)]
struct Chunk {
    offset: u64,
    bytes: Bytes,
}

impl Chunk {
    fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

impl Default for SendBuffer {
    /// Has room for the one chunk of an idle stream.
    fn default() -> Self {
        Self { chunks: VecDeque::with_capacity(1), head: 0, tail: 0, sent: 0, cursor: 0 }
    }
}

impl SendBuffer {
    pub(crate) fn push(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            return;
        }
        let offset = self.tail;
        self.tail += bytes.len() as u64;
        self.chunks.push_back(Chunk { offset, bytes });
    }

    /// Bytes that have not been put into packets yet.
    pub(crate) fn unsent(&self) -> u64 {
        self.tail - self.sent
    }

    /// Bytes that are not acknowledged yet, sent or not.
    pub(crate) fn unacked(&self) -> u64 {
        self.tail - self.head
    }

    /// Everything below this offset has been written.
    pub(crate) fn written(&self) -> u64 {
        self.tail
    }

    /// Everything below this offset is acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.head
    }

    /// The memory of sent bytes that are not acknowledged, with the cost of their writes, in bytes.
    pub(crate) fn in_transit(&self) -> usize {
        (self.sent - self.head) as usize + self.cursor * WRITE_COST
    }

    /// The offset of the first byte that has not been put into a packet yet.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Appends the next `len` unsent bytes to `out` and returns their offset. `len` must not exceed
    /// [`Self::unsent`].
    pub(crate) fn take(&mut self, len: usize, out: &mut Vec<u8>) -> u64 {
        let offset = self.sent;
        self.cursor = self.copy_from(self.cursor, offset, len, out);
        self.sent += len as u64;
        offset
    }

    /// Appends bytes that were taken before, to send them again.
    pub(crate) fn copy(&self, offset: u64, len: usize, out: &mut Vec<u8>) {
        let index = self.chunks.partition_point(|chunk| chunk.end() <= offset);
        self.copy_from(index, offset, len, out);
    }

    /// Releases everything below `offset`, which is acknowledged.
    pub(crate) fn release(&mut self, offset: u64) {
        self.head = self.head.max(offset.min(self.sent));
        let was_alone = self.chunks.len() == 1;
        while self.chunks.front().is_some_and(|chunk| chunk.end() <= self.head) {
            self.chunks.pop_front();
            self.cursor = self.cursor.saturating_sub(1);
        }
        if self.chunks.is_empty() {
            self.chunks.shrink_to(if was_alone { 1 } else { BUSY_CAPACITY });
        }
    }

    /// Forgets everything, because the stream is closed.
    pub(crate) fn clear(&mut self) {
        self.chunks.clear();
        self.tail = self.head;
        self.sent = self.head;
        self.cursor = 0;
    }

    /// Copies bytes, starting in the chunk at `index`. Returns the index of the chunk where it
    /// stopped.
    fn copy_from(&self, mut index: usize, offset: u64, len: usize, out: &mut Vec<u8>) -> usize {
        let (mut at, end) = (offset, offset + len as u64);
        while at < end {
            let Some(chunk) = self.chunks.get(index) else {
                return index;
            };
            let from = (at - chunk.offset) as usize;
            let until = (end.min(chunk.end()) - chunk.offset) as usize;
            out.extend_from_slice(chunk.bytes.get(from..until).unwrap_or_default());
            at = chunk.offset + until as u64;
            if at == chunk.end() {
                index += 1;
            }
        }
        index
    }
}

/// The memory of a write beside its bytes: an entry and an allocation.
const WRITE_COST: usize = 128;

/// Writes that a stream which had several keeps room for.
const BUSY_CAPACITY: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_span_writes() {
        let mut buffer = SendBuffer::default();
        buffer.push(Bytes::from_static(b"hello"));
        buffer.push(Bytes::from_static(b"world"));
        let mut out = Vec::new();
        assert_eq!(buffer.take(3, &mut out), 0);
        assert_eq!(buffer.take(4, &mut out), 3);
        assert_eq!(buffer.take(3, &mut out), 7);
        assert_eq!(out, b"helloworld");
        assert_eq!(buffer.unsent(), 0);
    }

    #[test]
    fn what_is_cleared_does_not_become_acknowledged() {
        let mut buffer = SendBuffer::default();
        buffer.push(Bytes::from_static(b"hello"));
        buffer.take(5, &mut Vec::new());
        buffer.release(2);
        let written = buffer.written();
        buffer.clear();
        assert_eq!((written, buffer.acknowledged()), (5, 2));
        assert_eq!((buffer.unsent(), buffer.unacked()), (0, 0));
    }

    #[test]
    fn old_bytes_can_be_copied_until_they_are_released() {
        let mut buffer = SendBuffer::default();
        let mut out = Vec::new();
        for text in ["ab", "cd", "ef"] {
            buffer.push(Bytes::from_static(text.as_bytes()));
        }
        buffer.take(5, &mut out);
        buffer.release(3);
        assert_eq!(buffer.unacked(), 3);
        out.clear();
        buffer.copy(3, 2, &mut out);
        assert_eq!(out, b"de");
        out.clear();
        buffer.take(1, &mut out);
        assert_eq!(out, b"f");
    }
}
