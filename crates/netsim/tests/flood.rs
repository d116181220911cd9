//! A handshake flood: anyone who knows a public key can make valid first messages at any rate.
#![cfg(test)]

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use netsim::{Flight, HostId, Link, World};
use proto::noise::{Initiator, KeyPair, PublicKey};
use proto::wire::{Firewall, Handshake, Mode, NoisePayload, Request, UdxInfo, command, hash};
use proto::{Command, Config, ConnId, Rng, ServerId};

#[test]
fn one_source_costs_no_more_than_its_budget() {
    let mut flood = Flood::new(1);
    let attacker = SocketAddrV4::new(Ipv4Addr::new(6, 6, 6, 6), 6666);
    flood.run(|_| Attack { source: attacker, client: None });
    let stats = flood.world.get(flood.server).node.stats();
    assert!(stats.dropped.admission > 8_000, "{:?}", stats.dropped);
    flood.assert_recovered();
}

#[test]
fn many_sources_meet_the_cap() {
    let mut flood = Flood::new(2);
    flood.run(|n| Attack { source: source(n), client: None });
    let stats = flood.world.get(flood.server).node.stats();
    assert!(stats.dropped.admission > 7_000, "{:?}", stats.dropped);
    flood.assert_recovered();
}

/// Each handshake through a relay makes the node bind a socket and send requests.
#[test]
fn clients_behind_relays_meet_the_cap() {
    let mut flood = Flood::new(3);
    flood.run(|n| Attack { source: source(n), client: Some(source(n + 20_000)) });
    let stats = flood.world.get(flood.server).node.stats();
    assert!(stats.dropped.admission > 7_000, "{:?}", stats.dropped);
    flood.assert_recovered();
}

#[test]
fn those_who_are_turned_away_hear_nothing() {
    let mut flood = Flood::new(4);
    flood.fill(|n| Attack { source: source(n), client: None }, 0..CAP * 2);
    flood.world.run_for(Duration::from_millis(100));
    flood.world.start_tap();
    flood.fill(|n| Attack { source: late(n), client: None }, 0..100);
    flood.world.run_for(Duration::from_secs(1));
    let answers = flood.world.take_tap();
    assert!(!answers.iter().any(|flight| flight.to.ip().octets()[0] == LATE));
}

/// Many clients behind one carrier's NAT connect at once. All of them are let in, even before the
/// first has had time to answer.
#[test]
fn a_crowd_behind_one_address_is_let_in() {
    let mut flood = Flood::new(5);
    let nat = |n: usize| SocketAddrV4::new(Ipv4Addr::new(7, 7, 7, 7), 1024 + n as u16);
    flood.fill(|n| Attack { source: nat(n), client: None }, 0..CAP / 2);
    flood.world.run_for(Duration::from_secs(1));
    let stats = flood.world.get(flood.server).node.stats();
    assert_eq!(stats.dropped.admission, 0);
}

/// Descriptors belong to the whole process, so the servers of a node share its sockets, however
/// many servers there are.
#[test]
fn clients_of_many_servers_share_the_sockets_of_their_node() {
    let budget = 64;
    let mut flood = Flood::behind_firewall(6, 5, budget);
    let node = flood.world.get(HostId(0)).server_address();
    let mut most = 0;
    for n in (0..2000).step_by(20) {
        let behind_node = |n| Attack { source: node, client: Some(source(n)) };
        flood.fill(behind_node, n..n + 20);
        flood.world.run_for(Duration::from_millis(20));
        most = most.max(flood.world.get(flood.server).sockets() - 2);
    }
    assert_eq!(most, budget - budget / 4, "a quarter is left to the node itself");
    let stats = flood.world.get(flood.server).node.stats();
    assert!(stats.dropped.admission > 1000, "{:?}", stats.dropped);

    flood.assert_connects();
    flood.assert_recovered();
}

/// One source cannot take all sockets by connecting to many servers.
#[test]
fn one_source_shares_the_sockets_of_a_node() {
    let budget = 64;
    let mut flood = Flood::behind_firewall(7, 5, budget);
    let node = flood.world.get(HostId(0)).server_address();
    // The source may be a relay of the server that it connects to, or not. It is the same source.
    let client = |n| SocketAddrV4::new(*node.ip(), 1 + n as u16);
    let mut most = 0;
    for n in (0..1000).step_by(20) {
        flood.fill(|n| Attack { source: node, client: Some(client(n)) }, n..n + 20);
        flood.world.run_for(Duration::from_millis(20));
        most = most.max(flood.world.get(flood.server).sockets() - 2);
    }
    assert_eq!(most, (budget - budget / 4) / 2);
    flood.assert_recovered();
}

/// One message of the flood; with a client, it claims to come from a relay.
struct Attack {
    source: SocketAddrV4,
    client: Option<SocketAddrV4>,
}

struct Flood {
    world: World,
    server: HostId,
    keys: Vec<PublicKey>,
    rng: Rng,
    idle_timers: usize,
}

impl Flood {
    fn new(seed: u64) -> Self {
        let mut world = World::testnet(seed, 10, Link::default());
        let server = world.host(world.config());
        Self::listen(world, server, 1)
    }

    /// A firewalled host with several servers, which has to punch, and a limit of its pool sockets.
    fn behind_firewall(seed: u64, servers: u32, max_pool_sockets: usize) -> Self {
        let mut world = World::testnet(seed, 10, Link::default());
        let server = world.firewalled_host(Config { max_pool_sockets, ..world.config() });
        Self::listen(world, server, servers)
    }

    fn listen(mut world: World, server: HostId, servers: u32) -> Self {
        let mut keys = Vec::new();
        for id in 0..servers {
            keys.push(listen(&mut world, server, id));
        }
        let idle_timers = world.get(server).node.live().timers;
        Self { world, server, keys, rng: Rng::from_seed([7; 32]), idle_timers }
    }

    /// 1000 messages a second for 10 s.
    fn run(&mut self, attack: impl Fn(usize) -> Attack) {
        for n in (0..MESSAGES).step_by(100) {
            self.fill(&attack, n..n + 100);
            self.world.run_for(Duration::from_millis(100));
            self.assert_bounded();
            self.world.take_events(self.server);
        }
    }

    fn fill(&mut self, attack: impl Fn(usize) -> Attack, numbers: std::ops::Range<usize>) {
        for n in numbers {
            let key = self.keys[n % self.keys.len()];
            let flight = self.message(attack(n), key);
            self.world.inject(flight);
        }
    }

    fn message(&mut self, attack: Attack, key: PublicKey) -> Flight {
        let Attack { source, client } = attack;
        let host = self.world.get(self.server);
        let to = if host.node.firewalled() { host.client_address() } else { host.server_address() };
        let key_pair = KeyPair::from_seed(self.rng.bytes());
        let mut initiator = Initiator::new(&key_pair, key, &mut self.rng).unwrap();
        let payload = NoisePayload {
            firewall: Firewall::Consistent,
            udx: Some(UdxInfo { features: 0, id: self.rng.u32(), seq: 0 }),
            secret_stream: true,
            ..NoisePayload::default()
        };
        let noise = initiator.send(&payload.encode()).unwrap();
        let mode = if client.is_some() { Mode::FromRelay } else { Mode::FromClient };
        let value = Handshake { mode, noise, peer_address: client, relay_address: None }.encode();
        let request = Request {
            tid: self.rng.u32() as u16,
            to,
            id: None,
            token: None,
            internal: false,
            command: command::PEER_HANDSHAKE,
            target: Some(hash(&[&key])),
            value: Some(&value),
        };
        Flight { from: source, to, data: request.encode() }
    }

    fn assert_bounded(&self) {
        let host = self.world.get(self.server);
        let live = host.node.live();
        assert!(live.handshakes <= CAP, "{live:?}");
        assert!(live.streams <= CAP, "{live:?}");
        assert!(live.punchers <= CAP, "{live:?}");
        assert!(host.sockets() <= CAP + 2, "{} sockets", host.sockets());
        assert!(live.requests <= CAP * 8, "{live:?}");
        // Handshakes that have ended are remembered for a while.
        assert!(live.timers <= self.idle_timers + 4096 + CAP * 4, "{live:?}");
    }

    /// The flooded host still connects to another host, though it has to punch.
    fn assert_connects(&mut self) {
        let other = self.world.firewalled_host(self.world.config());
        let remote = listen(&mut self.world, other, 99);
        self.world.connect(self.server, ConnId(7), remote);
        self.world.wait_opened(self.server);
        self.world.command(self.server, Command::DestroyConn { conn: ConnId(7) });
    }

    /// All resources are released, and honest clients get through.
    fn assert_recovered(&mut self) {
        self.world.run_for(Duration::from_secs(60));
        let live = self.world.get(self.server).node.live();
        assert_eq!(
            (live.handshakes, live.streams, live.punchers, live.pool_sockets),
            (0, 0, 0, 0),
            "{live:?}"
        );
        let client = self.world.host(self.world.config());
        self.world.connect(client, ConnId(0), self.keys[0]);
        self.world.wait_opened(client);
    }
}

fn listen(world: &mut World, host: HostId, id: u32) -> PublicKey {
    world.listen(host, ServerId(id), KeyPair::from_seed([9 + id as u8; 32]))
}

fn source(n: usize) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::from(0x0900_0000 + 256 * n as u32), 1 + n as u16 % 60_000)
}

fn late(n: usize) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(LATE, 0, 0, n as u8), 1)
}

const MESSAGES: usize = 10_000;

/// The default of `Config::max_handshakes`.
const CAP: usize = 256;

/// The first octet of the clients that come when the server is full.
const LATE: u8 = 8;
