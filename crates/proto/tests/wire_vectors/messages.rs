//! Numbers, messages and payloads.

use super::*;

#[test]
fn numbers_are_the_references() {
    let vectors = json(include_str!("../vectors/C_hyperdht_messages.json"));
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
    let vectors = json(include_str!("../vectors/C_hyperdht_messages.json"));
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
    let vectors = json(include_str!("../vectors/D_noise_ik.json"));
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
    let vectors = json(include_str!("../vectors/D_holepunch_payload.json"));
    for case in items(&vectors["payloads"]) {
        let payload = holepunch_payload(&case["payload"]);
        let bytes = hex_of(&case["plaintext"]);
        assert_eq!(hex::encode(payload.encode()), hex::encode(&bytes), "{case}");
        assert_eq!(HolepunchPayload::decode(&bytes), Ok(payload), "{case}");
    }
}
