//! What is signed, keys, and addresses.

use super::*;

#[test]
fn namespaces_are_the_references() {
    let vectors = json(include_str!("../vectors/C_hyperdht_signatures.json"));
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
    let vectors = json(include_str!("../vectors/C_hyperdht_signatures.json"));
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
    let vectors = json(include_str!("../vectors/C_hyperdht_signatures.json"));
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
    let vectors = json(include_str!("../vectors/D_nat_analysis.json"));
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
    let vectors = json(include_str!("../vectors/G_addresses.json"));
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
    let vectors = json(include_str!("../vectors/G_addresses.json"));
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
    let vectors = json(include_str!("../vectors/G_addresses.json"));
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
    let vectors = json(include_str!("../vectors/G_addresses.json"));
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
    let vectors = json(include_str!("../vectors/G_addresses.json"));
    for case in items(&vectors["bogon"]) {
        let host = text(&case["host"]).parse().unwrap();
        assert_eq!(is_bogon(host), case["bogon"], "{host}");
        assert_eq!(is_private(host), case["private"], "{host}");
        assert_eq!(is_reserved(host), case["reserved"], "{host}");
    }
}
