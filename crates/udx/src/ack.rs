//! Which acknowledgements are owed, and which SACK ranges they carry.

use std::collections::VecDeque;
use std::ops::Range;

use crate::ranges::RangeSet;
use crate::seq::Number;

/// The acknowledgements that are owed to the peer.
///
/// The last one always reports the current state. A peer that samples its bandwidth from
/// acknowledgements also gets one per two packets before it, with the values that it would have had
/// if each packet had been acknowledged at once.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    owed: bool,
    /// Sequenced packets since the last acknowledgement left.
    packets: usize,
    /// Cumulative values for the acknowledgements before the last one.
    points: VecDeque<Number>,
    /// Where the next rotating choice of SACK ranges starts.
    rotation: usize,
    rotate: bool,
}

impl Acks {
    /// Counts a sequenced packet. Everything below `expected` had arrived before it.
    pub(crate) fn handle_packet(&mut self, expected: Number, thin: bool) {
        let pair_is_full = self.packets > 0 && self.packets.is_multiple_of(PACKETS_PER_ACK);
        if pair_is_full && !thin && self.points.len() < MAX_POINTS {
            self.points.push_back(expected);
        }
        self.packets += 1;
        self.owed = true;
    }

    /// A state packet is owed for another reason than a sequenced packet.
    pub(crate) fn owe(&mut self) {
        self.owed = true;
    }

    pub(crate) fn is_owed(&self) -> bool {
        self.owed
    }

    /// The next of the acknowledgements before the last one.
    pub(crate) fn next_point(&mut self) -> Option<Number> {
        self.points.pop_front()
    }

    /// The last acknowledgement is being sent: nothing is owed any more.
    pub(crate) fn settle(&mut self) {
        self.owed = false;
        self.packets = 0;
        self.points.clear();
    }

    /// The ranges to report, ascending, at most [`MAX_SACKS`].
    ///
    /// If there are more, every other acknowledgement reports the ranges up to the latest packet.
    /// The acknowledgements in between rotate through all ranges, so that each range is reported
    /// again even if an acknowledgement is lost.
    pub(crate) fn choose<'a>(
        &mut self,
        held: &'a RangeSet,
        latest: Number,
    ) -> impl Iterator<Item = &'a Range<Number>> + use<'a> {
        let surplus = held.len().saturating_sub(MAX_SACKS);
        let start = match self.rotate {
            _ if surplus == 0 => 0,
            true => self.next_rotation(held.len()).min(surplus),
            false => (held.position(latest) + 1).saturating_sub(MAX_SACKS).min(surplus),
        };
        self.rotate = !self.rotate;
        held.iter_from(start, MAX_SACKS)
    }

    fn next_rotation(&mut self, len: usize) -> usize {
        let start = if self.rotation < len { self.rotation } else { 0 };
        self.rotation = start + MAX_SACKS;
        start
    }
}

/// The reference sends one per packet. One per two keeps its rate samples and its probe timer
/// correct.
const PACKETS_PER_ACK: usize = 2;

/// Acknowledgements before the last one, per batch: covers the largest receive batch of the driver.
const MAX_POINTS: usize = 127;

/// The most ranges the reference puts into a packet: 420 bytes.
pub(crate) const MAX_SACKS: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_acknowledgement_per_two_packets() {
        for (packets, points) in [(1, vec![]), (2, vec![]), (3, vec![2]), (5, vec![2, 4])] {
            let mut acks = Acks::default();
            (0..packets).for_each(|number| acks.handle_packet(number, false));
            let told: Vec<_> = std::iter::from_fn(|| acks.next_point()).collect();
            assert_eq!(told, points);
        }
    }

    #[test]
    fn every_range_is_told_in_turn() {
        let mut held = RangeSet::default();
        (0..160).for_each(|n| held.insert(2 * n..2 * n + 1, |_| ()));
        let mut acks = Acks::default();
        let mut told = std::collections::BTreeSet::new();
        for _ in 0..8 {
            let chosen: Vec<_> = acks.choose(&held, 318).map(|range| range.start).collect();
            assert!(chosen.len() == MAX_SACKS && chosen.is_sorted());
            told.extend(chosen);
        }
        assert_eq!(told.len(), 160);
    }
}
