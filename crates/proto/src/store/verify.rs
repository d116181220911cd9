//! Verified requests. A successful verification returns one of these types.

use bytes::Bytes;

use crate::net::Incoming;
use crate::noise::{self, PublicKey};
use crate::wire::{
    Announce, MutableGetReply, MutablePut, NodeId, Peer, Target, announce_signable, hash,
    mutable_signable, ns,
};

/// An announcement with a valid signature, which covers our id, the token that we gave, and the
/// record.
#[derive(Debug)]
pub(super) struct VerifiedAnnounce {
    entry: AnnouncedRecord,
    refresh: Option<[u8; 32]>,
    bump: u64,
}

/// An unannouncement with a valid signature, which covers the same.
#[derive(Debug)]
pub(super) struct VerifiedUnannounce {
    pub(super) target: Target,
    pub(super) public_key: PublicKey,
}

/// A mutable record that its owner signed. The target is the hash of the owner's key, and the
/// request had a valid token.
#[derive(Debug)]
pub(super) struct VerifiedMutable {
    pub(super) target: Target,
    pub(super) record: MutableGetReply,
}

/// An immutable record. The target is its hash, and the request had a valid token.
#[derive(Debug)]
pub(super) struct VerifiedImmutable {
    pub(super) target: Target,
    pub(super) value: Bytes,
}

/// The stored part of an announcement.
#[derive(Clone, Debug)]
pub(super) struct AnnouncedRecord {
    pub(super) target: Target,
    pub(super) public_key: PublicKey,
    /// The encoded peer.
    pub(super) record: Bytes,
    /// True if the target is the hash of the key. Handshakes for the server are then forwarded to
    /// the source of the announcement.
    pub(super) announces_self: bool,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoreRefusal {
    /// A required part is missing or malformed, or the record is too long.
    Incomplete,
    /// The signature is wrong.
    Signature,
    /// The target is not the required hash.
    Target,
}

impl VerifiedAnnounce {
    /// Checks the announcement of a request.
    pub(super) fn verify(
        incoming: &Incoming,
        announce: &Announce,
        id: &NodeId,
    ) -> Result<Self, StoreRefusal> {
        let (target, peer) = verify(incoming, announce, id, &ns::ANNOUNCE)?;
        let mut stored = peer.clone();
        // The signature covers all relay addresses, so they are truncated only after the check.
        stored.relay_addresses.truncate(MAX_RELAY_ADDRESSES);
        let entry = AnnouncedRecord {
            target,
            public_key: peer.public_key,
            record: stored.encode().into(),
            announces_self: hash(&[&peer.public_key]) == target,
        };
        Ok(Self { entry, refresh: announce.refresh, bump: announce.bump })
    }

    /// The record to store, its refresh token, and its bump (Unix time in ms, 0 for none).
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
    ) -> Result<Self, StoreRefusal> {
        let (target, peer) = verify(incoming, announce, id, &ns::UNANNOUNCE)?;
        Ok(Self { target, public_key: peer.public_key })
    }
}

impl VerifiedMutable {
    /// Checks the record of a request.
    pub(super) fn verify(incoming: &Incoming) -> Result<Self, StoreRefusal> {
        let (target, value) = record(incoming)?;
        let put = MutablePut::decode(value).map_err(|_| StoreRefusal::Incomplete)?;
        if hash(&[&put.public_key]) != target {
            return Err(StoreRefusal::Target);
        }
        let signable = mutable_signable(put.seq, &put.value);
        if !noise::verify(&put.public_key, &signable, &put.signature) {
            return Err(StoreRefusal::Signature);
        }
        let MutablePut { seq, value, signature, .. } = put;
        Ok(Self { target, record: MutableGetReply { seq, value, signature } })
    }
}

impl VerifiedImmutable {
    /// Checks the record of a request.
    pub(super) fn verify(incoming: &Incoming) -> Result<Self, StoreRefusal> {
        let (target, value) = record(incoming)?;
        if hash(&[value]) != target {
            return Err(StoreRefusal::Target);
        }
        Ok(Self { target, value: value.clone() })
    }
}

/// The target and the record of a request to store a value.
fn record(incoming: &Incoming) -> Result<(Target, &Bytes), StoreRefusal> {
    let (Some(target), Some(_), Some(value)) = (incoming.target, incoming.token, &incoming.value)
    else {
        return Err(StoreRefusal::Incomplete);
    };
    if value.len() > MAX_RECORD {
        return Err(StoreRefusal::Incomplete);
    }
    Ok((target, value))
}

fn verify<'a>(
    incoming: &Incoming,
    announce: &'a Announce,
    id: &NodeId,
    namespace: &[u8; 32],
) -> Result<(Target, &'a Peer), StoreRefusal> {
    let (Some(target), Some(token)) = (incoming.target, incoming.token) else {
        return Err(StoreRefusal::Incomplete);
    };
    let (Some(peer), Some(signature)) = (&announce.peer, &announce.signature) else {
        return Err(StoreRefusal::Incomplete);
    };
    let refresh = announce.refresh.as_ref();
    let signable = announce_signable(namespace, &target, id, &token, &peer.encode(), refresh);
    if !noise::verify(&peer.public_key, &signable, signature) {
        return Err(StoreRefusal::Signature);
    }
    Ok((target, peer))
}

/// The maximum number of stored relays. A client does not need more.
const MAX_RELAY_ADDRESSES: usize = 3;

/// The longest record. The reference receives at most 2048 bytes of a datagram, and a put takes 78
/// bytes beside its record. So nodes of the reference never store longer records, and its clients
/// never read them.
const MAX_RECORD: usize = 2048 - 78;
