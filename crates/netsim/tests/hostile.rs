//! Datagrams of a hostile or broken network, sent to nodes that are carrying traffic.
#![cfg(test)]

mod pairs;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use netsim::{Flight, HostId, Link, World};
use pairs::Pairs;
use proto::{ConnError, Live, Rng, StreamError};

/// Real datagrams of the same network, damaged, repeated, and sent from anywhere. An attacker that
/// is not on the path of a connection cannot harm it.
#[test]
fn mutated_datagrams_cost_nobody_a_connection() {
    let mut world = World::testnet(1, 12, Link::default());
    let corpus = record(&mut world);
    let mut pairs = Pairs::open(&mut world, 3, 1);
    let mut attacker = Attacker { rng: Rng::from_seed([1; 32]), corpus };
    for round in 0..200 {
        for _ in 0..100 {
            let flight = attacker.flight(&world);
            world.inject(flight);
        }
        pairs.write(&mut world);
        world.run_for(Duration::from_millis(250));
        pairs.take_events(&mut world);
        assert_bounded(&world, round);
    }
    pairs.assert_all_arrived();
    assert!(pairs.errors.is_empty(), "{:?}", pairs.errors);
    for host in world.hosts() {
        let dropped = world.get(host).node.stats().dropped;
        assert!(dropped.malformed > 50 && dropped.unexpected > 5, "{host:?}: {dropped:?}");
    }
    pairs.destroy(&mut world);
    assert_nothing_is_left(&mut world);
}

/// The path damages one datagram of twenty. Damaged data is not delivered, and nothing hangs.
#[test]
fn damage_on_the_path_costs_at_most_the_stream() {
    let mut errors = BTreeSet::new();
    for seed in 1..=4 {
        let mut world = World::testnet(seed, 12, Link::default());
        let mut pairs = Pairs::open(&mut world, 4, 0);
        world.link.damage_per_mille = 50;
        for round in 0..100 {
            pairs.write(&mut world);
            world.run_for(Duration::from_millis(250));
            pairs.take_events(&mut world);
            assert_bounded(&world, round);
        }
        let dropped = world.hosts().map(|host| world.get(host).node.stats().dropped);
        let counts: Vec<[u64; 2]> =
            dropped.map(|d| [d.frame, d.malformed + d.unexpected + d.udx + d.message]).collect();
        assert!((0..2).all(|i| counts.iter().any(|c| c[i] > 0)), "seed {seed}: {counts:?}");
        errors.extend(pairs.errors.iter().map(ToString::to_string));
        world.link.damage_per_mille = 0;
        pairs.destroy(&mut world);
        assert_nothing_is_left(&mut world);
    }
    assert!(errors.contains("pull failed"), "{errors:?}");
}

#[test]
fn a_damaged_frame_ends_its_own_stream() {
    let mut world = World::testnet(5, 12, Link::default());
    let mut pairs = Pairs::open(&mut world, 2, 2);
    let (client, server) = (pairs.clients()[0], pairs.servers()[0]);
    let address = *world.get(server).server_address().ip();
    pairs.write(&mut world);
    world.run_for(Duration::from_secs(1));
    pairs.take_events(&mut world);

    world.link.loss_per_mille = 1000;
    world.start_tap();
    pairs.write(&mut world);
    let is_data = |flight: &Flight| flight.to.ip() == &address && flight.data.len() > 1000;
    let mut flight = world.take_tap().into_iter().find(is_data).expect("a packet with data");
    *flight.data.last_mut().unwrap() ^= 1;
    world.inject(flight);
    world.run_for(Duration::from_millis(50));
    world.link.loss_per_mille = 0;
    world.run_for(Duration::from_secs(5));

    pairs.take_events(&mut world);
    assert_eq!(world.get(server).node.stats().dropped.frame, 1);
    let errors = pairs.errors_of(server);
    assert!(
        matches!(errors[..], [ConnError::Stream(StreamError::Frame(_))])
            && errors[0].to_string() == "pull failed",
        "{errors:?}"
    );
    assert_eq!(pairs.errors_of(client), [ConnError::Stream(StreamError::Reset)]);
    assert_eq!(pairs.errors.len(), 2);
}

#[test]
fn a_damaged_noise_message_is_ignored() {
    let mut world = World::testnet(6, 12, Link::default());
    let mut pairs = Pairs::listen(&mut world, 1, 3);
    let server = pairs.servers()[0];
    let address = *world.get(server).server_address().ip();
    world.start_tap();
    pairs.connect(&mut world);
    pairs.wait(&mut world);
    // The longest datagrams to a server that has no connection yet are handshakes.
    let handshakes: Vec<Flight> = world
        .take_tap()
        .into_iter()
        .filter(|flight| flight.to.ip() == &address && flight.data.len() > 180)
        .filter(|flight| flight.data.first() != Some(&0xff))
        .collect();
    assert!(!handshakes.is_empty());

    let before = world.get(server).node.stats().dropped;
    for at in 0..100 {
        let mut flight = handshakes[at % handshakes.len()].clone();
        let end = flight.data.len() - 1 - at;
        flight.data[end] ^= 0x10;
        world.inject(flight);
        world.run_for(Duration::from_millis(20));
    }
    let after = world.get(server).node.stats().dropped;
    assert!(after.handshake - before.handshake > 50, "{after:?}");
    pairs.take_events(&mut world);
    pairs.write(&mut world);
    world.run_for(Duration::from_secs(1));
    pairs.take_events(&mut world);
    pairs.assert_all_arrived();
    assert_eq!((pairs.accepted(), pairs.errors.len()), (1, 0));
}

/// Records the datagrams of a network while connections come and go.
fn record(world: &mut World) -> Vec<Vec<u8>> {
    world.start_tap();
    let mut pairs = Pairs::open(world, 3, 0);
    for _ in 0..10 {
        pairs.write(world);
        world.run_for(Duration::from_millis(500));
    }
    pairs.take_events(world);
    pairs.destroy(world);
    world.run_for(Duration::from_secs(30));
    let corpus: Vec<_> = world.take_tap().into_iter().map(|flight| flight.data).collect();
    assert!(corpus.len() > 500, "{}", corpus.len());
    corpus
}

fn assert_bounded(world: &World, round: usize) {
    for host in world.hosts() {
        let live = world.get(host).node.live();
        assert!(live.streams < 300 && live.handshakes <= 256, "{round} {host:?}: {live:?}");
        assert!(live.punchers < 300 && live.pool_sockets < 300, "{round} {host:?}: {live:?}");
        assert!(live.requests < 3000 && live.timers < 3000, "{round} {host:?}: {live:?}");
    }
}

fn assert_nothing_is_left(world: &mut World) {
    world.run_for(Duration::from_secs(90));
    for host in world.hosts() {
        let live = world.get(host).node.live();
        let Live { connections, streams, handshakes, punchers, pool_sockets, .. } = live;
        let sum = connections + streams + handshakes + punchers + pool_sockets;
        assert_eq!(sum, 0, "{host:?}: {live:?}");
        assert!(live.requests < 300 && live.queries < 10 && live.timers < 50, "{host:?}: {live:?}");
    }
}

struct Attacker {
    rng: Rng,
    corpus: Vec<Vec<u8>>,
}

impl Attacker {
    fn flight(&mut self, world: &World) -> Flight {
        let host = HostId(self.rng.below(world.hosts().count() as u64) as usize);
        let port = [49737, 30000, 31000][self.rng.below(3) as usize];
        let to = SocketAddrV4::new(world.get(host).address, port);
        let from = self.source(world);
        Flight { from, to, data: self.datagram() }
    }

    fn datagram(&mut self) -> Vec<u8> {
        let at = self.rng.below(self.corpus.len() as u64) as usize;
        let mut data = self.corpus[at].clone();
        for _ in 0..self.rng.below(4) {
            mutate(&mut data, &mut self.rng);
        }
        data
    }

    /// Strangers, forged local addresses, and hosts of the network.
    fn source(&mut self, world: &World) -> SocketAddrV4 {
        if self.rng.below(2) == 0 {
            let host = HostId(self.rng.below(world.hosts().count() as u64) as usize);
            return world.get(host).server_address();
        }
        let nets = [[6, 6, 6], [127, 0, 0], [192, 168, 0], [224, 0, 0], [0, 0, 0]];
        let [a, b, c] = nets[self.rng.below(nets.len() as u64) as usize];
        let host = Ipv4Addr::new(a, b, c, self.rng.u32() as u8);
        SocketAddrV4::new(host, self.rng.below(4) as u16 * 20_000)
    }
}

fn mutate(data: &mut Vec<u8>, rng: &mut Rng) {
    let at = rng.below(data.len() as u64 + 1) as usize;
    match (rng.below(6), data.get_mut(at)) {
        (0 | 1, Some(byte)) => *byte ^= 1 << rng.below(8),
        (2, Some(byte)) => *byte = rng.u32() as u8,
        // The prefixes of the wider integers.
        (3, Some(byte)) => *byte = [0xfd, 0xfe, 0xff][rng.below(3) as usize],
        (4, _) => data.insert(at, rng.u32() as u8),
        _ => data.truncate(at),
    }
}
