//! One stream, with packets of a peer that may send anything and calls of an owner that may do
//! anything: it keeps its bounds, and it comes to rest when nothing more arrives.
#![no_main]

use std::time::{Duration, Instant};

use bytes::Bytes;
use hyperdht_fuzz::steps;
use libfuzzer_sys::fuzz_target;
use udx::{Config, Event, Flags, Header, Packet, Seq, Sink, Stream};

fuzz_target!(|data: &[u8]| {
    let Some((&first, data)) = data.split_first() else { return };
    let mut run = Run::new(first);
    for (op, who, bytes) in steps(data) {
        run.step(op, who, bytes);
        run.check();
    }
    run.rest();
});

struct Run {
    now: Instant,
    stream: Stream,
    reader: Reader,
    out: Vec<u8>,
    /// The socket is full: nothing that the stream has to send is taken.
    blocked: bool,
    /// The next number of the stream, and the next one that it expects, as its packets say.
    next: u32,
    expected: u32,
    /// The highest limit on held bytes so far, and the highest congestion window.
    max_held: usize,
    top: u64,
    /// Inputs so far, each of which may have asked for a probe beyond the congestion window.
    inputs: u64,
    over: bool,
}

impl Run {
    fn new(first: u8) -> Self {
        let recv_window = if first & 1 == 0 { 4 * 1024 * 1024 } else { 64 * 1024 };
        let first_seq = if first & 2 == 0 { 0 } else { u32::MAX - 20 };
        let peer_thin_acks = first & 4 != 0;
        let probes_early = first & 8 != 0;
        let config =
            Config { recv_window, first_seq, peer_thin_acks, probes_early, ..Config::default() };
        let max_held = config.max_held;
        let now = Instant::now();
        let mut stream = Stream::new(1, config);
        stream.connect(now, 2, address(5));
        Self {
            now,
            stream,
            reader: Reader { unread: 0, window: recv_window as usize, ended: false, read: false },
            out: Vec::new(),
            blocked: false,
            next: first_seq,
            expected: 0,
            max_held,
            top: 0,
            inputs: 0,
            over: false,
        }
    }

    fn step(&mut self, op: u8, who: u8, bytes: &[u8]) {
        let Self { now, stream, .. } = self;
        self.inputs += 1;
        match op % 16 {
            0 => stream.write(Bytes::copy_from_slice(bytes)),
            1 => stream.write(Bytes::from(vec![who; 200 * bytes.len()])),
            2 => (0..who).for_each(|_| stream.write(Bytes::from_static(b"x"))),
            3 => *now += Duration::from_millis(u64::from(who)),
            4 => *now = stream.poll_timeout().unwrap_or(*now).max(*now),
            5 => stream.send_message(bytes),
            6 => self.read(usize::from(who)),
            7 => self.blocked = !self.blocked,
            8 => self.control(who),
            9 => self.limit(who),
            10 => self.handle(&[&[0xff, 1], bytes].concat()),
            _ => self.handle_near(who, bytes),
        }
    }

    /// The rarer calls of the owner.
    fn control(&mut self, who: u8) {
        let Self { now, stream, .. } = self;
        let id = u32::from(who);
        match who % 12 {
            0 => stream.end(),
            1 if who > 200 => stream.destroy(*now),
            1 | 2 => stream.change_remote(*now, id, address(who)),
            3 => stream.change_proven(*now, id, address(who)),
            4 => stream.handle_new_path(*now),
            5 => stream.handle_reached(),
            6 => stream.ask(),
            7 => stream.repeat_early(*now),
            8 => stream.set_thin_acks(who > 128),
            9 => stream.set_keep_alive(*now, Duration::from_millis(u64::from(who))),
            10 => stream.expect_from(id),
            _ => stream.connect(*now, id, address(who)),
        }
    }

    fn limit(&mut self, who: u8) {
        let max_held = usize::from(who) << 12;
        self.max_held = self.max_held.max(max_held);
        self.stream.set_max_held(max_held);
    }

    /// The application reads a share of what it has got.
    fn read(&mut self, share: usize) {
        self.reader.read = true;
        self.reader.unread -= self.reader.unread * share / 255;
        self.stream.set_unread(self.now, self.reader.unread, &mut self.reader);
    }

    fn handle(&mut self, packet: &[u8]) {
        if let Some(packet) = Packet::parse(packet) {
            self.stream.handle_packet(self.now, &packet, &mut self.reader);
        }
    }

    /// A packet whose numbers are near those of the stream, which a fuzzer would not find.
    fn handle_near(&mut self, rwnd: u8, bytes: &[u8]) {
        let Some((&[kind, offset, seq, ack], rest)) = bytes.split_first_chunk::<4>() else {
            return;
        };
        let near = |base: u32, by: u8| base.wrapping_add_signed(i32::from(by as i8));
        let mut packet = Vec::new();
        let header = Header {
            kind: Flags(kind & 63),
            data_offset: offset,
            remote_id: 1,
            rwnd: u32::from(rwnd).pow(4),
            seq: Seq(near(self.expected, seq)),
            ack: Seq(near(self.next, ack)),
        };
        header.encode(&mut packet);
        for &by in rest.iter().take(usize::from(offset / 4)) {
            packet.extend_from_slice(&near(self.next, by).to_le_bytes());
        }
        packet.extend_from_slice(rest);
        if kind & 64 != 0 {
            packet.resize(1400.max(packet.len()), 7);
        }
        self.handle(&packet);
    }

    /// Does what the driver does after each input, and checks the bounds.
    fn check(&mut self) {
        self.top = self.top.max(self.stream.stats().cwnd);
        self.stream.handle_timeout(self.now);
        self.top = self.top.max(self.stream.stats().cwnd);
        if !self.blocked {
            self.transmit();
            let next = self.stream.poll_timeout();
            assert!(next.is_none_or(|at| at > self.now), "a deadline that never passes");
        }
        while let Some(event) = self.stream.poll_event() {
            assert!(!self.over, "{event:?} after the end");
            self.over = matches!(event, Event::Closed(_));
        }
        let window = self.reader.window;
        let least = window + (window / 16 * 13).max(RESERVE);
        let most = if self.reader.read { least.max(5 * window) } else { least };
        let held = self.stream.buffered() + self.reader.unread.min(window);
        assert!(held <= most + RESERVE, "{held} bytes are held for the reader");
        let held = self.stream.held();
        assert!(held <= self.max_held + PACKET, "{held} bytes are held for the peer");
        let inflight = self.stream.stats().inflight;
        assert!(inflight <= self.top + 1500 * (self.inputs + 1), "{inflight} bytes in flight");
    }

    fn transmit(&mut self) {
        let (mut sent, mut messages) = (0, 0);
        while let Some(transmit) = self.stream.poll_transmit(self.now, &mut self.out, 16) {
            sent += 1;
            assert!(sent < 20_000, "sends without end");
            for packet in self.out.chunks(transmit.segment_size.unwrap_or(usize::MAX)) {
                let Header { kind, seq, ack, .. } = Packet::parse(packet).unwrap().header;
                let sequenced = kind.contains(Flags::DATA) || kind.contains(Flags::END);
                let after = if sequenced { seq.0.wrapping_add(1) } else { seq.0 };
                if after.wrapping_sub(self.next) < 1 << 31 {
                    self.next = after;
                }
                self.expected = ack.0;
                messages += usize::from(kind.contains(Flags::MESSAGE));
            }
        }
        assert!(messages <= 1024, "{messages} messages waited");
    }

    /// Nothing more arrives: the stream has no timer at last, or is closed.
    fn rest(&mut self) {
        self.blocked = false;
        self.stream.set_keep_alive(self.now, Duration::ZERO);
        self.check();
        let start = self.now;
        let mut timers = 0;
        while let Some(at) = self.stream.poll_timeout() {
            self.now = self.now.max(at);
            self.inputs += 1;
            self.check();
            timers += 1;
            assert!(timers < 20_000, "timers without end");
        }
        assert!(self.now - start < Duration::from_secs(900), "{:?}", self.now - start);
    }
}

/// The application. It does not read by itself.
struct Reader {
    unread: usize,
    window: usize,
    ended: bool,
    /// It has read at all.
    read: bool,
}

impl Sink for Reader {
    fn data(&mut self, payload: &[u8]) -> usize {
        assert!(self.unread < self.window && !self.ended);
        self.unread += payload.len();
        self.unread
    }

    fn message(&mut self, _: &[u8]) {}

    fn end(&mut self) {
        assert!(!std::mem::replace(&mut self.ended, true), "a second end");
    }
}

fn address(port: u8) -> std::net::SocketAddr {
    ([1, 2, 3, 4], u16::from(port)).into()
}

/// What a stream keeps room for when its limit is reached.
const RESERVE: usize = 64 * 1024;

/// The most that one packet costs: each of its bytes may be a write.
const PACKET: usize = 1500 * 129 + 128;
