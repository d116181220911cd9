//! DELAYED_PINGs that are not yet due.
//!
//! A ping needs no token, so its source may be forged. Each source has a limited number of places.
//! When all places are taken, the source with the most pings loses its oldest one. An honest ping
//! is lost only if more sources than there are places send pings meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::Incoming;
use crate::sources::{Sources, Stamp};

/// The pending pings of a node.
#[derive(Debug)]
pub(super) struct DelayedPings {
    pending: BTreeMap<Stamp, Ping>,
    due: BTreeSet<(Instant, Stamp)>,
    sources: Sources,
    next: Stamp,
    max_delay: Duration,
}

#[derive(Debug)]
struct Ping {
    at: Instant,
    incoming: Incoming,
}

impl DelayedPings {
    /// An empty set. No ping may ask for a delay longer than `max_delay`.
    pub(super) fn new(max_delay: Duration) -> Self {
        Self {
            pending: BTreeMap::new(),
            due: BTreeSet::new(),
            sources: Sources::default(),
            next: 0,
            max_delay,
        }
    }

    /// True for a delay that this node accepts.
    pub(super) fn allows(&self, delay: Duration) -> bool {
        delay <= self.max_delay
    }

    /// Adds a ping. False if this ping was refused, or if another one was evicted.
    pub(super) fn insert(&mut self, at: Instant, incoming: Incoming) -> bool {
        let source = *incoming.from.ip();
        if self.sources.count(source) >= MAX_PER_SOURCE {
            return false;
        }
        let has_room = self.pending.len() < MAX_PENDING;
        if !has_room {
            let largest = self.sources.largest().and_then(|source| self.sources.oldest(source));
            largest.and_then(|stamp| self.take(stamp));
        }
        let stamp = self.next;
        self.next += 1;
        self.due.insert((at, stamp));
        self.sources.add(source, stamp);
        self.pending.insert(stamp, Ping { at, incoming });
        has_room
    }

    /// Takes the next ping that is due.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Incoming> {
        let (_, stamp) = *self.due.first().filter(|(at, _)| *at <= now)?;
        self.take(stamp)
    }

    /// When the next ping is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.max_delay);
    }

    fn take(&mut self, stamp: Stamp) -> Option<Incoming> {
        let Ping { at, incoming } = self.pending.remove(&stamp)?;
        self.due.remove(&(at, stamp));
        self.sources.remove(*incoming.from.ip(), stamp);
        Some(incoming)
    }
}

/// Pings of all sources. They take some 100 bytes each, which is little memory even if all places
/// are taken.
const MAX_PENDING: usize = 1024;

/// A sixteenth of the places for one source: far more than the few sockets of a node behind a NAT
/// need.
const MAX_PER_SOURCE: usize = MAX_PENDING / 16;
