//! A ledger of which source holds which entries of a bounded table.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;

/// The entries of each source. Entries are named by stamps, which grow with time.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    counts: HashMap<Ipv4Addr, usize>,
    stamps: BTreeSet<(Ipv4Addr, Stamp)>,
    /// Sources in ascending order of their number of entries. Of several with the same number, the
    /// one with the oldest entry is last.
    ranking: BTreeSet<(usize, Reverse<Stamp>, Ipv4Addr)>,
}

/// Identifies an entry; unique.
pub(crate) type Stamp = u64;

impl Sources {
    /// The number of entries of a source.
    pub(crate) fn count(&self, source: Ipv4Addr) -> usize {
        self.counts.get(&source).copied().unwrap_or(0)
    }

    /// The number of entries of all sources.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.stamps.len()
    }

    /// The oldest entry of a source.
    pub(crate) fn oldest(&self, source: Ipv4Addr) -> Option<Stamp> {
        let all = (source, Stamp::MIN)..=(source, Stamp::MAX);
        self.stamps.range(all).next().map(|(_, stamp)| *stamp)
    }

    /// The source with the most entries. Of several with the same number, the one with the oldest
    /// entry.
    pub(crate) fn largest(&self) -> Option<Ipv4Addr> {
        self.ranking.last().map(|(_, _, source)| *source)
    }

    /// Adds an entry to a source.
    pub(crate) fn add(&mut self, source: Ipv4Addr, stamp: Stamp) {
        self.ranked(source, |sources| {
            sources.stamps.insert((source, stamp));
            *sources.counts.entry(source).or_insert(0) += 1;
        });
    }

    /// Removes an entry from a source.
    pub(crate) fn remove(&mut self, source: Ipv4Addr, stamp: Stamp) {
        self.ranked(source, |sources| {
            sources.stamps.remove(&(source, stamp));
            match sources.count(source) {
                0 | 1 => sources.counts.remove(&source),
                more => sources.counts.insert(source, more - 1),
            };
        });
    }

    /// Changes the entries of a source and updates its rank.
    fn ranked(&mut self, source: Ipv4Addr, change: impl FnOnce(&mut Self)) {
        if let Some(rank) = self.rank(source) {
            self.ranking.remove(&rank);
        }
        change(self);
        if let Some(rank) = self.rank(source) {
            self.ranking.insert(rank);
        }
    }

    fn rank(&self, source: Ipv4Addr) -> Option<(usize, Reverse<Stamp>, Ipv4Addr)> {
        let oldest = self.oldest(source)?;
        Some((self.count(source), Reverse(oldest), source))
    }
}
