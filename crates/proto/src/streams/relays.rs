//! Streams that forward their packets to the peer of another stream.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use super::rate::Rate;
use super::transport::Transport;
use super::{Arrival, Passage, Shared, StreamMut, StreamState, Streams};
use crate::{Cx, Run, SocketId, StreamId};

/// Which stream forwards to which. Both ends of a pair forward to each other.
#[derive(Debug, Default)]
pub(super) struct RelayLinks {
    targets: HashMap<StreamId, Link>,
    sources: HashMap<StreamId, Vec<StreamId>>,
    /// Streams whose target is gone.
    orphans: VecDeque<StreamId>,
}

/// Where a stream forwards to.
#[derive(Debug)]
struct Link {
    target: StreamId,
    /// `None` if there is no limit.
    rate: Option<Rate>,
}

impl Streams {
    /// From here on every packet for `source` is forwarded to the peer of `target`, once both are
    /// connected. `source` delivers nothing any more; a DESTROY ends it after it was forwarded. When
    /// `target` is released, `source` is destroyed: see [`Self::poll_orphan`]. False if one of them
    /// does not exist.
    /// Above `max_rate` bytes a second, packets are dropped.
    pub(crate) fn relay_to(
        &mut self,
        now: Instant,
        source: StreamId,
        target: StreamId,
        max_rate: Option<u64>,
    ) -> bool {
        if !self.table.contains(target) {
            return false;
        }
        match self.table.get_mut(source) {
            Some(StreamState::Connected(transport)) => transport.udx.start_relaying(),
            Some(StreamState::Reserved(_)) => {}
            None => return false,
        }
        let rate = max_rate.map(|rate| Rate::new(now, rate));
        self.shared.relays.link(source, Link { target, rate });
        true
    }

    /// Packets of a stream that were dropped because of its rate.
    pub(crate) fn throttled(&self, source: StreamId) -> u64 {
        self.shared.relays.throttled(source)
    }

    /// Destroys the next stream whose target is gone, and returns it. Its owner takes the stream's
    /// events and settles it. A stream that has no path yet is not destroyed: it stops forwarding.
    pub(crate) fn poll_orphan(&mut self, cx: &mut Cx<'_>) -> Option<StreamMut<'_>> {
        loop {
            let id = self.shared.relays.poll_orphan()?;
            if let Some(transport) = self.table.connected_mut(id) {
                transport.udx.destroy(cx.now);
                return self.get(id);
            }
        }
    }

    /// The stream that a connected stream forwards to.
    pub(super) fn relays_to(&self, source: StreamId) -> Option<StreamId> {
        let target = self.shared.relays.target(source)?;
        self.table.connected(source).is_some().then_some(target)
    }

    /// Forwards datagrams if all of them are for one connected stream that forwards, and none of
    /// them ends it.
    pub(crate) fn forward_run(
        &mut self,
        cx: &mut Cx<'_>,
        run: &mut Run<'_>,
        max_segments: usize,
    ) -> Passage {
        let Some((source, target)) = self.admit_run(cx.now, run) else { return Passage::Closed };
        let Self { table, shared, .. } = self;
        if let Some(transport) = table.connected_mut(source) {
            transport.handle_arrival(cx.now, run.socket, run.from, &mut shared.sockets);
            transport.udx.count_relayed(run.count());
        }
        let Some(transport) = table.connected_mut(target) else { return Passage::Queued };
        if let Some(transmit) = transport.forward_in_place(run, max_segments) {
            return Passage::InPlace(transmit);
        }
        for datagram in run.chunks() {
            if !shared.forward(transport, datagram) {
                cx.stats.dropped.udx += 1;
            }
        }
        Passage::Queued
    }

    /// The stream that these datagrams are for, and the one that it forwards to, if both are
    /// connected and the rate allows all of the datagrams.
    fn admit_run(&mut self, now: Instant, run: &Run<'_>) -> Option<(StreamId, StreamId)> {
        let source = run.chunks().next().and_then(udx::stream_id).map(StreamId)?;
        let target = self.relays_to(source)?;
        let is_stray = self.table.get(source)?.strays_to(run.socket).is_some();
        let is_plain = || run.chunks().all(|datagram| is_plain(datagram, source));
        let is_ready = !is_stray && self.table.connected(target).is_some() && is_plain();
        let is_admitted = is_ready && self.shared.relays.admits_run(now, source, run.data.len());
        is_admitted.then_some((source, target))
    }

    /// Takes a datagram for a connected stream that forwards to `target`.
    pub(super) fn handle_relayed(
        &mut self,
        cx: &mut Cx<'_>,
        source: StreamId,
        target: StreamId,
        (socket, from): (SocketId, SocketAddr),
        data: &[u8],
    ) -> Arrival<'_> {
        if let Some(transport) = self.table.connected_mut(source) {
            transport.handle_arrival(cx.now, socket, from, &mut self.shared.sockets);
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
        if !self.shared.relays.admits(cx.now, source, data.len()) {
            return false;
        }
        match self.table.get_mut(target) {
            Some(StreamState::Connected(transport)) => {
                if !self.shared.forward(transport, data) {
                    cx.stats.dropped.udx += 1;
                }
            }
            // The target's peer has not sent anything yet, so its address is not known.
            Some(StreamState::Reserved(reserved)) => {
                reserved.hold(cx, &mut self.shared.forwarding, data);
            }
            None => cx.stats.dropped.udx += 1,
        }
        let Some(transport) = self.table.connected_mut(source) else { return false };
        transport.udx.handle_relayed(&packet);
        transport.udx.is_done()
    }
}

impl Shared {
    pub(super) fn forward(&mut self, transport: &mut Transport, data: &[u8]) -> bool {
        let is_forwarded = transport.forward(data, self.forwarding.room());
        if is_forwarded {
            self.count(transport);
            self.enqueue(transport);
        }
        is_forwarded
    }
}

impl RelayLinks {
    /// From here on `source` forwards to `target`.
    fn link(&mut self, source: StreamId, link: Link) {
        self.unlink(source);
        self.sources.entry(link.target).or_default().push(source);
        self.targets.insert(source, link);
    }

    pub(super) fn target(&self, source: StreamId) -> Option<StreamId> {
        self.targets.get(&source).map(|link| link.target)
    }

    /// Whether the rate of a stream allows it to forward this many bytes.
    fn admits(&mut self, now: Instant, source: StreamId, bytes: usize) -> bool {
        let rate = self.targets.get_mut(&source).and_then(|link| link.rate.as_mut());
        rate.is_none_or(|rate| rate.admits(now, bytes as u64))
    }

    /// Whether the rate of a stream allows it to forward several packets of this many bytes. If not,
    /// some of them may still be allowed.
    fn admits_run(&mut self, now: Instant, source: StreamId, bytes: usize) -> bool {
        let rate = self.targets.get_mut(&source).and_then(|link| link.rate.as_mut());
        rate.is_none_or(|rate| rate.admits_run(now, bytes as u64))
    }

    /// Packets of a stream that its rate did not allow.
    pub(super) fn throttled(&self, source: StreamId) -> u64 {
        let rate = self.targets.get(&source).and_then(|link| link.rate.as_ref());
        rate.map_or(0, |rate| rate.refused)
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
        let Some(Link { target, .. }) = self.targets.remove(&source) else { return };
        let Some(sources) = self.sources.get_mut(&target) else { return };
        sources.retain(|other| *other != source);
        if sources.is_empty() {
            self.sources.remove(&target);
        }
    }
}

/// Whether a datagram is a packet for this stream that does not end it.
fn is_plain(datagram: &[u8], stream: StreamId) -> bool {
    udx::Packet::parse(datagram).is_some_and(|packet| {
        let header = packet.header;
        header.remote_id == stream.0 && !header.kind.contains(udx::Flags::DESTROY)
    })
}
