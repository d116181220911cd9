//! What a persistent node keeps for others: requests that are signed and hashed as they should be,
//! and damaged at will, from several sources, while time passes.
#![no_main]

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use hyperdht_fuzz::steps;
use libfuzzer_sys::fuzz_target;
use proto::noise::KeyPair;
use proto::wire::{
    Announce, MutablePut, Packet, Peer, Request, announce_signable, command, hash,
    mutable_signable, ns,
};
use proto::{Config, Datagram, Node, SocketId, Stored, TransmitBuf};

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
}

/// A request.
struct Ask {
    command: u64,
    target: Option<[u8; 32]>,
    value: Option<Vec<u8>>,
}

impl Bench {
    fn new() -> Self {
        let now = Instant::now();
        let config = Config {
            ephemeral: Some(false),
            firewalled: false,
            public_address: Some(HERE),
            server_socket: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, HERE.port()),
            max_size: SIZE,
            max_age: Some(MAX_AGE),
            unix_time: Duration::from_secs(1_800_000_000),
            ..Config::default()
        };
        let mut bench = Self { node: Node::new(config, [3; 32], now), now };
        bench.wait(Duration::from_secs(10));
        assert!(bench.node.id().is_some());
        bench
    }

    fn step(&mut self, op: u8, who: u8, bytes: &[u8]) {
        if op == 0 {
            return self.wait(Duration::from_millis(u64::from(who) * 20));
        }
        let from = source(who);
        let Some(token) = self.token(from) else { return };
        let ask = self.request(op, who, bytes, &token);
        let token = (op & 0x80 == 0).then_some(token);
        let reply = self.ask(from, &ask, token);
        if matches!(ask.command, command::ANNOUNCE | command::UNANNOUNCE) {
            assert!(reply.is_none_or(|reply| reply.len() < 64), "no tokens, no nodes");
        }
        self.check();
    }

    fn request(&self, op: u8, who: u8, bytes: &[u8], token: &[u8; 32]) -> Ask {
        let key_pair = KeyPair::from_seed([who >> 4; 32]);
        let own = hash(&[&key_pair.public()]);
        let target = if op & 0x40 == 0 { own } else { [7; 32] };
        match op & 7 {
            0 => self.announcement(command::ANNOUNCE, &key_pair, target, token, bytes),
            1 => self.announcement(command::UNANNOUNCE, &key_pair, target, token, bytes),
            2 => {
                let (seq, value) = (u64::from(op >> 3 & 7), bytes.to_vec());
                let signature = key_pair.sign(&mutable_signable(seq, &value));
                let put = MutablePut { public_key: key_pair.public(), seq, value, signature };
                Ask { command: command::MUTABLE_PUT, target: Some(own), value: Some(put.encode()) }
            }
            3 => {
                let value = Some(bytes.to_vec());
                Ask { command: command::IMMUTABLE_PUT, target: Some(hash(&[bytes])), value }
            }
            // Refreshes, gets and other commands: the bytes are the value.
            _ => Ask {
                command: u64::from(op >> 3 & 7) + command::FIND_PEER,
                target: (who & 8 == 0).then_some(target),
                value: (!bytes.is_empty()).then(|| bytes.to_vec()),
            },
        }
    }

    /// An announcement that is valid, unless the bytes say where it is damaged.
    fn announcement(
        &self,
        command: u64,
        key_pair: &KeyPair,
        target: [u8; 32],
        token: &[u8; 32],
        bytes: &[u8],
    ) -> Ask {
        let (&[relays, bump, link, damage], _) =
            bytes.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        let relay_addresses = vec![source(relays); usize::from(relays)];
        let peer = Peer { public_key: key_pair.public(), relay_addresses };
        let refresh = (link != 0).then(|| hash(&[&[link; 32]]));
        let namespace = if command == command::ANNOUNCE { &ns::ANNOUNCE } else { &ns::UNANNOUNCE };
        let id = self.node.id().unwrap_or_default();
        let encoded = peer.encode();
        let signable =
            announce_signable(namespace, &target, &id, token, &encoded, refresh.as_ref());
        let signature = Some(key_pair.sign(&signable));
        let bump = u64::from(bump) << 33;
        let mut value = Announce { peer: Some(peer), refresh, signature, bump }.encode();
        if damage != 0 {
            let at = usize::from(damage) % value.len();
            value[at] ^= damage;
        }
        Ask { command, target: Some(target), value: Some(value) }
    }

    fn token(&mut self, from: SocketAddrV4) -> Option<[u8; 32]> {
        let lookup = Ask { command: command::LOOKUP, target: Some([7; 32]), value: None };
        let reply = self.ask(from, &lookup, None)?;
        let Ok(Packet::Response(reply)) = Packet::decode(&reply) else { panic!("{reply:?}") };
        reply.token
    }

    fn ask(&mut self, from: SocketAddrV4, ask: &Ask, token: Option<[u8; 32]>) -> Option<Vec<u8>> {
        let mut data = Request {
            tid: 1,
            to: HERE,
            id: None,
            token,
            internal: false,
            command: ask.command,
            target: ask.target,
            value: ask.value.as_deref(),
        }
        .encode();
        let socket = SocketId::SERVER;
        let from = from.into();
        self.node.handle_datagram(self.now, Datagram { socket, from, data: &mut data });
        let reply = self.sent();
        // A value, a token and twenty nodes are the most that a reply has.
        assert!(reply.as_ref().is_none_or(|reply| reply.len() <= 2300));
        reply
    }

    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some((at, _)) = self.node.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = self.now.max(at);
            self.node.handle_timeout(self.now);
            self.sent();
        }
        self.now = end;
    }

    /// The last datagram that the node has sent.
    fn sent(&mut self) -> Option<Vec<u8>> {
        let mut buf = TransmitBuf { data: Vec::new(), max_segments: 1 };
        let mut last = None;
        while self.node.poll_transmit(self.now, &mut buf).is_some() {
            last = Some(buf.data.clone());
        }
        last
    }

    fn check(&self) {
        let stored = self.node.stored();
        for len in [stored.servers, stored.records, stored.bumps, stored.refreshes] {
            assert!(len <= 2 * SIZE, "{stored:?}");
        }
        assert!(stored.mutables <= SIZE && stored.immutables <= SIZE, "{stored:?}");
    }

    /// Asserts that no record outlives its age.
    fn finish(mut self) {
        self.wait(MAX_AGE * 4 / 3);
        assert_eq!(self.node.stored(), Stored::default());
    }
}

/// Eight hosts with many ports.
fn source(who: u8) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(9, 9, who & 7, 9), u16::from(who) + 1)
}

const HERE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(5, 5, 5, 5), 49737);

/// A generation is 2 s, so that a run takes few of the node's own ticks.
const MAX_AGE: Duration = Duration::from_secs(3);

/// Small, so that the store fills up.
const SIZE: usize = 8;
