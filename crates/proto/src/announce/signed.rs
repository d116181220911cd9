//! Signed requests. A signature is valid for one node and for the token that the node gave.

use std::net::SocketAddrV4;

use crate::Unsigned;
use crate::net::{Reply, RequestSpec};
use crate::noise::{KeyPair, PublicKey};
use crate::wire::{Announce, NodeId, Peer, Target, announce_signable, command, ns};

/// An ANNOUNCE or UNANNOUNCE to one node, without its signature. It names no relays: the relays of
/// a server are the nodes that store its record.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    to: SocketAddrV4,
    id: NodeId,
    token: [u8; 32],
    target: Target,
    announces: bool,
}

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
    let draft = Draft::new(target, reply, true)?;
    let signature = key_pair.sign(&draft.signable(&peer));
    Some(draft.request(peer, signature, bump))
}

/// UNANNOUNCE to the node that sent this reply; `None` if it gave no id or no token.
pub(crate) fn unannounce(key_pair: &KeyPair, target: Target, reply: &Reply) -> Option<RequestSpec> {
    Some(Draft::new(target, reply, false)?.signed_by(key_pair))
}

/// FIND_PEER to one node, which gives a fresh token.
pub(crate) fn find_peer(target: Target, to: SocketAddrV4) -> RequestSpec {
    RequestSpec::user(to, command::FIND_PEER, Some(target))
}

impl Draft {
    /// For the node that sent this reply; `None` if it gave no id or no token.
    pub(crate) fn new(target: Target, reply: &Reply, announces: bool) -> Option<Self> {
        let (id, token) = (reply.from_id?, reply.token?);
        Some(Self { to: reply.from, id, token, target, announces })
    }

    /// The node that the request is for.
    pub(crate) fn to(&self) -> SocketAddrV4 {
        self.to
    }

    /// What an external signer needs to sign the request.
    pub(crate) fn unsigned(&self) -> Unsigned {
        let Self { id: node, token, target, announces, .. } = *self;
        Unsigned { announces, target, token, node }
    }

    /// The request, signed with this key pair.
    pub(crate) fn signed_by(&self, key_pair: &KeyPair) -> RequestSpec {
        let peer = peer(key_pair.public());
        let signature = key_pair.sign(&self.signable(&peer));
        self.request(peer, signature, 0)
    }

    /// The request, with a signature that was made elsewhere.
    pub(crate) fn with(&self, public_key: PublicKey, signature: [u8; 64]) -> RequestSpec {
        self.request(peer(public_key), signature, 0)
    }

    fn signable(&self, peer: &Peer) -> [u8; 64] {
        let namespace = if self.announces { &ns::ANNOUNCE } else { &ns::UNANNOUNCE };
        announce_signable(namespace, &self.target, &self.id, &self.token, &peer.encode(), None)
    }

    fn request(&self, peer: Peer, signature: [u8; 64], bump: u64) -> RequestSpec {
        let announce =
            Announce { peer: Some(peer), refresh: None, signature: Some(signature), bump };
        RequestSpec {
            to_id: Some(self.id),
            command: if self.announces { command::ANNOUNCE } else { command::UNANNOUNCE },
            token: Some(self.token),
            value: Some(announce.encode().into()),
            ..find_peer(self.target, self.to)
        }
    }
}

fn peer(public_key: PublicKey) -> Peer {
    Peer { public_key, relay_addresses: Vec::new() }
}

/// The default of a single request: four tries, a second each.
pub(crate) const RETRIES: u32 = 3;
