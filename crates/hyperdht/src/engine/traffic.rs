//! What passes through a socket.

use std::sync::atomic::{AtomicU64, Ordering};

/// What has passed through a socket so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes of datagrams sent.
    pub bytes_transmitted: u64,
    /// Bytes of datagrams received.
    pub bytes_received: u64,
    /// Datagrams sent.
    pub packets_transmitted: u64,
    /// Datagrams received.
    pub packets_received: u64,
}

/// The counters of [`Traffic`], to which each thread that sends or receives adds.
#[derive(Debug, Default)]
pub(super) struct Counters {
    bytes_transmitted: AtomicU64,
    bytes_received: AtomicU64,
    packets_transmitted: AtomicU64,
    packets_received: AtomicU64,
}

impl Traffic {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            bytes_transmitted: self.bytes_transmitted + other.bytes_transmitted,
            bytes_received: self.bytes_received + other.bytes_received,
            packets_transmitted: self.packets_transmitted + other.packets_transmitted,
            packets_received: self.packets_received + other.packets_received,
        }
    }
}

impl Counters {
    pub(super) fn read(&self) -> Traffic {
        let Self { bytes_transmitted, bytes_received, packets_transmitted, packets_received } =
            self;
        Traffic {
            bytes_transmitted: bytes_transmitted.load(Ordering::Relaxed),
            bytes_received: bytes_received.load(Ordering::Relaxed),
            packets_transmitted: packets_transmitted.load(Ordering::Relaxed),
            packets_received: packets_received.load(Ordering::Relaxed),
        }
    }

    /// Counts bytes sent as datagrams of `segment` bytes, the last of which may be shorter.
    pub(super) fn transmit(&self, bytes: usize, segment: usize) {
        add(&self.bytes_transmitted, bytes);
        add(&self.packets_transmitted, bytes.div_ceil(segment.max(1)).max(1));
    }

    /// Counts received bytes in the same way.
    pub(super) fn receive(&self, bytes: usize, segment: usize) {
        add(&self.bytes_received, bytes);
        add(&self.packets_received, bytes.div_ceil(segment.max(1)).max(1));
    }
}

fn add(counter: &AtomicU64, n: usize) {
    counter.fetch_add(n as u64, Ordering::Relaxed);
}
