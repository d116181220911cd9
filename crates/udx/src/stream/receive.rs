//! How a stream handles received packets. The order of the steps is the reference's.

use std::time::Instant;

use super::{End, Event, LINGER, LossRecovery, State, Stream};
use crate::bbr::AckInfo;
use crate::header::{Flags, HEADER_SIZE, Header, Packet, SackRanges};
use crate::loss::{Delivery, Losses};
use crate::recv::Taken;
use crate::seq::Number;
use crate::sink::Sink;
use crate::stream::CloseReason;
use crate::time::Micros;

impl Stream {
    /// Handles a packet for this stream. In-order data goes to `sink` without a copy. A stream also
    /// handles packets before it is connected.
    pub fn handle_packet(&mut self, now: Instant, packet: &Packet<'_>, sink: &mut dyn Sink) {
        let now = self.clock.micros(now);
        let header = &packet.header;
        self.stats.packets_rx += 1;
        self.stats.bytes_rx +=
            (HEADER_SIZE + usize::from(header.data_offset) + packet.payload.len()) as u64;
        match self.state {
            State::Open => {}
            State::Lingering { limit, .. } => return self.handle_late(now, limit, header),
            State::Closed => return,
        }
        if header.kind.contains(Flags::HEARTBEAT) {
            return self.acks.owe();
        }

        self.receiver.handle_time(now);
        let ack = header.ack.expand(self.flight.una());
        let believable = ack.is_none_or(|ack| ack <= self.flight.next());
        if !self.take(now, packet, believable, sink) || !believable {
            return;
        }
        self.window.unanswered = 0;
        if let Some(ack) = ack {
            self.update_window(header, ack);
            self.acknowledge(now, ack, packet.sack_ranges());
        }
        self.handle_sign_of_life();
        self.finish_if_over(now);
    }

    /// Sets how many of the delivered bytes the application has not read, and delivers more if
    /// there is more. If the window was nearly closed and is not any more, the peer gets a window
    /// update.
    pub fn set_unread(&mut self, now: Instant, bytes: usize, sink: &mut dyn Sink) {
        let now = self.clock.micros(now);
        if self.state != State::Open {
            return;
        }
        self.receiver.handle_time(now);
        self.receiver.set_unread(bytes);
        self.receiver.deliver_held(sink);
        let step = self.config.recv_window / WINDOW_STEPS;
        let free = self.receiver.free_window();
        if self.advertised <= step && free.saturating_sub(self.advertised) > step {
            self.acks.owe();
        }
        self.finish_if_over(now);
    }

    /// Bytes that were received and not delivered: a packet before them is missing, or the
    /// application does not read.
    pub fn buffered(&self) -> usize {
        self.receiver.buffered()
    }

    pub(super) fn finish_if_over(&mut self, now: Micros) {
        if self.state == State::Open && self.end == End::Acknowledged && self.receiver.is_finished()
        {
            self.finish(now);
        }
    }

    /// Handles a packet while lingering: the peer repeats a packet whose acknowledgement was lost.
    fn handle_late(&mut self, now: Micros, limit: Micros, header: &Header) {
        if header.kind.contains(Flags::DESTROY) {
            self.state = State::Closed;
        } else if header.kind.is_sequenced() || header.kind.contains(Flags::HEARTBEAT) {
            self.acks.owe();
            self.state = State::Lingering { until: (now + LINGER).min(limit), limit };
        }
    }

    /// After a timeout, any packet shows that the path works again, so the next transmission need
    /// not wait for the timer.
    fn handle_sign_of_life(&mut self) {
        if self.timers.timeouts > 0 && !self.timers.probed {
            self.timers.probed = true;
            self.probe_due = true;
        }
    }

    /// Delivers the contents of a packet. Returns `false` if the packet closed the stream.
    fn take(
        &mut self,
        now: Micros,
        packet: &Packet<'_>,
        believable: bool,
        sink: &mut dyn Sink,
    ) -> bool {
        let kind = packet.header.kind;
        let expected = self.receiver.expected();
        let number = packet.header.seq.expand(expected);
        if kind.is_sequenced() {
            let end = self.receiver.held().last().map_or(expected, |range| range.end);
            let taken = match number {
                Some(number) => self.receiver.handle(number, kind, packet.payload, sink),
                None => Taken::Acknowledged,
            };
            match taken {
                Taken::Acknowledged if believable => {
                    self.owe_ack(now, number.unwrap_or(0), expected, end);
                }
                Taken::Acknowledged => {}
                Taken::Refused => {
                    // The peer gets the current window, and a sign that this side is alive.
                    self.stats.dropped += 1;
                    self.acks.owe();
                }
            }
        }
        if kind.contains(Flags::DESTROY) && number.is_some_and(|number| number >= expected) {
            self.close(CloseReason::Reset);
            return false;
        }
        if kind.contains(Flags::MESSAGE) {
            sink.message(packet.payload);
        }
        true
    }

    /// Takes the peer's window from the header, if it is newer than the last one.
    fn update_window(&mut self, header: &Header, ack: Number) {
        let Some(seq) = header.seq.expand(self.receiver.expected()) else {
            return;
        };
        let newer = seq > self.window.seq || (seq == self.window.seq && ack >= self.window.ack);
        if ack < self.flight.una() || !newer {
            return;
        }
        let was_closed = self.window.bytes == 0;
        self.window.bytes = header.rwnd;
        self.window.seq = seq;
        self.window.ack = ack;
        if header.rwnd == 0 {
            // A peer without room may refuse retransmissions, but it is alive, since it answers.
            self.timers.timeouts = 0;
            return;
        }
        self.window.persist_at = None;
        if was_closed && !self.flight.is_empty() {
            // A packet is sent at once: its acknowledgement shows which packets the peer has
            // refused.
            self.probe_due = true;
        }
    }

    fn acknowledge(&mut self, now: Micros, ack: Number, sacks: SackRanges<'_>) {
        let prior_in_flight = self.flight.in_flight();
        let delivery = self.collect(now, ack, sacks);
        self.rack.reports.handle_ack(delivery.packets);
        if delivery.bytes == 0 {
            // At most, the cumulative acknowledgement now covers packets that were already SACKed.
            return self.handle_progress(now);
        }
        if delivery.highest.is_some_and(|highest| self.paths.handle_delivered(highest)) {
            self.events.push_back(Event::PathValidated);
        }
        self.rack.update(now, &delivery, self.peer_hides());
        if let Some(rtt) = delivery.rtt {
            self.rtt.sample(now, rtt);
            self.receiver.set_round_trip(self.rtt.min().unwrap_or(0));
        }
        self.mtu.handle_delivered(now, delivery.largest);
        self.bbr.set_packet_size(self.mtu.current());
        self.timers.timeouts = 0;
        self.timers.probed = false;

        let recovering = self.recovering();
        let losses = self.rack.detect(now, &mut self.flight, &self.rtt, recovering);
        self.handle_losses(now, &losses);
        self.update_model(now, prior_in_flight, &delivery);
        self.timers.rto = Some(now + self.rtt.rto());
        self.timers.arm_tlp(now, &self.rtt, &self.flight);
        self.handle_progress(now);
    }

    /// Marks the packets that the acknowledgement and its SACK ranges report as received.
    fn collect(&mut self, now: Micros, ack: Number, sacks: SackRanges<'_>) -> Delivery {
        let mut delivery = Delivery::new(ack);
        let Self { flight, rack, rtt, paths, .. } = self;
        let path = paths.index();
        flight.acknowledge(ack, |number, sent| delivery.add(now, number, sent, rack, rtt, path));
        for (start, end) in sacks.take(MAX_RANGES) {
            let una = flight.una();
            let (Some(start), Some(end)) = (start.expand(una), end.expand(una)) else {
                continue;
            };
            if start < una || start >= end || end > flight.next() {
                continue;
            }
            delivery.told = delivery.told.max(end);
            flight.sack(start..end, |number, sent| {
                delivery.add(now, number, sent, rack, rtt, path);
            });
        }
        delivery
    }

    /// Handles the result of a loss detection, which may be empty.
    pub(super) fn handle_losses(&mut self, now: Micros, losses: &Losses) {
        self.timers.reorder = losses.look_again;
        if losses.congestion {
            self.bbr.handle_lost(losses.bytes);
        }
        if let Some(size) = losses.probe {
            self.mtu.handle_lost(size);
        }
        if losses.congestion && self.recovery == LossRecovery::Open {
            self.recovery = LossRecovery::Fast { until: self.flight.next() };
            self.stats.fast_recoveries += 1;
            self.bbr.enter_recovery();
            tracing::trace!(id = self.local_id, now, "recovery starts");
        }
    }

    fn update_model(&mut self, now: Micros, prior_in_flight: u64, delivery: &Delivery) {
        let newest = delivery.newest.map(|newest| (newest.sent_at, newest.mark));
        let newest = newest.filter(|_| delivery.on_path);
        let reveals = self.peer_hides() && delivery.reveals();
        let acked = (delivery.bytes, reveals);
        let sample = self.sampler.sample(now, acked, newest, self.rtt.min());
        self.exit_recovery();
        self.bbr.handle_ack(&AckInfo {
            now,
            acked: delivery.bytes,
            prior_in_flight,
            in_flight: self.flight.in_flight(),
            delivered: self.sampler.delivered(),
            rtt: delivery.rtt,
            reveals,
            sample,
        });
    }

    /// Whether the peer may be one of the reference, which does not tell of all that it has.
    pub(super) fn peer_hides(&self) -> bool {
        !self.config.peer_thin_acks && self.rack.reports.may_hide()
    }

    fn exit_recovery(&mut self) {
        if let LossRecovery::Fast { until } | LossRecovery::Timeout { until } = self.recovery
            && self.flight.una() >= until
        {
            self.recovery = LossRecovery::Open;
            self.bbr.exit_recovery();
        }
    }

    /// Handles a cumulative acknowledgement, which may have advanced.
    fn handle_progress(&mut self, now: Micros) {
        self.exit_recovery();
        let una = self.flight.una();
        let released = self.flight.get(una).map_or(self.buffer.sent(), |sent| sent.offset);
        self.buffer.release(released);
        if self.flight.is_empty() {
            self.timers.stop();
            self.paths.handle_all_arrived();
        }
        if self.paths.handle_acknowledged(una) {
            self.events.push_back(Event::RemoteChanged);
        }
        if let End::Sent(number) = self.end
            && una > number
        {
            self.end = End::Acknowledged;
            self.events.push_back(Event::Finished);
            if !self.receiver.is_complete() {
                self.acks.owe();
            }
        }
        if self.is_blocked_by_window() && self.window.persist_at.is_none() {
            self.window.persist_at = Some(now + self.rtt.rto());
        }
    }
}

/// A window below this fraction of the whole is nearly closed.
pub(super) const WINDOW_STEPS: u32 = 4;

/// More ranges than fit into the reference's receive buffer of 2048 bytes.
const MAX_RANGES: usize = 256;
