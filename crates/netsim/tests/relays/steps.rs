//! A relay, and two hosts behind firewalls.

use std::ops::Range;
use std::time::Duration;

use netsim::{HostId, Link, World};
use proto::noise::{KeyPair, PublicKey};
use proto::{
    Answer, Command, ConnError, ConnId, ConnectError, ConnectOptions, Event, RelayLimits,
    RelayStats, ServerId, ServerOptions,
};

pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) conns: Vec<ConnId>,
    pub(crate) relay: PublicKey,
    server: PublicKey,
    relays: u32,
    /// The number of the next connection to the relay itself.
    pub(crate) dialled: u32,
}

impl Scene {
    pub(crate) fn new(seed: u64, options: ServerOptions, limits: RelayLimits) -> Self {
        Self::with(seed, limits, Link::default(), |_| options)
    }

    /// `options` of the server, for the public key of the relay.
    pub(crate) fn with(
        seed: u64,
        limits: RelayLimits,
        link: Link,
        options: impl FnOnce(PublicKey) -> ServerOptions,
    ) -> Self {
        let mut world = World::testnet(seed, 4, Link::default());
        for host in [SERVER, CLIENT] {
            assert_eq!(world.firewalled_host(world.config()), host);
            world.wait_for(host, |event| matches!(event, Event::Ready));
        }
        let mut scene = Self {
            world,
            conns: Vec::new(),
            relay: [0; 32],
            server: [0; 32],
            relays: 0,
            dialled: 1000,
        };
        scene.relay = scene.start_relay(limits);
        let key_pair = KeyPair::from_seed([2; 32]);
        scene.server = key_pair.public();
        let options = ServerOptions { key_pair: Some(key_pair), ..options(scene.relay) };
        scene.world.command(SERVER, Command::Listen { server: ServerId(0), options });
        scene.world.wait_listening(SERVER, ServerId(0));
        scene.world.link = link;
        scene
    }

    /// Starts another relay on the same host.
    pub(crate) fn start_relay(&mut self, limits: RelayLimits) -> PublicKey {
        let server = ServerId(self.relays);
        self.relays += 1;
        let key_pair = KeyPair::from_seed([100 + self.relays as u8; 32]);
        let relay = key_pair.public();
        let options = ServerOptions {
            key_pair: Some(key_pair),
            relay: Some(limits),
            ..ServerOptions::default()
        };
        self.world.command(RELAY, Command::Listen { server, options });
        self.world.wait_listening(RELAY, server);
        relay
    }

    pub(crate) fn begin(&mut self, options: ConnectOptions) -> ConnId {
        let conn = ConnId(self.conns.len() as u32);
        self.conns.push(conn);
        self.world.connect_with(CLIENT, conn, self.server, options);
        conn
    }

    /// Connects, and waits until both ends are open.
    pub(crate) fn connect(&mut self, options: ConnectOptions) {
        let conn = self.begin(options);
        self.world.run_until(WITHIN, |world| {
            world.get(CLIENT).node.conn_path(conn).is_some()
                && accepted(world).len() == self.conns.len()
        });
    }

    /// Lets the client punch, which it has asked about.
    pub(crate) fn accept_punch(&mut self) {
        self.world.wait_for(CLIENT, |event| matches!(event, Event::Ask { .. }));
        let asked = |event: &Event| match event {
            Event::Ask { ask, .. } => Some(*ask),
            _ => None,
        };
        let ask = self.world.get(CLIENT).events.iter().find_map(asked).expect("a question");
        self.world.command(CLIENT, Command::Answer { ask, answer: Answer::Accept });
    }

    /// Both ends write messages, which all arrive.
    pub(crate) fn exchange(&mut self, numbers: Range<u32>) {
        let count = numbers.end;
        self.write(numbers);
        self.assert_all_arrive(count);
    }

    /// Both ends write these messages. Each begins with its number.
    pub(crate) fn write(&mut self, numbers: Range<u32>) {
        let ends = [(CLIENT, self.conns[0]), (SERVER, accepted(&self.world)[0])];
        for number in numbers {
            let mut data = vec![0; MESSAGE];
            data[..4].copy_from_slice(&number.to_le_bytes());
            for (host, conn) in ends {
                let data = proto::Message::from(&data[..]);
                self.world.command(host, Command::Write { conn, data });
                self.world.command(host, Command::Consumed { conn, bytes: MESSAGE });
            }
        }
    }

    /// Runs until both ends have `count` messages, and asserts that they are complete and in order.
    pub(crate) fn assert_all_arrive(&mut self, count: u32) {
        let number = |event: &Event| match event {
            Event::Data { data, .. } if data.len() == MESSAGE => {
                Some(u32::from_le_bytes([data[0], data[1], data[2], data[3]]))
            }
            _ => None,
        };
        let numbers = |world: &World, host| -> Vec<u32> {
            world.get(host).events.iter().filter_map(number).collect()
        };
        self.world.run_until(WITHIN, |world| {
            [CLIENT, SERVER].iter().all(|host| numbers(world, *host).len() >= count as usize)
        });
        for host in [CLIENT, SERVER] {
            assert_eq!(numbers(&self.world, host), (0..count).collect::<Vec<_>>());
        }
    }

    pub(crate) fn is_relayed(&self, host: HostId) -> bool {
        is_relayed(&self.world, host)
    }

    pub(crate) fn relay_stats(&self) -> RelayStats {
        self.world.get(RELAY).node.relay_stats(RELAYING).expect("a relay")
    }

    /// Why the connection failed.
    pub(crate) fn failure(&self) -> Option<ConnectError> {
        self.world.get(CLIENT).events.iter().find_map(|event| match event {
            Event::Closed(closed) => match closed.error {
                Some(ConnError::Connect(error)) => Some(error),
                _ => None,
            },
            _ => None,
        })
    }

    /// The client destroys its connections; nothing is left of them anywhere.
    pub(crate) fn close(&mut self) {
        for conn in self.conns.clone() {
            self.world.command(CLIENT, Command::DestroyConn { conn });
        }
        self.world.run_for(Duration::from_secs(60));
        assert!(is_idle(&self.world), "seed {}", self.world.seed());
        for host in [RELAY, SERVER, CLIENT] {
            let live = self.world.get(host).node.live();
            assert_eq!((live.connections, live.handshakes), (0, 0), "{host:?} {live:?}");
        }
    }
}

/// Whether the first connection of a host takes the way through the relay.
pub(crate) fn is_relayed(world: &World, host: HostId) -> bool {
    let conn = if host == CLIENT { ConnId(0) } else { accepted(world)[0] };
    world.get(host).node.conn_path(conn).is_some_and(|path| path.relay.is_some())
}

/// Whether nothing is left at the relay, or of the connections to it.
pub(crate) fn is_idle(world: &World) -> bool {
    let stats = world.get(RELAY).node.relay_stats(RELAYING).unwrap_or_default();
    let pairings = |host| world.get(host).node.sizes().pairings;
    stats.pairings_active + stats.sessions_active == 0
        && [RELAY, SERVER, CLIENT].into_iter().all(|host| pairings(host) == 0)
        && world.get(RELAY).node.live().connections == 0
}

/// The options of a client that names the relay.
pub(crate) fn through(scene: &Scene) -> ConnectOptions {
    ConnectOptions { relay_through: vec![scene.relay], ..ConnectOptions::default() }
}

/// The options of a server that does not punch.
pub(crate) fn apart() -> ServerOptions {
    ServerOptions { holepunch: false, ..ServerOptions::default() }
}

fn accepted(world: &World) -> Vec<ConnId> {
    let conn = |event: &Event| match event {
        Event::Connection(info) => Some(info.opened.conn),
        _ => None,
    };
    world.get(SERVER).events.iter().filter_map(conn).collect()
}

pub(crate) const RELAY: HostId = HostId(3);
pub(crate) const SERVER: HostId = HostId(4);
pub(crate) const CLIENT: HostId = HostId(5);
pub(crate) const RELAYING: ServerId = ServerId(0);

pub(crate) const MESSAGE: usize = 2000;

/// A search, a handshake, a pairing, and the data of a test.
pub(crate) const WITHIN: Duration = Duration::from_secs(120);
