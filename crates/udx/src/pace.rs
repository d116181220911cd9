//! How fast the application reads, and how much buffer a path needs for it.

use crate::time::{Micros, SECOND};

/// Measures how much the application reads in a round trip of the path. A peer can pretend that the
/// path is long, but it cannot pretend this: data that was read has arrived.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// When the present round began.
    since: Micros,
    /// Bytes read in the current round.
    taken: usize,
    per_round: usize,
    /// Follows `per_round`, but rises slowly.
    steady: usize,
}

/// What a reader could read at the end of a round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before {
    /// Bytes that were delivered and not read.
    pub(crate) unread: usize,
    /// A packet is missing: no more can be delivered.
    pub(crate) is_missing: bool,
}

impl Pace {
    /// The application has read this many bytes.
    pub(crate) fn take(&mut self, bytes: usize) {
        self.taken += bytes;
    }

    /// Ends the round if it has lasted for a round trip. The rate of a reader that does not read
    /// what is available is halved in each round. A reader that had nothing to read keeps its rate.
    pub(crate) fn handle_time(&mut self, now: Micros, round_trip: Micros, before: Before) {
        if now < self.since + round_trip {
            return;
        }
        let waits = before.is_missing && (before.unread == 0 || self.taken > 0);
        let past = if waits { self.per_round } else { self.per_round / 2 };
        self.per_round = past.max(self.taken);
        self.steady = self.per_round.min(self.steady + self.steady / RISE + STEP);
        self.taken = 0;
        self.since = now;
    }

    /// The most that is read in the next round trip.
    pub(crate) fn next_round(&self) -> usize {
        self.per_round * MARGIN
    }

    /// The bytes that have to be held so that the reader keeps its rate: those that arrive while a
    /// packet that is lost three times is missing, and those in flight meanwhile. Rates above
    /// [`FIRST_RATE`] count only if `fast`.
    pub(crate) fn needs(&self, round_trip: Micros, fast: bool) -> usize {
        let path = |rate: u64| (round_trip * rate / SECOND) as usize;
        let first = path(FIRST_RATE).min(self.next_round());
        let steady = if fast { path(MAX_RATE).min(self.steady * MARGIN) } else { 0 };
        ROUND_TRIPS * first.max(steady)
    }
}

const ROUND_TRIPS: usize = 5;

/// In slow start, twice as much arrives as was read in the round trip before.
const MARGIN: usize = 2;

/// A rate of 100 Mbit/s is taken for that of the path at once, in bytes per second. So only paths of
/// 135 ms and more need more than 8 MiB in slow start, when the queue of the path overflows.
const FIRST_RATE: u64 = 12_500_000;

/// 1000 Mbit/s in bytes per second; faster rates are not counted. So paths of less than 13 ms never
/// need more than 8 MiB.
const MAX_RATE: u64 = 125_000_000;

/// Faster rates than [`FIRST_RATE`] are believed a quarter more in each round trip.
const RISE: usize = 4;

/// The first step.
const STEP: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_stops_is_soon_slow() {
        let mut pace = reader(4000);
        for round in 3..=4 {
            pace.handle_time(round * RTT, RTT, STALLED);
        }
        assert_eq!(pace.per_round, 1000);
        pace.handle_time(4 * RTT + 1, RTT, STALLED);
        assert_eq!(pace.per_round, 1000, "a round is not over");
    }

    #[test]
    fn a_reader_that_waits_for_a_packet_is_as_fast_as_it_was() {
        let mut pace = reader(4000);
        for round in 3..100 {
            pace.handle_time(round * RTT, RTT, Before { unread: 0, is_missing: true });
        }
        assert_eq!(pace.per_round, 4000);
        pace.handle_time(100 * RTT, RTT, Before { is_missing: true, ..STALLED });
        assert_eq!(pace.per_round, 2000, "it could have read");
    }

    #[test]
    fn a_path_needs_what_it_carries_and_no_more_than_twice_what_is_read() {
        assert_eq!(Pace::default().needs(RTT, true), 0, "nothing has been read");
        // The reader takes 4000 bytes in a round trip. 1 ms carries 12 500 and more.
        assert_eq!(reader(4000).needs(RTT, true), 5 * 2 * 4000);
        assert_eq!(
            reader(4000).needs(60 * SECOND, true),
            5 * 2 * 4000,
            "the peer says that it is long"
        );
        assert_eq!(reader(4000).needs(RTT / 100, true), 5 * 1250);
    }

    #[test]
    fn a_fast_path_is_believed_after_some_round_trips() {
        let mut pace = reader(40_000);
        assert_eq!(pace.needs(RTT, true), 5 * 2 * 16 * 1024);
        for round in 3..10 {
            pace.take(40_000);
            pace.handle_time(round * RTT, RTT, Before { unread: 0, is_missing: false });
        }
        assert_eq!(pace.needs(RTT, true), 5 * 2 * 40_000);
        assert_eq!(
            pace.needs(RTT, false),
            5 * 12_500,
            "the reference sends on when we stop reading"
        );
        assert_eq!(pace.needs(RTT / 10, true), 5 * 12_500, "what the path carries at 1000 Mbit/s");
    }

    /// A reader that has read this many bytes in a round trip.
    fn reader(bytes: usize) -> Pace {
        let mut pace = Pace::default();
        pace.handle_time(RTT, RTT, Before { unread: 0, is_missing: false });
        pace.take(bytes);
        pace.handle_time(2 * RTT, RTT, Before { unread: 0, is_missing: false });
        pace
    }

    const RTT: Micros = 1000;

    const STALLED: Before = Before { unread: 10, is_missing: false };
}
