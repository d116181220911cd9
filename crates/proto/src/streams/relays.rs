//! Streams that forward their packets to the peer of another stream.

use std::collections::{HashMap, VecDeque};

use super::transport::Transport;
use super::{Arrival, Shared, StreamMut, StreamState, Streams};
use crate::{Cx, SocketId, StreamId};

/// Which stream forwards to which. Both ends of a pair forward to each other.
#[derive(Debug, Default)]
pub(super) struct RelayLinks {
    targets: HashMap<StreamId, StreamId>,
    sources: HashMap<StreamId, Vec<StreamId>>,
    /// Streams whose target is gone.
    orphans: VecDeque<StreamId>,
}

impl Streams {
    /// From here on every packet for `source` is forwarded to the peer of `target`, once both are
    /// connected. `source` delivers nothing any more; a DESTROY ends it after it was forwarded. When
    /// `target` is released, `source` is destroyed: see [`Self::poll_orphan`]. False if one of them
    /// does not exist.
    pub(crate) fn relay_to(&mut self, source: StreamId, target: StreamId) -> bool {
        if !self.by_id.contains_key(&target) {
            return false;
        }
        match self.by_id.get_mut(&source) {
            Some(StreamState::Connected(transport)) => transport.udx.start_relaying(),
            Some(StreamState::Reserved(_)) => {}
            None => return false,
        }
        self.shared.relays.link(source, target);
        true
    }

    /// Destroys the next stream whose target is gone, and returns it. Its owner takes the stream's
    /// events and settles it. A stream that has no path yet is not destroyed: it stops forwarding.
    pub(crate) fn poll_orphan(&mut self, cx: &mut Cx<'_>) -> Option<StreamMut<'_>> {
        loop {
            let id = self.shared.relays.poll_orphan()?;
            if let Some(StreamState::Connected(transport)) = self.by_id.get_mut(&id) {
                transport.udx.destroy(cx.now);
                return self.get(id);
            }
        }
    }

    /// The stream that a connected stream forwards to.
    pub(super) fn relays_to(&self, source: StreamId) -> Option<StreamId> {
        let target = self.shared.relays.target(source)?;
        matches!(self.by_id.get(&source), Some(StreamState::Connected(_))).then_some(target)
    }

    /// Takes a datagram for a connected stream that forwards to `target`.
    pub(super) fn handle_relayed(
        &mut self,
        cx: &mut Cx<'_>,
        source: StreamId,
        target: StreamId,
        socket: SocketId,
        data: &[u8],
    ) -> Arrival<'_> {
        if let Some(StreamState::Connected(transport)) = self.by_id.get_mut(&source) {
            transport.handle_arrival(socket, &mut self.shared.sockets);
        }
        if !self.forward(cx, source, target, data) {
            return Arrival::Done;
        }
        self.get(source).map_or(Arrival::Done, Arrival::Events)
    }

    /// Forwards a datagram of `source` to the peer of `target`. True if that has ended `source`.
    pub(super) fn forward(
        &mut self,
        cx: &mut Cx<'_>,
        source: StreamId,
        target: StreamId,
        data: &[u8],
    ) -> bool {
        let Some(packet) = udx::Packet::parse(data) else {
            cx.stats.dropped.udx += 1;
            return false;
        };
        let is_forwarded = match self.by_id.get_mut(&target) {
            Some(StreamState::Connected(transport)) => self.shared.forward(transport, data),
            Some(StreamState::Reserved(_)) | None => false,
        };
        if !is_forwarded {
            cx.stats.dropped.udx += 1;
        }
        let Some(StreamState::Connected(transport)) = self.by_id.get_mut(&source) else {
            return false;
        };
        transport.udx.handle_relayed(&packet);
        transport.udx.is_done()
    }
}

impl Shared {
    fn forward(&mut self, transport: &mut Transport, data: &[u8]) -> bool {
        let is_forwarded = transport.forward(data);
        if is_forwarded {
            self.enqueue(transport);
        }
        is_forwarded
    }
}

impl RelayLinks {
    /// From here on `source` forwards to `target`.
    fn link(&mut self, source: StreamId, target: StreamId) {
        self.unlink(source);
        self.targets.insert(source, target);
        self.sources.entry(target).or_default().push(source);
    }

    pub(super) fn target(&self, source: StreamId) -> Option<StreamId> {
        self.targets.get(&source).copied()
    }

    /// A stream is gone: it forwards nothing, and those that forward to it have no target.
    pub(super) fn end(&mut self, stream: StreamId) {
        self.unlink(stream);
        for source in self.sources.remove(&stream).unwrap_or_default() {
            self.targets.remove(&source);
            self.orphans.push_back(source);
        }
    }

    /// The next stream whose target is gone.
    fn poll_orphan(&mut self) -> Option<StreamId> {
        self.orphans.pop_front()
    }

    /// How many entries the largest table has.
    pub(super) fn len(&self) -> usize {
        self.targets.len().max(self.orphans.len())
    }

    fn unlink(&mut self, source: StreamId) {
        let Some(target) = self.targets.remove(&source) else { return };
        let Some(sources) = self.sources.get_mut(&target) else { return };
        sources.retain(|other| *other != source);
        if sources.is_empty() {
            self.sources.remove(&target);
        }
    }
}
