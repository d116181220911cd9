//! Which acknowledgements are owed, and which SACK ranges they carry.

use std::collections::VecDeque;
use std::ops::Range;

use crate::ranges::RangeSet;
use crate::seq::Number;
use crate::time::{MILLISECOND, Micros, SECOND};

/// The acknowledgements that are owed to the peer.
///
/// The last one always reports the current state. A peer that samples its bandwidth from
/// acknowledgements also gets some before it, if many packets have arrived together, with the values
/// that they would have had if each packet had been acknowledged at once.
///
/// Another peer gets one for several packets, which waits for data that carries it, as long as the
/// next packets are expected soon.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    /// One has to leave at once.
    owed: bool,
    /// When the one that waits has to leave.
    waits_until: Option<Micros>,
    arrivals: Arrivals,
    /// Packets since the last one before which others are missing.
    after_gap: usize,
    /// Sequenced packets since the last acknowledgement that has left or is among the points.
    packets: usize,
    /// Cumulative values for the acknowledgements before the last one.
    points: VecDeque<Number>,
    /// Packets in a row before which none was missing.
    calm: u32,
    /// Where the next rotating choice of SACK ranges starts.
    rotation: usize,
    rotate: bool,
}

/// How often packets arrive.
#[derive(Debug)]
struct Arrivals {
    last: Micros,
    /// The smoothed time between two packets. It starts high, so that the first packets of a stream
    /// are acknowledged at once.
    gap: Micros,
}

impl Acks {
    /// Counts a sequenced packet from a peer that needs many acknowledgements. Everything below
    /// `expected` had arrived before it. `is_next` tells that it is the next one, and nothing after
    /// it had arrived.
    pub(crate) fn handle_packet(&mut self, expected: Number, is_next: bool) {
        self.calm = if is_next { self.calm.saturating_add(1) } else { 0 };
        let most = if self.calm > CALM { PACKETS_PER_ACK } else { PACKETS_PER_ACK_AT_A_GAP };
        if self.packets >= most && self.points.len() < MAX_POINTS {
            self.points.push_back(expected);
            self.packets = 0;
        }
        self.packets += 1;
        self.owe();
    }

    /// Counts a packet whose number follows the highest one, from a peer that needs few
    /// acknowledgements. `is_missing` tells whether one before it is missing.
    pub(crate) fn handle_next(
        &mut self,
        now: Micros,
        round_trip: Option<Micros>,
        is_missing: bool,
    ) {
        let pause = round_trip.and_then(|round_trip| self.arrivals.handle_packet(now, round_trip));
        self.packets += 1;
        self.after_gap += 1;
        let is_known = !is_missing || self.after_gap >= REPORTS_OF_A_GAP;
        match pause {
            Some(pause) if is_known && !self.owed && self.packets < PACKETS_PER_THIN_ACK => {
                self.waits_until.get_or_insert(now + pause);
            }
            Some(_) | None => self.owe(),
        }
    }

    /// Counts a packet from such a peer whose acknowledgement must not wait.
    pub(crate) fn handle_urgent(&mut self) {
        self.packets += 1;
        self.owe();
    }

    /// The packet that came last is not the one after the highest number: packets before it are
    /// missing.
    pub(crate) fn handle_gap(&mut self) {
        self.after_gap = 0;
    }

    /// A state packet is owed for another reason than a sequenced packet.
    pub(crate) fn owe(&mut self) {
        self.owed = true;
        self.waits_until = None;
    }

    /// Whether one has to leave at once.
    pub(crate) fn is_owed(&self) -> bool {
        self.owed
    }

    /// When the one that waits has to leave.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        self.waits_until
    }

    /// The next of the acknowledgements before the last one.
    pub(crate) fn next_point(&mut self) -> Option<Number> {
        self.points.pop_front()
    }

    /// The last acknowledgement is being sent: nothing is owed any more.
    pub(crate) fn settle(&mut self) {
        self.owed = false;
        self.waits_until = None;
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

impl Arrivals {
    /// Counts a packet. Returns how long its acknowledgement may wait for the next ones, if they are
    /// expected soon enough.
    fn handle_packet(&mut self, now: Micros, round_trip: Micros) -> Option<Micros> {
        // A silence says little about the packets after it.
        let gap = now.saturating_sub(self.last).min(round_trip);
        self.gap = (7 * self.gap.min(round_trip) + gap) / 8;
        self.last = now;
        let longest = (round_trip / PAUSE_PARTS).min(MAX_PAUSE);
        let worthwhile = longest >= MIN_PAUSE && 2 * self.gap <= longest;
        worthwhile.then(|| (PAUSE_GAPS * self.gap).clamp(MIN_PAUSE, longest))
    }
}

impl Default for Arrivals {
    fn default() -> Self {
        Self { last: 0, gap: SECOND }
    }
}

/// The most packets of one turn of the driver for which the reference gets one acknowledgement. It
/// sends one per packet itself, but its clock of milliseconds does not tell apart what arrives in one
/// turn. With 16, a fast path with many losses carries less.
const PACKETS_PER_ACK: usize = 8;

/// The same at first, and after packets were missing: a sender that finds out what a path carries
/// needs more samples.
const PACKETS_PER_ACK_AT_A_GAP: usize = 2;

/// Packets in a row, without one missing, after which [`PACKETS_PER_ACK`] applies: about a window of
/// the reference.
const CALM: u32 = 4096;

/// The most packets for which a peer of ours gets one acknowledgement, unless they arrive together.
const PACKETS_PER_THIN_ACK: usize = 5;

/// Packets after a gap that are acknowledged at once, with the one that shows the gap: as many
/// reports as a sender needs to take what is missing for lost.
const REPORTS_OF_A_GAP: usize = 3;

/// An acknowledgement waits for this part of the round trip at most, so that it does not distort
/// what the peer measures.
const PAUSE_PARTS: Micros = 4;

/// The resolution of the driver's timers. On a path that is too short for it, packets of a burst
/// arrive together anyway.
const MIN_PAUSE: Micros = MILLISECOND;

/// The default of QUIC (RFC 9000, section 18.2).
const MAX_PAUSE: Micros = 25 * MILLISECOND;

/// An acknowledgement waits for as long as twice the packets take that it would report. So it is
/// late only if the peer has stopped sending, and then only a little.
const PAUSE_GAPS: Micros = 2 * PACKETS_PER_THIN_ACK as Micros;

/// Acknowledgements before the last one, per batch: covers the largest receive batch of the driver.
const MAX_POINTS: usize = 127;

/// The most ranges the reference puts into a packet: 420 bytes.
pub(crate) const MAX_SACKS: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_that_arrive_together_share_acknowledgements() {
        for (packets, points) in [(1, vec![]), (8, vec![]), (9, vec![8]), (17, vec![8, 16])] {
            let mut acks = Acks { calm: CALM, ..Acks::default() };
            (0..packets).for_each(|number| acks.handle_packet(number, true));
            assert_eq!(points_of(&mut acks), points);
        }
    }

    #[test]
    fn one_acknowledgement_per_two_packets_at_first_and_after_one_was_missing() {
        let mut acks = Acks::default();
        (0..5).for_each(|number| acks.handle_packet(number, true));
        assert_eq!(points_of(&mut acks), [2, 4]);
        (5..u64::from(CALM)).for_each(|number| acks.handle_packet(number, true));
        acks.settle();
        (0..9).for_each(|number| acks.handle_packet(number, true));
        assert_eq!(points_of(&mut acks), [8]);
        acks.settle();
        (0..4).for_each(|_| acks.handle_packet(9, false));
        (9..11).for_each(|number| acks.handle_packet(number, true));
        assert_eq!(points_of(&mut acks), [9, 9]);
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

    fn points_of(acks: &mut Acks) -> Vec<Number> {
        std::iter::from_fn(|| acks.next_point()).collect()
    }
}
