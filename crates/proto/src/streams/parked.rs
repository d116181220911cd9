//! Packets of a stream that has no path yet.

use crate::Cx;

/// Packets that arrived before the stream had a path. A peer is ahead of us by one round trip at
/// most, so the limits are small; the peer retransmits what is dropped.
#[derive(Debug, Default)]
pub(crate) struct Parked {
    packets: Vec<Vec<u8>>,
    bytes: usize,
}

impl Parked {
    /// Keeps a packet, or counts it as dropped.
    pub(super) fn push(&mut self, cx: &mut Cx<'_>, data: &[u8]) {
        if self.packets.len() >= MAX_PACKETS || self.bytes + data.len() > MAX_BYTES {
            cx.stats.dropped.udx += 1;
            return;
        }
        self.bytes += data.len();
        self.packets.push(data.to_vec());
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the packets out, in the order in which they came.
    pub(super) fn take(&mut self) -> Vec<Vec<u8>> {
        self.bytes = 0;
        std::mem::take(&mut self.packets)
    }

    /// Calls `handle` for each packet, in the order in which they came.
    pub(crate) fn replay(
        self,
        cx: &mut Cx<'_>,
        mut handle: impl FnMut(&mut Cx<'_>, &udx::Packet<'_>),
    ) {
        for data in &self.packets {
            match udx::Packet::parse(data) {
                Some(packet) => handle(cx, &packet),
                None => cx.stats.dropped.udx += 1,
            }
        }
    }
}

/// Enough for the peer's header and its first writes.
const MAX_PACKETS: usize = 64;

/// The limit in bytes.
const MAX_BYTES: usize = 64 * 1024;
