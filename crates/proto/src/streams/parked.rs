//! Packets of a stream that has no path yet.

use crate::Cx;

/// Packets that came early. A peer may only be ahead by the time of a round trip, so little is
/// kept; what is dropped, it sends again.
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

/// Enough for the peer's header and the first writes behind it.
const MAX_PACKETS: usize = 64;

/// The same in bytes.
const MAX_BYTES: usize = 64 * 1024;
