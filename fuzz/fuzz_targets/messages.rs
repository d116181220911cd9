//! Every decoder of a message or payload: what decodes survives a round trip.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use proto::wire::*;

fuzz_target!(|data: &[u8]| {
    let Some((which, bytes)) = data.split_first() else { return };
    match which % 15 {
        0 => stable(bytes, Peer::decode, Peer::encode),
        1 => stable(bytes, Handshake::decode, Handshake::encode),
        2 => stable(bytes, Holepunch::decode, Holepunch::encode),
        3 => stable(bytes, Announce::decode, Announce::encode),
        4 => stable(bytes, LookupReply::decode, LookupReply::encode),
        5 => stable(bytes, MutablePut::decode, MutablePut::encode),
        6 => stable(bytes, MutableGetReply::decode, MutableGetReply::encode),
        7 => stable(bytes, PluginRequest::decode, PluginRequest::encode),
        8 => stable(bytes, NoisePayload::decode, NoisePayload::encode),
        9 => stable(bytes, HolepunchPayload::decode, HolepunchPayload::encode),
        10 => stable(bytes, LongAddress::decode, LongAddress::encode),
        11 => stable(bytes, RelayPair::decode, RelayPair::encode),
        12 => stable(bytes, RelayUnpair::decode, RelayUnpair::encode),
        13 => MuxFrame::read_all(bytes).for_each(|frame| {
            let Ok(frame) = frame else { return };
            let again = frame.encode();
            assert_eq!(MuxFrame::read_all(&again).collect::<Vec<_>>(), [Ok(frame)]);
        }),
        _ => {
            let Ok(signable) = MutableSignable::decode(bytes) else { return };
            assert_eq!(MutableSignable::decode(&signable.encode()), Ok(signable));
        }
    }
});

fn stable<T: Debug + PartialEq>(
    bytes: &[u8],
    decode: fn(&[u8]) -> Result<T, Malformed>,
    encode: fn(&T) -> Vec<u8>,
) {
    let Ok(value) = decode(bytes) else { return };
    assert_eq!(decode(&encode(&value)).as_ref(), Ok(&value));
}
