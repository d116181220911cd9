//! Sources that try to fill the store on their own.

use super::values::{immutable, immutable_put, mutable_put};
use super::*;

#[test]
fn a_flood_of_values_from_one_address_leaves_those_of_others() {
    let mut world = World::new();
    let honest = honest_values(&mut world, 1000);

    flood(&mut world, 100_000, &[attacker(0)]);

    assert_eq!(missing(&mut world, &honest), 0);
    assert_eq!(world.store.stored().immutables, 1000 + 4096);
    assert_eq!(world.parts.stats.dropped.store, 100_000 - 4096);
}

#[test]
fn a_flood_from_a_few_addresses_leaves_those_of_others() {
    for addresses in [4, 64, 256] {
        let mut world = World::with(small());
        let honest = honest_values(&mut world, 1000);
        let attackers: Vec<_> = (0..addresses).map(attacker).collect();

        flood(&mut world, 20_000, &attackers);

        assert_eq!(missing(&mut world, &honest), 0, "{addresses} addresses");
        assert!(world.store.stored().immutables <= 4096);
    }
}

#[test]
fn a_source_with_much_in_a_full_store_gives_way_to_one_with_little() {
    let mut world = World::with(small());
    let attackers: Vec<_> = (0..32).map(attacker).collect();
    flood(&mut world, 10_000, &attackers);
    assert_eq!(world.store.stored().immutables, 4096);

    let honest = honest_values(&mut world, 1000);

    assert_eq!(missing(&mut world, &honest), 0);
}

#[test]
fn what_an_attacker_puts_again_stays_its_owners() {
    let mut world = World::new();
    let honest = honest_values(&mut world, 100);
    for value in &honest {
        world.handle(&Incoming { from: attacker(0), ..immutable_put(value) }).unwrap();
    }

    flood(&mut world, 10_000, &[attacker(0)]);

    assert_eq!(missing(&mut world, &honest), 0);
}

#[test]
fn a_flood_of_announcements_leaves_those_of_others() {
    let config = Config { max_size: 256, ..Config::default() };
    let mut world = World::with(config);
    world.handle(&announce(TOPIC, 1, 0)).unwrap();
    world.handle(&announce(hash(&[&key_pair(2).public()]), 2, 0)).unwrap();

    for number in 0..2000_u32 {
        let seed = hash(&[&number.to_le_bytes()]);
        let key_pair = KeyPair::from_seed(seed);
        let public_key = key_pair.public();
        let own = hash(&[&public_key]);
        let from = attacker(number % 32);
        for target in [TOPIC, own] {
            let peer = Peer { public_key, relay_addresses: Vec::new() };
            let link = Some(hash(&[&target, &seed]));
            let announce = Incoming { from, ..signed(target, &key_pair, peer, 0, link) };
            world.handle(&announce).unwrap();
        }
    }

    let kept = world.store.records.sample(&TOPIC, 1000, &mut world.parts.rng);
    assert_eq!(kept.len(), 512);
    assert!(kept.iter().any(|record| record.starts_with(&key_pair(1).public())));
    assert!(world.store.router.record(&hash(&[&key_pair(2).public()])).is_some());
    assert_eq!((world.store.router.len(), world.store.refreshes.len()), (512, 512));
}

#[test]
fn mutable_values_of_many_keys_share_alike() {
    let mut world = World::with(Config { max_size: 256, ..Config::default() });
    world.handle(&mutable_put(0, 1, b"honest")).unwrap();
    for seed in 1..=255 {
        let put = Incoming { from: attacker(0), ..mutable_put(seed, 1, b"flood") };
        world.handle(&put).unwrap();
    }
    assert_eq!(world.store.stored().mutables, 1 + 64);
    let target = hash(&[&key_pair(0).public()]);
    assert!(world.store.values.mutable(&target, 0).is_some());
}

/// Ten values from each of many addresses.
fn honest_values(world: &mut World, count: u32) -> Vec<Vec<u8>> {
    let put = |number: u32| {
        let value = format!("honest {number}").into_bytes();
        let host = Ipv4Addr::from(0x0505_0000 + number / 10);
        let from = SocketAddrV4::new(host, 1);
        world.handle(&Incoming { from, ..immutable_put(&value) }).unwrap();
        value
    };
    (0..count).map(put).collect()
}

fn flood(world: &mut World, count: u32, attackers: &[SocketAddrV4]) {
    for number in 0..count {
        let from = attackers[number as usize % attackers.len()];
        let put = immutable_put(&number.to_le_bytes());
        world.handle(&Incoming { from, ..put }).unwrap();
    }
}

fn missing(world: &mut World, values: &[Vec<u8>]) -> usize {
    values.iter().filter(|value| immutable(world, hash(&[value])).is_none()).count()
}

/// Both kinds of values have room for 4096.
fn small() -> Config {
    Config { max_size: 4096, ..Config::default() }
}

fn attacker(number: u32) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::from(0x0600_0000 + number), 1)
}
