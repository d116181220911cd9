//! The codecs against bytes that the reference made, and the values it read from them.
#![cfg(test)]

use std::fmt::Debug;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use proto::BootstrapNode;
use proto::wire::*;
use serde_json::Value;

#[test]
fn primitives_are_written_and_read() {
    let vectors = json(include_str!("vectors/A_compact_encoding.json"));
    for case in items(&vectors["encode"]) {
        let kind = text(&case["type"]);
        let value = &case["value"];
        let bytes = hex_of(&case["hex"]);
        match kind {
            "uint" => primitive(&bytes, number(value), Reader::uint, |w, v| w.uint(v)),
            "uint16" => primitive(&bytes, u16_of(value), Reader::u16, |w, v| w.u16(v)),
            "uint32" => {
                primitive(&bytes, number(value) as u32, Reader::u32, |w, v| w.u32(v));
            }
            "ipv4" => {
                let octets = text(value).parse::<Ipv4Addr>().unwrap().octets();
                primitive(&bytes, octets, Reader::array, |w, v| w.raw(&v));
            }
            "ipv4Address" => primitive(&bytes, addr(value), Reader::addr4, |w, v| w.addr4(v)),
            "ipv6" => {
                let octets = text(value).parse::<Ipv6Addr>().unwrap().octets();
                primitive(&bytes, octets, Reader::array, |w, v| w.raw(&v));
            }
            "ipv6Address" => primitive(&bytes, addr6(value), Reader::addr6, |w, v| w.addr6(v)),
            "buffer" => primitive_bytes(&bytes, &hex_of(value)),
            "string" => primitive_bytes(&bytes, text(value).as_bytes()),
            "fixed32" => primitive(&bytes, [0xab; 32], Reader::array, |w, v| w.raw(&v)),
            "array(uint)" => {
                let list: Vec<u64> = items(value).iter().map(number).collect();
                assert_eq!(Reader::new(&bytes).list(1, Reader::uint), Ok(list.clone()));
                let mut w = Writer::new();
                w.list(&list, |w, v| {
                    w.uint(*v);
                });
                assert_eq!(w.finish(), bytes);
            }
            "array(ipv4Address)" => {
                let list = addrs(value);
                assert_eq!(Reader::new(&bytes).addr4_list(), Ok(list.clone()));
                let mut w = Writer::new();
                w.addr4_list(&list);
                assert_eq!(w.finish(), bytes);
            }
            "array(raw)" => {
                let list: Vec<Vec<u8>> = items(value).iter().map(hex_of).collect();
                let mut w = Writer::new();
                w.list(&list, |w, v| {
                    w.raw(v);
                });
                assert_eq!(w.finish(), bytes);
            }
            // No message of this layer has them.
            "uint24" | "uint64" | "bool" | "optionalBuffer" => {}
            other => panic!("unknown type {other}"),
        }
    }
}

#[test]
fn integers_need_not_be_minimal() {
    let vectors = json(include_str!("vectors/A_compact_encoding.json"));
    for case in items(&vectors["non_minimal_uint_accepted"]) {
        let bytes = hex_of(&case["hex"]);
        assert_eq!(Reader::new(&bytes).uint(), Ok(number(&case["decodes_to"])));
    }
}

#[test]
fn broken_primitives_are_refused() {
    let vectors = json(include_str!("vectors/A_compact_encoding.json"));
    for case in items(&vectors["decode_errors"]) {
        let bytes = hex_of(&case["hex"]);
        let mut r = Reader::new(&bytes);
        let error = match text(&case["type"]) {
            "uint" | "uint>MAX_SAFE" => r.uint().unwrap_err(),
            "buffer" => r.buffer().unwrap_err(),
            "fixed32" => r.array::<32>().unwrap_err(),
            "array(uint) too big" => r.list(1, Reader::uint).unwrap_err(),
            "bool" => r.u8().unwrap_err(),
            other => panic!("unknown type {other}"),
        };
        let expected = match text(&case["error"]) {
            "Out of bounds" => Malformed::Short,
            "Array is too big" => Malformed::ArrayTooLong,
            _ => Malformed::IntegerTooLarge,
        };
        assert_eq!(error, expected, "{case}");
    }
}

#[test]
fn node_ids_are_hashes_of_addresses() {
    let vectors = json(include_str!("vectors/B_dht_rpc.json"));
    for case in items(&vectors["node_ids"]) {
        let address = addr(case);
        assert_eq!(hash(&[&hex_of(&case["preimage"])]), array(&case["id"]));
        assert_eq!(node_id(address), array::<32>(&case["id"]), "{address}");
    }
}

#[test]
fn tokens_are_keyed_hashes_of_hosts() {
    let rpc = json(include_str!("vectors/B_dht_rpc.json"));
    for case in items(&rpc["tokens"]) {
        let host = text(&case["host"]).parse().unwrap();
        assert_eq!(token(host, &array(&case["secret"])), array::<32>(&case["token"]));
    }

    let punch = json(include_str!("vectors/D_holepunch_payload.json"));
    for case in items(&punch["tokens"]) {
        let host = text(&case["host"]).parse().unwrap();
        assert_eq!(token(host, &array(&case["local_secret"])), array::<32>(&case["token"]));
    }

    let rotation = &rpc["secret_rotation"];
    assert_eq!(hash(&[&hex_of(&rotation["before"][0])]), array::<32>(&rotation["after"][1]));
}

#[test]
fn requests_are_written_and_read() {
    let vectors = json(include_str!("vectors/B_dht_rpc.json"));
    for case in items(&vectors["requests"]) {
        let value = optional(&case["value"], hex_of);
        let persistent = text(&case["sent_on_socket"]) == "server";
        let request = Request {
            tid: u16_of(&case["tid"]),
            to: addr(&case["to"]),
            id: persistent.then(|| node_id(PERSISTENT_NODE)),
            token: optional(&case["token"], array),
            internal: case["internal"].as_bool().unwrap(),
            command: number(&case["command"]),
            target: optional(&case["target"], array),
            value: value.as_deref(),
        };
        let bytes = hex_of(&case["hex"]);
        assert_eq!(hex::encode(request.encode()), hex::encode(&bytes), "{case}");
        assert_eq!(Packet::decode(&bytes), Ok(Packet::Request(request)), "{case}");
        every_prefix_is_short(&bytes, |bytes| Packet::decode(bytes).map(|_| ()));
    }
}

#[test]
fn a_relayed_request_keeps_tid_command_and_target_but_no_token() {
    let vectors = json(include_str!("vectors/B_dht_rpc.json"));
    let case = &vectors["relay_request"];
    let bytes = hex_of(&case["hex"]);
    let request = Request {
        tid: 0x1239,
        to: addr(&case["to"]),
        id: Some(node_id(PERSISTENT_NODE)),
        token: None,
        internal: false,
        command: command::FIND_PEER,
        target: Some([0x11; 32]),
        value: Some(&[0x0b, 0xad, 0xf0, 0x0d]),
    };
    assert_eq!(request.encode(), bytes);
    assert_eq!(Packet::decode(&bytes), Ok(Packet::Request(request)));
}

#[test]
fn responses_are_written_and_read() {
    let vectors = json(include_str!("vectors/B_dht_rpc.json"));
    for case in items(&vectors["replies"]) {
        let decoded = &case["decoded"];
        let value = optional(&decoded["value"], hex_of);
        let response = Response {
            tid: u16_of(&decoded["tid"]),
            to: addr(&decoded["to"]),
            id: optional(&decoded["from_id"], array),
            token: optional(&decoded["token"], array),
            closer_nodes: optional(&decoded["closerNodes"], addrs).unwrap_or_default(),
            error: number(&decoded["error"]),
            value: value.as_deref(),
        };
        let bytes = hex_of(&case["hex"]);
        assert_eq!(hex::encode(response.encode()), hex::encode(&bytes), "{case}");
        assert_eq!(Packet::decode(&bytes), Ok(Packet::Response(response)), "{case}");
        every_prefix_is_short(&bytes, |bytes| Packet::decode(bytes).map(|_| ()));
    }
}

#[test]
fn other_first_bytes_are_no_packets() {
    for first in (0..=255).filter(|byte| ![0x03, 0x13].contains(byte)) {
        assert_eq!(Packet::decode(&[first; 64]), Err(Malformed::UnknownValue));
    }
}

#[test]
fn numbers_are_the_references() {
    let vectors = json(include_str!("vectors/C_hyperdht_messages.json"));
    let commands = [
        ("PEER_HANDSHAKE", command::PEER_HANDSHAKE),
        ("PEER_HOLEPUNCH", command::PEER_HOLEPUNCH),
        ("FIND_PEER", command::FIND_PEER),
        ("LOOKUP", command::LOOKUP),
        ("ANNOUNCE", command::ANNOUNCE),
        ("UNANNOUNCE", command::UNANNOUNCE),
        ("MUTABLE_PUT", command::MUTABLE_PUT),
        ("MUTABLE_GET", command::MUTABLE_GET),
        ("IMMUTABLE_PUT", command::IMMUTABLE_PUT),
        ("IMMUTABLE_GET", command::IMMUTABLE_GET),
        ("PLUGIN", command::PLUGIN),
    ];
    let errors = [
        ("NONE", PayloadError::None.into()),
        ("ABORTED", PayloadError::Aborted.into()),
        ("VERSION_MISMATCH", PayloadError::VersionMismatch.into()),
        ("TRY_LATER", PayloadError::TryLater.into()),
        ("SEQ_REUSED", error_code::SEQ_REUSED),
        ("SEQ_TOO_LOW", error_code::SEQ_TOO_LOW),
    ];
    let firewalls = [
        ("UNKNOWN", Firewall::Unknown.into()),
        ("OPEN", Firewall::Open.into()),
        ("CONSISTENT", Firewall::Consistent.into()),
        ("RANDOM", Firewall::Random.into()),
    ];
    same_numbers(&vectors["commands"], &commands);
    same_numbers(&vectors["errors"], &errors);
    same_numbers(&vectors["firewall"], &firewalls);
}

#[test]
fn messages_are_written_and_read() {
    let vectors = json(include_str!("vectors/C_hyperdht_messages.json"));
    for case in items(&vectors["cases"]) {
        let value = &case["decoded"];
        match text(&case["type"]) {
            "handshake" => {
                message(case, handshake(value), Handshake::decode, Handshake::encode);
            }
            "holepunch" => {
                message(case, holepunch(value), Holepunch::decode, Holepunch::encode);
            }
            "noisePayload" if number(&value["version"]) != 1 => {
                let decoded = NoisePayload::decode(&hex_of(&case["hex"]));
                assert_eq!(decoded, Ok(noise_payload(value)));
            }
            "noisePayload" => {
                message(case, noise_payload(value), NoisePayload::decode, NoisePayload::encode);
            }
            "holepunchPayload" => {
                let payload = holepunch_payload(value);
                message(case, payload, HolepunchPayload::decode, HolepunchPayload::encode);
            }
            "peer" => message(case, peer(value), Peer::decode, Peer::encode),
            "lookupRawReply" => {
                let reply = lookup_reply(value);
                let bytes = hex_of(&case["hex"]);
                assert_eq!(hex::encode(reply.encode()), hex::encode(&bytes));
                assert_eq!(LookupReply::decode(&bytes), Ok(reply));

                let records: Vec<_> = items(&case["value"]["peers"]).iter().map(hex_of).collect();
                let bump = number(&case["value"]["bump"]);
                assert_eq!(LookupReply::encode_raw(&records, bump), bytes);
            }
            "announce" => message(case, announce(value), Announce::decode, Announce::encode),
            "mutableSignable" => {
                let bytes = hex_of(&case["hex"]);
                let content = hex_of(&value["value"]);
                let signable = MutableSignable { seq: number(&value["seq"]), value: &content };
                assert_eq!(signable.encode(), bytes);
                assert_eq!(MutableSignable::decode(&bytes), Ok(signable));
            }
            "mutablePutRequest" => {
                message(case, mutable_put(value), MutablePut::decode, MutablePut::encode);
            }
            "mutableGetResponse" => {
                let reply = mutable_get_reply(value);
                message(case, reply, MutableGetReply::decode, MutableGetReply::encode);
            }
            "pluginRequest" => {
                message(case, plugin_request(value), PluginRequest::decode, PluginRequest::encode);
            }
            other => panic!("unknown type {other}"),
        }
    }
}

#[test]
fn a_lookup_reply_without_bump_has_none() {
    let reply = LookupReply { peers: Vec::new(), bump: 0 };
    assert_eq!(LookupReply::decode(&[0]), Ok(reply));
}

#[test]
fn unknown_modes_are_refused() {
    let unknown = Err(Malformed::UnknownValue);
    assert_eq!(Handshake::decode(&[0, 5, 0]), unknown);
    assert_eq!(Holepunch::decode(&[0, 5, 0, 0]), Err(Malformed::UnknownValue));
}

#[test]
fn unknown_payload_numbers_are_kept() {
    let bytes = [0, 9, 7, 0];
    let payload = HolepunchPayload::decode(&bytes).unwrap();
    assert_eq!(payload.error, PayloadError::Other(9));
    assert_eq!(payload.firewall, Firewall::Other(7));
    assert_eq!(payload.encode(), bytes);
}

#[test]
fn peer_handshake_values_carry_the_noise_messages() {
    let vectors = json(include_str!("vectors/D_noise_ik.json"));
    let values = &vectors["peer_handshake_values"];
    let requester = Some(SocketAddrV4::new(Ipv4Addr::new(9, 9, 9, 9), 999));
    let server = Some(SocketAddrV4::new(Ipv4Addr::new(8, 8, 8, 8), 888));
    let cases = [
        ("FROM_CLIENT", Mode::FromClient, "message1", None),
        ("FROM_RELAY", Mode::FromRelay, "message1", requester),
        ("FROM_SERVER", Mode::FromServer, "message2", requester),
        ("REPLY_direct", Mode::Reply, "message2", None),
        ("REPLY_relayed", Mode::Reply, "message2", server),
    ];
    assert_eq!(values.as_object().unwrap().len(), cases.len());
    for (name, mode, noise, peer_address) in cases {
        let noise = hex_of(&vectors[noise]);
        let handshake = Handshake { mode, noise, peer_address, relay_address: None };
        let bytes = hex_of(&values[name]);
        assert_eq!(handshake.encode(), bytes, "{name}");
        assert_eq!(Handshake::decode(&bytes), Ok(handshake), "{name}");
    }

    for payload in ["payload1", "payload2"] {
        let bytes = hex_of(&vectors[payload]["hex"]);
        let mut value = vectors[payload]["value"].clone();
        value["version"] = 1.into();
        assert_eq!(noise_payload(&value).encode(), bytes, "{payload}");
        assert_eq!(NoisePayload::decode(&bytes), Ok(noise_payload(&value)), "{payload}");
    }

    let responder = hex_of(&vectors["keys"]["responder_static"]["publicKey"]);
    assert_eq!(hash(&[&responder]), array::<32>(&vectors["dht_target_of_responder"]));
    assert_eq!(ns::PEER_HANDSHAKE, array::<32>(&vectors["prologue"]));
}

#[test]
fn punch_payloads_are_written_and_read() {
    let vectors = json(include_str!("vectors/D_holepunch_payload.json"));
    for case in items(&vectors["payloads"]) {
        let payload = holepunch_payload(&case["payload"]);
        let bytes = hex_of(&case["plaintext"]);
        assert_eq!(hex::encode(payload.encode()), hex::encode(&bytes), "{case}");
        assert_eq!(HolepunchPayload::decode(&bytes), Ok(payload), "{case}");
    }
}

#[test]
fn namespaces_are_the_references() {
    let vectors = json(include_str!("vectors/C_hyperdht_signatures.json"));
    let dht = &vectors["namespaces_dht"];
    let stream = &vectors["namespaces_secret_stream"];
    let cases = [
        (dht, "ANNOUNCE", ns::ANNOUNCE),
        (dht, "UNANNOUNCE", ns::UNANNOUNCE),
        (dht, "MUTABLE_PUT", ns::MUTABLE_PUT),
        (dht, "PEER_HANDSHAKE", ns::PEER_HANDSHAKE),
        (dht, "PEER_HOLEPUNCH", ns::PEER_HOLEPUNCH),
        (dht, "PLUGIN", ns::PLUGIN),
        (stream, "INITIATOR", ns::INITIATOR),
        (stream, "RESPONDER", ns::RESPONDER),
        (stream, "SEND", ns::SEND),
    ];
    for (family, name, constant) in cases {
        assert_eq!(constant, array::<32>(&family[name]["hex"]), "{name}");
        let number = number(&family[name]["id"]) as u8;
        assert_eq!(constant, hash(&[&hash(&[text(&family["name"]).as_bytes()]), &[number]]));
    }
    for (family, names) in [(dht, 6), (stream, 3)] {
        assert_eq!(family.as_object().unwrap().len(), names + 2, "all names, and the family's");
        assert_eq!(hash(&[text(&family["name"]).as_bytes()]), array::<32>(&family["name_hash"]));
    }
}

#[test]
fn announces_are_signed_like_the_reference() {
    let vectors = json(include_str!("vectors/C_hyperdht_signatures.json"));
    let key = SigningKey::from_bytes(&array(&vectors["keypair"]["seed"]));
    assert_eq!(key.verifying_key().to_bytes(), array::<32>(&vectors["keypair"]["publicKey"]));
    assert_eq!(key.to_keypair_bytes(), array::<64>(&vectors["keypair"]["secretKey"]));
    for case in items(&vectors["announce"]) {
        let bytes = hex_of(&case["message"]);
        let message = Announce::decode(&bytes).unwrap();
        let namespace = match text(&case["name"]) {
            "unannounce" => ns::UNANNOUNCE,
            _ => ns::ANNOUNCE,
        };
        let signable = announce_signable(
            &namespace,
            &array(&case["target"]),
            &array(&case["node_id"]),
            &array(&case["token"]),
            &message.peer.as_ref().unwrap().encode(),
            message.refresh.as_ref(),
        );
        assert_eq!(signable, array::<64>(&case["signable"]), "{case}");
        assert_eq!(message.signature, Some(key.sign(&signable).to_bytes()), "{case}");

        let mut expected = announce(&case["announce"]);
        expected.signature = Some(array(&case["signature"]));
        assert_eq!(message, expected);
        assert_eq!(message.encode(), bytes);
    }
}

#[test]
fn mutable_records_are_signed_like_the_reference() {
    let vectors = json(include_str!("vectors/C_hyperdht_signatures.json"));
    let public_key = array(&vectors["keypair"]["publicKey"]);
    let key = SigningKey::from_bytes(&array(&vectors["keypair"]["seed"]));
    for case in items(&vectors["mutable"]) {
        let (seq, value) = (number(&case["seq"]), hex_of(&case["value"]));
        let signature = array(&case["signature"]);
        let signable = mutable_signable(seq, &value);
        assert_eq!(signable, array::<64>(&case["signable"]), "{case}");
        assert_eq!(signature, key.sign(&signable).to_bytes());
        assert_eq!(hash(&[&public_key]), array::<32>(&case["target"]));
        VerifyingKey::from_bytes(&public_key)
            .unwrap()
            .verify_strict(&signable, &Signature::from_bytes(&signature))
            .unwrap();

        let put = MutablePut { public_key, seq, value: value.clone(), signature };
        assert_eq!(put.encode(), hex_of(&case["put_request"]));
        assert_eq!(MutablePut::decode(&put.encode()), Ok(put));

        let reply = MutableGetReply { seq, value, signature };
        assert_eq!(reply.encode(), hex_of(&case["get_response"]));
        assert_eq!(MutableGetReply::decode(&reply.encode()), Ok(reply));
    }

    let immutable = &vectors["immutable"];
    assert_eq!(hash(&[&hex_of(&immutable["value"])]), array::<32>(&immutable["target"]));
}

#[test]
fn local_addresses_are_matched_like_the_reference() {
    let vectors = json(include_str!("vectors/D_nat_analysis.json"));
    let at = |hosts: &Value, port| -> Vec<_> {
        let host = |host| SocketAddrV4::new(text(host).parse().unwrap(), port);
        items(hosts).iter().map(host).collect()
    };
    for case in items(&vectors["match_address"]) {
        let (local, remote) = (at(&case["local"], 1), at(&case["remote"], 2));
        assert_eq!(match_address(&local, &remote), optional(&case["match"], addr), "{case}");
    }
}

#[test]
fn long_addresses_are_written_and_read() {
    let vectors = json(include_str!("vectors/G_addresses.json"));
    for case in items(&vectors["hyperdht_address"]) {
        let bytes = hex_of(&case["hex"]);
        let nodes = optional(&case["decoded_nodes"], addrs);
        let key = bytes.first_chunk().copied().unwrap();
        assert!(case["key"].is_null() || key == array::<32>(&case["key"]));
        assert_eq!(LongAddress::decode(&bytes), Ok(LongAddress { key, nodes: nodes.clone() }));
        if bytes.len() > 32 {
            assert_eq!(LongAddress { key, nodes }.encode(), bytes, "{case}");
        }
    }
    assert_eq!(LongAddress::decode(&[7; 31]), Err(Malformed::Short));
    assert_eq!(LongAddress::decode(&[1; 34]), Err(Malformed::Short));
}

#[test]
fn keys_are_written_and_read() {
    let vectors = json(include_str!("vectors/G_addresses.json"));
    for case in items(&vectors["ids"]) {
        let (key, z32, hex) = (array(&case["hex"]), text(&case["z32"]), text(&case["hex"]));
        assert_eq!(encode_key(&key), z32);
        assert_eq!(decode_key(z32), Ok(key));
        assert_eq!(decode_key(hex), Ok(key));
        assert_eq!(decode_key(&format!("pear://{z32}")), Ok(key));
        assert_eq!(decode_key(&format!("pear://{hex}/some/path")), Ok(key));
        assert_eq!(decode_key(&format!("{z32}/some/path")), Err(AddressError::InvalidKey));
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let vectors = json(include_str!("vectors/G_addresses.json"));
    for case in items(&vectors["invalid_ids"]) {
        let decoded = decode_key(text(&case["input"])).map_err(|error| error.to_string());
        let expected = match case["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(array(&case["ok"])),
        };
        assert_eq!(decoded, expected, "{case}");
    }
}

#[test]
fn bootstrap_strings_are_read() {
    let vectors = json(include_str!("vectors/G_addresses.json"));
    for case in items(&vectors["bootstrap"]) {
        let expected = BootstrapNode::Name {
            host: text(&case["fallback"]).to_owned(),
            port: u16_of(&case["port"]),
            suggested: Some(text(&case["suggested"]).parse().unwrap()),
        };
        assert_eq!(parse_bootstrap(text(&case["string"])), Ok(expected));
    }

    let address = SocketAddrV4::new(Ipv4Addr::new(1, 2, 3, 4), 5);
    assert_eq!(parse_bootstrap("1.2.3.4:5"), Ok(BootstrapNode::Address(address)));

    let name = BootstrapNode::Name { host: "example.org".into(), port: 5, suggested: None };
    assert_eq!(parse_bootstrap("example.org:5"), Ok(name.clone()));
    assert_eq!(parse_bootstrap("not an ip@example.org:5"), Ok(name));

    for text in ["", "example.org", "example.org:", "example.org:port", "example.org:65536"] {
        let error = parse_bootstrap(text).unwrap_err();
        assert_eq!(error.to_string(), "Bootstrap node format is host:port", "{text}");
    }
}

#[test]
fn addresses_have_their_class() {
    let vectors = json(include_str!("vectors/G_addresses.json"));
    for case in items(&vectors["bogon"]) {
        let host = text(&case["host"]).parse().unwrap();
        assert_eq!(is_bogon(host), case["bogon"], "{host}");
        assert_eq!(is_private(host), case["private"], "{host}");
        assert_eq!(is_reserved(host), case["reserved"], "{host}");
    }
}

/// Both directions, refusal of every prefix, and indifference to what follows.
fn message<T: Debug + PartialEq>(
    case: &Value,
    expected: T,
    decode: fn(&[u8]) -> Result<T, Malformed>,
    encode: fn(&T) -> Vec<u8>,
) {
    let mut bytes = hex_of(&case["hex"]);
    assert_eq!(hex::encode(encode(&expected)), hex::encode(&bytes), "{case}");
    assert_eq!(decode(&bytes).as_ref(), Ok(&expected), "{case}");
    every_prefix_is_short(&bytes, |bytes| decode(bytes).map(|_| ()));

    bytes.push(0xaa);
    assert_eq!(decode(&bytes), Ok(expected), "{case}");
}

fn every_prefix_is_short(bytes: &[u8], decode: impl Fn(&[u8]) -> Result<(), Malformed>) {
    for len in 0..bytes.len() {
        assert_eq!(decode(&bytes[..len]), Err(Malformed::Short), "{len} of {bytes:02x?}");
    }
}

fn primitive<'a, T: Copy + Debug + PartialEq>(
    bytes: &'a [u8],
    value: T,
    read: fn(&mut Reader<'a>) -> Result<T, Malformed>,
    write: fn(&mut Writer, T) -> &mut Writer,
) {
    let mut r = Reader::new(bytes);
    assert_eq!(read(&mut r), Ok(value));
    assert!(r.is_empty());
    let mut w = Writer::new();
    write(&mut w, value);
    assert_eq!(w.finish(), bytes);
}

fn primitive_bytes(bytes: &[u8], value: &[u8]) {
    let mut r = Reader::new(bytes);
    assert_eq!(r.buffer(), Ok(value));
    assert!(r.is_empty());
    let mut w = Writer::new();
    w.buffer(value);
    assert_eq!(w.finish(), bytes);
}

fn same_numbers(expected: &Value, actual: &[(&str, u64)]) {
    assert_eq!(expected.as_object().unwrap().len(), actual.len());
    for (name, value) in actual {
        assert_eq!(number(&expected[name]), *value, "{name}");
    }
}

fn handshake(value: &Value) -> Handshake {
    Handshake {
        mode: number(&value["mode"]).try_into().unwrap(),
        noise: hex_of(&value["noise"]),
        peer_address: optional(&value["peerAddress"], addr),
        relay_address: optional(&value["relayAddress"], addr),
    }
}

fn holepunch(value: &Value) -> Holepunch {
    Holepunch {
        mode: number(&value["mode"]).try_into().unwrap(),
        id: number(&value["id"]),
        payload: hex_of(&value["payload"]),
        peer_address: optional(&value["peerAddress"], addr),
    }
}

fn noise_payload(value: &Value) -> NoisePayload {
    let relay = |relay: &Value| Relay {
        relay_address: addr(&relay["relayAddress"]),
        peer_address: addr(&relay["peerAddress"]),
    };
    let info = |info: &Value| HolepunchInfo {
        id: number(&info["id"]),
        relays: items(&info["relays"]).iter().map(relay).collect(),
    };
    let udx = |udx: &Value| UdxInfo {
        features: if udx["reusableSocket"] == true { FEATURE_REUSABLE_SOCKET } else { 0 },
        id: number(&udx["id"]) as u32,
        seq: number(&udx["seq"]),
    };
    let relay_through = |through: &Value| RelayThrough {
        public_key: array(&through["publicKey"]),
        token: array(&through["token"]),
    };
    let addrs6 = |list: &Value| items(list).iter().map(addr6).collect();
    NoisePayload {
        version: number(&value["version"]),
        error: number(&value["error"]).into(),
        firewall: number(&value["firewall"]).into(),
        holepunch: optional(&value["holepunch"], info),
        addresses4: optional(&value["addresses4"], addrs).unwrap_or_default(),
        addresses6: optional(&value["addresses6"], addrs6).unwrap_or_default(),
        udx: optional(&value["udx"], udx),
        secret_stream: !value["secretStream"].is_null(),
        relay_through: optional(&value["relayThrough"], relay_through),
        relay_addresses: optional(&value["relayAddresses"], addrs).unwrap_or_default(),
    }
}

fn holepunch_payload(value: &Value) -> HolepunchPayload {
    HolepunchPayload {
        error: number(&value["error"]).into(),
        firewall: number(&value["firewall"]).into(),
        round: number(&value["round"]),
        connected: value["connected"].as_bool().unwrap(),
        punching: value["punching"].as_bool().unwrap(),
        addresses: optional(&value["addresses"], addrs),
        remote_address: optional(&value["remoteAddress"], addr),
        token: optional(&value["token"], array),
        remote_token: optional(&value["remoteToken"], array),
    }
}

fn peer(value: &Value) -> Peer {
    Peer {
        public_key: array(&value["publicKey"]),
        relay_addresses: addrs(&value["relayAddresses"]),
    }
}

fn lookup_reply(value: &Value) -> LookupReply {
    let peers = items(&value["peers"]).iter().map(peer).collect();
    LookupReply { peers, bump: number(&value["bump"]) }
}

fn announce(value: &Value) -> Announce {
    Announce {
        peer: optional(&value["peer"], peer),
        refresh: optional(&value["refresh"], array),
        signature: optional(&value["signature"], array),
        bump: number(&value["bump"]),
    }
}

fn mutable_put(value: &Value) -> MutablePut {
    MutablePut {
        public_key: array(&value["publicKey"]),
        seq: number(&value["seq"]),
        value: hex_of(&value["value"]),
        signature: array(&value["signature"]),
    }
}

fn mutable_get_reply(value: &Value) -> MutableGetReply {
    MutableGetReply {
        seq: number(&value["seq"]),
        value: hex_of(&value["value"]),
        signature: array(&value["signature"]),
    }
}

fn plugin_request(value: &Value) -> PluginRequest {
    PluginRequest {
        plugin: text(&value["plugin"]).to_owned(),
        version: number(&value["version"]),
        command: number(&value["command"]),
        value: optional(&value["value"], hex_of),
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn optional<T>(value: &Value, read: impl FnOnce(&Value) -> T) -> Option<T> {
    if value.is_null() { None } else { Some(read(value)) }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn u16_of(value: &Value) -> u16 {
    number(value).try_into().unwrap()
}

fn hex_of(value: &Value) -> Vec<u8> {
    hex::decode(text(value)).unwrap()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    hex_of(value).try_into().unwrap()
}

/// Either "host:port" or an object.
fn addr(value: &Value) -> SocketAddrV4 {
    match value.as_str() {
        Some(text) => text.parse().unwrap(),
        None => SocketAddrV4::new(text(&value["host"]).parse().unwrap(), u16_of(&value["port"])),
    }
}

fn addrs(value: &Value) -> Vec<SocketAddrV4> {
    items(value).iter().map(addr).collect()
}

fn addr6(value: &Value) -> SocketAddrV6 {
    SocketAddrV6::new(text(&value["host"]).parse().unwrap(), u16_of(&value["port"]), 0, 0)
}

/// The sender of the packets that carry an id.
const PERSISTENT_NODE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 5), 49737);
