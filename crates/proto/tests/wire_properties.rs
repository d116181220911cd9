//! Whatever the network sends: no decoder panics, and what is decoded survives another trip.
#![cfg(test)]

use std::fmt::Debug;

use proto::wire::*;
use serde_json::Value;

#[test]
fn random_bytes_are_harmless() {
    let mut rng = Rng(1);
    for _ in 0..20_000 {
        let len = rng.below(160);
        let bytes: Vec<u8> = (0..len).map(|_| rng.byte()).collect();
        every_decoder(&bytes);
    }
}

#[test]
fn truncated_messages_are_harmless() {
    for message in corpus() {
        for len in 0..=message.len() {
            every_decoder(&message[..len]);
        }
    }
}

#[test]
fn mutated_messages_are_harmless() {
    let corpus = corpus();
    let mut rng = Rng(2);
    for _ in 0..40_000 {
        let mut bytes = corpus[rng.below(corpus.len())].clone();
        for _ in 0..=rng.below(4) {
            mutate(&mut bytes, &mut rng);
        }
        every_decoder(&bytes);
    }
}

#[test]
fn a_huge_count_is_refused_without_an_allocation() {
    let mut message = vec![0xaa; 32];
    message.extend([0xfe, 0, 0, 0x10, 0]);
    assert_eq!(Peer::decode(&message), Err(Malformed::Short));
    assert_eq!(LookupReply::decode(&[0xfe, 0, 0, 0x10, 0]), Err(Malformed::Short));
    assert_eq!(LookupReply::decode(&[0xfe, 1, 0, 0x10, 0]), Err(Malformed::ArrayTooLong));
}

#[test]
fn text_is_harmless() {
    let letters: Vec<char> = "ybn019azAZ/:@.pear é\u{10000}\0".chars().collect();
    let mut rng = Rng(3);
    for _ in 0..20_000 {
        let len = [rng.below(80), 52, 64][rng.below(3)];
        let text: String = (0..len).map(|_| letters[rng.below(letters.len())]).collect();
        let _ = parse_bootstrap(&text);
        for text in [format!("pear://{text}"), text] {
            let Ok(key) = decode_key(&text) else { continue };
            assert_eq!(decode_key(&encode_key(&key)), Ok(key));
        }
    }
}

#[test]
fn every_key_survives_its_text() {
    let mut rng = Rng(4);
    for _ in 0..2_000 {
        let key = std::array::from_fn(|_| rng.byte());
        assert_eq!(decode_key(&encode_key(&key)), Ok(key));
        assert_eq!(decode_key(&hex::encode_upper(key)), Ok(key));
    }
}

fn every_decoder(bytes: &[u8]) {
    stable(bytes, Peer::decode, Peer::encode);
    stable(bytes, Handshake::decode, Handshake::encode);
    stable(bytes, Holepunch::decode, Holepunch::encode);
    stable(bytes, Announce::decode, Announce::encode);
    stable(bytes, LookupReply::decode, LookupReply::encode);
    stable(bytes, MutablePut::decode, MutablePut::encode);
    stable(bytes, MutableGetReply::decode, MutableGetReply::encode);
    stable(bytes, PluginRequest::decode, PluginRequest::encode);
    stable(bytes, NoisePayload::decode, NoisePayload::encode);
    stable(bytes, HolepunchPayload::decode, HolepunchPayload::encode);
    stable(bytes, LongAddress::decode, LongAddress::encode);

    if let Ok(signable) = MutableSignable::decode(bytes) {
        assert_eq!(MutableSignable::decode(&signable.encode()), Ok(signable));
    }
    if let Ok(packet) = Packet::decode(bytes) {
        let again = match &packet {
            Packet::Request(request) => request.encode(),
            Packet::Response(response) => response.encode(),
        };
        assert_eq!(Packet::decode(&again), Ok(packet));
    }
}

fn stable<T: Debug + PartialEq>(
    bytes: &[u8],
    decode: fn(&[u8]) -> Result<T, Malformed>,
    encode: fn(&T) -> Vec<u8>,
) {
    let Ok(value) = decode(bytes) else { return };
    assert_eq!(decode(&encode(&value)).as_ref(), Ok(&value), "{bytes:02x?}");
}

fn mutate(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let at = rng.below(bytes.len() + 1);
    match (rng.below(5), bytes.get_mut(at)) {
        (0, Some(byte)) => *byte = rng.byte(),
        (1, Some(byte)) => *byte ^= 1 << rng.below(8),
        // The prefixes of the wider integers.
        (2, Some(byte)) => *byte = [0xfc, 0xfd, 0xfe, 0xff][rng.below(4)],
        (3, _) => bytes.insert(at, rng.byte()),
        _ => bytes.truncate(at),
    }
}

/// Every message of the vectors.
fn corpus() -> Vec<Vec<u8>> {
    let files = [
        include_str!("vectors/B_dht_rpc.json"),
        include_str!("vectors/C_hyperdht_messages.json"),
        include_str!("vectors/G_addresses.json"),
    ];
    let mut messages = Vec::new();
    for file in files {
        collect_hex(&serde_json::from_str(file).unwrap(), &mut messages);
    }
    assert!(messages.len() > 60);
    messages
}

fn collect_hex(value: &Value, messages: &mut Vec<Vec<u8>>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_hex(item, messages)),
        Value::Object(fields) => {
            for (name, field) in fields {
                match field.as_str() {
                    Some(text) if name == "hex" => messages.push(hex::decode(text).unwrap()),
                    _ => collect_hex(field, messages),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// splitmix64
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}
