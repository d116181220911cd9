//! Hashes, node ids and targets.

use std::net::SocketAddrV4;

use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};

use super::Writer;

/// The id of a persistent node: the hash of its public address.
pub type NodeId = [u8; 32];

/// What a query is about: the hash of a key, a topic, a node id.
pub type Target = [u8; 32];

/// BLAKE2b with a 32-byte digest, unkeyed, over the parts without separators.
pub fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut state = Blake2b::<U32>::new();
    for part in parts {
        state.update(part);
    }
    state.finalize().into()
}

/// The id of the node at an address.
pub fn node_id(address: SocketAddrV4) -> NodeId {
    let mut w = Writer::new();
    w.addr4(address);
    hash(&[&w.finish()])
}
