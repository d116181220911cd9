//! A whole node: it serves, stores and connects, while datagrams come from several sources on
//! several sockets, and time passes.
#![no_main]

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

use hyperdht_fuzz::steps;
use libfuzzer_sys::fuzz_target;
use proto::noise::{Initiator, KeyPair};
use proto::wire::{Handshake, Mode, NoisePayload, Request, UdxInfo, command, hash};
use proto::{
    Action, BootstrapNode, Command, Config, ConnId, ConnectOptions, Event, HostEvent, Node, Rng,
    Run, ServerId, ServerOptions, SocketId, TransmitBuf,
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
    rng: Rng,
    /// The destinations and ids of requests that the node has sent, so that a reply can match.
    asked: Vec<(SocketAddrV4, [u8; 2])>,
    sockets: Vec<SocketId>,
    streams: Vec<u32>,
}

impl Bench {
    fn new() -> Self {
        let now = Instant::now();
        let config = Config {
            bootstrap: vec![BootstrapNode::Address(source(8))],
            ephemeral: Some(false),
            firewalled: false,
            public_address: Some(SocketAddrV4::new(Ipv4Addr::new(5, 5, 5, 5), 49737)),
            server_socket: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 49737),
            interfaces: vec![Ipv4Addr::new(192, 168, 1, 5)],
            ..Config::default()
        };
        let node = Node::new(config, [3; 32], now);
        let sockets = vec![SocketId::CLIENT, SocketId::SERVER];
        let rng = Rng::from_seed([4; 32]);
        let mut bench = Self { node, now, rng, asked: Vec::new(), sockets, streams: Vec::new() };
        let key_pair = Some(KeyPair::from_seed(SERVER));
        let options = ServerOptions { key_pair, ..ServerOptions::default() };
        bench.command(Command::Listen { server: ServerId(0), options });
        let remote = KeyPair::from_seed([9; 32]).public();
        let options = ConnectOptions::default();
        bench.command(Command::Connect { conn: ConnId(0), remote, options });
        bench
    }

    fn step(&mut self, op: u8, who: u8, bytes: &[u8]) {
        let from = sender(op, who);
        match op % 8 {
            0 => self.wait(Duration::from_millis(u64::from(who) * 50)),
            1 => self.receive(from, bytes.to_vec()),
            2 => self.receive(from, [&[0x03], bytes].concat()),
            3 => self.reply(who, bytes),
            4 => self.handshake(from, who, bytes),
            5 => self.stream_packet(from, who, bytes),
            6 => self.receive(from, vec![0]),
            _ => self.request(from, who, bytes),
        }
    }

    /// Replies to what the node asked, with any content.
    fn reply(&mut self, who: u8, bytes: &[u8]) {
        if self.asked.is_empty() {
            return;
        }
        let (from, tid) = self.asked.remove(usize::from(who) % self.asked.len());
        let (&flags, rest) = bytes.split_first().unwrap_or((&0, &[]));
        let head = [0x13, flags, tid[0], tid[1], 5, 5, 5, 5, 0x49, 0xc2];
        self.receive(from.into(), [&head, rest].concat());
    }

    fn request(&mut self, from: SocketAddr, who: u8, bytes: &[u8]) {
        let target = Some(hash(&[&KeyPair::from_seed(SERVER).public()]));
        let request = Request {
            tid: u16::from(who),
            to: source(1),
            id: None,
            token: None,
            internal: who & 1 == 0,
            command: u64::from(who >> 1) % 12,
            target: target.filter(|_| who & 32 == 0),
            value: (!bytes.is_empty()).then_some(bytes),
        };
        self.receive(from, request.encode());
    }

    /// A first message that decrypts, with any payload.
    fn handshake(&mut self, from: SocketAddr, who: u8, bytes: &[u8]) {
        let server = KeyPair::from_seed(SERVER).public();
        let client = KeyPair::from_seed([who; 32]);
        let mut initiator = Initiator::new(&client, server, &mut self.rng).unwrap();
        let udx = Some(UdxInfo { features: 0, id: 7, seq: 0 });
        let good = NoisePayload { udx, secret_stream: true, ..NoisePayload::default() }.encode();
        let payload = if bytes.len() < 4 { &good[..] } else { bytes };
        let mode = if who & 1 == 0 { Mode::FromClient } else { Mode::FromRelay };
        let peer_address = Some(source(who >> 1));
        let noise = initiator.send(payload).unwrap();
        let value = Handshake { mode, noise, peer_address, relay_address: None }.encode();
        let request = Request {
            tid: 1,
            to: source(1),
            id: None,
            token: None,
            internal: false,
            command: command::PEER_HANDSHAKE,
            target: Some(hash(&[&server])),
            value: Some(&value),
        };
        self.receive(from, request.encode());
    }

    fn stream_packet(&mut self, from: SocketAddr, who: u8, bytes: &[u8]) {
        let id = self.streams.get(usize::from(who) % self.streams.len().max(1));
        let id = id.copied().unwrap_or(7).to_le_bytes();
        let (head, rest) = bytes.split_at(bytes.len().min(2));
        self.receive(from, [&[0xff, 1], head, &id, rest].concat());
    }

    fn receive(&mut self, from: SocketAddr, mut data: Vec<u8>) {
        let socket = self.sockets[data.len() % self.sockets.len()];
        let segment_size = data.len();
        let mut run = Run { socket, from, data: &mut data, segment_size };
        self.node.handle_run(self.now, &mut run, 64);
        self.settle();
    }

    fn command(&mut self, command: Command) {
        self.node.handle_command(self.now, command);
        self.settle();
    }

    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        let mut wakes = 0;
        while let Some((at, _)) = self.node.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            self.node.handle_timeout(self.now);
            self.settle();
            wakes += 1;
            assert!(wakes < 100_000, "wakes without end");
        }
        self.now = end;
    }

    fn settle(&mut self) {
        let mut buf = TransmitBuf { data: Vec::new(), max_segments: 16 };
        let mut sent = 0;
        loop {
            while let Some(transmit) = self.node.poll_transmit(self.now, &mut buf) {
                sent += 1;
                assert!(sent < 20_000, "sends without end");
                assert_ne!(transmit.to.port(), 0);
                match transmit.to {
                    SocketAddr::V4(to) => {
                        if let [0x03, _, a, b, ..] = buf.data[..] {
                            self.asked.push((to, [a, b]));
                        }
                    }
                    // A refused stream answers the sender of each packet for it.
                    SocketAddr::V6(to) => assert_eq!(buf.data[0], 0xff, "{to} is no peer"),
                }
            }
            let Some(action) = self.node.poll_action() else { break };
            self.act(action);
        }
        self.asked.drain(..self.asked.len().saturating_sub(64));
        let mut events = Vec::new();
        self.node.drain_events(&mut events);
        for event in events {
            if let Event::Connection(info) = event {
                self.streams.push(info.opened.local_id);
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Bind { socket, .. } => {
                self.sockets.push(socket);
                let local = Some(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 40_000));
                self.node.handle_host_event(self.now, HostEvent::Bound { socket, local });
            }
            Action::Close { socket } => self.sockets.retain(|other| *other != socket),
            Action::Resolve { host } => {
                let addresses = Vec::new();
                self.node.handle_host_event(self.now, HostEvent::Resolved { host, addresses });
            }
            Action::CheckLocal { host } => {
                let checked = HostEvent::LocalChecked { host, valid: false };
                self.node.handle_host_event(self.now, checked);
            }
            // Nothing here puts the node to sleep.
            Action::CloseMain | Action::BindMain => {}
            other => panic!("the target does not know {other:?}"),
        }
    }

    /// Asserts that no object outlives its time.
    fn finish(mut self) {
        self.wait(Duration::from_secs(120));
        let live = self.node.live();
        let sum = live.connections + live.handshakes + live.punchers + live.pool_sockets;
        assert_eq!(sum, 0, "{live:?}");
        self.command(Command::Destroy { force: true });
        assert_eq!(self.node.live().timers, 0);
    }
}

/// A host, or one with an IPv6 address.
fn sender(op: u8, who: u8) -> SocketAddr {
    let from = source(who);
    if op & 0x80 == 0 {
        return from.into();
    }
    SocketAddr::from((Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, who.into()), from.port()))
}

/// A few hosts, so that sources repeat. No datagram can come from some of them.
fn source(who: u8) -> SocketAddrV4 {
    let host = match who % 8 {
        6 => Ipv4Addr::new(127, 0, 0, 1),
        7 => Ipv4Addr::new(224, 0, 0, 1),
        n => Ipv4Addr::new(9, 9, n, 9),
    };
    SocketAddrV4::new(host, u16::from(who >> 3) * 1000)
}

const SERVER: [u8; 32] = [5; 32];
