//! Raw streams of a node whose socket has IPv4 and IPv6: two forward to each other, and one asks who
//! may send to it. Datagrams come one by one and joined, from peers and strangers of both families,
//! and sometimes the node cannot send.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use hyperdht_fuzz::steps;
use libfuzzer_sys::fuzz_target;
use proto::{
    Answer, Command, Config, ConnId, Event, Node, RawCommand, RawOptions, RawRemote, Run, SocketId,
    StreamId, Transmit, TransmitBuf,
};

fuzz_target!(|data: &[u8]| {
    let mut bench = Bench::new();
    for (op, who, bytes) in steps(data) {
        bench.step(op, who, bytes);
    }
    bench.finish();
});

struct Bench {
    node: Node,
    now: Instant,
    /// Bytes that have arrived for the streams that forward, and those that were sent to their peers.
    received: usize,
    forwarded: usize,
}

impl Bench {
    fn new() -> Self {
        let now = Instant::now();
        let config = Config { joins_dht: false, ..Config::default() };
        let node = Node::new(config, [3; 32], now);
        let mut bench = Self { node, now, received: 0, forwarded: 0 };
        for conn in [ONE, TWO, THREE] {
            let ask_firewall = conn == THREE;
            let options = RawOptions { id: StreamId(conn.0), seq: 0, framed: false, ask_firewall };
            bench.raw(conn, RawCommand::Create(options));
        }
        for (source, target, peer) in [(ONE, TWO, 0), (TWO, ONE, 1)] {
            bench.raw(source, RawCommand::RelayTo(target));
            let remote = RawRemote { socket: SOCKET, address: address(peer), id: 7 };
            bench.raw(source, RawCommand::Connect { remote, ack: 0 });
        }
        bench
    }

    fn step(&mut self, op: u8, who: u8, bytes: &[u8]) {
        match op % 8 {
            0 => self.wait(Duration::from_millis(u64::from(who) * 20)),
            1 => self.receive(who, &mut bytes.to_vec(), usize::MAX, 64),
            2 => self.send(usize::from(who)),
            3 => self.connect(who),
            4 => self.raw(THREE, RawCommand::RelayTo(ConnId(u32::from(who % 4)))),
            // One may be malformed, or for another stream.
            5 => {
                self.receive(who, &mut packets(who, bytes), usize::from(bytes.len() as u8 | 16), 64)
            }
            6 => self.receive(who, &mut packets(who, bytes), PACKET, usize::from(op >> 3)),
            _ => self.receive(who, &mut packets(who, bytes), PACKET, 64),
        }
    }

    fn receive(&mut self, who: u8, data: &mut [u8], segment_size: usize, max_segments: usize) {
        self.received += data.len();
        let mut run = Run { socket: SOCKET, from: address(who), data, segment_size };
        let transmit = self.node.handle_run(self.now, &mut run, max_segments);
        if let Some(transmit) = transmit {
            let data = run.data.to_vec();
            self.check(transmit, &data, max_segments);
        }
        self.answer(who & 1 == 0);
    }

    fn connect(&mut self, who: u8) {
        let remote = RawRemote { socket: SOCKET, address: address(who), id: 9 };
        self.raw(THREE, RawCommand::Connect { remote, ack: 0 });
    }

    fn raw(&mut self, conn: ConnId, command: RawCommand) {
        self.node.handle_command(self.now, Command::Raw { conn, command });
    }

    /// Answers questions, if there are any.
    fn answer(&mut self, is_welcome: bool) {
        let mut events = Vec::new();
        self.node.drain_events(&mut events);
        for event in events {
            if let Event::Ask { ask, .. } = event {
                let answer = if is_welcome { Answer::Accept } else { Answer::Reject };
                self.node.handle_command(self.now, Command::Answer { ask, answer });
            }
        }
    }

    /// Sends what there is, in calls of at most so many datagrams.
    fn send(&mut self, max_segments: usize) {
        let max_segments = max_segments.clamp(1, 64);
        let mut buf = TransmitBuf { data: Vec::new(), max_segments };
        while let Some(transmit) = self.node.poll_transmit(self.now, &mut buf) {
            let data = std::mem::take(&mut buf.data);
            self.check(transmit, &data, max_segments);
        }
    }

    /// Asserts that the system can send this, and that the node sends no more than it has got.
    fn check(&mut self, transmit: Transmit, data: &[u8], max_segments: usize) {
        let segment = transmit.segment_size.unwrap_or(data.len()).max(1);
        assert!(data.len() <= 65_507 && data.chunks(segment).count() <= max_segments.max(1));
        assert!(transmit.segment_size.is_none_or(|size| (1..data.len()).contains(&size)));
        if [address(0), address(1)].contains(&transmit.to) {
            self.forwarded += data.len();
        }
        assert!(self.forwarded <= self.received + ENDINGS);
    }

    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut wakes = 0;
        while let Some((at, _)) = self.node.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            self.node.handle_timeout(self.now);
            wakes += 1;
            assert!(wakes < 100_000, "wakes without end");
        }
        self.now = end;
    }

    /// Asserts that nothing is left.
    fn finish(mut self) {
        self.send(64);
        for conn in [ONE, TWO, THREE] {
            self.node.handle_command(self.now, Command::DestroyConn { conn });
        }
        self.send(64);
        self.wait(Duration::from_secs(60));
        self.send(64);
        let live = self.node.live();
        assert_eq!((live.connections, live.streams), (0, 0), "{live:?}");
    }
}

/// Packets of one size for one stream, and what else the input says.
fn packets(who: u8, bytes: &[u8]) -> Vec<u8> {
    let mut packet = [0; PACKET];
    packet[..8].copy_from_slice(&[0xff, 1, 8, 0, 1 + who % 3, 0, 0, 0]);
    let mut all = packet.repeat(usize::from(who >> 2));
    let at = bytes.first().map_or(0, |at| usize::from(*at) * PACKET);
    let rest = bytes.get(1..).unwrap_or_default();
    if let Some(place) = all.get_mut(at..at + rest.len().min(PACKET)) {
        place.copy_from_slice(&rest[..place.len()]);
    }
    all.extend(rest.get(PACKET..).unwrap_or_default());
    all
}

/// Peers of the streams that forward, and strangers.
fn address(who: u8) -> SocketAddr {
    let host: IpAddr = match who % 4 {
        0 => Ipv4Addr::new(9, 9, 9, 9).into(),
        1 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
        2 => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1).into(),
        _ => Ipv4Addr::new(1, 1, 1, 1).into(),
    };
    SocketAddr::new(host, 1000)
}

const SOCKET: SocketId = SocketId(SocketId::FIRST_BOUND);
const ONE: ConnId = ConnId(1);
const TWO: ConnId = ConnId(2);
const THREE: ConnId = ConnId(3);
const PACKET: usize = 40;

/// The streams tell their peers of their end.
const ENDINGS: usize = 1000;
