//! A bounded map whose entries age in two generations.
//!
//! Reference: xache 1.2, index.js. A write or a read makes an entry fresh. Each ageing makes fresh
//! entries stale and removes entries that were stale already. A full map of the reference ages
//! early, so a source that writes a lot evicts the entries of all others. Here each entry has a
//! source, and the source with the most entries loses its oldest one.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::net::Ipv4Addr;

use crate::sources::{Sources, Stamp};

/// A bounded, ageing map that one source cannot fill at the expense of the others.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    entries: HashMap<K, CacheEntry<V>>,
    /// The keys in the order of their last write or refreshing read, the oldest first.
    order: BTreeMap<Stamp, K>,
    sources: Sources,
    limits: Limits,
    next: Stamp,
    /// Entries with a smaller stamp are stale.
    fresh_from: Stamp,
}

/// How much a cache holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The most entries of both generations together.
    pub(crate) size: usize,
    /// The most entries of one source.
    pub(crate) per_source: usize,
}

#[derive(Debug)]
struct CacheEntry<V> {
    value: V,
    source: Ipv4Addr,
    stamp: Stamp,
}

impl<K: Copy + Eq + Hash, V> Cache<K, V> {
    /// An empty cache.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            entries: HashMap::new(),
            order: BTreeMap::new(),
            sources: Sources::default(),
            limits,
            next: 0,
            fresh_from: 0,
        }
    }

    /// Writes an entry on behalf of a source. Returns the key that was evicted to make room, if
    /// any.
    ///
    /// An entry counts for the source that wrote it first. Otherwise a source could take over the
    /// entries of others by writing them again, and have them evicted within its own share.
    pub(crate) fn insert(&mut self, key: K, value: V, source: Ipv4Addr) -> Option<K> {
        let source = self.take(&key).map_or(source, |old| old.source);
        self.put(key, value, source);
        let crowded = self.crowded(source)?;
        let key = self.sources.oldest(crowded).and_then(|stamp| self.order.get(&stamp).copied())?;
        self.take(&key);
        Some(key)
    }

    /// Reads an entry, which makes it fresh again.
    pub(crate) fn get(&mut self, key: &K) -> Option<&V> {
        if !self.is_fresh(key) {
            let CacheEntry { value, source, .. } = self.take(key)?;
            self.put(*key, value, source);
        }
        self.entries.get(key).map(|entry| &entry.value)
    }

    /// True for an entry that has been written or read since the last ageing.
    pub(crate) fn is_fresh(&self, key: &K) -> bool {
        self.entries.get(key).is_some_and(|entry| entry.stamp >= self.fresh_from)
    }

    /// Removes an entry.
    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.take(key).map(|entry| entry.value)
    }

    /// Ages all entries by one generation. Returns the keys of the removed entries.
    pub(crate) fn age(&mut self) -> Vec<K> {
        let gone: Vec<K> = self.order.range(..self.fresh_from).map(|(_, key)| *key).collect();
        for key in &gone {
            self.take(key);
        }
        self.fresh_from = self.next;
        gone
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// After a write of `source`: the source that has to give up an entry, if a limit is exceeded.
    fn crowded(&self, source: Ipv4Addr) -> Option<Ipv4Addr> {
        // Loopback sources may fill the whole cache: tests, tools and local networks of nodes run
        // there.
        if self.sources.count(source) > self.limits.per_source && !source.is_loopback() {
            return Some(source);
        }
        if self.entries.len() > self.limits.size { self.sources.largest() } else { None }
    }

    fn put(&mut self, key: K, value: V, source: Ipv4Addr) {
        let stamp = self.next;
        self.next += 1;
        self.entries.insert(key, CacheEntry { value, source, stamp });
        self.order.insert(stamp, key);
        self.sources.add(source, stamp);
    }

    fn take(&mut self, key: &K) -> Option<CacheEntry<V>> {
        let entry = self.entries.remove(key)?;
        self.order.remove(&entry.stamp);
        self.sources.remove(entry.source, entry.stamp);
        Some(entry)
    }
}

impl Limits {
    /// The limits for a cache of this size in the reference. There each of the two generations may
    /// grow to that size, so the total is twice as large.
    pub(crate) fn of(size: usize) -> Self {
        let size = size.max(1).saturating_mul(2);
        Self { size, per_source: (size / SOURCES_TO_FILL).max(LEAST_PER_SOURCE) }
    }
}

/// One source may hold a sixteenth of a cache. With the default size that is 8192 announcements,
/// far more than a busy swarm behind one NAT has at one node, and little memory for a host that
/// tries to fill the cache.
const SOURCES_TO_FILL: usize = 16;

/// The smallest share of a source: in a small cache a sixteenth would be too few entries.
const LEAST_PER_SOURCE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_outlives_one_ageing_and_not_two() {
        let mut cache = cache(8, 8);
        cache.insert(1, 'a', ALICE);

        assert!(cache.age().is_empty());
        assert_eq!(cache.len(), 1);
        assert_eq!(cache.age(), [1]);
        assert_eq!(cache.get(&1), None);
    }

    #[test]
    fn reading_and_writing_make_fresh() {
        let mut cache = cache(8, 8);
        cache.insert(1, 'a', ALICE);
        cache.insert(2, 'b', ALICE);

        cache.age();
        assert_eq!(cache.get(&1), Some(&'a'));
        cache.insert(2, 'c', ALICE);
        cache.age();

        assert_eq!(cache.get(&1), Some(&'a'));
        assert_eq!(cache.get(&2), Some(&'c'));
    }

    #[test]
    fn in_a_full_cache_the_largest_source_gives_up_its_oldest_entry() {
        let mut cache = cache(4, 4);
        cache.insert(1, 'b', BOB);
        for key in 2..5 {
            assert_eq!(cache.insert(key, 'a', ALICE), None);
        }

        assert_eq!(cache.insert(5, 'a', ALICE), Some(2));
        assert_eq!(cache.insert(6, 'b', BOB), Some(3));
        assert_eq!(cache.insert(7, 'b', BOB), Some(1), "the writer may have become the largest");
        assert_eq!(cache.len(), 4);
    }

    #[test]
    fn one_source_has_a_share_and_others_are_not_touched() {
        let mut cache = cache(8, 2);
        cache.insert(1, 'b', BOB);
        cache.insert(2, 'a', ALICE);
        cache.insert(3, 'a', ALICE);

        assert_eq!(cache.insert(4, 'a', ALICE), Some(2));
        assert_eq!(cache.insert(4, 'c', ALICE), None, "its own entry may be written again");
        assert_eq!(cache.insert(5, 'b', BOB), None);
        cache.remove(&3);
        assert_eq!(cache.insert(6, 'a', ALICE), None);
    }

    #[test]
    fn what_one_has_written_another_cannot_adopt_and_lose() {
        let mut cache = cache(8, 2);
        cache.insert(1, 'b', BOB);

        cache.insert(1, 'a', ALICE);
        for key in 2..9 {
            cache.insert(key, 'a', ALICE);
        }

        assert_eq!(cache.get(&1), Some(&'a'));
        assert_eq!(cache.len(), 3);
    }

    #[test]
    fn this_host_may_fill_it() {
        let mut cache = cache(8, 2);
        for key in 0..9 {
            cache.insert(key, 'l', Ipv4Addr::LOCALHOST);
        }
        assert_eq!(cache.len(), 8);
        assert_eq!(cache.insert(9, 'a', ALICE), Some(1));
    }

    #[test]
    fn reading_does_not_make_it_grow() {
        let mut cache = cache(8, 8);
        for round in 0..8 {
            for key in 0..8 {
                cache.insert(round * 8 + key, 'a', ALICE);
                for key in 0..64 {
                    cache.get(&key);
                }
            }
            cache.age();
        }
        assert_eq!(cache.len(), 8);
        assert_eq!((cache.order.len(), cache.sources.len()), (8, 8));
    }

    fn cache(size: usize, per_source: usize) -> Cache<u32, char> {
        Cache::new(Limits { size, per_source })
    }

    const ALICE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
    const BOB: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
}
