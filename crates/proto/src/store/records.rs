//! The records of topics: many public keys under one target, in two generations.
//!
//! Reference: record-cache 1.2, index.js.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use bytes::Bytes;

use super::cache::{Limits, OverBudget, Sources};
use crate::Rng;
use crate::noise::PublicKey;
use crate::wire::Target;

/// Bounded, ageing lists of records.
#[derive(Debug)]
pub(super) struct Records {
    fresh: Shelf,
    stale: Shelf,
    limits: Limits,
    rotated_early: bool,
}

/// One record: the encoded peer, and who brought it.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) public_key: PublicKey,
    pub(super) bytes: Bytes,
    pub(super) source: Ipv4Addr,
}

impl Records {
    /// No records.
    pub(super) fn new(limits: Limits) -> Self {
        Self { fresh: Shelf::default(), stale: Shelf::default(), limits, rotated_early: false }
    }

    /// Adds a record, unless a fresh one of the same key exists or the source has used up its
    /// share.
    pub(super) fn add(&mut self, target: Target, record: Record) -> Result<(), OverBudget> {
        if self.fresh.contains(&target, &record.public_key) {
            return Ok(());
        }
        if self.fresh.sources.count(record.source) >= self.limits.per_source {
            return Err(OverBudget);
        }
        self.stale.remove(&target, &record.public_key);
        self.fresh.add(target, record);
        if self.fresh.len > self.limits.size {
            self.rotate();
            self.rotated_early = true;
        }
        Ok(())
    }

    /// Removes the record of a key.
    pub(super) fn remove(&mut self, target: &Target, public_key: &PublicKey) {
        self.fresh.remove(target, public_key);
        self.stale.remove(target, public_key);
    }

    /// Up to `limit` records of a target, each with the same chance.
    pub(super) fn sample(&self, target: &Target, limit: usize, rng: &mut Rng) -> Vec<Bytes> {
        let (fresh, stale) = (self.fresh.list(target), self.stale.list(target));
        let total = fresh.len() + stale.len();
        let record = |at: usize| fresh.get(at).or_else(|| stale.get(at - fresh.len()));
        choose(total, limit, rng)
            .into_iter()
            .filter_map(|at| record(at).map(|record| record.bytes.clone()))
            .collect()
    }

    /// Ages all records by one generation; not if a lack of room has just done so.
    pub(super) fn age(&mut self) {
        if !self.rotated_early {
            self.rotate();
        }
        self.rotated_early = false;
    }

    /// How many records there are.
    pub(super) fn len(&self) -> usize {
        self.fresh.len + self.stale.len
    }

    fn rotate(&mut self) {
        self.stale = std::mem::take(&mut self.fresh);
    }
}

/// One generation.
#[derive(Debug, Default)]
struct Shelf {
    sets: HashMap<Target, Set>,
    len: usize,
    sources: Sources,
}

/// The records of one target: a list to draw from, and where each key lies in it.
#[derive(Debug, Default)]
struct Set {
    list: Vec<Record>,
    places: HashMap<PublicKey, usize>,
}

impl Shelf {
    fn list(&self, target: &Target) -> &[Record] {
        self.sets.get(target).map_or(&[], |set| &set.list)
    }

    fn contains(&self, target: &Target, public_key: &PublicKey) -> bool {
        self.sets.get(target).is_some_and(|set| set.places.contains_key(public_key))
    }

    fn add(&mut self, target: Target, record: Record) {
        self.sources.add(record.source);
        self.len += 1;
        let set = self.sets.entry(target).or_default();
        set.places.insert(record.public_key, set.list.len());
        set.list.push(record);
    }

    fn remove(&mut self, target: &Target, public_key: &PublicKey) {
        let Some(set) = self.sets.get_mut(target) else {
            return;
        };
        let Some(record) = set.remove(public_key) else {
            return;
        };
        if set.list.is_empty() {
            self.sets.remove(target);
        }
        self.sources.remove(record.source);
        self.len -= 1;
    }
}

impl Set {
    fn remove(&mut self, public_key: &PublicKey) -> Option<Record> {
        let place = self.places.remove(public_key)?;
        let record = self.list.swap_remove(place);
        if let Some(moved) = self.list.get(place) {
            self.places.insert(moved.public_key, place);
        }
        Some(record)
    }
}

/// `limit` different numbers below `total`, or all of them (Floyd's algorithm).
fn choose(total: usize, limit: usize, rng: &mut Rng) -> Vec<usize> {
    let mut chosen = Vec::with_capacity(limit.min(total));
    for last in total.saturating_sub(limit)..total {
        let drawn = rng.below(last as u64 + 1) as usize;
        chosen.push(if chosen.contains(&drawn) { last } else { drawn });
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_no_doubles_and_is_not_always_the_same() {
        let mut records = records(100, 100);
        for key in 0..50 {
            records.add(TOPIC, record(key)).unwrap();
            if key == 25 {
                records.age();
            }
        }

        let mut rng = Rng::from_seed([1; 32]);
        let (one, other) =
            (records.sample(&TOPIC, 20, &mut rng), records.sample(&TOPIC, 20, &mut rng));

        let mut distinct = one.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), 20);
        assert_ne!(one, other);
        assert_eq!(records.sample(&TOPIC, 100, &mut rng).len(), 50);
    }

    #[test]
    fn a_fresh_record_stays_and_a_stale_one_is_replaced() {
        let mut records = records(100, 100);
        let newer = Record { bytes: Bytes::from_static(b"newer"), ..record(1) };
        records.add(TOPIC, record(1)).unwrap();

        records.add(TOPIC, newer.clone()).unwrap();
        assert_eq!(all(&records), [record(1).bytes]);
        records.age();
        records.add(TOPIC, newer.clone()).unwrap();
        assert_eq!(all(&records), [newer.bytes]);
    }

    #[test]
    fn removal_keeps_the_places_of_the_others() {
        let mut records = records(100, 100);
        for key in 0..4 {
            records.add(TOPIC, record(key)).unwrap();
        }

        for key in [0, 3, 1] {
            records.remove(&TOPIC, &[key; 32]);
        }

        assert_eq!(all(&records), [record(2).bytes]);
        records.remove(&TOPIC, &[2; 32]);
        assert_eq!(records.len(), 0);
    }

    #[test]
    fn one_source_has_a_share() {
        let mut records = records(100, 2);
        records.add(TOPIC, record(1)).unwrap();
        records.add([8; 32], record(1)).unwrap();

        assert_eq!(records.add([9; 32], record(1)), Err(OverBudget));
        let other = Record { source: Ipv4Addr::new(192, 0, 2, 2), ..record(1) };
        assert_eq!(records.add([9; 32], other), Ok(()));
    }

    fn records(size: usize, per_source: usize) -> Records {
        Records::new(Limits { size, per_source })
    }

    fn record(key: u8) -> Record {
        Record {
            public_key: [key; 32],
            bytes: Bytes::copy_from_slice(&[key; 33]),
            source: Ipv4Addr::new(192, 0, 2, 1),
        }
    }

    fn all(records: &Records) -> Vec<Bytes> {
        records.sample(&TOPIC, 100, &mut Rng::from_seed([0; 32]))
    }

    const TOPIC: Target = [7; 32];
}
