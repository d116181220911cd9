//! Whole connections of the reference, as datagrams: each is understood, and encoded again to the
//! same bytes.
#![cfg(test)]

use proto::wire::{
    Announce, Handshake, Holepunch, LookupReply, NoisePayload, Packet, Peer, Request, command,
};
use serde_json::Value;

#[test]
fn connections_over_the_dht() {
    let file = vectors(include_str!("vectors/D_connect_transcripts.json"));
    let mut checked = 0;
    for run in array(&file["runs"]) {
        for phase in ["announce", "connect"] {
            for datagram in array(&run[phase]) {
                checked += usize::from(check(&bytes(&datagram["hex"])));
            }
        }
    }
    assert!(checked > 100, "{checked} datagrams");
}

#[test]
fn a_client_and_a_server_built_from_the_specification() {
    for file in [
        vectors(include_str!("vectors/D_raw_client_transcript.json")),
        vectors(include_str!("vectors/D_raw_server_transcript.json")),
    ] {
        let packets = array(&file["packets"]);
        assert!(packets.len() > 10);
        for packet in packets {
            assert!(check(&bytes(&packet["hex"])));
        }
    }
}

#[test]
fn the_payload_that_the_reference_server_sent() {
    let file = vectors(include_str!("vectors/D_raw_client_transcript.json"));
    let expected = bytes(&file["server_payload"]["hex"]);
    let payload = NoisePayload::decode(&expected).unwrap();
    assert_eq!(payload.udx.unwrap().id, file["server_udx_id"].as_u64().unwrap() as u32);
    assert_eq!(payload.encode(), expected);
}

/// False for what has no format: a probe of one byte.
fn check(datagram: &[u8]) -> bool {
    if datagram.len() == 1 {
        return false;
    }
    if udx::stream_id(datagram).is_some() {
        check_udx(datagram);
        return true;
    }
    match Packet::decode(datagram).unwrap() {
        Packet::Request(request) => {
            assert_eq!(request.encode(), datagram);
            check_value(&request);
        }
        Packet::Response(response) => assert_eq!(response.encode(), datagram),
    }
    true
}

fn check_udx(datagram: &[u8]) {
    let packet = udx::Packet::parse(datagram).unwrap();
    let mut encoded = Vec::new();
    packet.header.encode(&mut encoded);
    assert_eq!(encoded, datagram[..udx::HEADER_SIZE]);
}

fn check_value(request: &Request<'_>) {
    let Some(value) = request.value.filter(|_| !request.internal) else {
        return;
    };
    let encoded = match request.command {
        command::PEER_HANDSHAKE => Handshake::decode(value).unwrap().encode(),
        command::PEER_HOLEPUNCH => Holepunch::decode(value).unwrap().encode(),
        command::ANNOUNCE | command::UNANNOUNCE => Announce::decode(value).unwrap().encode(),
        command::FIND_PEER => Peer::decode(value).unwrap().encode(),
        command::LOOKUP => LookupReply::decode(value).unwrap().encode(),
        other => panic!("command {other}"),
    };
    assert_eq!(encoded, value);
}

fn vectors(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn bytes(hex: &Value) -> Vec<u8> {
    hex::decode(hex.as_str().unwrap()).unwrap()
}
