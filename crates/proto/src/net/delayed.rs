//! DELAYED_PINGs that wait for their time.
//!
//! A ping needs no token, so its source may be forged. Each source has a few places, and when all
//! places are taken the source with the most gives up its oldest: an honest ping is answered unless
//! more sources than there are places send meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::Incoming;
use crate::sources::{Sources, Stamp};

/// The waiting pings of a node.
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
    /// No pings. None waits longer than `max_delay`.
    pub(super) fn new(max_delay: Duration) -> Self {
        Self {
            pending: BTreeMap::new(),
            due: BTreeSet::new(),
            sources: Sources::default(),
            next: 0,
            max_delay,
        }
    }

    /// True for a delay that this node is willing to wait.
    pub(super) fn allows(&self, delay: Duration) -> bool {
        delay <= self.max_delay
    }

    /// Keeps a ping. False if this ping, or one of another source, had to give way.
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

    /// Takes the next ping whose time has come.
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

/// At some 100 bytes each, little memory even when all places are taken.
const MAX_PENDING: usize = 1024;

/// A sixteenth of the places: far more than the few sockets of one node behind one NAT ask for.
const MAX_PER_SOURCE: usize = MAX_PENDING / 16;
