//! The values that a node stores for clients: immutable ones under their hash, mutable ones under
//! the hash of the key that signs them.
//!
//! Reference: hyperdht 6.34.0, lib/persistent.js, onmutableput to onimmutableget.

use std::net::Ipv4Addr;

use bytes::Bytes;

use super::verify::{VerifiedImmutable, VerifiedMutable};
use crate::cache::{Cache, Limits};
use crate::wire::{MutableGetReply, Target};

/// Bounded, ageing values.
#[derive(Debug)]
pub(super) struct Values {
    mutables: Cache<Target, Mutable>,
    immutables: Cache<Target, Bytes>,
}

/// Why a mutable value does not replace the stored one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outdated {
    /// The stored value has the same `seq`, but other content.
    SeqReused,
    /// The stored value has a higher `seq`.
    SeqTooLow,
}

#[derive(Debug)]
struct Mutable {
    seq: u64,
    /// The encoded `MutableGetReply`.
    reply: Bytes,
}

impl Values {
    /// No values.
    pub(super) fn new(limits: Limits) -> Self {
        Self { mutables: Cache::new(limits), immutables: Cache::new(limits) }
    }

    /// Stores a value, which may replace an earlier one of the same key. True if another entry was
    /// evicted.
    pub(super) fn put_mutable(
        &mut self,
        put: &VerifiedMutable,
        source: Ipv4Addr,
    ) -> Result<bool, Outdated> {
        let VerifiedMutable { target, record } = put;
        if let Some(known) = self.mutables.get(target) {
            if record.seq < known.seq {
                return Err(Outdated::SeqTooLow);
            }
            if record.seq == known.seq && !known.has(&record.value) {
                return Err(Outdated::SeqReused);
            }
        }
        let mutable = Mutable { seq: record.seq, reply: record.encode().into() };
        Ok(self.mutables.insert(*target, mutable, source).is_some())
    }

    /// The encoded `MutableGetReply`, if its `seq` is at least `least_seq`.
    pub(super) fn mutable(&mut self, target: &Target, least_seq: u64) -> Option<Bytes> {
        let known = self.mutables.get(target)?;
        (known.seq >= least_seq).then(|| known.reply.clone())
    }

    /// Stores a value. True if another entry was evicted.
    pub(super) fn put_immutable(&mut self, put: VerifiedImmutable, source: Ipv4Addr) -> bool {
        let VerifiedImmutable { target, value } = put;
        self.immutables.insert(target, value, source).is_some()
    }

    /// The value with this hash.
    pub(super) fn immutable(&mut self, target: &Target) -> Option<Bytes> {
        self.immutables.get(target).cloned()
    }

    /// Ages all values by one generation.
    pub(super) fn age(&mut self) {
        self.mutables.age();
        self.immutables.age();
    }

    /// How many mutable and how many immutable values there are.
    pub(super) fn len(&self) -> (usize, usize) {
        (self.mutables.len(), self.immutables.len())
    }
}

impl Mutable {
    fn has(&self, value: &[u8]) -> bool {
        MutableGetReply::decode(&self.reply).is_ok_and(|known| known.value == value)
    }
}
