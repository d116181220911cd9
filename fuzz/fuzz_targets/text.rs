//! Keys and addresses as people type them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proto::wire::{LongAddress, decode_key, encode_key, parse_bootstrap};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let _ = parse_bootstrap(&text);
    if let Ok(key) = decode_key(&text) {
        assert_eq!(decode_key(&encode_key(&key)), Ok(key));
    }
    if let Ok(address) = LongAddress::decode(data) {
        assert_eq!(LongAddress::decode(&address.encode()), Ok(address));
    }
});
