//! How the vectors are read.

use super::*;

/// Both directions, refusal of every prefix, and indifference to what follows.
pub(super) fn message<T: Debug + PartialEq>(
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

pub(super) fn every_prefix_is_short(bytes: &[u8], decode: impl Fn(&[u8]) -> Result<(), Malformed>) {
    for len in 0..bytes.len() {
        assert_eq!(decode(&bytes[..len]), Err(Malformed::Short), "{len} of {bytes:02x?}");
    }
}

pub(super) fn primitive<'a, T: Copy + Debug + PartialEq>(
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

pub(super) fn primitive_bytes(bytes: &[u8], value: &[u8]) {
    let mut r = Reader::new(bytes);
    assert_eq!(r.buffer(), Ok(value));
    assert!(r.is_empty());
    let mut w = Writer::new();
    w.buffer(value);
    assert_eq!(w.finish(), bytes);
}

pub(super) fn same_numbers(expected: &Value, actual: &[(&str, u64)]) {
    assert_eq!(expected.as_object().unwrap().len(), actual.len());
    for (name, value) in actual {
        assert_eq!(number(&expected[name]), *value, "{name}");
    }
}

pub(super) fn handshake(value: &Value) -> Handshake {
    Handshake {
        mode: number(&value["mode"]).try_into().unwrap(),
        noise: hex_of(&value["noise"]),
        peer_address: optional(&value["peerAddress"], addr),
        relay_address: optional(&value["relayAddress"], addr),
    }
}

pub(super) fn holepunch(value: &Value) -> Holepunch {
    Holepunch {
        mode: number(&value["mode"]).try_into().unwrap(),
        id: number(&value["id"]),
        payload: hex_of(&value["payload"]),
        peer_address: optional(&value["peerAddress"], addr),
    }
}

pub(super) fn noise_payload(value: &Value) -> NoisePayload {
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

pub(super) fn holepunch_payload(value: &Value) -> HolepunchPayload {
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

pub(super) fn peer(value: &Value) -> Peer {
    Peer {
        public_key: array(&value["publicKey"]),
        relay_addresses: addrs(&value["relayAddresses"]),
    }
}

pub(super) fn lookup_reply(value: &Value) -> LookupReply {
    let peers = items(&value["peers"]).iter().map(peer).collect();
    LookupReply { peers, bump: number(&value["bump"]) }
}

pub(super) fn announce(value: &Value) -> Announce {
    Announce {
        peer: optional(&value["peer"], peer),
        refresh: optional(&value["refresh"], array),
        signature: optional(&value["signature"], array),
        bump: number(&value["bump"]),
    }
}

pub(super) fn mutable_put(value: &Value) -> MutablePut {
    MutablePut {
        public_key: array(&value["publicKey"]),
        seq: number(&value["seq"]),
        value: hex_of(&value["value"]),
        signature: array(&value["signature"]),
    }
}

pub(super) fn mutable_get_reply(value: &Value) -> MutableGetReply {
    MutableGetReply {
        seq: number(&value["seq"]),
        value: hex_of(&value["value"]),
        signature: array(&value["signature"]),
    }
}

pub(super) fn plugin_request(value: &Value) -> PluginRequest {
    PluginRequest {
        plugin: text(&value["plugin"]).to_owned(),
        version: number(&value["version"]),
        command: number(&value["command"]),
        value: optional(&value["value"], hex_of),
    }
}

pub(super) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

pub(super) fn items(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

pub(super) fn optional<T>(value: &Value, read: impl FnOnce(&Value) -> T) -> Option<T> {
    if value.is_null() { None } else { Some(read(value)) }
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub(super) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

pub(super) fn u16_of(value: &Value) -> u16 {
    number(value).try_into().unwrap()
}

pub(super) fn hex_of(value: &Value) -> Vec<u8> {
    hex::decode(text(value)).unwrap()
}

pub(super) fn array<const N: usize>(value: &Value) -> [u8; N] {
    hex_of(value).try_into().unwrap()
}

/// Either "host:port" or an object.
pub(super) fn addr(value: &Value) -> SocketAddrV4 {
    match value.as_str() {
        Some(text) => text.parse().unwrap(),
        None => SocketAddrV4::new(text(&value["host"]).parse().unwrap(), u16_of(&value["port"])),
    }
}

pub(super) fn addrs(value: &Value) -> Vec<SocketAddrV4> {
    items(value).iter().map(addr).collect()
}

pub(super) fn addr6(value: &Value) -> SocketAddrV6 {
    SocketAddrV6::new(text(&value["host"]).parse().unwrap(), u16_of(&value["port"]), 0, 0)
}

/// The sender of the packets that carry an id.
pub(super) const PERSISTENT_NODE: SocketAddrV4 =
    SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 5), 49737);
