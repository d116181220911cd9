//! Streams that ended before they had a path.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use super::RemoteStream;
use crate::{Cx, SocketId, StreamId};

/// The latest streams whose id the peer knows, but which have no owner and no path. A peer that
/// opens its end gets a DESTROY at once, instead of waiting for its timeout.
#[derive(Debug, Default)]
pub(super) struct RefusedStreams {
    by_id: HashMap<StreamId, RemoteStream>,
    /// The oldest first.
    order: VecDeque<StreamId>,
}

impl RefusedStreams {
    pub(super) fn insert(&mut self, id: StreamId, peer: RemoteStream) {
        if self.order.len() == MAX_REFUSED
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_id.remove(&oldest);
        }
        self.by_id.insert(id, peer);
        self.order.push_back(id);
    }

    pub(super) fn contains(&self, id: StreamId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Answers a packet for a refused stream. False if there is no such stream.
    pub(super) fn handle_datagram(
        &self,
        cx: &mut Cx<'_>,
        id: StreamId,
        socket: SocketId,
        from: SocketAddr,
        data: &[u8],
    ) -> bool {
        let Some(peer) = self.by_id.get(&id) else { return false };
        match udx::Packet::parse(data) {
            Some(packet) => {
                if let Some(answer) = packet.refusal(peer.id) {
                    cx.send(socket, from, answer.to_vec());
                }
            }
            None => cx.stats.dropped.udx += 1,
        }
        true
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }
}

/// A peer's first packet comes within a round trip of the handshake's reply. More connections than
/// this that end within that time are a flood.
const MAX_REFUSED: usize = 1024;
