//! The records of topics: many public keys under one target.
//!
//! Reference: record-cache 1.2, index.js.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use bytes::Bytes;

use crate::Rng;
use crate::cache::{Cache, Limits};
use crate::noise::PublicKey;
use crate::wire::Target;

/// Bounded, ageing lists of records.
#[derive(Debug)]
pub(super) struct Records {
    keys: Cache<Key, ()>,
    topics: HashMap<Target, Topic>,
}

/// One record: the encoded peer, and its source.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub(super) public_key: PublicKey,
    pub(super) bytes: Bytes,
    pub(super) source: Ipv4Addr,
}

/// Identifies a record: each public key has at most one under a target.
type Key = (Target, PublicKey);

impl Records {
    /// No records.
    pub(super) fn new(limits: Limits) -> Self {
        Self { keys: Cache::new(limits), topics: HashMap::new() }
    }

    /// Adds a record, unless a fresh one of the same key exists. True if another record was
    /// evicted.
    pub(super) fn add(&mut self, target: Target, record: Record) -> bool {
        let key = (target, record.public_key);
        if self.keys.is_fresh(&key) {
            return false;
        }
        let displaced = self.keys.insert(key, (), record.source);
        self.topics.entry(target).or_default().put(record.public_key, record.bytes);
        if let Some(displaced) = displaced {
            self.unlist(&displaced);
        }
        displaced.is_some()
    }

    /// Removes the record of a key.
    pub(super) fn remove(&mut self, target: &Target, public_key: &PublicKey) {
        let key = (*target, *public_key);
        self.keys.remove(&key);
        self.unlist(&key);
    }

    /// Up to `limit` records of a target, chosen at random with equal probability.
    pub(super) fn sample(&self, target: &Target, limit: usize, rng: &mut Rng) -> Vec<Bytes> {
        let Some(Topic { list, .. }) = self.topics.get(target) else {
            return Vec::new();
        };
        choose(list.len(), limit, rng)
            .into_iter()
            .filter_map(|at| list.get(at).map(|(_, bytes)| bytes.clone()))
            .collect()
    }

    /// Ages all records by one generation.
    pub(super) fn age(&mut self) {
        for key in self.keys.age() {
            self.unlist(&key);
        }
    }

    /// How many records there are.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    fn unlist(&mut self, (target, public_key): &Key) {
        let Some(topic) = self.topics.get_mut(target) else {
            return;
        };
        topic.remove(public_key);
        if topic.list.is_empty() {
            self.topics.remove(target);
        }
    }
}

/// The records of one target: a list for sampling, and the position of each key in it.
#[derive(Debug, Default)]
struct Topic {
    list: Vec<(PublicKey, Bytes)>,
    places: HashMap<PublicKey, usize>,
}

impl Topic {
    fn put(&mut self, public_key: PublicKey, bytes: Bytes) {
        self.remove(&public_key);
        self.places.insert(public_key, self.list.len());
        self.list.push((public_key, bytes));
    }

    fn remove(&mut self, public_key: &PublicKey) {
        let Some(place) = self.places.remove(public_key) else {
            return;
        };
        self.list.swap_remove(place);
        if let Some((moved, _)) = self.list.get(place) {
            self.places.insert(*moved, place);
        }
    }
}

/// `limit` different random numbers below `total`, or all numbers if there are fewer (Floyd's
/// algorithm).
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
            records.add(TOPIC, record(key));
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
        records.add(TOPIC, record(1));

        records.add(TOPIC, newer.clone());
        assert_eq!(all(&records), [record(1).bytes]);
        records.age();
        records.add(TOPIC, newer.clone());
        assert_eq!(all(&records), [newer.bytes]);
    }

    #[test]
    fn removal_keeps_the_places_of_the_others() {
        let mut records = records(100, 100);
        for key in 0..4 {
            records.add(TOPIC, record(key));
        }

        for key in [0, 3, 1] {
            records.remove(&TOPIC, &[key; 32]);
        }

        assert_eq!(all(&records), [record(2).bytes]);
        records.remove(&TOPIC, &[2; 32]);
        assert_eq!(records.len(), 0);
    }

    #[test]
    fn what_had_to_make_room_is_in_no_list() {
        let mut records = records(100, 2);
        let other = Record { source: Ipv4Addr::new(192, 0, 2, 2), ..record(9) };
        assert!(!records.add(TOPIC, other));
        assert!(!records.add(TOPIC, record(1)));
        assert!(!records.add([8; 32], record(1)));

        assert!(records.add([9; 32], record(1)));

        assert_eq!(all(&records), [record(9).bytes]);
        records.age();
        records.age();
        assert_eq!((records.len(), records.topics.len()), (0, 0));
    }

    #[test]
    fn reading_does_not_keep_a_record() {
        let mut records = records(100, 100);
        records.add(TOPIC, record(1));
        records.age();
        assert_eq!(all(&records).len(), 1);
        records.age();
        assert!(all(&records).is_empty());
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
