//! Datagrams on their way in and out.

use std::net::SocketAddr;

use crate::SocketId;

/// One datagram that arrived.
#[derive(Debug)]
pub struct Datagram<'a> {
    /// The local socket that it arrived on.
    pub socket: SocketId,
    /// Its source.
    pub from: SocketAddr,
    /// Its bytes. Mutable, so that a payload can be decrypted in place.
    pub data: &'a mut [u8],
}

/// Datagrams of one size from one source, of which the last may be shorter: what a system with GRO
/// joins while it receives.
#[derive(Debug)]
pub struct Run<'a> {
    /// The local socket that they arrived on.
    pub socket: SocketId,
    /// Their source.
    pub from: SocketAddr,
    /// Their bytes. Empty for one empty datagram.
    pub data: &'a mut [u8],
    /// The size of each datagram but the last.
    pub segment_size: usize,
}

impl Run<'_> {
    /// How many datagrams they are.
    pub fn count(&self) -> usize {
        self.data.len().div_ceil(self.segment_size.max(1)).max(1)
    }

    /// Each of them in turn.
    pub fn datagrams(&mut self) -> impl Iterator<Item = Datagram<'_>> {
        let Self { socket, from, data, segment_size } = self;
        let mut rest = Some(&mut **data);
        std::iter::from_fn(move || {
            let data = rest.take()?;
            let size = data.len().min((*segment_size).max(1));
            let (data, after) = data.split_at_mut(size);
            rest = Some(after).filter(|after| !after.is_empty());
            Some(Datagram { socket: *socket, from: *from, data })
        })
    }

    /// The bytes of each of them.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        self.data.chunks(self.segment_size.max(1))
    }
}

/// A buffer that `poll_transmit` fills with one datagram, or with several equal ones for one GSO
/// call.
#[derive(Debug)]
pub struct TransmitBuf {
    /// The bytes; cleared by `poll_transmit` before it writes.
    pub data: Vec<u8>,
    /// How many segments one call may hold; 1 where the platform has no GSO.
    pub max_segments: usize,
}

/// How to send the bytes in a [`TransmitBuf`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The local socket to send from.
    pub socket: SocketId,
    /// The destination.
    pub to: SocketAddr,
    /// IP time to live; `None` is the socket's default.
    pub ttl: Option<u8>,
    /// The length of each datagram in the buffer when it holds more than one; the last may be
    /// shorter.
    pub segment_size: Option<usize>,
    /// The one datagram in the buffer may be larger than the path carries. The network should be
    /// allowed to fragment it, which it is not by default.
    pub may_fragment: bool,
}

/// The largest UDP payload. The kernel does not accept more for one segmented send.
pub(crate) const MAX_BATCH: usize = 65_507;
