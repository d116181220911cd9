//! A datagram of dht-rpc: what decodes survives a round trip.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::wire::Packet;

fuzz_target!(|data: &[u8]| {
    let Ok(packet) = Packet::decode(data) else { return };
    let again = match &packet {
        Packet::Request(request) => request.encode(),
        Packet::Response(response) => response.encode(),
    };
    assert_eq!(Packet::decode(&again), Ok(packet));
});
