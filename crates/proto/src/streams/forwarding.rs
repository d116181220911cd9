//! The queue of datagrams that a stream forwards to its peer.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::TransmitBuf;

/// Datagrams of other streams, readdressed to the peer of this one, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Forwarding {
    queue: VecDeque<Queued>,
    bytes: usize,
}

#[derive(Debug)]
struct Queued {
    to: SocketAddr,
    data: Vec<u8>,
}

/// Datagrams in a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Forwarded {
    pub(super) to: SocketAddr,
    /// The size of each datagram but the last, in bytes, if there are several.
    pub(super) segment_size: Option<usize>,
}

impl Forwarding {
    pub(super) fn has_room(&self) -> bool {
        self.bytes < MAX_BYTES
    }

    pub(super) fn push(&mut self, to: SocketAddr, data: Vec<u8>) {
        self.bytes += data.len();
        self.queue.push_back(Queued { to, data });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Clears the buffer and fills it with datagrams for one send: those of one size to one
    /// address, and a shorter one at the end.
    pub(super) fn poll(&mut self, buf: &mut TransmitBuf) -> Option<Forwarded> {
        buf.data.clear();
        let Queued { to, data } = self.pop()?;
        let (segment, mut count, mut last) = (data.len(), 1, data.len());
        buf.data.extend_from_slice(&data);
        while count < buf.max_segments
            && last == segment
            && let Some(next) = self.queue.front()
            && next.to == to
            && next.data.len() <= segment
            && buf.data.len() + next.data.len() <= MAX_BATCH
            && let Some(Queued { data, .. }) = self.pop()
        {
            buf.data.extend_from_slice(&data);
            (count, last) = (count + 1, data.len());
        }
        Some(Forwarded { to, segment_size: (count > 1).then_some(segment) })
    }

    fn pop(&mut self) -> Option<Queued> {
        let datagram = self.queue.pop_front()?;
        self.bytes -= datagram.data.len();
        Some(datagram)
    }
}

/// What arrives while this much waits is dropped, as a router would do: 100 Mbit/s for 80 ms.
const MAX_BYTES: usize = 1024 * 1024;

/// The largest UDP payload. The kernel does not accept more for one segmented send.
const MAX_BATCH: usize = 65_507;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn one_send_has_datagrams_of_one_size_and_address() {
        let mut forwarding = Forwarding::default();
        for (port, len) in [(1, 3), (1, 3), (1, 2), (1, 2), (2, 2), (1, 1), (1, 2)] {
            forwarding.push(to(port), vec![0; len]);
        }
        let mut buf = TransmitBuf { data: Vec::new(), max_segments: 64 };
        let mut sends = Vec::new();
        while let Some(Forwarded { to, segment_size }) = forwarding.poll(&mut buf) {
            sends.push((to.port(), buf.data.len(), segment_size));
        }
        let expected = [(1, 8, Some(3)), (1, 2, None), (2, 2, None), (1, 1, None), (1, 2, None)];
        assert_eq!(sends, expected);
        assert_eq!(forwarding.bytes, 0);
    }

    #[test]
    fn one_send_has_no_more_than_the_kernel_takes() {
        let mut forwarding = Forwarding::default();
        for _ in 0..100 {
            forwarding.push(to(1), vec![0; 1400]);
        }
        let mut buf = TransmitBuf { data: Vec::new(), max_segments: 64 };
        let mut sends = Vec::new();
        while forwarding.poll(&mut buf).is_some() {
            sends.push(buf.data.len() / 1400);
        }
        assert_eq!(sends, [46, 46, 8]);
        buf.max_segments = 1;
        forwarding.push(to(1), vec![0; 1400]);
        forwarding.push(to(1), vec![0; 1400]);
        assert_eq!(forwarding.poll(&mut buf), Some(Forwarded { to: to(1), segment_size: None }));
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut forwarding = Forwarding::default();
        while forwarding.has_room() {
            forwarding.push(to(1), vec![0; 1400]);
        }
        assert!(forwarding.bytes < MAX_BYTES + 1400);
    }

    fn to(port: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }
}
