//! Hashes, node ids and targets.

use std::net::{Ipv4Addr, SocketAddrV4};

use blake2::digest::consts::U32;
use blake2::digest::{KeyInit, Mac};
use blake2::{Blake2b, Blake2bMac, Digest};

/// The id of a persistent node: the hash of its public address.
pub type NodeId = [u8; 32];

/// An Ed25519 public key: a compressed Edwards point.
pub type PublicKey = [u8; 32];

/// The target of a query: the hash of a public key, a topic, or a node id.
pub type Target = [u8; 32];

/// BLAKE2b with a 32-byte digest, unkeyed, over the parts without separators.
pub fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut state = Blake2b::<U32>::new();
    for part in parts {
        Digest::update(&mut state, part);
    }
    Digest::finalize(state).into()
}

/// BLAKE2b with a 32-byte digest and a key, over the parts without separators.
///
/// # Panics
///
/// If the key is longer than 64 bytes.
pub fn keyed_hash(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut state =
        <Blake2bMac<U32> as KeyInit>::new_from_slice(key).expect("a key of at most 64 bytes");
    for part in parts {
        state.update(part);
    }
    state.finalize().into_bytes().into()
}

/// The token of a host, which the reference calls the address token. A peer that returns it proves
/// that it receives packets on that host.
pub fn token(host: Ipv4Addr, secret: &[u8; 32]) -> [u8; 32] {
    keyed_hash(secret, &[host.to_string().as_bytes()])
}

/// The id of the node at an address.
pub fn node_id(address: SocketAddrV4) -> NodeId {
    hash(&[&address.ip().octets(), &address.port().to_le_bytes()])
}
