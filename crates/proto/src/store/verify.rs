//! Facts that only a signature makes.

use bytes::Bytes;

use crate::net::Incoming;
use crate::noise::{self, PublicKey};
use crate::wire::{
    Announce, MutableGetReply, MutablePut, NodeId, Peer, Target, announce_signable, hash,
    mutable_signable, ns,
};

/// An announcement whose signature is right for us, for the token that we gave, and for the
/// record that it carries. Nothing else makes one.
#[derive(Debug)]
pub(super) struct VerifiedAnnounce {
    entry: AnnouncedRecord,
    refresh: Option<[u8; 32]>,
    bump: u64,
}

/// An unannouncement of the same quality.
#[derive(Debug)]
pub(super) struct VerifiedUnannounce {
    pub(super) target: Target,
    pub(super) public_key: PublicKey,
}

/// A mutable record that its owner signed, under the target of the owner's key, from a node that
/// receives at its address.
#[derive(Debug)]
pub(super) struct VerifiedMutable {
    pub(super) target: Target,
    pub(super) record: MutableGetReply,
}

/// An immutable record under its own hash, from a node that receives at its address.
#[derive(Debug)]
pub(super) struct VerifiedImmutable {
    pub(super) target: Target,
    pub(super) value: Bytes,
}

/// What is stored of an announcement.
#[derive(Clone, Debug)]
pub(super) struct AnnouncedRecord {
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
    /// The target is not the hash that it has to be.
    Target,
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
        let entry = AnnouncedRecord {
            target,
            public_key: peer.public_key,
            record: stored.encode().into(),
            announces_self: hash(&[&peer.public_key]) == target,
        };
        Ok(Self { entry, refresh: announce.refresh, bump: announce.bump })
    }

    /// What to store, under which refresh token, and with which bump (Unix time in ms, 0 for
    /// none).
    pub(super) fn into_parts(self) -> (AnnouncedRecord, Option<[u8; 32]>, u64) {
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

impl VerifiedMutable {
    /// Checks the record of a request.
    pub(super) fn verify(incoming: &Incoming) -> Result<Self, Refused> {
        let (target, value) = record(incoming)?;
        let put = MutablePut::decode(value).map_err(|_| Refused::Incomplete)?;
        if hash(&[&put.public_key]) != target {
            return Err(Refused::Target);
        }
        let signable = mutable_signable(put.seq, &put.value);
        if !noise::verify(&put.public_key, &signable, &put.signature) {
            return Err(Refused::Signature);
        }
        let MutablePut { seq, value, signature, .. } = put;
        Ok(Self { target, record: MutableGetReply { seq, value, signature } })
    }
}

impl VerifiedImmutable {
    /// Checks the record of a request.
    pub(super) fn verify(incoming: &Incoming) -> Result<Self, Refused> {
        let (target, value) = record(incoming)?;
        if hash(&[value]) != target {
            return Err(Refused::Target);
        }
        Ok(Self { target, value: value.clone() })
    }
}

/// The record that a request wants to be kept, and under which target.
fn record(incoming: &Incoming) -> Result<(Target, &Bytes), Refused> {
    let (Some(target), Some(_), Some(value)) = (incoming.target, incoming.token, &incoming.value)
    else {
        return Err(Refused::Incomplete);
    };
    if value.len() > MAX_RECORD {
        return Err(Refused::Incomplete);
    }
    Ok((target, value))
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

/// The reference receives at most 2048 bytes of a datagram, 78 of which are a put around its
/// record: its nodes never store, and its clients never read, what is longer.
const MAX_RECORD: usize = 2048 - 78;
