//! One stream: the halves put together behind the public face.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::ack::Acks;
use crate::bbr::Bbr;
use crate::config::Config;
use crate::flight::Flight;
use crate::header::{Flags, HEADER_SIZE, Packet};
use crate::loss::{Rack, Timers};
use crate::mtu::MtuSearch;
use crate::pacing::Pacer;
use crate::path::Paths;
use crate::rate::RateSampler;
use crate::recv::Receiver;
use crate::relay::rewrite;
use crate::rtt::Rtt;
use crate::send::SendBuffer;
use crate::seq::Number;
use crate::time::{Clock, Micros, SECOND};

mod receive;
mod remote;
mod timeout;
mod transmit;
mod types;

#[cfg(test)]
mod tests;

pub use types::{CloseReason, Event, StreamStats, Transmit};

/// A reliable, ordered, two-way byte stream with unreliable messages beside it.
#[derive(Debug)]
pub struct Stream {
    local_id: u32,
    config: Config,
    clock: Clock,
    state: State,
    paths: Paths,
    relay_target: Option<u32>,

    receiver: Receiver,
    acks: Acks,
    /// The window that the peer was told last.
    advertised: u32,

    buffer: SendBuffer,
    end: End,
    flight: Flight,
    window: PeerWindow,
    rtt: Rtt,
    rack: Rack,
    timers: Timers,
    recovery: Recovery,
    sampler: RateSampler,
    bbr: Bbr,
    pacer: Pacer,
    mtu: MtuSearch,
    /// A tail loss probe is to leave, whatever the windows say.
    probe_due: bool,

    messages: VecDeque<Box<[u8]>>,
    destroy_due: bool,
    events: VecDeque<Event>,
    stats: StreamStats,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// Both sides have ended; the peer may not know yet.
    Lingering {
        until: Micros,
        limit: Micros,
    },
    Closed,
}

/// How far our direction is with its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Writing,
    Requested,
    Sent(Number),
    Acknowledged,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Recovery {
    Open,
    /// Losses are repaired until this number is reached.
    Fast {
        until: Number,
    },
    /// The same after a timeout.
    Timeout {
        until: Number,
    },
}

/// What the peer said it can take.
#[derive(Debug)]
struct PeerWindow {
    bytes: u32,
    /// The packet that said so, as in TCP's SND.WL1 and SND.WL2.
    seq: Number,
    ack: Number,
    /// When to ask whether a closed window has opened.
    persist_at: Option<Micros>,
    ask_due: bool,
    /// Questions in a row that the peer has not answered.
    unanswered: u32,
}

impl Stream {
    /// A stream that is not connected. It takes packets, and queues what is written.
    pub fn new(local_id: u32, config: Config) -> Self {
        Self::with_first(local_id, config, 0)
    }

    /// A stream whose numbers, in both directions, start elsewhere than at 0.
    fn with_first(local_id: u32, config: Config, first: Number) -> Self {
        Self {
            local_id,
            clock: Clock::default(),
            state: State::Open,
            paths: Paths::default(),
            relay_target: None,
            receiver: Receiver::new(first, config.recv_window),
            acks: Acks::default(),
            advertised: config.recv_window,
            buffer: SendBuffer::default(),
            end: End::Writing,
            flight: Flight::new(first),
            window: PeerWindow::new(first),
            rtt: Rtt::default(),
            rack: Rack::default(),
            timers: Timers::default(),
            recovery: Recovery::Open,
            sampler: RateSampler::default(),
            bbr: Bbr::new(),
            pacer: Pacer::new(),
            mtu: MtuSearch::new(config.max_mtu),
            probe_due: false,
            messages: VecDeque::new(),
            destroy_due: false,
            events: VecDeque::new(),
            stats: StreamStats::default(),
            config,
        }
    }

    /// The id by which the peer addresses this stream.
    pub fn local_id(&self) -> u32 {
        self.local_id
    }

    /// Queues data without copying it. Ignored after [`Self::end`] and when closed.
    pub fn write(&mut self, data: Bytes) {
        if self.state == State::Open && self.end == End::Writing {
            self.buffer.push(data);
        }
    }

    /// Bytes that were written and are not acknowledged yet, whether sent or not.
    pub fn queued(&self) -> usize {
        self.buffer.unacked() as usize
    }

    /// The position in the byte stream behind all that was written so far.
    pub fn written(&self) -> u64 {
        self.buffer.written()
    }

    /// The peer has acknowledged everything below this position.
    pub fn acknowledged(&self) -> u64 {
        self.buffer.acknowledged()
    }

    /// Bytes that were written and not sent yet.
    pub fn unsent(&self) -> usize {
        self.buffer.unsent() as usize
    }

    /// Whether more should be written: less than the high-water mark is queued beyond the
    /// congestion window.
    pub fn has_room(&self) -> bool {
        let in_flight = self.bbr.cwnd().min(self.config.max_held as u64);
        self.buffer.unacked() < self.config.high_water as u64 + in_flight
    }

    /// No more data follows what was written.
    pub fn end(&mut self) {
        if self.end == End::Writing {
            self.end = End::Requested;
        }
    }

    /// Drops the stream. A connected peer is told once.
    pub fn destroy(&mut self, now: Instant) {
        self.clock.micros(now);
        if self.state == State::Closed {
            return;
        }
        let lingering = self.state != State::Open;
        self.destroy_due = self.is_connected() && self.relay_target.is_none();
        self.close(CloseReason::Destroyed);
        if lingering {
            // The graceful close was the event.
            self.events.pop_back();
        }
    }

    /// Sends a message that may be lost, doubled or reordered. It is dropped if it exceeds 2028
    /// bytes, if the stream is not connected, or if too many wait for the socket.
    pub fn send_message(&mut self, data: &[u8]) {
        let fits = data.len() <= MAX_MESSAGE && self.messages.len() < MAX_MESSAGES;
        if !fits || !self.is_connected() {
            self.stats.dropped += 1;
            return;
        }
        self.messages.push_back(data.into());
    }

    /// The peer copes with one acknowledgement per batch, see [`Config::peer_thin_acks`].
    pub fn set_thin_acks(&mut self, thin: bool) {
        self.config.peer_thin_acks = thin;
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether the owner may forget the stream: it is closed, and every last packet was fetched.
    pub fn is_done(&self) -> bool {
        self.state == State::Closed && !self.destroy_due
    }

    /// Makes this stream a relay: its packets are for the stream `target` of the same owner, which
    /// passes them to [`Self::forward`] of that one instead of [`Self::handle_packet`] of this one.
    pub fn relay_to(&mut self, target: u32) {
        self.relay_target = Some(target);
    }

    /// The stream that this one relays to.
    pub fn relay_target(&self) -> Option<u32> {
        self.relay_target
    }

    /// A datagram for this relaying stream was seen. Call it after forwarding: a DESTROY ends the
    /// relay as well.
    pub fn handle_relayed(&mut self, packet: &Packet<'_>) {
        self.stats.packets_rx += 1;
        if packet.header.kind.contains(Flags::DESTROY) && self.state == State::Open {
            self.close(CloseReason::Reset);
        }
    }

    /// Sends somebody else's datagram to this stream's peer: fills `out` with it. `None` if there
    /// is no peer yet; the datagram is dropped.
    pub fn forward(&mut self, datagram: &[u8], out: &mut Vec<u8>) -> Option<Transmit> {
        let path = self.paths.current().filter(|_| self.state == State::Open)?;
        if !rewrite(datagram, path.remote_id, out) {
            return None;
        }
        self.stats.packets_tx += 1;
        self.stats.bytes_tx += datagram.len() as u64;
        Some(Transmit { to: path.remote, segment_size: None })
    }

    /// Counters and gauges.
    pub fn stats(&self) -> StreamStats {
        StreamStats {
            rtt: Duration::from_micros(self.rtt.smoothed().unwrap_or(0)),
            min_rtt: Duration::from_micros(self.rtt.min().unwrap_or(0)),
            cwnd: self.bbr.cwnd(),
            mtu: self.mtu.current(),
            inflight: self.flight.in_flight(),
            ..self.stats
        }
    }

    /// Data or an END waits for its first transmission.
    fn has_unsent(&self) -> bool {
        self.buffer.unsent() > 0 || self.end == End::Requested
    }

    /// A closed window keeps back data, and nothing is on its way whose acknowledgement could tell
    /// that it has opened.
    fn is_blocked_by_window(&self) -> bool {
        self.window.bytes == 0 && self.flight.is_empty() && self.has_unsent()
    }

    fn recovering(&self) -> bool {
        self.recovery != Recovery::Open
    }

    fn close(&mut self, reason: CloseReason) {
        self.state = State::Closed;
        self.events.push_back(Event::Closed(reason));
        self.release();
    }

    /// Both directions are over. The peer may still repeat its END: it gets its acknowledgement.
    fn finish(&mut self, now: Micros) {
        self.state = State::Lingering { until: now + LINGER, limit: now + MAX_LINGER };
        self.events.push_back(Event::Closed(CloseReason::Graceful));
        self.release();
    }

    fn release(&mut self) {
        self.receiver.clear();
        self.buffer.clear();
        self.flight.clear();
        self.timers.stop();
        self.window.persist_at = None;
        self.pacer.unblock();
        self.probe_due = false;
        self.messages.clear();
    }
}

impl PeerWindow {
    fn new(first: Number) -> Self {
        Self {
            bytes: INITIAL_WINDOW,
            seq: first,
            ack: first,
            persist_at: None,
            ask_due: false,
            unanswered: 0,
        }
    }
}

/// What a peer is taken to have free until it tells.
const INITIAL_WINDOW: u32 = 4 * 1024 * 1024;

/// The reference receives into 2048 bytes.
const MAX_MESSAGE: usize = 2048 - HEADER_SIZE;

/// Messages are as good as lost when that many wait.
const MAX_MESSAGES: usize = 1024;

/// How long a peer that missed the last acknowledgement can get another one, from its last attempt
/// on: it repeats its END after two round trips, after one second, and after two more.
const LINGER: Micros = 7 * SECOND / 2;

/// A peer gives up after 13 seconds.
const MAX_LINGER: Micros = 15 * SECOND;
