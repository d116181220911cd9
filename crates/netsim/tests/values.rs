//! Values that nodes keep for others: a value that was put is found.
#![cfg(test)]

use std::time::Duration;

use netsim::{HostId, Link, World};
use proto::noise::KeyPair;
use proto::wire::{MutableGetReply, MutablePut, command, hash, mutable_signable};
use proto::{
    BootstrapNode, Command, Config, Event, QueryError, QueryId, QueryKind, QueryOptions, UserCommit,
};

/// A token lives for 7.5 s at least and 15 s at most. A walk that waits for a silent node takes
/// longer, and the nodes that answered first refuse their tokens at its end.
#[test]
fn every_node_of_a_long_walk_keeps_the_value() {
    for seed in 1..=20 {
        let mut world = World::testnet(seed, NODES, Link::default());
        let putter = world.join(member(&world));
        world.crash(HostId(NODES - 1));

        let begun = world.elapsed();
        let put = Record { seq: 1 }.put(&mut world, putter, RETRIES);
        assert_eq!(put, Ok(()), "seed {seed}");
        assert!(world.elapsed() - begun > TOKEN_LIFE, "seed {seed}");
        for host in (0..NODES - 1).map(HostId) {
            assert_eq!(world.get(host).node.stored().mutables, 1, "seed {seed}: {host:?}");
        }
    }
}

/// The processes of some hosts are not scheduled for seconds, so that they answer late or too late.
#[test]
fn what_was_put_is_found_on_busy_hosts() {
    for seed in 1..=5 {
        let mut world = World::testnet(seed, NODES, Link::default());
        for seq in 1..=100 {
            let putter = world.join(member(&world));
            busy(&mut world);
            let put = Record { seq }.put(&mut world, putter, None);
            assert_eq!(put, Ok(()), "seed {seed}: number {seq}");

            let getter = world.join(member(&world));
            busy(&mut world);
            let found = Record { seq }.get(&mut world, getter);
            assert_eq!(found, Some(seq), "seed {seed}");
            world.crash(putter);
            world.crash(getter);
        }
    }
}

/// A value of one key pair.
struct Record {
    seq: u64,
}

impl Record {
    /// Stores the record at the nodes that are closest to its key.
    fn put(&self, world: &mut World, host: HostId, retries: Option<u32>) -> Result<(), QueryError> {
        let value = b"value".to_vec();
        let signature = key_pair().sign(&mutable_signable(self.seq, &value));
        let public_key = key_pair().public();
        let put = MutablePut { public_key, seq: self.seq, value, signature };
        let value = Some(put.encode().into());
        let commit = UserCommit::Send { command: command::MUTABLE_PUT, value };
        run_query(world, host, retries, commit);
        let done = world.take_events(host).into_iter().find_map(|event| {
            if let Event::QueryDone { result, .. } = event { Some(result) } else { None }
        });
        done.expect("an end")
    }

    /// The highest number that is found.
    fn get(&self, world: &mut World, host: HostId) -> Option<u64> {
        run_query(world, host, None, UserCommit::None);
        let replies = world.take_events(host).into_iter().filter_map(|event| {
            if let Event::QueryReply { reply, .. } = event { reply.value } else { None }
        });
        replies.map(|value| MutableGetReply::decode(&value).expect("a record").seq).max()
    }
}

fn run_query(world: &mut World, host: HostId, retries: Option<u32>, commit: UserCommit) {
    let value = Some(vec![0].into());
    let kind = QueryKind::User { command: command::MUTABLE_GET, value, commit };
    let target = hash(&[&key_pair().public()]);
    let options = QueryOptions { retries, only_values: true, ..QueryOptions::default() };
    world.command(host, Command::Query { query: QueryId(0), target, kind, options });
    world.wait_for(host, |event| matches!(event, Event::QueryDone { .. }));
}

/// Stalls up to a third of the permanent hosts, for up to 10 s each.
fn busy(world: &mut World) {
    for _ in 0..NODES / 3 {
        let host = HostId(world.rng().below(NODES as u64) as usize);
        let duration = Duration::from_millis(world.rng().below(10_000));
        if world.get(host).is_on() {
            world.stall(host, duration);
        }
    }
}

/// The config of a node that no routing table holds, and that knows all permanent hosts.
fn member(world: &World) -> Config {
    let places = (0..NODES).map(|host| world.get(HostId(host)).server_address());
    let bootstrap = places.map(BootstrapNode::Address).collect();
    Config { ephemeral: Some(true), bootstrap, ..world.config() }
}

fn key_pair() -> KeyPair {
    KeyPair::from_seed([5; 32])
}

const NODES: usize = 12;

/// A request to a node is given up 20 s after its first try.
const RETRIES: Option<u32> = Some(19);

const TOKEN_LIFE: Duration = Duration::from_secs(15);
