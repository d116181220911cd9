//! A sorted set of packet numbers, kept as disjoint half-open ranges.

use std::collections::VecDeque;
use std::ops::Range;

use crate::seq::Number;

/// Ranges are ascending and never adjacent. Operations are logarithmic in their number, and move
/// the tail when a range is added or removed in the middle.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RangeSet {
    ranges: VecDeque<Range<Number>>,
}

impl RangeSet {
    /// Adds `new` and calls `fresh` with each part of it that was not in the set.
    pub(crate) fn insert(&mut self, new: Range<Number>, mut fresh: impl FnMut(Range<Number>)) {
        if new.is_empty() {
            return;
        }
        // The first range that touches the new one or follows it; `last` becomes the first one
        // after it.
        let first = self.ranges.partition_point(|range| range.end < new.start);
        let mut merged = new.clone();
        let mut uncovered = new.start;
        let mut last = first;
        while let Some(range) = self.ranges.get(last).filter(|range| range.start <= new.end) {
            if uncovered < range.start {
                fresh(uncovered..range.start);
            }
            uncovered = uncovered.max(range.end);
            merged = merged.start.min(range.start)..merged.end.max(range.end);
            last += 1;
        }
        if uncovered < new.end {
            fresh(uncovered..new.end);
        }
        self.replace(first, last, merged);
    }

    /// Removes every number below `floor`.
    pub(crate) fn remove_below(&mut self, floor: Number) {
        while let Some(range) = self.ranges.front_mut() {
            if range.start >= floor {
                return;
            }
            if range.end > floor {
                range.start = floor;
                return;
            }
            self.ranges.pop_front();
        }
    }

    /// Removes every number from `ceiling` on.
    pub(crate) fn remove_from(&mut self, ceiling: Number) {
        while let Some(range) = self.ranges.back_mut() {
            if range.end <= ceiling {
                return;
            }
            if range.start < ceiling {
                range.end = ceiling;
                return;
            }
            self.ranges.pop_back();
        }
    }

    pub(crate) fn clear(&mut self) {
        self.ranges.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The lowest range.
    pub(crate) fn first(&self) -> Option<&Range<Number>> {
        self.ranges.front()
    }

    /// The highest range.
    pub(crate) fn last(&self) -> Option<&Range<Number>> {
        self.ranges.back()
    }

    /// How many disjoint ranges there are.
    pub(crate) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// The index of the range that contains `number`, or the index where it would be inserted.
    pub(crate) fn position(&self, number: Number) -> usize {
        self.ranges.partition_point(|range| range.end <= number)
    }

    /// Up to `count` ranges in ascending order, starting at `index`.
    pub(crate) fn iter_from(
        &self,
        index: usize,
        count: usize,
    ) -> impl Iterator<Item = &Range<Number>> {
        self.ranges.iter().skip(index).take(count)
    }

    fn replace(&mut self, first: usize, last: usize, merged: Range<Number>) {
        if first == last {
            return self.ranges.insert(first, merged);
        }
        if let Some(slot) = self.ranges.get_mut(first) {
            *slot = merged;
        }
        if last - first > 1 {
            self.ranges.drain(first + 1..last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_only_what_is_fresh() {
        let mut set = RangeSet::default();
        assert_eq!(fresh(&mut set, 4..6), vec![4..6]);
        assert_eq!(fresh(&mut set, 8..9), vec![8..9]);
        assert_eq!(fresh(&mut set, 3..10), vec![3..4, 6..8, 9..10]);
        assert_eq!(all(&set), vec![3..10]);
        assert_eq!(fresh(&mut set, 5..7), vec![]);
    }

    #[test]
    fn neighbours_merge() {
        let mut set = RangeSet::default();
        fresh(&mut set, 1..2);
        fresh(&mut set, 3..4);
        fresh(&mut set, 2..3);
        assert_eq!(all(&set), vec![1..4]);
    }

    #[test]
    fn the_floor_cuts_ranges() {
        let mut set = RangeSet::default();
        fresh(&mut set, 1..5);
        fresh(&mut set, 7..9);
        set.remove_below(3);
        assert_eq!(all(&set), vec![3..5, 7..9]);
        set.remove_below(7);
        assert_eq!(all(&set), vec![7..9]);
    }

    #[test]
    fn the_ceiling_cuts_ranges() {
        let mut set = RangeSet::default();
        fresh(&mut set, 1..5);
        fresh(&mut set, 7..9);
        set.remove_from(8);
        assert_eq!(all(&set), vec![1..5, 7..8]);
        set.remove_from(3);
        assert_eq!(all(&set), vec![1..3]);
    }

    fn fresh(set: &mut RangeSet, range: Range<Number>) -> Vec<Range<Number>> {
        let mut parts = Vec::new();
        set.insert(range, |part| parts.push(part));
        parts
    }

    fn all(set: &RangeSet) -> Vec<Range<Number>> {
        set.iter_from(0, usize::MAX).cloned().collect()
    }
}
