//! Mutable and immutable values.

use super::*;
use crate::wire::{MutableGetReply, MutablePut, mutable_signable};

#[test]
fn a_value_is_kept_under_its_hash() {
    let mut world = World::new();
    let target = hash(&[b"hello"]);

    assert_eq!(immutable(&mut world, target), None);
    let answer = world.handle(&immutable_put(b"hello")).unwrap();
    assert!(answer.token && answer.closer_nodes && answer.value.is_none());

    assert_eq!(immutable(&mut world, target).as_deref(), Some(&b"hello"[..]));
}

#[test]
fn an_empty_value_is_a_value() {
    let mut world = World::new();
    world.handle(&immutable_put(b"")).unwrap();
    world.handle(&mutable_put(1, 0, b"")).unwrap();

    assert_eq!(immutable(&mut world, hash(&[b""])).as_deref(), Some(&b""[..]));
    assert_eq!(mutable(&mut world, 1, 0).unwrap().value, b"");
}

#[test]
fn the_number_of_a_mutable_value_only_grows() {
    let mut world = World::new();
    let mut put = |seq, value: &[u8]| {
        let answer = world.handle(&mutable_put(1, seq, value)).unwrap();
        (answer.error, answer.token, answer.closer_nodes)
    };
    let stored = (error_code::NONE, true, true);
    let refused = |error| (error, false, true);

    assert_eq!(put(5, b"five"), stored);
    assert_eq!(put(5, b"five"), stored);
    assert_eq!(put(5, b"other"), refused(error_code::SEQ_REUSED));
    assert_eq!(put(4, b"four"), refused(error_code::SEQ_TOO_LOW));
    assert_eq!(put(MAX_SEQ, b"last"), stored);

    assert_eq!(mutable(&mut world, 1, 0).unwrap().value, b"last");
}

#[test]
fn a_mutable_value_is_given_to_those_who_do_not_know_a_later_one() {
    let mut world = World::new();
    world.handle(&mutable_put(1, 300, b"hello")).unwrap();

    let reply = mutable(&mut world, 1, 300).unwrap();
    assert_eq!((reply.seq, &reply.value[..]), (300, &b"hello"[..]));
    let signable = mutable_signable(300, b"hello");
    assert!(crate::noise::verify(&key_pair(1).public(), &signable, &reply.signature));
    assert_eq!(mutable(&mut world, 1, 301), None);
    assert_eq!(mutable(&mut world, 2, 0), None);
}

#[test]
fn values_live_longer_than_announcements() {
    let mut world = World::new();
    world.handle(&immutable_put(b"hello")).unwrap();
    world.handle(&announce(TOPIC, 1, 0)).unwrap();

    let announced = (StoreTimer::Announced, Duration::from_secs(800));
    let rotations = world.rotations();

    assert_eq!(rotations[..2], [announced; 2]);
    let total: Duration = rotations.iter().map(|(_, waited)| *waited).sum();
    assert_eq!((rotations.len(), total), (4, Duration::from_secs(64 * 3600)));
    assert_eq!(immutable(&mut world, hash(&[b"hello"])), None);
}

#[test]
fn an_age_that_is_given_is_that_of_all() {
    let max_age = Some(Duration::from_secs(3));
    let mut world = World::with(Config { max_age, ..Config::default() });
    world.handle(&immutable_put(b"hello")).unwrap();
    world.handle(&mutable_put(1, 0, b"hello")).unwrap();

    assert_eq!(world.rotations(), [(StoreTimer::Values, Duration::from_secs(2)); 2]);
}

#[test]
fn a_value_that_is_asked_for_stays() {
    let mut world = World::new();
    world.handle(&immutable_put(b"hello")).unwrap();
    world.handle(&mutable_put(1, 0, b"hello")).unwrap();

    for _ in 0..5 {
        world.age();
        assert!(immutable(&mut world, hash(&[b"hello"])).is_some());
        assert!(mutable(&mut world, 1, 0).is_some());
    }
}

#[test]
fn a_value_may_be_as_long_as_a_datagram_of_the_reference() {
    let mut world = World::new();

    assert!(world.handle(&immutable_put(&[7; 1970])).is_ok());
    assert_eq!(world.refusal(&immutable_put(&[7; 1971])), Silence::Malformed);
}

pub(super) fn immutable_put(value: &[u8]) -> Incoming {
    Incoming {
        target: Some(hash(&[value])),
        token: Some(TOKEN),
        value: Some(Bytes::copy_from_slice(value)),
        ..incoming(command::IMMUTABLE_PUT)
    }
}

pub(super) fn mutable_put(seed: u8, seq: u64, value: &[u8]) -> Incoming {
    let key_pair = key_pair(seed);
    let signature = key_pair.sign(&mutable_signable(seq, value));
    let put = MutablePut { public_key: key_pair.public(), seq, value: value.to_vec(), signature };
    Incoming {
        target: Some(hash(&[&key_pair.public()])),
        token: Some(TOKEN),
        value: Some(put.encode().into()),
        ..incoming(command::MUTABLE_PUT)
    }
}

pub(super) fn immutable(world: &mut World, target: Target) -> Option<Bytes> {
    let get = Incoming { target: Some(target), ..incoming(command::IMMUTABLE_GET) };
    world.handle(&get).unwrap().value
}

fn mutable(world: &mut World, seed: u8, least_seq: u64) -> Option<MutableGetReply> {
    let mut value = crate::wire::Writer::new();
    value.uint(least_seq);
    let get = Incoming {
        target: Some(hash(&[&key_pair(seed).public()])),
        value: Some(value.finish().into()),
        ..incoming(command::MUTABLE_GET)
    };
    let value = world.handle(&get).unwrap().value?;
    Some(MutableGetReply::decode(&value).unwrap())
}

/// The largest integer of the protocol.
const MAX_SEQ: u64 = (1 << 53) - 1;
