//! The queue of datagrams that a stream forwards to its peer.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::{MAX_BATCH, TransmitBuf};

/// Datagrams of other streams, readdressed to the peer of this one, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Forwarding {
    bytes: VecDeque<u8>,
    /// What the bytes are.
    queue: VecDeque<Queued>,
}

/// Datagrams of one size to one address, of which the last may be shorter.
#[derive(Debug)]
struct Queued {
    to: SocketAddr,
    segment: usize,
    len: usize,
}

/// Datagrams in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Forwarded {
    pub(super) to: SocketAddr,
    /// The size of each datagram but the last, in bytes, if there are several.
    pub(super) segment_size: Option<usize>,
}

impl Forwarding {
    /// The memory that the queue takes, in bytes.
    pub(super) fn size(&self) -> usize {
        self.bytes.len() + self.queue.len() * size_of::<Queued>()
    }

    /// Adds a datagram, which comes in two parts.
    pub(super) fn push(&mut self, to: SocketAddr, head: &[u8], rest: &[u8]) {
        self.bytes.extend(head);
        self.bytes.extend(rest);
        let len = head.len() + rest.len();
        match self.queue.back_mut().filter(|last| last.takes(to, len)) {
            Some(last) => last.len += len,
            None => self.queue.push_back(Queued { to, segment: len, len }),
        }
    }

    /// Clears the buffer and fills it with datagrams for one send: those of one size to one
    /// address, and a shorter one at the end.
    pub(super) fn poll(&mut self, buf: &mut TransmitBuf) -> Option<Forwarded> {
        buf.data.clear();
        let first = self.queue.front_mut()?;
        let (to, segment) = (first.to, first.segment);
        let most = buf.max_segments.min(MAX_BATCH / segment.max(1)).max(1);
        let len = first.len.min(most * segment);
        first.len -= len;
        if first.len == 0 {
            self.queue.pop_front();
        }
        self.take(len, &mut buf.data);
        Some(Forwarded { to, segment_size: (len > segment).then_some(segment) })
    }

    /// Moves bytes out of the queue.
    fn take(&mut self, len: usize, into: &mut Vec<u8>) {
        let (front, back) = self.bytes.as_slices();
        let (front, back) = match front.split_at_checked(len) {
            Some((front, _)) => (front, &[][..]),
            None => (front, back.get(..len - front.len()).unwrap_or_default()),
        };
        into.extend_from_slice(front);
        into.extend_from_slice(back);
        self.bytes.drain(..len.min(self.bytes.len()));
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT {
            *self = Self::default();
        }
    }
}

impl Queued {
    fn takes(&self, to: SocketAddr, len: usize) -> bool {
        self.to == to && self.len.is_multiple_of(self.segment) && len <= self.segment
    }
}

/// An empty queue keeps this much memory, for acknowledgements.
const KEPT: usize = 4096;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn one_send_has_datagrams_of_one_size_and_address() {
        let mut forwarding = Forwarding::default();
        for (port, len) in [(1, 3), (1, 3), (1, 2), (1, 2), (2, 2), (1, 1), (1, 2)] {
            forwarding.push(to(port), &[], &vec![0; len]);
        }
        let mut buf = TransmitBuf { data: Vec::new(), max_segments: 64 };
        let mut sends = Vec::new();
        while let Some(Forwarded { to, segment_size }) = forwarding.poll(&mut buf) {
            sends.push((to.port(), buf.data.len(), segment_size));
        }
        let expected = [(1, 8, Some(3)), (1, 2, None), (2, 2, None), (1, 1, None), (1, 2, None)];
        assert_eq!(sends, expected);
        assert_eq!(forwarding.bytes.len(), 0);
    }

    #[test]
    fn one_send_has_no_more_than_the_kernel_takes() {
        let mut forwarding = Forwarding::default();
        for _ in 0..100 {
            forwarding.push(to(1), &[0; 20], &[0; 1380]);
        }
        let mut buf = TransmitBuf { data: Vec::new(), max_segments: 64 };
        let mut sends = Vec::new();
        while forwarding.poll(&mut buf).is_some() {
            sends.push(buf.data.len() / 1400);
        }
        assert_eq!(sends, [46, 46, 8]);
        buf.max_segments = 1;
        forwarding.push(to(1), &[0; 20], &[0; 1380]);
        forwarding.push(to(1), &[0; 20], &[0; 1380]);
        assert_eq!(forwarding.poll(&mut buf), Some(Forwarded { to: to(1), segment_size: None }));
    }

    #[test]
    fn small_datagrams_of_changing_sizes_leave_no_memory_behind() {
        let mut forwarding = Forwarding::default();
        while forwarding.size() < 1024 * 1024 {
            forwarding.push(to(1), &[0; 20], &[]);
            forwarding.push(to(1), &[0; 20], &[0]);
        }
        let entries = forwarding.queue.capacity() * size_of::<Queued>();
        assert!(forwarding.bytes.capacity() + entries < 4 * 1024 * 1024);

        let mut buf = TransmitBuf { data: Vec::new(), max_segments: 64 };
        while forwarding.poll(&mut buf).is_some() {}
        assert_eq!((forwarding.bytes.capacity(), forwarding.queue.capacity()), (0, 0));
    }

    fn to(port: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }
}
