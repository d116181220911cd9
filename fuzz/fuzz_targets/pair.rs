//! Two streams that talk over a network which does what it likes: what arrives is what was written,
//! in order and once, and all of it arrives when the network is well again.
#![no_main]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyperdht_fuzz::steps;
use libfuzzer_sys::fuzz_target;
use udx::{CloseReason, Config, Event, HEADER_SIZE, Packet, Sink, Stream};

fuzz_target!(|data: &[u8]| {
    let Some((&first, data)) = data.split_first() else { return };
    let mut world = World::new(first);
    for (op, who, bytes) in steps(data) {
        world.step(op, who, bytes);
        world.check();
    }
    world.heal();
});

struct World {
    now: Instant,
    ends: [End; 2],
    /// Datagrams on their way, in the order in which they were sent.
    wire: VecDeque<Flying>,
    /// Larger IP packets are lost.
    mtu: usize,
    /// Whether header fields change on the way, as far as that does not change the data.
    corrupts: bool,
}

struct Flying {
    arrives: Instant,
    to: usize,
    datagram: Vec<u8>,
}

struct End {
    stream: Stream,
    reader: Reader,
    written: usize,
    has_ended: bool,
    is_blocked: bool,
    closed: Option<CloseReason>,
}

impl World {
    fn new(first: u8) -> Self {
        let now = Instant::now();
        let end = |id, peer| {
            let recv_window = if first & 1 == 0 { 4 << 20 } else { 32 << 10 };
            let first_seq = if first & 2 == 0 { 0 } else { u32::MAX - 100 };
            let (peer_thin_acks, probes_early) = (first & 4 != 0, first & 8 != 0);
            let config = Config {
                recv_window,
                first_seq,
                peer_thin_acks,
                probes_early,
                ..Config::default()
            };
            let mut stream = Stream::new(id, config);
            stream.expect_from(first_seq);
            stream.connect(now, peer, address(1));
            let reader =
                Reader { unread: 0, received: 0, window: recv_window as usize, ended: false };
            let (has_ended, is_blocked) = (false, false);
            End { stream, reader, written: 0, has_ended, is_blocked, closed: None }
        };
        let ends = [end(1, 2), end(2, 1)];
        Self { now, ends, wire: VecDeque::new(), mtu: 1500, corrupts: first & 16 != 0 }
    }

    fn step(&mut self, op: u8, who: u8, bytes: &[u8]) {
        let side = usize::from(who & 1);
        let value = usize::from(who >> 1);
        let now = self.now;
        let at = self.nth(bytes);
        match op % 16 {
            0 => self.ends[side].write(1 + value),
            1 => self.ends[side].write(256 * value),
            2 => self.now += Duration::from_millis(value as u64),
            3 => self.now = self.ends[side].stream.poll_timeout().unwrap_or(now).max(now),
            4 => (0..=value).for_each(|_| self.deliver(0, false)),
            5 => self.deliver(at, false),
            6 => self.deliver(at, true),
            7 => drop(self.wire.drain(..value.min(self.wire.len()))),
            8 => drop(self.wire.remove(at)),
            9 => self.corrupt(at, bytes),
            10 => self.ends[side].read(now, value),
            11 => self.ends[side].control(now, value, bytes),
            12 => self.ends[side].is_blocked = value & 1 == 1,
            13 => self.mtu = 1200 + 4 * value,
            14 if value > 120 => self.ends[side].end(),
            14 => self.ends[side].stream.send_message(bytes),
            _ => self.run(now + Duration::from_millis(4 * value as u64), |_| false),
        }
    }

    /// The datagram that some bytes mean.
    fn nth(&self, bytes: &[u8]) -> usize {
        let number = bytes.first_chunk().map_or(0, |bytes| u16::from_le_bytes(*bytes));
        usize::from(number) % self.wire.len().max(1)
    }

    /// Gives the datagram to its receiver; a duplicate stays on its way.
    fn deliver(&mut self, at: usize, again: bool) {
        let Some(Flying { to, datagram, .. }) = self.wire.get(at) else { return };
        self.ends[*to].handle(self.now, datagram);
        if !again {
            self.wire.remove(at);
        }
    }

    /// Changes the window, the acknowledgement, the ranges or the flags of a datagram.
    fn corrupt(&mut self, at: usize, bytes: &[u8]) {
        let Some(Flying { datagram, .. }) = self.wire.get_mut(at) else { return };
        let Some(&[_, _, field, value]) = bytes.first_chunk::<4>() else { return };
        if !self.corrupts {
            return;
        }
        let is_state = datagram[2] & 3 == 0;
        match field {
            // SACK, MESSAGE, DESTROY, HEARTBEAT
            0 => datagram[2] ^= value & 60,
            1..8 => datagram[8 + usize::from(field % 4)] = value,
            8..32 => datagram[16 + usize::from(field % 4)] ^= value,
            _ if is_state && datagram.len() > HEADER_SIZE => {
                let area = datagram.len() - HEADER_SIZE;
                datagram[HEADER_SIZE + usize::from(field) % area] ^= value;
            }
            _ => {}
        }
    }

    /// Does what the drivers do after each input, and checks the bounds.
    fn check(&mut self) {
        for side in [0, 1] {
            self.ends[side].stream.handle_timeout(self.now);
            if !self.ends[side].is_blocked {
                self.transmit(side);
            }
            self.ends[side].check();
            let (mine, its) = (&self.ends[side], &self.ends[1 - side]);
            assert!(mine.reader.received <= its.written, "more than was written");
            let all = its.has_ended && mine.reader.received == its.written;
            assert!(!mine.reader.ended || all, "an end before the last byte");
        }
    }

    fn transmit(&mut self, side: usize) {
        let mut out = Vec::new();
        let mut sent = 0;
        while let Some(transmit) = self.ends[side].stream.poll_transmit(self.now, &mut out, 8) {
            sent += 1;
            assert!(sent < 20_000, "sends without end");
            for datagram in out.chunks(transmit.segment_size.unwrap_or(usize::MAX)) {
                if datagram.len() + 28 <= self.mtu && self.wire.len() < QUEUE {
                    let arrives = self.now + DELAY;
                    self.wire.push_back(Flying {
                        arrives,
                        to: 1 - side,
                        datagram: datagram.into(),
                    });
                }
            }
        }
        let next = self.ends[side].stream.poll_timeout();
        assert!(next.is_none_or(|at| at > self.now), "a deadline that never passes");
    }

    /// Runs a network that delivers everything, until a time or until the condition holds.
    fn run(&mut self, until: Instant, done: impl Fn(&Self) -> bool) {
        self.check();
        while !done(self) {
            let arrival = self.wire.front().map(|flying| flying.arrives);
            let timers = self.ends.iter().map(|end| end.stream.poll_timeout());
            let next = timers.chain([arrival]).flatten().min();
            let Some(next) = next.filter(|at| *at <= until) else { break };
            self.now = self.now.max(next);
            while self.wire.front().is_some_and(|flying| flying.arrives <= self.now) {
                self.deliver(0, false);
            }
            self.check();
        }
        if !done(self) {
            self.now = until;
        }
    }

    /// The network and the applications are well again: all that was written arrives, and both
    /// streams end, unless one has given up or was changed on the way.
    fn heal(&mut self) {
        self.mtu = 1500;
        let healed = self.now;
        for end in &mut self.ends {
            end.is_blocked = false;
            end.stream.set_keep_alive(healed, Duration::ZERO);
            end.stream.set_max_held(24 << 20);
            end.end();
        }
        let timeouts = |world: &Self| [0, 1].map(|side| world.ends[side].stream.stats().rto_count);
        let before = timeouts(self);
        let over = |world: &Self| world.ends.iter().all(|end| end.closed.is_some());
        // The applications read what they have got, ten times a second.
        let last = healed + LAST;
        while self.now < last && !over(self) {
            for end in &mut self.ends {
                end.read(self.now, 127);
            }
            self.run(self.now + Duration::from_millis(100), over);
        }
        // It gave up with the first timeout: nothing was sent since the network is well.
        let gave_up = |side: usize| match self.ends[side].closed {
            None | Some(CloseReason::Graceful) => false,
            Some(CloseReason::TimedOut) => timeouts(self)[side] < before[side] + 2,
            Some(CloseReason::Reset | CloseReason::Destroyed) => true,
        };
        if self.corrupts || gave_up(0) || gave_up(1) {
            return;
        }
        for side in [0, 1] {
            let (mine, its) = (&self.ends[side], &self.ends[1 - side]);
            assert_eq!(mine.reader.received, its.written, "{:?}", mine.stream);
            assert!(mine.reader.ended, "no end: {:?}", mine.stream);
            assert_eq!(mine.closed, Some(CloseReason::Graceful), "{:?}", mine.stream);
        }
    }
}

impl End {
    fn write(&mut self, len: usize) {
        if self.has_ended || self.written > MOST || self.closed.is_some() {
            return;
        }
        let data: Vec<u8> = (self.written..self.written + len).map(byte_at).collect();
        self.written += len;
        self.stream.write(Bytes::from(data));
    }

    fn end(&mut self) {
        self.has_ended = true;
        self.stream.end();
    }

    /// Reads a share of what has come.
    fn read(&mut self, now: Instant, share: usize) {
        self.reader.unread -= self.reader.unread * share / 127;
        self.stream.set_unread(now, self.reader.unread, &mut self.reader);
    }

    fn handle(&mut self, now: Instant, datagram: &[u8]) {
        if let Some(packet) = Packet::parse(datagram) {
            self.stream.handle_packet(now, &packet, &mut self.reader);
        }
    }

    /// The rarer calls of the owner. They change the path's name; the network delivers all the same.
    fn control(&mut self, now: Instant, value: usize, bytes: &[u8]) {
        let Some(id) = self.stream.remote_id() else { return };
        let to = address(value as u8);
        match value % 10 {
            0 if value > 100 => self.stream.destroy(now),
            0 | 1 => self.stream.change_remote(now, id, to),
            2 => self.stream.change_proven(now, id, to),
            3 => self.stream.handle_new_path(now),
            4 => self.stream.handle_reached(),
            5 => self.stream.ask(),
            6 => self.stream.repeat_early(now),
            7 => self.stream.set_thin_acks(value > 60),
            8 => self.stream.set_max_held((2 + bytes.len()) << 12),
            _ => self.stream.set_keep_alive(now, Duration::from_millis(value as u64)),
        }
    }

    fn check(&mut self) {
        while let Some(event) = self.stream.poll_event() {
            assert!(self.closed.is_none(), "{event:?} after the end");
            if let Event::Closed(reason) = event {
                self.closed = Some(reason);
            }
        }
        let held = self.stream.held();
        assert!(held <= (24 << 20) + (1 << 18), "{held} bytes are held for the peer");
        let buffered = self.stream.buffered();
        assert!(buffered <= 5 * (4 << 20) + (1 << 18), "{buffered} bytes wait for the reader");
    }
}

/// The application at one end.
struct Reader {
    unread: usize,
    received: usize,
    /// The receive window.
    window: usize,
    ended: bool,
}

impl Sink for Reader {
    fn data(&mut self, payload: &[u8]) -> usize {
        assert!(self.unread < self.window && !self.ended);
        for &byte in payload {
            assert_eq!(byte, byte_at(self.received), "at {}", self.received);
            self.received += 1;
        }
        self.unread += payload.len();
        self.unread
    }

    fn message(&mut self, _: &[u8]) {}

    fn end(&mut self) {
        assert!(!std::mem::replace(&mut self.ended, true), "a second end");
    }
}

/// The byte at a position of what is written.
fn byte_at(position: usize) -> u8 {
    (position.wrapping_mul(0x9e37_79b9) >> 16) as u8
}

fn address(port: u8) -> std::net::SocketAddr {
    ([1, 2, 3, 4], u16::from(port)).into()
}

/// The way that a datagram takes when the network is well.
const DELAY: Duration = Duration::from_millis(10);

/// Datagrams on their way; the network loses more.
const QUEUE: usize = 2000;

/// The most that an end writes, in bytes, but for its last write.
const MOST: usize = 1 << 20;

/// How long all may take when the network is well. The last round trips may have taken minutes, and
/// the next timeout is a multiple of them.
const LAST: Duration = Duration::from_secs(3600);
