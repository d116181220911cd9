//! The smallest network: one bootstrap node, and two hosts that know no other node. One node is too
//! few to detect the kind of NAT, so the path is one that a probe has found.
#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one event among many")]
#![cfg(test)]

use std::time::Duration;

use netsim::{HostId, Link, World};
use proto::noise::{KeyPair, PublicKey};
use proto::{Command, ConnId, Event, Live, ServerId};

#[test]
fn bytes_go_both_ways() {
    for seed in 0..100 {
        // A probe may arrive before or after the round that goes through the bootstrap node.
        let jitter = Duration::from_millis(seed % 50);
        let mut pair = Pair::listen(seed, Link { jitter, ..Link::default() });
        pair.connect();
        pair.world.run_for(Duration::from_secs(5));
        pair.assert_talks();
    }
}

/// The first connection may fail where datagrams are lost, but an open one carries data.
#[test]
fn what_opens_talks_whatever_is_lost() {
    let mut opened = 0;
    for seed in 0..200 {
        let jitter = Duration::from_millis(seed % 50);
        let mut pair = Pair::listen(seed, Link { jitter, ..Link::default() });
        pair.world.link.loss_per_mille = 150;
        pair.connect();
        pair.world.run_for(Duration::from_secs(15));
        pair.world.link.loss_per_mille = 0;
        pair.world.run_for(Duration::from_secs(15));
        if pair.opened() {
            opened += 1;
            pair.assert_talks();
        }
        pair.assert_nothing_left();
    }
    assert!(opened > 150, "{opened}");
}

/// A server that listens, and a client.
struct Pair {
    world: World,
    server: HostId,
    client: HostId,
    remote: PublicKey,
}

impl Pair {
    fn listen(seed: u64, link: Link) -> Self {
        let mut world = World::testnet(seed, 1, link);
        let server = world.join(world.config());
        let client = world.join(world.config());
        let remote = world.listen(server, ServerId(0), KeyPair::from_seed([7; 32]));
        Self { world, server, client, remote }
    }

    fn connect(&mut self) {
        self.world.connect(self.client, CONN, self.remote);
        self.world.command(self.client, Command::Write { conn: CONN, data: b"ping".into() });
    }

    fn opened(&self) -> bool {
        self.world.saw(self.client, |event| matches!(event, Event::Opened(_)))
    }

    fn assert_talks(&mut self) {
        let seed = self.world.seed();
        assert_eq!(self.received(self.server), b"ping", "seed {seed}: {:?}", self.events());
        let conn = self.accepted();
        self.world.command(self.server, Command::Write { conn, data: b"pong".into() });
        self.world.run_for(Duration::from_secs(2));
        assert_eq!(self.received(self.client), b"pong", "seed {seed}: {:?}", self.events());
    }

    fn assert_nothing_left(&mut self) {
        self.world.command(self.client, Command::DestroyConn { conn: CONN });
        self.world.run_for(Duration::from_secs(60));
        for host in [self.server, self.client] {
            let Live { connections, streams, handshakes, punchers, pool_sockets, .. } =
                self.world.get(host).node.live();
            let left = [connections, streams, handshakes, punchers, pool_sockets];
            assert_eq!(left, [0; 5], "seed {}: {host:?}", self.world.seed());
        }
    }

    fn accepted(&self) -> ConnId {
        let accepted = self.world.get(self.server).events.iter().find_map(|event| match event {
            Event::Connection(info) => Some(info.opened.conn),
            _ => None,
        });
        accepted.expect("a connection")
    }

    fn received(&self, host: HostId) -> Vec<u8> {
        let data = self.world.get(host).events.iter().filter_map(|event| match event {
            Event::Data { data, .. } => Some(data.to_vec()),
            _ => None,
        });
        data.collect::<Vec<_>>().concat()
    }

    fn events(&self) -> [&Vec<Event>; 2] {
        [self.server, self.client].map(|host| &self.world.get(host).events)
    }
}

const CONN: ConnId = ConnId(1);
