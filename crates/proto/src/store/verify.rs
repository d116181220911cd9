//! Facts that only a signature makes.

use bytes::Bytes;

use crate::net::Incoming;
use crate::noise::{self, PublicKey};
use crate::wire::{Announce, NodeId, Peer, Target, announce_signable, hash, ns};

/// An announcement whose signature is right for us, for the token that we gave, and for the
/// record that it carries. Nothing else makes one.
#[derive(Debug)]
pub(super) struct VerifiedAnnounce {
    entry: Entry,
    refresh: Option<[u8; 32]>,
    bump: u64,
}

/// An unannouncement of the same quality.
#[derive(Debug)]
pub(super) struct VerifiedUnannounce {
    pub(super) target: Target,
    pub(super) public_key: PublicKey,
}

/// What is stored of an announcement.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) target: Target,
    pub(super) public_key: PublicKey,
    /// The encoded peer.
    pub(super) record: Bytes,
    /// The target is the hash of the key: the source forwards handshakes to its server.
    pub(super) announces_self: bool,
}

/// Why a request is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Something that it needs is missing.
    Incomplete,
    /// The signature is wrong.
    Signature,
}

impl VerifiedAnnounce {
    /// Checks the announcement of a request.
    pub(super) fn verify(
        incoming: &Incoming,
        announce: &Announce,
        id: &NodeId,
    ) -> Result<Self, Refused> {
        let (target, peer) = verify(incoming, announce, id, &ns::ANNOUNCE)?;
        let mut stored = peer.clone();
        // The signature covers all of them, so they are cut only here.
        stored.relay_addresses.truncate(MAX_RELAY_ADDRESSES);
        let entry = Entry {
            target,
            public_key: peer.public_key,
            record: stored.encode().into(),
            announces_self: hash(&[&peer.public_key]) == target,
        };
        Ok(Self { entry, refresh: announce.refresh, bump: announce.bump })
    }

    /// What to store, under which refresh token, and with which bump (Unix time in ms, 0 for
    /// none).
    pub(super) fn into_parts(self) -> (Entry, Option<[u8; 32]>, u64) {
        (self.entry, self.refresh, self.bump)
    }
}

impl VerifiedUnannounce {
    /// Checks the unannouncement of a request.
    pub(super) fn verify(
        incoming: &Incoming,
        announce: &Announce,
        id: &NodeId,
    ) -> Result<Self, Refused> {
        let (target, peer) = verify(incoming, announce, id, &ns::UNANNOUNCE)?;
        Ok(Self { target, public_key: peer.public_key })
    }
}

fn verify<'a>(
    incoming: &Incoming,
    announce: &'a Announce,
    id: &NodeId,
    namespace: &[u8; 32],
) -> Result<(Target, &'a Peer), Refused> {
    let (Some(target), Some(token)) = (incoming.target, incoming.token) else {
        return Err(Refused::Incomplete);
    };
    let (Some(peer), Some(signature)) = (&announce.peer, &announce.signature) else {
        return Err(Refused::Incomplete);
    };
    let refresh = announce.refresh.as_ref();
    let signable = announce_signable(namespace, &target, id, &token, &peer.encode(), refresh);
    if !noise::verify(&peer.public_key, &signable, signature) {
        return Err(Refused::Signature);
    }
    Ok((target, peer))
}

/// More relays than this are of no use to a client.
const MAX_RELAY_ADDRESSES: usize = 3;
