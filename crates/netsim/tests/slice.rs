//! A network of a hundred nodes, with loss and delay, on virtual time.
#![cfg(test)]

use std::collections::BTreeMap;
use std::time::Duration;

use netsim::{App, HostId, Link, World};
use proto::noise::{KeyPair, PublicKey};
use proto::{Command, ConnId, Event, Live, ServerId};

#[test]
fn fifty_pairs_connect_and_exchange_data_under_loss_and_delay() {
    let mut world = World::testnet(1, 100, lossy());
    let mut pairs = Pairs::listen(&mut world, 50);
    pairs.connect(&mut world);
    world.run_app(Duration::from_secs(120), &mut pairs);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let run = |seed| {
        let mut world = World::testnet(seed, 20, lossy());
        let mut pairs = Pairs::listen(&mut world, 5);
        pairs.connect(&mut world);
        world.run_app(Duration::from_secs(120), &mut pairs);
        (world.trace(), world.elapsed())
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn nothing_is_left_of_connections_that_have_ended() {
    let mut world = World::testnet(3, 20, lossy());
    let mut pairs = Pairs::listen(&mut world, 5);
    pairs.connect(&mut world);
    world.run_app(Duration::from_secs(120), &mut pairs);
    // The handshakes' slots stay for 10 s, so that a repeated message finds its reply.
    world.run_for(Duration::from_secs(30));
    for host in world.hosts() {
        let Live { connections, streams, handshakes, punchers, pool_sockets, .. } =
            world.get(host).node.live();
        assert_eq!(
            (connections, streams, handshakes, punchers, pool_sockets),
            (0, 0, 0, 0, 0),
            "{host:?}"
        );
    }
}

fn lossy() -> Link {
    Link { delay: Duration::from_millis(50), loss_per_mille: 50, ..Link::default() }
}

/// Servers on the first hosts, clients on the last; each pair sends `SIZE` bytes both ways and
/// ends.
struct Pairs {
    count: usize,
    keys: Vec<PublicKey>,
    received: BTreeMap<(HostId, ConnId), usize>,
    closed: usize,
}

impl Pairs {
    fn listen(world: &mut World, count: usize) -> Self {
        let mut pairs = Self { count, keys: Vec::new(), received: BTreeMap::new(), closed: 0 };
        for host in world.hosts().take(count) {
            let key_pair = KeyPair::from_seed([host.0 as u8; 32]);
            pairs.keys.push(world.start_server(host, ServerId(0), key_pair));
        }
        world.hosts().take(count).for_each(|host| world.wait_listening(host, ServerId(0)));
        pairs
    }

    fn connect(&mut self, world: &mut World) {
        let clients: Vec<HostId> = world.hosts().collect();
        for (host, remote) in clients.into_iter().rev().zip(self.keys.clone()) {
            world.connect(host, ConnId(0), remote);
        }
    }

    fn send(world: &mut World, host: HostId, conn: ConnId) {
        for chunk in pattern().chunks(5000) {
            let data = chunk.into();
            world.command(host, Command::Write { conn, data });
        }
        world.command(host, Command::End { conn });
    }

    fn check(&mut self, host: HostId, conn: ConnId, data: &[u8]) {
        let offset = self.received.entry((host, conn)).or_default();
        let expected = pattern();
        assert_eq!(data, &expected[*offset..*offset + data.len()], "{host:?} at {offset}");
        *offset += data.len();
    }
}

impl App for Pairs {
    fn handle(&mut self, world: &mut World, host: HostId, event: Event) {
        if let Event::Connection(info) = event {
            Self::send(world, host, info.opened.conn);
        } else if let Event::Opened(opened) = event {
            Self::send(world, host, opened.conn);
        } else if let Event::Data { conn, data } = event {
            self.check(host, conn, &data);
            world.command(host, Command::Consumed { conn, bytes: data.len() });
        } else if let Event::RemoteEnd { conn } = event {
            assert_eq!(self.received[&(host, conn)], SIZE, "{host:?}");
        } else if let Event::Closed(closed) = event {
            assert!(closed.error.is_none(), "{host:?}: {closed:?}");
            self.closed += 1;
        }
    }

    fn is_done(&self) -> bool {
        self.closed == 2 * self.count
    }
}

fn pattern() -> Vec<u8> {
    (0..SIZE).map(|i| (i * 31 % 251) as u8).collect()
}

const SIZE: usize = 64 * 1024;
