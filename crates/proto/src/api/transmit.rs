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
}
