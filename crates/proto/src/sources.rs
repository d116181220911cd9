//! A ledger of which source holds which entries of a bounded table.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;

/// The entries of each source. Entries are named by stamps, which grow with time.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    counts: HashMap<Ipv4Addr, usize>,
    stamps: BTreeSet<(Ipv4Addr, Stamp)>,
    /// By number of entries; among equals the last is the one with the oldest entry.
    ranking: BTreeSet<(usize, Reverse<Stamp>, Ipv4Addr)>,
}

/// Names an entry. No two entries share one.
pub(crate) type Stamp = u64;

impl Sources {
    /// Entries of a source.
    pub(crate) fn count(&self, source: Ipv4Addr) -> usize {
        self.counts.get(&source).copied().unwrap_or(0)
    }

    /// Entries of all sources.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.stamps.len()
    }

    /// The oldest entry of a source.
    pub(crate) fn oldest(&self, source: Ipv4Addr) -> Option<Stamp> {
        let all = (source, Stamp::MIN)..=(source, Stamp::MAX);
        self.stamps.range(all).next().map(|(_, stamp)| *stamp)
    }

    /// The source with the most entries; among equals the one with the oldest entry.
    pub(crate) fn largest(&self) -> Option<Ipv4Addr> {
        self.ranking.last().map(|(_, _, source)| *source)
    }

    /// A source has one more entry.
    pub(crate) fn add(&mut self, source: Ipv4Addr, stamp: Stamp) {
        self.ranked(source, |sources| {
            sources.stamps.insert((source, stamp));
            *sources.counts.entry(source).or_insert(0) += 1;
        });
    }

    /// An entry of a source is gone.
    pub(crate) fn remove(&mut self, source: Ipv4Addr, stamp: Stamp) {
        self.ranked(source, |sources| {
            sources.stamps.remove(&(source, stamp));
            match sources.count(source) {
                0 | 1 => sources.counts.remove(&source),
                more => sources.counts.insert(source, more - 1),
            };
        });
    }

    /// Changes what a source has, and its rank with it.
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
