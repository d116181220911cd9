//! A bounded map whose entries age in two generations.
//!
//! Reference: xache 1.2, index.js. What is written goes into the fresh generation; at each rotation
//! the fresh one becomes the stale one, and the old stale one is gone.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::Ipv4Addr;

/// A bounded, ageing map. One source can fill only a part of it.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    fresh: Generation<K, V>,
    stale: Generation<K, V>,
    limits: Limits,
    rotated_early: bool,
}

/// How much a cache holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Entries of one generation.
    pub(super) size: usize,
    /// Entries of one generation that one source may write.
    pub(super) per_source: usize,
}

/// The source has written as much as it may until the next rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OverBudget;

impl<K: Eq + Hash, V> Cache<K, V> {
    /// An empty cache.
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            fresh: Generation::default(),
            stale: Generation::default(),
            limits,
            rotated_early: false,
        }
    }

    /// Writes an entry on behalf of a source, unless that source has used up its share.
    pub(super) fn insert(&mut self, key: K, value: V, source: Ipv4Addr) -> Result<(), OverBudget> {
        let writer = self.fresh.entries.get(&key).map(|entry| entry.source);
        if writer != Some(source) && self.fresh.sources.count(source) >= self.limits.per_source {
            return Err(OverBudget);
        }
        self.remove(&key);
        self.fresh.insert(key, Entry { value, source });
        if self.fresh.entries.len() >= self.limits.size {
            self.rotate();
            self.rotated_early = true;
        }
        Ok(())
    }

    /// Reads an entry. One that is read is fresh again.
    pub(super) fn get(&mut self, key: &K) -> Option<&V> {
        if let Some((key, entry)) = self.stale.remove(key) {
            self.fresh.insert(key, entry);
        }
        self.fresh.entries.get(key).map(|entry| &entry.value)
    }

    /// Removes an entry.
    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let (_, entry) = self.fresh.remove(key).or_else(|| self.stale.remove(key))?;
        Some(entry.value)
    }

    /// Ages all entries by one generation; not if a lack of room has just done so.
    pub(super) fn age(&mut self) {
        if !self.rotated_early {
            self.rotate();
        }
        self.rotated_early = false;
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.fresh.entries.len() + self.stale.entries.len()
    }

    fn rotate(&mut self) {
        self.stale = std::mem::take(&mut self.fresh);
    }
}

impl Limits {
    /// The limits of a cache of this size.
    pub(super) fn of(size: usize) -> Self {
        Self { size: size.max(1), per_source: (size / SOURCES_TO_FILL).max(LEAST_PER_SOURCE) }
    }
}

#[derive(Debug)]
struct Generation<K, V> {
    entries: HashMap<K, Entry<V>>,
    sources: Sources,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    source: Ipv4Addr,
}

impl<K, V> Default for Generation<K, V> {
    fn default() -> Self {
        Self { entries: HashMap::new(), sources: Sources::default() }
    }
}

impl<K: Eq + Hash, V> Generation<K, V> {
    fn insert(&mut self, key: K, entry: Entry<V>) {
        self.sources.add(entry.source);
        if let Some(old) = self.entries.insert(key, entry) {
            self.sources.remove(old.source);
        }
    }

    fn remove(&mut self, key: &K) -> Option<(K, Entry<V>)> {
        let (key, entry) = self.entries.remove_entry(key)?;
        self.sources.remove(entry.source);
        Some((key, entry))
    }
}

/// How many entries each source has in a generation.
#[derive(Debug, Default)]
pub(super) struct Sources(HashMap<Ipv4Addr, usize>);

impl Sources {
    pub(super) fn count(&self, source: Ipv4Addr) -> usize {
        self.0.get(&source).copied().unwrap_or(0)
    }

    pub(super) fn add(&mut self, source: Ipv4Addr) {
        *self.0.entry(source).or_insert(0) += 1;
    }

    pub(super) fn remove(&mut self, source: Ipv4Addr) {
        let Some(count) = self.0.get_mut(&source) else {
            return;
        };
        *count = count.saturating_sub(1);
        if *count == 0 {
            self.0.remove(&source);
        }
    }
}

/// So many addresses have to work together to push out what others wrote: with the default size
/// each may write 4096 entries per 13 minutes, far above what a busy swarm behind one NAT does.
const SOURCES_TO_FILL: usize = 16;

/// A small cache is not worth a quarrel.
const LEAST_PER_SOURCE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_outlives_one_rotation_and_not_two() {
        let mut cache = cache(8, 8);
        cache.insert(1, 'a', ALICE).unwrap();

        cache.age();
        assert_eq!(cache.len(), 1);
        cache.age();
        assert_eq!(cache.get(&1), None);
    }

    #[test]
    fn reading_and_writing_make_fresh() {
        let mut cache = cache(8, 8);
        cache.insert(1, 'a', ALICE).unwrap();
        cache.insert(2, 'b', ALICE).unwrap();

        cache.age();
        assert_eq!(cache.get(&1), Some(&'a'));
        cache.insert(2, 'c', ALICE).unwrap();
        cache.age();

        assert_eq!(cache.get(&1), Some(&'a'));
        assert_eq!(cache.get(&2), Some(&'c'));
    }

    #[test]
    fn a_full_generation_rotates_and_spares_the_next_rotation() {
        let mut cache = cache(2, 2);
        cache.insert(1, 'a', ALICE).unwrap();
        cache.insert(2, 'b', ALICE).unwrap();

        cache.age();
        assert_eq!(cache.len(), 2);
        cache.age();
        assert_eq!(cache.len(), 0);
    }

    #[test]
    fn one_source_has_a_share_and_others_are_not_touched() {
        let mut cache = cache(8, 2);
        cache.insert(1, 'a', ALICE).unwrap();
        cache.insert(2, 'a', ALICE).unwrap();

        assert_eq!(cache.insert(3, 'a', ALICE), Err(OverBudget));
        assert_eq!(cache.insert(3, 'b', BOB), Ok(()));
        assert_eq!(cache.insert(2, 'c', ALICE), Ok(()), "its own entry may be written again");
        assert_eq!(cache.insert(3, 'c', ALICE), Err(OverBudget), "another's may not");

        cache.remove(&1);
        assert_eq!(cache.insert(4, 'a', ALICE), Ok(()));
    }

    fn cache(size: usize, per_source: usize) -> Cache<u32, char> {
        Cache::new(Limits { size, per_source })
    }

    const ALICE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
    const BOB: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
}
