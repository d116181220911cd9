//! Signed requests: each is good for one node and for the token that it gave.

use std::net::SocketAddrV4;

use crate::net::{Reply, RequestSpec};
use crate::noise::KeyPair;
use crate::wire::{Announce, Peer, Target, announce_signable, command, ns};

/// ANNOUNCE to the node that sent this reply; `None` if it gave no id or no token.
/// `bump` is Unix time in milliseconds, 0 for none.
pub(crate) fn announce(
    key_pair: &KeyPair,
    target: Target,
    reply: &Reply,
    relay_addresses: Vec<SocketAddrV4>,
    bump: u64,
) -> Option<RequestSpec> {
    let peer = Peer { public_key: key_pair.public(), relay_addresses };
    signed(key_pair, target, reply, command::ANNOUNCE, &ns::ANNOUNCE, peer, bump)
}

/// UNANNOUNCE to the node that sent this reply; `None` if it gave no id or no token.
pub(crate) fn unannounce(key_pair: &KeyPair, target: Target, reply: &Reply) -> Option<RequestSpec> {
    let peer = Peer { public_key: key_pair.public(), relay_addresses: Vec::new() };
    signed(key_pair, target, reply, command::UNANNOUNCE, &ns::UNANNOUNCE, peer, 0)
}

/// FIND_PEER to one node: the way to a fresh token.
pub(crate) fn find_peer(target: Target, to: SocketAddrV4) -> RequestSpec {
    RequestSpec::user(to, command::FIND_PEER, Some(target))
}

fn signed(
    key_pair: &KeyPair,
    target: Target,
    reply: &Reply,
    command: u64,
    namespace: &[u8; 32],
    peer: Peer,
    bump: u64,
) -> Option<RequestSpec> {
    let (id, token) = (reply.from_id?, reply.token?);
    let signable = announce_signable(namespace, &target, &id, &token, &peer.encode(), None);
    let signature = Some(key_pair.sign(&signable));
    let announce = Announce { peer: Some(peer), refresh: None, signature, bump };
    Some(RequestSpec {
        to_id: Some(id),
        command,
        token: Some(token),
        value: Some(announce.encode().into()),
        ..find_peer(target, reply.from)
    })
}

/// The default of a single request: four tries, a second each.
pub(crate) const RETRIES: u32 = 3;
