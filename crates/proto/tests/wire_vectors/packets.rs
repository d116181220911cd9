//! Primitives, ids, tokens and packets.

use super::*;

#[test]
fn primitives_are_written_and_read() {
    let vectors = json(include_str!("../vectors/A_compact_encoding.json"));
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
    let vectors = json(include_str!("../vectors/A_compact_encoding.json"));
    for case in items(&vectors["non_minimal_uint_accepted"]) {
        let bytes = hex_of(&case["hex"]);
        assert_eq!(Reader::new(&bytes).uint(), Ok(number(&case["decodes_to"])));
    }
}

#[test]
fn broken_primitives_are_refused() {
    let vectors = json(include_str!("../vectors/A_compact_encoding.json"));
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
    let vectors = json(include_str!("../vectors/B_dht_rpc.json"));
    for case in items(&vectors["node_ids"]) {
        let address = addr(case);
        assert_eq!(hash(&[&hex_of(&case["preimage"])]), array(&case["id"]));
        assert_eq!(node_id(address), array::<32>(&case["id"]), "{address}");
    }
}

#[test]
fn tokens_are_keyed_hashes_of_hosts() {
    let rpc = json(include_str!("../vectors/B_dht_rpc.json"));
    for case in items(&rpc["tokens"]) {
        let host = text(&case["host"]).parse().unwrap();
        assert_eq!(token(host, &array(&case["secret"])), array::<32>(&case["token"]));
    }

    let punch = json(include_str!("../vectors/D_holepunch_payload.json"));
    for case in items(&punch["tokens"]) {
        let host = text(&case["host"]).parse().unwrap();
        assert_eq!(token(host, &array(&case["local_secret"])), array::<32>(&case["token"]));
    }

    let rotation = &rpc["secret_rotation"];
    assert_eq!(hash(&[&hex_of(&rotation["before"][0])]), array::<32>(&rotation["after"][1]));
}

#[test]
fn requests_are_written_and_read() {
    let vectors = json(include_str!("../vectors/B_dht_rpc.json"));
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
    let vectors = json(include_str!("../vectors/B_dht_rpc.json"));
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
    let vectors = json(include_str!("../vectors/B_dht_rpc.json"));
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
