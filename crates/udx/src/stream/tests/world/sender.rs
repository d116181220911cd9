//! Models of other senders: what they have in common. They begin with packets of 1500 bytes, and
//! always have something to send.

use std::time::Instant;

use super::ends::End;
use crate::flight::{Flight, Sent, SentState};
use crate::header::{Flags, HEADER_SIZE, Header, Packet};
use crate::loss::{Delivery, Rack};
use crate::rate::{RateSample, RateSampler};
use crate::rtt::Rtt;
use crate::seq::{Number, Seq};
use crate::time::{Clock, Micros};

/// A congestion control.
pub(super) trait Control {
    /// The resolution of its clock in microseconds.
    const TICK: Micros;

    fn handle_ack(&mut self, ack: &Ack);

    /// Losses are repaired from here on.
    fn enter_recovery(&mut self, in_flight: u64);

    fn exit_recovery(&mut self);

    fn handle_timeout(&mut self, in_flight: u64);

    /// The window in bytes.
    fn cwnd(&self) -> u64;

    /// Bytes per second, if it paces.
    fn pacing_rate(&self) -> Option<u64>;
}

/// What an acknowledgement tells the control.
pub(super) struct Ack {
    pub(super) now: Micros,
    pub(super) acked: u64,
    pub(super) lost: u64,
    pub(super) prior_in_flight: u64,
    pub(super) in_flight: u64,
    pub(super) delivered: u64,
    pub(super) rtt: Option<Micros>,
    pub(super) sample: Option<RateSample>,
    pub(super) recovers: bool,
}

pub(super) struct Model<C> {
    control: C,
    clock: Clock,
    flight: Flight,
    rack: Rack,
    rtt: Rtt,
    sampler: RateSampler,
    /// Losses are repaired until this number is acknowledged.
    until: Option<Number>,
    look_again: Option<Micros>,
    rto: Option<Micros>,
    /// Bytes that may leave before the next tick, and when they were given.
    tokens: i64,
    filled_at: Micros,
    resumes_at: Option<Micros>,
    /// The next number of the peer.
    expected: u32,
}

impl<C: Control> Model<C> {
    pub(super) fn new(control: C) -> Box<Self> {
        Box::new(Self {
            control,
            clock: Clock::default(),
            flight: Flight::new(0),
            rack: Rack::default(),
            rtt: Rtt::default(),
            sampler: RateSampler::default(),
            until: None,
            look_again: None,
            rto: None,
            tokens: 25_000,
            filled_at: 0,
            resumes_at: None,
            expected: 0,
        })
    }

    fn handle_packet(&mut self, now: Micros, packet: &Packet<'_>) -> bool {
        let head = packet.header;
        let Some(ack) = head.ack.expand(self.flight.una()) else {
            return false;
        };
        let prior_in_flight = self.flight.in_flight();
        let mut delivery = Delivery::new(ack);
        let Self { flight, rack, rtt, .. } = self;
        flight.acknowledge(ack, |number, sent| delivery.add(now, number, sent, rack, rtt, 0));
        for (start, end) in packet.sack_ranges() {
            let una = flight.una();
            let (Some(start), Some(end)) = (start.expand(una), end.expand(una)) else {
                continue;
            };
            if start >= una && start < end && end <= flight.next() {
                flight.sack(start..end, |number, sent| {
                    delivery.add(now, number, sent, rack, rtt, 0);
                });
            }
        }
        if delivery.bytes > 0 {
            self.learn(now, prior_in_flight, &delivery);
        }
        let is_data = head.kind.is_sequenced();
        self.expected = self.expected.max(if is_data { head.seq.0 + 1 } else { 0 });
        is_data
    }

    fn learn(&mut self, now: Micros, prior_in_flight: u64, delivery: &Delivery) {
        self.rack.update(now, delivery, false);
        if let Some(rtt) = delivery.rtt {
            self.rtt.sample(now, rtt);
        }
        let lost = self.detect(now);
        let newest = delivery.newest.map(|newest| (newest.sent_at, newest.mark));
        let acked = (delivery.bytes, false);
        let sample = self.sampler.sample(now, acked, newest, self.rtt.min());
        if self.until.is_some_and(|until| self.flight.una() >= until) {
            self.until = None;
            self.control.exit_recovery();
        }
        self.control.handle_ack(&Ack {
            now,
            acked: delivery.bytes,
            lost,
            prior_in_flight,
            in_flight: self.flight.in_flight(),
            delivered: self.sampler.delivered(),
            rtt: delivery.rtt,
            sample,
            recovers: self.until.is_some(),
        });
        self.rto = Some(now + self.rtt.rto());
    }

    fn detect(&mut self, now: Micros) -> u64 {
        let recovers = self.until.is_some();
        let losses = self.rack.detect(now, &mut self.flight, &self.rtt, recovers);
        self.look_again = losses.look_again;
        if losses.bytes > 0 && self.until.is_none() {
            self.until = Some(self.flight.next());
            self.control.enter_recovery(self.flight.in_flight());
        }
        losses.bytes
    }

    fn handle_timeout(&mut self, now: Micros) {
        if self.look_again.is_some_and(|at| at <= now) {
            self.detect(now);
        }
        if self.rto.is_some_and(|at| at <= now) {
            self.rack.detect_all(now, &mut self.flight, &self.rtt);
            self.until = Some(self.flight.next());
            self.control.handle_timeout(self.flight.in_flight());
            self.rto = Some(now + 2 * self.rtt.rto());
        }
    }

    /// Whether the pacer lets a packet go. A tick brings what the rate allows since the last one,
    /// and forgets what was sent beyond it.
    fn has_tokens(&mut self, now: Micros) -> bool {
        let Some(rate) = self.control.pacing_rate() else {
            return true;
        };
        if now > self.filled_at {
            let added = rate * (now - self.filled_at) / 1_000_000;
            self.tokens = i64::try_from(added).unwrap_or(i64::MAX);
            self.filled_at = now;
        }
        self.resumes_at = (self.tokens <= 0).then_some(now + C::TICK);
        self.tokens > 0
    }

    fn send(&mut self, now: Micros, send: &mut dyn FnMut(&[u8])) {
        self.resumes_at = None;
        while self.flight.in_flight() < self.control.cwnd()
            && (self.flight.next_lost().is_some() || self.flight.in_flight() < WINDOW)
            && self.has_tokens(now)
        {
            let mark = self.sampler.mark(now, self.flight.in_flight());
            let lost = self.flight.next_lost();
            let number = lost.unwrap_or(self.flight.next());
            match lost {
                Some(number) => self.flight.resend(number, now, 0, mark),
                None => self.flight.push(Sent { sent_at: now, mark, ..new_packet() }),
            }
            self.tokens -= 1500;
            send(&self.packet(Flags::DATA, number, PAYLOAD));
        }
        self.rto.get_or_insert(now + self.rtt.rto());
    }

    fn packet(&self, kind: Flags, number: Number, payload: usize) -> Vec<u8> {
        let (seq, ack) = (Seq::of(number), Seq(self.expected));
        let header = Header { kind, data_offset: 0, remote_id: 2, rwnd: 4 << 20, seq, ack };
        let mut packet = Vec::with_capacity(HEADER_SIZE + payload);
        header.encode(&mut packet);
        packet.resize(HEADER_SIZE + payload, 0);
        packet
    }
}

impl<C: Control> End for Model<C> {
    fn run(&mut self, now: Instant, inbox: &[Vec<u8>], send: &mut dyn FnMut(&[u8])) {
        let now = self.clock.micros(now) / C::TICK * C::TICK;
        for packet in inbox.iter().filter_map(|datagram| Packet::parse(datagram)) {
            if self.handle_packet(now, &packet) {
                send(&self.packet(Flags::STATE, self.flight.next(), 0));
            }
            // It sends after each packet that it handles.
            self.send(now, send);
        }
        self.handle_timeout(now);
        self.send(now, send);
    }

    fn wakes_at(&self) -> Option<Instant> {
        let at = [self.rto, self.look_again, self.resumes_at].into_iter().flatten().min()?;
        self.clock.instant(at)
    }
}

fn new_packet() -> Sent {
    Sent {
        offset: 0,
        len: PAYLOAD as u16,
        kind: Flags::DATA,
        padding: 0,
        overhead: 48,
        state: SentState::InFlight,
        transmissions: 1,
        path: 0,
        tx: 0,
        sent_at: 0,
        mark: crate::rate::RateMark::default(),
    }
}

const PAYLOAD: usize = 1452;

/// The receive window of 4 MiB as a number of packets, in bytes.
const WINDOW: u64 = (4 << 20) / PAYLOAD as u64 * 1500;
