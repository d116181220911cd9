//! A connected stream, borrowed by its owner.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::transport::Transport;
use super::{Path, Shared, StreamOwner};
use crate::wire::is_near;
use crate::{Cx, StreamId};

/// A stream borrowed for one call. After any change the owner polls the stream's events
/// ([`Self::poll_event`]) and settles the stream.
#[derive(Debug)]
pub(crate) struct StreamMut<'a> {
    transport: &'a mut Transport,
    shared: &'a mut Shared,
}

impl<'a> StreamMut<'a> {
    pub(super) fn new(transport: &'a mut Transport, shared: &'a mut Shared) -> Self {
        Self { transport, shared }
    }

    pub(crate) fn owner(&self) -> StreamOwner {
        self.transport.owner
    }

    /// Where the stream's packets go.
    pub(crate) fn path(&self) -> Path {
        self.transport.path()
    }

    /// Feeds a packet to the stream. What the stream delivers goes to `sink`, without a copy.
    pub(crate) fn handle_packet(
        &mut self,
        now: Instant,
        packet: &udx::Packet<'_>,
        sink: &mut dyn udx::Sink,
    ) {
        self.transport.udx.handle_packet(now, packet, sink);
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.transport.udx.handle_timeout(now);
    }

    /// Queues data without copying it.
    pub(crate) fn write(&mut self, data: Bytes) {
        self.transport.udx.write(data);
    }

    /// The stream carries a connection of the application, which says how long the peer may be
    /// silent.
    pub(crate) fn set_patient(&mut self) {
        self.transport.udx.set_max_timeouts(self.shared.max_timeouts);
    }

    /// Sends a message that may be lost, doubled or reordered.
    pub(crate) fn send_message<D: AsRef<[u8]> + Into<Box<[u8]>>>(&mut self, data: D) {
        self.transport.udx.send_message(data);
    }

    /// Sets after how long without a packet a heartbeat is sent; zero is never.
    pub(crate) fn set_keep_alive(&mut self, now: Instant, interval: Duration) {
        self.transport.udx.set_keep_alive(now, interval);
    }

    /// Ends the write side: no more data follows.
    pub(crate) fn end(&mut self) {
        self.transport.udx.end();
    }

    /// Tears the stream down, and sends DESTROY to the peer.
    pub(crate) fn destroy(&mut self, now: Instant) {
        self.transport.udx.destroy(now);
    }

    /// Sets how many of the delivered bytes wait for the owner, and delivers more if there is more.
    pub(crate) fn set_unread(&mut self, now: Instant, bytes: usize, sink: &mut dyn udx::Sink) {
        self.transport.udx.set_unread(now, bytes, sink);
    }

    /// Sends new packets over another path. `remote_id` is the peer's stream there, if it is not the
    /// same. No byte is lost: if the new path does not work, packets take the last validated path
    /// again.
    pub(crate) fn change_path(&mut self, now: Instant, path: Path, remote_id: Option<u32>) {
        self.transport.change_path(now, path, remote_id, &mut self.shared.sockets);
    }

    /// Sends new packets to another stream of the peer, over another path or the same one.
    pub(crate) fn change_remote(&mut self, now: Instant, path: Path, remote_id: u32) {
        self.transport.change_remote(now, path, remote_id, &mut self.shared.sockets);
    }

    /// Sends all packets over another path, which was validated elsewhere: the peer has left the
    /// current one.
    pub(crate) fn change_proven(&mut self, now: Instant, path: Path) {
        self.transport.change_proven(now, path, &mut self.shared.sockets);
    }

    /// Our own address has changed: the path is another one.
    pub(crate) fn handle_new_path(&mut self, now: Instant) {
        self.transport.udx.handle_new_path(now);
    }

    /// Whether the latest packet has come from where the stream sends to.
    pub(crate) fn is_heard_from_path(&self) -> bool {
        self.transport.is_heard_from_path()
    }

    /// The peer has shown that packets arrive.
    pub(crate) fn handle_reached(&mut self) {
        self.transport.udx.handle_reached();
    }

    /// Sends a heartbeat, which every peer answers.
    pub(crate) fn ask(&mut self) {
        self.transport.udx.ask();
    }

    /// The peer's host has reported that nobody receives at its address.
    pub(super) fn handle_unreachable(&mut self, now: Instant) {
        // A host that is near has reported it itself.
        let patience = if is_near(self.path().remote.ip()) { PATIENCE } else { RETURNS_WITHIN };
        self.transport.udx.handle_unreachable(now, patience);
    }

    /// The peer's stream.
    pub(crate) fn remote_id(&self) -> Option<u32> {
        self.transport.udx.remote_id()
    }

    /// The stream leaves its current path when it gets a better one: see [`Self::is_better`] and
    /// [`super::Streams::has_left`].
    pub(crate) fn set_interim(&mut self, now: Instant) {
        self.transport.set_interim(now);
    }

    /// Repeats the first packets soon, until something arrives.
    pub(crate) fn repeat_early(&mut self, now: Instant) {
        self.transport.udx.repeat_early(now);
    }

    /// Whether a packet from this address shows a better path than the interim one that the stream
    /// uses.
    pub(crate) fn is_better(&self, from: SocketAddr) -> bool {
        self.transport.is_better(from)
    }

    /// The position in the byte stream after everything that was written.
    pub(crate) fn written(&self) -> u64 {
        self.transport.udx.written()
    }

    /// The peer has acknowledged everything below this position.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.transport.udx.acknowledged()
    }

    /// Bytes that were written and not sent yet.
    pub(crate) fn unsent(&self) -> usize {
        self.transport.udx.unsent()
    }

    /// What the stream measures.
    pub(crate) fn stats(&self) -> udx::StreamStats {
        self.transport.udx.stats()
    }

    /// The stream's id.
    pub(crate) fn id(&self) -> StreamId {
        self.transport.id
    }

    /// Packets that were not forwarded because of the stream's rate.
    pub(crate) fn throttled(&self) -> u64 {
        self.shared.relays.throttled(self.transport.id)
    }

    /// The next event for the owner.
    pub(crate) fn poll_event(&mut self) -> Option<udx::Event> {
        self.transport.poll_event(&mut self.shared.sockets)
    }

    /// To be called after any change: lets the stream send, and sets its timer.
    pub(crate) fn settle(self, cx: &mut Cx<'_>) {
        let Self { transport, shared } = self;
        shared.count(transport);
        shared.note_path(transport);
        shared.enqueue(transport);
        transport.set_timer(cx);
    }

    /// The owner is done with it. It may still owe its peer an answer.
    pub(crate) fn release(self, cx: &mut Cx<'_>) {
        self.transport.owner = StreamOwner::Nobody;
        self.shared.relays.end(self.transport.id);
        self.settle(cx);
    }
}

/// How long a peer that is reported as gone may be silent. It is asked five times.
const PATIENCE: Duration = Duration::from_millis(2500);

/// The same for a peer that may be behind a NAT. The report may come from a NAT that has forgotten the
/// peer, until its next packet, which is a keep-alive after five seconds at most.
const RETURNS_WITHIN: Duration = Duration::from_millis(6500);
