//! Two streams, and the link between them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::*;
use crate::Sink;

/// A link with the same properties in both directions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// The one-way delay in microseconds.
    pub(super) delay: u64,
    /// The most that a packet is delayed in addition, in microseconds. This reorders packets.
    pub(super) jitter: u64,
    /// How many packets are delayed in addition, per thousand.
    pub(super) late: u64,
    /// How many packets are lost, per thousand.
    pub(super) loss: u64,
    pub(super) duplicate: u64,
    /// Larger IP packets are lost.
    pub(super) mtu: usize,
    /// Bytes per second (0 is no limit), and the size of the queue in bytes.
    pub(super) rate: u64,
    pub(super) queue: u64,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            delay: 10_000,
            jitter: 0,
            late: 1000,
            loss: 0,
            duplicate: 0,
            mtu: 1500,
            rate: 0,
            queue: 0,
        }
    }
}

/// The time of arrival, a tie-breaker, whether `a` sent it, and the datagram.
pub(super) type Flying = (Instant, u64, bool, Vec<u8>);

pub(super) struct Pair {
    pub(super) now: Instant,
    pub(super) a: Host,
    pub(super) b: Host,
    pub(super) link: Link,
    pub(super) overflows: u64,
    /// Datagrams that arrived in fragments.
    pub(super) fragmented: u64,
    /// Datagrams to this address are lost.
    pub(super) dark: Option<SocketAddr>,
    /// Bytes of the IP packets that were lost there.
    pub(super) vanished: u64,
    wire: BinaryHeap<Reverse<Flying>>,
    /// When each direction's transmitter is free.
    free: [Instant; 2],
    counter: u64,
    rng: Rng,
    start: Instant,
}

pub(super) struct Host {
    pub(super) stream: Stream,
    pub(super) received: Vec<u8>,
    pub(super) total: u64,
    pub(super) keeps: bool,
    pub(super) reads: bool,
    /// The bytes that the application has not read, and the memory that it needs for each byte.
    pub(super) unread: usize,
    pub(super) factor: usize,
    pub(super) duplicates: u64,
    pub(super) messages: Vec<Vec<u8>>,
    pub(super) ended: bool,
    pub(super) events: Vec<Event>,
    pub(super) destinations: Vec<SocketAddr>,
    /// When packets were sent, in milliseconds.
    pub(super) sent_at: Vec<u64>,
}

impl Pair {
    pub(super) fn new(link: Link, seed: u64) -> Self {
        Self::starting_at(link, seed, 0)
    }

    pub(super) fn starting_at(link: Link, seed: u64, first: u32) -> Self {
        let now = Instant::now();
        let mut a = Host::new(1, first);
        let mut b = Host::new(2, first);
        a.stream.connect(now, 2, SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2));
        b.stream.connect(now, 1, SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1));
        Self {
            now,
            a,
            b,
            link,
            overflows: 0,
            fragmented: 0,
            dark: None,
            vanished: 0,
            wire: BinaryHeap::new(),
            free: [now; 2],
            counter: 0,
            rng: Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            start: now,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        let closed =
            |host: &Host| host.events.iter().any(|event| matches!(event, Event::Closed(_)));
        closed(&self.a) && closed(&self.b)
    }

    /// Runs for some seconds of virtual time, or until the condition holds. Returns whether it
    /// does.
    pub(super) fn run_until(&mut self, seconds: f64, done: impl Fn(&Self) -> bool) -> bool {
        let limit = self.now + Duration::from_secs_f64(seconds);
        loop {
            self.transmit(true);
            self.transmit(false);
            if done(self) {
                return true;
            }
            let arrival = self.wire.peek().map(|Reverse((at, ..))| *at);
            let next = [arrival, self.a.stream.poll_timeout(), self.b.stream.poll_timeout()];
            let next = next.into_iter().flatten().min().filter(|at| *at <= limit);
            let Some(next) = next else {
                self.now = limit;
                return false;
            };
            self.now = self.now.max(next);
            self.advance();
        }
    }

    pub(super) fn advance(&mut self) {
        while self.wire.peek().is_some_and(|Reverse((at, ..))| *at <= self.now) {
            let Some(Reverse((_, _, from_a, datagram))) = self.wire.pop() else {
                break;
            };
            let host = if from_a { &mut self.b } else { &mut self.a };
            host.handle(self.now, &datagram);
        }
        for host in [&mut self.a, &mut self.b] {
            if host.stream.poll_timeout().is_some_and(|at| at <= self.now) {
                host.stream.handle_timeout(self.now);
            }
        }
    }

    pub(super) fn transmit(&mut self, from_a: bool) {
        let mut out = Vec::new();
        loop {
            let host = if from_a { &mut self.a } else { &mut self.b };
            let Some(transmit) = host.stream.poll_transmit(self.now, &mut out, 64) else {
                break;
            };
            if host.destinations.last() != Some(&transmit.to) {
                host.destinations.push(transmit.to);
            }
            host.sent_at.push((self.now - self.start).as_millis() as u64);
            assert!(out.len() <= 65_507 && !out.is_empty());
            for datagram in out.chunks(transmit.segment_size.unwrap_or(out.len())) {
                let size = datagram.len() as u64 + if transmit.to.is_ipv6() { 48 } else { 28 };
                if self.dark == Some(transmit.to) {
                    self.vanished += size;
                } else if transmit.may_fragment {
                    self.fragmented += u64::from(size > self.link.mtu as u64);
                    self.carry(from_a, datagram, size.min(self.link.mtu as u64));
                } else {
                    self.carry(from_a, datagram, size);
                }
            }
        }
        let host = if from_a { &mut self.a } else { &mut self.b };
        while let Some(event) = host.stream.poll_event() {
            host.events.push(event);
        }
    }

    /// Carries a datagram, which is an IP packet of that size.
    pub(super) fn carry(&mut self, from_a: bool, datagram: &[u8], size: u64) {
        if size > self.link.mtu as u64 {
            return;
        }
        let mut leaves = self.now;
        if self.link.rate > 0 {
            let free = &mut self.free[usize::from(from_a)];
            let waiting = free.saturating_duration_since(self.now);
            let queued = waiting.as_micros() as u64 * self.link.rate / 1_000_000;
            if queued + size > self.link.queue {
                self.overflows += 1;
                return;
            }
            let airtime = Duration::from_nanos(size * 1_000_000_000 / self.link.rate);
            *free = (*free).max(self.now) + airtime;
            leaves = *free;
        }
        if self.rng.below(1000) < self.link.loss {
            return;
        }
        let copies = 1 + u64::from(self.rng.below(1000) < self.link.duplicate);
        for _ in 0..copies {
            let late = self.rng.below(1000) < self.link.late;
            let jitter = self.rng.below(if late { self.link.jitter + 1 } else { 1 });
            let at = leaves + Duration::from_micros(self.link.delay + jitter);
            self.counter += 1;
            self.wire.push(Reverse((at, self.counter, from_a, datagram.to_vec())));
        }
    }
}

impl Host {
    pub(super) fn new(id: u32, first_seq: u32) -> Self {
        let mut stream = Stream::new(id, Config { first_seq, ..Config::default() });
        stream.expect_from(first_seq);
        Self {
            stream,
            received: Vec::new(),
            total: 0,
            keeps: true,
            reads: true,
            unread: 0,
            factor: 1,
            duplicates: 0,
            messages: Vec::new(),
            ended: false,
            events: Vec::new(),
            destinations: Vec::new(),
            sent_at: Vec::new(),
        }
    }

    /// Sets another receive window, before anything has happened.
    pub(super) fn set_window(&mut self, now: Instant, recv_window: u32) {
        let path = self.stream.paths.current().expect("connected");
        let config = Config { recv_window, ..Config::default() };
        self.stream = Stream::new(self.stream.local_id, config);
        self.stream.connect(now, path.remote_id, path.remote);
    }

    pub(super) fn write(&mut self, data: &[u8]) {
        self.stream.write(Bytes::copy_from_slice(data));
    }

    pub(super) fn handle(&mut self, now: Instant, datagram: &[u8]) {
        let Some(packet) = Packet::parse(datagram) else {
            return;
        };
        let sequenced = packet.header.kind.is_sequenced();
        let before = (self.stream.receiver.expected(), self.stream.receiver.held().clone());
        self.take(|stream, taker| stream.handle_packet(now, &packet, taker));
        if sequenced && before.0 == self.stream.receiver.expected() {
            self.duplicates += u64::from(before.1 == *self.stream.receiver.held());
        }
    }

    /// The application reads everything that waits, and from here on reads at once.
    pub(super) fn read(&mut self, now: Instant) {
        self.reads = true;
        self.unread = 0;
        self.take(|stream, taker| stream.set_unread(now, 0, taker));
    }

    pub(super) fn take(&mut self, act: impl FnOnce(&mut Stream, &mut Taker)) {
        let factor = if self.reads { 0 } else { self.factor };
        let (messages, unread) = (Vec::new(), self.unread);
        let mut taker = Taker { host: Vec::new(), messages, ended: self.ended, unread, factor };
        act(&mut self.stream, &mut taker);
        self.unread = taker.unread;
        self.total += taker.host.len() as u64;
        if self.keeps {
            self.received.extend_from_slice(&taker.host);
        }
        self.messages.extend(taker.messages);
        self.ended = taker.ended;
    }
}

pub(super) struct Taker {
    host: Vec<u8>,
    messages: Vec<Vec<u8>>,
    ended: bool,
    unread: usize,
    factor: usize,
}

impl Sink for Taker {
    fn data(&mut self, payload: &[u8]) -> usize {
        assert!(!self.ended);
        self.host.extend_from_slice(payload);
        self.unread += payload.len() * self.factor;
        self.unread
    }
    fn message(&mut self, payload: &[u8]) {
        self.messages.push(payload.to_vec());
    }
    fn end(&mut self) {
        assert!(!self.ended);
        self.ended = true;
    }
}

pub(super) fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut rng = Rng(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    (0..len).map(|_| rng.next() as u8).collect()
}

/// xorshift64*
pub(super) struct Rng(pub(super) u64);

impl Rng {
    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    }

    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }
}
