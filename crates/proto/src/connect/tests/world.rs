//! Whole nodes behind NATs, on virtual time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use super::reference::{Departure, ReferenceServer};
use crate::noise::{KeyPair, PublicKey};
use crate::wire::dht_address;
use crate::{
    Action, BootstrapNode, Command, Config, ConnId, ConnectOptions, Datagram, Event, HostEvent,
    Node, Rng, ServerId, ServerOptions, SocketId, Transmit, TransmitBuf,
};

pub(super) struct World {
    pub(super) now: Instant,
    /// The percentage of datagrams that are lost between two NATs.
    pub(super) loss: u64,
    pub(super) hosts: Vec<Host>,
    nats: Vec<Nat>,
    flying: BTreeMap<(Instant, u64), Flying>,
    sent: u64,
    rng: Rng,
}

pub(super) struct Host {
    pub(super) node: Node,
    pub(super) events: Vec<Event>,
    pub(super) sockets: BTreeMap<SocketId, u16>,
    /// Handles the handshakes and rounds of the node's clients instead of the node.
    pub(super) reference: Option<ReferenceServer>,
    pub(super) address: Ipv4Addr,
    nat: Option<usize>,
    next_port: u16,
}

/// A NAT that translates addresses, and accepts datagrams only from addresses that its hosts sent
/// to.
struct Nat {
    public: Ipv4Addr,
    kind: NatKind,
    /// The one-way delay to every other host.
    delay: Duration,
    mappings: HashMap<(SocketAddrV4, Option<SocketAddrV4>), u16>,
    by_port: HashMap<u16, SocketAddrV4>,
    permitted: HashSet<(u16, SocketAddrV4)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NatKind {
    /// The same port of a socket for all destinations.
    Consistent,
    /// A random port for each destination.
    Random,
}

struct Flying {
    from: SocketAddrV4,
    to: SocketAddrV4,
    data: Vec<u8>,
}

impl World {
    /// A network of persistent nodes.
    pub(super) fn testnet() -> Self {
        Self::seeded(9)
    }

    /// The same network with another seed.
    pub(super) fn seeded(seed: u8) -> Self {
        let mut world = Self {
            now: Instant::now(),
            loss: 0,
            hosts: Vec::new(),
            nats: Vec::new(),
            flying: BTreeMap::new(),
            sent: 0,
            rng: Rng::from_seed([seed; 32]),
        };
        for index in 0..NODES {
            let address = Ipv4Addr::new(5, 1, index, 1);
            let public_address = (index == 0).then(|| SocketAddrV4::new(address, SERVER_PORT));
            let config = Config {
                ephemeral: Some(false),
                firewalled: false,
                public_address,
                ..world.config()
            };
            world.add(address, None, config);
            world.run(Duration::from_secs(3));
        }
        world
    }

    pub(super) fn nat(&mut self, kind: NatKind) -> usize {
        self.far_nat(kind, Duration::ZERO)
    }

    pub(super) fn far_nat(&mut self, kind: NatKind, delay: Duration) -> usize {
        let public = Ipv4Addr::new(7, 7, self.nats.len() as u8, 7);
        self.nats.push(Nat {
            public,
            kind,
            delay,
            mappings: HashMap::new(),
            by_port: HashMap::new(),
            permitted: HashSet::new(),
        });
        self.nats.len() - 1
    }

    /// Loses this percentage of datagrams from here on; the seed decides which ones.
    pub(super) fn lose(&mut self, loss: u64, seed: u8) {
        self.loss = loss;
        self.rng = Rng::from_seed([seed; 32]);
    }

    /// A host behind a NAT of its own.
    pub(super) fn behind(&mut self, kind: NatKind) -> usize {
        let nat = self.nat(kind);
        self.on(nat)
    }

    /// A host behind this NAT.
    pub(super) fn on(&mut self, nat: usize) -> usize {
        let host = self.just_started(nat);
        self.run(Duration::from_secs(5));
        host
    }

    /// A host behind this NAT that has not heard from any node yet.
    pub(super) fn just_started(&mut self, nat: usize) -> usize {
        self.start_with(nat, self.config())
    }

    pub(super) fn start_with(&mut self, nat: usize, config: Config) -> usize {
        let address = Ipv4Addr::new(192, 168, nat as u8, 10 + self.hosts.len() as u8);
        self.add(address, Some(nat), config)
    }

    /// A host that can be reached without punching.
    pub(super) fn open(&mut self) -> usize {
        let address = Ipv4Addr::new(6, 6, self.hosts.len() as u8, 6);
        let config = Config { firewalled: false, ..self.config() };
        let host = self.add(address, None, config);
        self.run(Duration::from_secs(5));
        host
    }

    pub(super) fn listen(&mut self, host: usize) -> PublicKey {
        self.listen_with(host, ServerOptions::default())
    }

    pub(super) fn listen_with(&mut self, host: usize, options: ServerOptions) -> PublicKey {
        let key_pair = KeyPair::from_seed([host as u8 + 100; 32]);
        let public_key = key_pair.public();
        let options = ServerOptions { key_pair: Some(key_pair), ..options };
        self.command(host, Command::Listen { server: ServerId(0), options });
        self.run(Duration::from_secs(5));
        public_key
    }

    /// The same, with a server that treats its clients as the reference does.
    pub(super) fn listen_as_reference(&mut self, host: usize) -> PublicKey {
        let public_key = self.listen(host);
        let identity = KeyPair::from_seed([host as u8 + 100; 32]);
        self.hosts[host].reference = Some(ReferenceServer::new(identity));
        public_key
    }

    pub(super) fn connect(&mut self, host: usize, remote: PublicKey) {
        self.connect_with(host, remote, ConnectOptions::default());
    }

    pub(super) fn connect_with(&mut self, host: usize, remote: PublicKey, o: ConnectOptions) {
        let key_pair = Some(KeyPair::from_seed([host as u8 + 200; 32]));
        let options = ConnectOptions { key_pair, ..o };
        self.command(host, Command::Connect { conn: ConnId(1), remote, options });
    }

    pub(super) fn command(&mut self, host: usize, command: Command) {
        self.hosts[host].node.handle_command(self.now, command);
        self.flush(host);
    }

    /// The connection opens on this path as soon as it can, and the attempt looks for another one.
    pub(super) fn open_on(&mut self, host: usize, socket: SocketId, remote: SocketAddrV4) {
        self.hosts[host].node.open_on(self.now, ConnId(1), socket, remote);
        self.flush(host);
    }

    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.next().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.step();
        }
        self.now = end;
    }

    fn next(&mut self) -> Option<Instant> {
        let arrival = self.flying.first_key_value().map(|((at, _), _)| *at);
        let wakes = self.hosts.iter_mut().filter_map(|host| host.node.poll_timeout());
        let wakes = wakes.map(|(at, _)| at).min();
        let probes = self.hosts.iter().filter_map(|host| host.reference.as_ref()?.next());
        probes.chain(wakes).chain(arrival).min()
    }

    fn step(&mut self) {
        for index in 0..self.hosts.len() {
            let due = self.hosts[index].node.poll_timeout().is_some_and(|(at, _)| at <= self.now);
            if due {
                self.hosts[index].node.handle_timeout(self.now);
                self.flush(index);
            }
            let reference = self.hosts[index].reference.as_mut();
            if let Some(departure) = reference.and_then(|reference| reference.probe(self.now)) {
                self.depart(index, departure);
            }
        }
        // Datagrams that arrive at the same time are one batch of their receiver.
        let mut reached = BTreeSet::new();
        while let Some(entry) = self.flying.first_entry().filter(|e| e.key().0 <= self.now) {
            let flying = entry.remove();
            reached.extend(self.arrive(flying));
        }
        for index in reached {
            self.flush(index);
        }
    }

    fn arrive(&mut self, flying: Flying) -> Option<usize> {
        let Flying { from, to, mut data } = flying;
        let index = self.hosts.iter().position(|host| host.address == *to.ip())?;
        let host = &mut self.hosts[index];
        let reference = host.reference.as_mut();
        if let Some(answer) = reference.and_then(|r| r.take(self.now, from, to, &data)) {
            if let Some(departure) = answer {
                self.depart(index, departure);
            }
            return None;
        }
        let (&socket, _) = host.sockets.iter().find(|(_, port)| **port == to.port())?;
        host.node
            .handle_datagram(self.now, Datagram { socket, from: from.into(), data: &mut data });
        Some(index)
    }

    fn flush(&mut self, index: usize) {
        let mut buf = TransmitBuf { data: Vec::new(), max_segments: 8 };
        loop {
            let host = &mut self.hosts[index];
            if let Some(transmit) = host.node.poll_transmit(self.now, &mut buf) {
                let Transmit { socket, to, ttl, segment_size, .. } = transmit;
                let Some(&port) = host.sockets.get(&socket) else { continue };
                let to = dht_address(to).expect("an address of the DHT");
                let from = SocketAddrV4::new(host.address, port);
                let nat = host.nat;
                for data in buf.data.chunks(segment_size.unwrap_or(buf.data.len())) {
                    self.send(nat, from, to, ttl.unwrap_or(64), data.to_vec());
                }
                continue;
            }
            match host.node.poll_action() {
                Some(Action::Bind { socket, .. }) => {
                    let port = host.next_port;
                    host.next_port += 1;
                    host.sockets.insert(socket, port);
                    let local = Some(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port));
                    host.node.handle_host_event(self.now, HostEvent::Bound { socket, local });
                }
                Some(Action::Close { socket }) => {
                    host.sockets.remove(&socket);
                }
                // No node in these tests suspends, and none asks its host.
                Some(
                    Action::Resolve { .. }
                    | Action::Lookup { .. }
                    | Action::CheckLocal { .. }
                    | Action::CloseMain
                    | Action::BindMain,
                ) => {}
                None => break,
            }
        }
        let host = &mut self.hosts[index];
        host.node.drain_events(&mut host.events);
    }

    fn depart(&mut self, index: usize, departure: Departure) {
        let Departure { from, to, data } = departure;
        self.send(self.hosts[index].nat, from, to, 64, data);
    }

    fn send(
        &mut self,
        nat: Option<usize>,
        from: SocketAddrV4,
        to: SocketAddrV4,
        ttl: u8,
        data: Vec<u8>,
    ) {
        if from.ip() == to.ip() {
            return self.fly(Duration::ZERO, from, to, data);
        }
        let lan = self.hosts.iter().find(|h| h.address == *to.ip()).and_then(|h| h.nat);
        if lan.is_some() {
            if lan == nat {
                self.fly(Duration::from_millis(1), from, to, data);
            }
            return;
        }
        let leave = nat.map_or(Duration::ZERO, |nat| self.nats[nat].delay);
        let from = match nat {
            Some(nat) => self.nats[nat].leave(&mut self.rng, from, to),
            None => from,
        };
        if ttl < 12 || self.rng.below(100) < self.loss {
            return;
        }
        let enter = self.nats.iter().find(|nat| nat.public == *to.ip());
        let arrive = enter.map_or(Duration::ZERO, |nat| nat.delay);
        let to = match enter {
            Some(nat) => match nat.enter(from, to.port()) {
                Some(inside) => inside,
                None => return,
            },
            None => to,
        };
        self.fly(leave + Duration::from_millis(20) + arrive, from, to, data);
    }

    fn fly(&mut self, delay: Duration, from: SocketAddrV4, to: SocketAddrV4, data: Vec<u8>) {
        self.sent += 1;
        self.flying.insert((self.now + delay, self.sent), Flying { from, to, data });
    }

    pub(super) fn config(&self) -> Config {
        let first = self.hosts.first().map(|host| SocketAddrV4::new(host.address, SERVER_PORT));
        let bootstrap = first.map(BootstrapNode::Address).into_iter().collect();
        Config { bootstrap, ..Config::default() }
    }

    fn add(&mut self, address: Ipv4Addr, nat: Option<usize>, config: Config) -> usize {
        let any = |port| SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port);
        let config = Config {
            client_socket: any(CLIENT_PORT),
            server_socket: any(SERVER_PORT),
            interfaces: vec![address],
            ..config
        };
        let sockets =
            BTreeMap::from([(SocketId::CLIENT, CLIENT_PORT), (SocketId::SERVER, SERVER_PORT)]);
        let node = Node::new(config, self.rng.bytes(), self.now);
        let events = Vec::new();
        let reference = None;
        self.hosts.push(Host { node, events, sockets, reference, address, nat, next_port: 31000 });
        let index = self.hosts.len() - 1;
        self.flush(index);
        index
    }
}

impl Nat {
    fn leave(&mut self, rng: &mut Rng, from: SocketAddrV4, to: SocketAddrV4) -> SocketAddrV4 {
        let key = (from, (self.kind == NatKind::Random).then_some(to));
        let port = match self.mappings.get(&key) {
            Some(port) => *port,
            None => {
                let port = loop {
                    let port = 1024 + rng.below(64000) as u16;
                    if !self.by_port.contains_key(&port) {
                        break port;
                    }
                };
                self.mappings.insert(key, port);
                self.by_port.insert(port, from);
                port
            }
        };
        self.permitted.insert((port, to));
        SocketAddrV4::new(self.public, port)
    }

    fn enter(&self, from: SocketAddrV4, port: u16) -> Option<SocketAddrV4> {
        let inside = self.by_port.get(&port)?;
        self.permitted.contains(&(port, from)).then_some(*inside)
    }
}

/// Enough for an analysis to find four nodes that nothing else talks to.
const NODES: u8 = 16;

const SERVER_PORT: u16 = 49737;

const CLIENT_PORT: u16 = 30000;
