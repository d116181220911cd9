//! One stream: its two halves behind the public API.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::ack::Acks;
use crate::bbr::Bbr;
use crate::config::Config;
use crate::flight::Flight;
use crate::header::{Flags, HEADER_SIZE, Header, Packet};
use crate::loss::{EARLY_PROBE, Rack, Timers};
use crate::mtu::MtuSearch;
use crate::pacing::Pacer;
use crate::path::Paths;
use crate::rate::RateSampler;
use crate::recv::Receiver;
use crate::rtt::Rtt;
use crate::send::SendBuffer;
use crate::seq::Number;
use crate::time::{Clock, Micros, SECOND};

mod acking;
mod held;
mod keep_alive;
mod receive;
mod remote;
mod timeout;
mod transmit;
mod types;
mod unreachable;

#[cfg(test)]
mod tests;

use keep_alive::KeepAlive;
use types::Counters;
pub use types::{CloseReason, Event, StreamStats, Transmit};
use unreachable::Doubt;

/// A reliable, ordered, bidirectional byte stream that also carries unreliable messages.
#[derive(Debug)]
pub struct Stream {
    local_id: u32,
    config: Config,
    clock: Clock,
    state: State,
    paths: Paths,
    /// The owner forwards the stream's packets to another stream.
    is_relay: bool,

    receiver: Receiver,
    acks: Acks,
    /// The window that was last advertised to the peer.
    advertised: u32,

    buffer: SendBuffer,
    end: End,
    flight: Flight,
    window: PeerWindow,
    rtt: Rtt,
    rack: Rack,
    timers: Timers,
    recovery: LossRecovery,
    sampler: RateSampler,
    bbr: Bbr,
    pacer: Pacer,
    mtu: MtuSearch,
    /// A tail loss probe has to be sent, whatever the windows allow.
    probe_due: bool,

    keep_alive: KeepAlive,
    doubt: Option<Doubt>,
    messages: VecDeque<Box<[u8]>>,
    destroy_due: bool,
    events: VecDeque<Event>,
    stats: Counters,
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

/// The state of our END.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Writing,
    Requested,
    Sent(Number),
    Acknowledged,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LossRecovery {
    Open,
    /// Losses are repaired until this number is reached.
    Fast {
        until: Number,
    },
    /// Like `Fast`, but after a timeout.
    Timeout {
        until: Number,
    },
}

/// The receive window that the peer has advertised.
#[derive(Debug)]
struct PeerWindow {
    bytes: u32,
    /// The packet that advertised it, as in TCP's SND.WL1 and SND.WL2.
    seq: Number,
    ack: Number,
    /// When to probe a closed window with a heartbeat.
    persist_at: Option<Micros>,
    ask_due: bool,
    /// Consecutive probes that the peer has not answered.
    unanswered: u32,
}

impl Stream {
    /// A stream that is not connected. It takes packets, and queues what is written.
    pub fn new(local_id: u32, config: Config) -> Self {
        let first = Number::from(config.first_seq);
        let early: &[Micros] = if config.probes_early { &EARLY_PROBE } else { &[] };
        Self {
            local_id,
            clock: Clock::default(),
            state: State::Open,
            paths: Paths::default(),
            is_relay: false,
            receiver: Receiver::new(0, config.recv_window),
            acks: Acks::default(),
            advertised: config.recv_window,
            buffer: SendBuffer::default(),
            end: End::Writing,
            flight: Flight::new(first),
            window: PeerWindow::new(0, first),
            rtt: Rtt::default(),
            rack: Rack::default(),
            timers: Timers { early, ..Timers::default() },
            recovery: LossRecovery::Open,
            sampler: RateSampler::default(),
            bbr: Bbr::new(),
            pacer: Pacer::new(),
            mtu: MtuSearch::new(config.max_mtu),
            probe_due: false,
            keep_alive: KeepAlive::default(),
            doubt: None,
            messages: VecDeque::new(),
            destroy_due: false,
            events: VecDeque::new(),
            stats: Counters::default(),
            config,
        }
    }

    /// Sets the sequence number of the peer's first packet, which is 0 by default. What has arrived
    /// out of order is forgotten, and the peer sends it again. Ignored once data was delivered.
    pub fn expect_from(&mut self, seq: u32) {
        if seq != 0 && self.receiver.is_untouched() {
            self.receiver = Receiver::new(seq.into(), self.config.recv_window);
            self.window.seq = seq.into();
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

    /// The position in the byte stream after everything written so far.
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

    /// Whether packets were sent that the peer has not acknowledged.
    pub fn has_unacknowledged(&self) -> bool {
        !self.flight.is_empty()
    }

    /// Whether more should be written: true while less than the high-water mark is queued beyond
    /// the congestion window.
    pub fn has_room(&self) -> bool {
        let in_flight = self.bbr.cwnd().min(self.config.max_held as u64);
        self.buffer.unacked() < self.config.high_water as u64 + in_flight
    }

    /// Ends the write side: no more data follows.
    pub fn end(&mut self) {
        if self.end == End::Writing {
            self.end = End::Requested;
        }
    }

    /// Closes the stream at once. A connected peer gets one DESTROY.
    pub fn destroy(&mut self, now: Instant) {
        self.clock.micros(now);
        if self.state == State::Closed {
            return;
        }
        let lingering = self.state != State::Open;
        self.destroy_due = self.is_connected() && !self.is_relay;
        self.close(CloseReason::Destroyed);
        if lingering {
            // The owner already got the event of the graceful close.
            self.events.pop_back();
        }
    }

    /// Sends a message that may be lost, duplicated or reordered. It is dropped if it exceeds 2028
    /// bytes, if the stream is not connected, or if too many messages wait to be sent.
    pub fn send_message<D: AsRef<[u8]> + Into<Box<[u8]>>>(&mut self, data: D) {
        let fits = data.as_ref().len() <= MAX_MESSAGE && self.messages.len() < MAX_MESSAGES;
        if !fits || !self.is_connected() {
            self.stats.dropped += 1;
            return;
        }
        self.messages.push_back(data.into());
    }

    /// Sets after how long without a packet a heartbeat is sent; zero is never. A peer that does not
    /// answer heartbeats is not given up.
    pub fn set_keep_alive(&mut self, now: Instant, interval: Duration) {
        let now = self.clock.micros(now);
        let interval = Micros::try_from(interval.as_micros()).unwrap_or(Micros::MAX / 2);
        if self.state == State::Open {
            self.keep_alive.set(now, interval, self.stats.packets_tx);
        }
    }

    /// Sets whether one acknowledgement per batch is enough for the peer, see
    /// [`Config::peer_thin_acks`].
    pub fn set_thin_acks(&mut self, thin: bool) {
        self.config.peer_thin_acks = thin;
        self.receiver.set_widens(thin);
    }

    /// Takes the next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Whether the owner may drop the stream: it is closed, and has no packet left to send.
    pub fn is_done(&self) -> bool {
        self.state == State::Closed && !self.destroy_due
    }

    /// Makes this stream a relay: it sends nothing of its own. The owner passes its packets to
    /// [`Self::forward`] of another stream, and then to [`Self::handle_relayed`] of this one.
    pub fn start_relaying(&mut self) {
        self.is_relay = true;
    }

    /// Handles a packet of this relay that was forwarded: a DESTROY ends the relay too.
    pub fn handle_relayed(&mut self, packet: &Packet<'_>) {
        self.stats.packets_rx += 1;
        if packet.header.kind.contains(Flags::DESTROY) && self.state == State::Open {
            self.close(CloseReason::Reset);
        }
    }

    /// The same for packets of this relay that were forwarded, if none of them is a DESTROY.
    pub fn count_relayed(&mut self, packets: usize) {
        self.stats.packets_rx += packets as u64;
    }

    /// The header that readdresses a datagram of a relay to this stream's peer, and the peer's
    /// address. `None` if this stream has no peer or is closed, or if the datagram is too short for
    /// a header; then the datagram is dropped.
    pub fn forward(&mut self, datagram: &[u8]) -> Option<(SocketAddr, [u8; HEADER_SIZE])> {
        let path = self.paths.current().filter(|_| self.state == State::Open)?;
        let head = Header::readdressed(datagram, path.remote_id)?;
        self.count_forwarded(1, datagram.len());
        Some((path.remote, head))
    }

    /// Readdresses datagrams of `size` bytes, of which the last may be shorter, in their buffer.
    /// Each of them has a header. `None` as for [`Self::forward`].
    pub fn forward_in_place(&mut self, data: &mut [u8], size: usize) -> Option<SocketAddr> {
        let path = self.paths.current().filter(|_| self.state == State::Open)?;
        let datagrams = data.chunks_mut(size.max(1));
        let count = datagrams.map(|one| Header::readdress(one, path.remote_id)).count();
        self.count_forwarded(count, data.len());
        Some(path.remote)
    }

    fn count_forwarded(&mut self, packets: usize, bytes: usize) {
        self.stats.packets_tx += packets as u64;
        self.stats.bytes_tx += bytes as u64;
    }

    /// Whether data or an END waits for its first transmission.
    fn has_unsent(&self) -> bool {
        self.buffer.unsent() > 0 || self.end == End::Requested
    }

    /// Whether a closed window blocks data while nothing is in flight whose acknowledgement could
    /// open it.
    fn is_blocked_by_window(&self) -> bool {
        self.window.bytes == 0 && self.flight.is_empty() && self.has_unsent()
    }

    fn recovering(&self) -> bool {
        self.recovery != LossRecovery::Open
    }

    fn close(&mut self, reason: CloseReason) {
        self.state = State::Closed;
        self.events.push_back(Event::Closed(reason));
        self.release();
    }

    /// Both directions have ended. If the peer repeats its END, it still gets an acknowledgement.
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
        self.keep_alive.stop();
        self.doubt = None;
        self.messages.clear();
    }
}

impl PeerWindow {
    /// A window before the peer has advertised one: packets with these numbers may do so.
    fn new(seq: Number, ack: Number) -> Self {
        Self { bytes: INITIAL_WINDOW, seq, ack, persist_at: None, ask_due: false, unanswered: 0 }
    }
}

/// The window that a peer is assumed to have until it advertises one.
const INITIAL_WINDOW: u32 = 4 * 1024 * 1024;

/// The reference receives into 2048 bytes.
const MAX_MESSAGE: usize = 2048 - HEADER_SIZE;

/// With this many messages in the queue, a further one would be too late.
const MAX_MESSAGES: usize = 1024;

/// How long after the peer's last attempt the stream still acknowledges another one. A peer that
/// missed the last acknowledgement repeats its END after two round trips, after one second, and
/// after two more.
const LINGER: Micros = 7 * SECOND / 2;

/// A peer gives up after 13 seconds.
const MAX_LINGER: Micros = 15 * SECOND;
