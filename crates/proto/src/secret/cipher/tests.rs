use serde_json::Value;

use super::*;
use crate::Rng;

#[test]
fn frames_have_the_bytes_of_libsodium() {
    let v = vectors();
    let (key, header) = (array(&v["key"]), array(&v["header"]));
    let (mut push, mut pull) = (Push::new(&key, &header), Pull::new(&key, &header));
    assert_state(&push.0, &v["initial_state"]);
    for message in v["messages"].as_array().expect("array") {
        check(&mut push, &mut pull, message);
    }
}

#[test]
fn a_counter_that_wraps_changes_the_key() {
    let v = vectors();
    let steps = v["counter_wrap"].as_array().expect("array");
    let before = &steps[0]["state_before"];
    let (mut push, mut pull) = (Push(state(before)), Pull(state(before)));
    for step in steps {
        assert_state(&push.0, &step["state_before"]);
        check(&mut push, &mut pull, step);
    }
}

#[test]
fn the_two_ways_agree() {
    let mut rng = Rng::from_seed([1; 32]);
    let mut state = State::new(&rng.bytes(), &rng.bytes());
    for len in (0..2048).step_by(8).chain([65_536]) {
        let plain = bytes(&mut rng, len);
        let mut portable = plain.clone();
        let mut fused = [vec![0xee; SEAL_HEADROOM], plain.clone()].concat();

        let sealed = state.seal_portably(3, &mut portable);
        let mut headed = WithHeadroom::new(&mut fused).expect("room");
        assert_eq!(state.seal_fused(3, &mut headed), sealed);
        assert_eq!(headed.message(), portable);

        let (first, mac) = sealed;
        assert_eq!(state.open_fused(first, &mut headed, &mac), Some(3));
        assert_eq!(state.open_portably(first, &mut portable, &mac), Some(3));
        assert_eq!(headed.message(), plain);
        assert_eq!(portable, plain);
    }
}

#[test]
fn all_lengths_round_trip_and_forgeries_do_not() {
    let mut rng = Rng::from_seed([2; 32]);
    let (key, header) = (rng.bytes(), rng.bytes());
    let (mut push, mut pull) = (Push::new(&key, &header), Pull::new(&key, &header));
    for len in (0..600).chain([4096, 4099, 65_535, 65_536]) {
        let plain = bytes(&mut rng, len);
        let mut buf = [vec![0; SEAL_HEADROOM], plain.clone()].concat();
        let tag = [0, 0, 0, 2][len % 4];
        let (first, mac) = push.seal(tag, &mut WithHeadroom::new(&mut buf).expect("room"));

        let mut forged_mac = mac;
        forged_mac[len % 16] ^= 1;
        let mut forged = buf.clone();
        assert_eq!(pull.open(first, &mut headed(&mut forged), &forged_mac), None);
        let mut forged = buf.clone();
        assert_eq!(pull.open(first ^ 1, &mut headed(&mut forged), &mac), None);
        if len > 0 {
            let mut forged = buf.clone();
            forged[SEAL_HEADROOM + len / 2] ^= 1;
            assert_eq!(pull.open(first, &mut headed(&mut forged), &mac), None);
        }
        assert_eq!(pull.open(first, &mut headed(&mut buf), &mac), Some(tag));
        assert_eq!(buf[SEAL_HEADROOM..], plain);
    }
}

#[test]
fn an_idle_stream_has_no_fused_key() {
    let mut rng = Rng::from_seed([3; 32]);
    let (key, header) = (rng.bytes(), rng.bytes());
    let (mut push, mut pull) = (Push::new(&key, &header), Pull::new(&key, &header));
    for (len, has_key) in [(4096, true), (0, false), (4096, true)] {
        let mut buf = vec![0; SEAL_HEADROOM + len];
        let (first, mac) = push.seal(0, &mut headed(&mut buf));
        assert_eq!(pull.open(first, &mut headed(&mut buf), &mac), Some(0));
        assert_eq!((push.0.fused.is_some(), pull.0.fused.is_some()), (has_key, has_key));
    }
}

fn headed(buf: &mut [u8]) -> WithHeadroom<'_> {
    WithHeadroom::new(buf).expect("room")
}

fn check(push: &mut Push, pull: &mut Pull, message: &Value) {
    let tag = message["tag"].as_u64().unwrap_or(0) as u8;
    let plain = unhex(&message["plaintext"]);
    let mut buf = [vec![0; SEAL_HEADROOM], plain.clone()].concat();
    let (first, mac) = push.seal(tag, &mut headed(&mut buf));
    let frame = [&[first], &buf[SEAL_HEADROOM..], &mac].concat();
    assert_eq!(frame, unhex(&message["ciphertext"]));
    assert_state(&push.0, &message["state_after"]);

    assert_eq!(pull.open(first, &mut headed(&mut buf), &mac), Some(tag));
    assert_eq!(buf[SEAL_HEADROOM..], plain);
    assert_state(&pull.0, &message["state_after"]);
}

fn state(value: &Value) -> State {
    let nonce: [u8; 12] = array(&value["nonce"]);
    let (counter, inonce) = nonce.split_at(4);
    let key = array(&value["k"]);
    State {
        fused: None,
        key: Zeroizing::new(key),
        counter: u32::from_le_bytes(counter.try_into().expect("4 bytes")),
        inonce: inonce.try_into().expect("8 bytes"),
    }
}

fn assert_state(state: &State, expected: &Value) {
    assert_eq!(state.key[..], unhex(&expected["k"]));
    assert_eq!(state.nonce()[..], unhex(&expected["nonce"]));
}

fn vectors() -> Value {
    let text = include_str!("../../../tests/vectors/F_secretstream_xchacha20.json");
    serde_json::from_str(text).expect("json")
}

fn bytes(rng: &mut Rng, len: usize) -> Vec<u8> {
    (0..len).map(|_| rng.u32() as u8).collect()
}

fn unhex(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().expect("a string")).expect("hex")
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    unhex(value).try_into().expect("the right length")
}
