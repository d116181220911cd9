use super::*;
use crate::time::SECOND;

#[test]
fn what_waits_follows_the_missing_packet() {
    let (mut receiver, mut sink) = (Receiver::new(0, 1000), Collect::default());
    receiver.handle(2, Flags::DATA, b"c", &mut sink);
    receiver.handle(1, Flags::DATA, b"b", &mut sink);
    receiver.handle(4, Flags::DATA, b"e", &mut sink);
    receiver.handle(0, Flags::DATA, b"a", &mut sink);
    assert_eq!(sink.data, b"abc");
    assert_eq!(receiver.expected(), 3);
    assert_eq!(receiver.held().iter_from(0, 9).cloned().collect::<Vec<_>>(), vec![4..5]);
}

#[test]
fn an_early_end_waits() {
    let (mut receiver, mut sink) = (Receiver::new(0, 1000), Collect::default());
    receiver.handle(1, Flags::END, b"", &mut sink);
    receiver.handle(2, Flags::DATA, b"late", &mut sink);
    assert!(!sink.ended);
    receiver.handle(0, Flags::DATA, b"x", &mut sink);
    assert!(sink.ended && receiver.is_finished());
    assert_eq!(sink.data, b"x");
    assert_eq!(receiver.expected(), 2);
}

#[test]
fn a_peer_cannot_make_us_hold_without_bound() {
    // A peer that answers late makes the path seem long.
    for round_trip in [0, 60 * SECOND] {
        assert_bounded(round_trip);
    }
}

/// This holds however long the peer pretends that the path is.
#[test]
fn a_peer_makes_us_hold_no_more_than_the_reader_needs() {
    const READ: usize = 20_000;
    let (mut receiver, mut sink) = (Receiver::new(0, WINDOW), Collect::default());
    receiver.set_round_trip(60 * SECOND);
    for number in 0..20 {
        receiver.handle(number, Flags::DATA, &[0; READ / 20], &mut sink);
    }
    receiver.set_unread(0);
    receiver.handle_time(61 * SECOND);
    for number in 21..1000 {
        receiver.handle(number, Flags::DATA, &[0; 1000], &mut sink);
    }
    assert_eq!(receiver.buffered(), 5 * 2 * READ);
}

fn assert_bounded(round_trip: Micros) {
    let (mut receiver, mut sink) = (Receiver::new(0, WINDOW), Collect::default());
    receiver.set_round_trip(round_trip);
    let taken = receiver.handle(5_000_000, Flags::DATA, b"x", &mut sink);
    assert_eq!(taken, Taken::Refused);
    for (number, now) in (1..10_000).chain(0..10_000).zip(1..) {
        // Another round trip passes before each packet.
        receiver.handle_time(now * 61 * SECOND);
        receiver.handle(number, Flags::DATA, &[0; 1400], &mut sink);
    }
    let all = sink.data.len() + receiver.buffered();
    assert!(all <= LEAST + RESERVE, "{all}");
    assert!(all > LEAST - 1400, "{all}");
    assert!(sink.data.len() < WINDOW as usize + 1400);
    assert_eq!(receiver.free_window(), 0);
}

#[test]
fn what_waits_for_the_application_comes_when_it_reads() {
    let (mut receiver, mut sink) = (Receiver::new(0, WINDOW), Collect::default());
    for number in 0..200 {
        receiver.handle(number, Flags::DATA, &[1; 1000], &mut sink);
    }
    receiver.handle(200, Flags::END, b"", &mut sink);
    assert_eq!((receiver.expected(), sink.data.len()), (201, WINDOW as usize));
    assert!(receiver.is_complete() && !receiver.is_finished() && receiver.held().is_empty());

    sink.data.clear();
    receiver.set_unread(0);
    receiver.deliver_held(&mut sink);
    assert_eq!((sink.data.len(), receiver.buffered()), (100_000, 0));
    receiver.set_unread(0);
    receiver.deliver_held(&mut sink);
    assert!(sink.ended && receiver.is_finished());
}

#[test]
fn what_waits_makes_the_window_smaller() {
    let (mut receiver, mut sink) = (Receiver::new(0, WINDOW), Collect::default());
    for number in 1..=81 {
        receiver.handle(number, Flags::DATA, &[1; 1000], &mut sink);
    }
    assert_eq!(receiver.free_window(), WINDOW);
    for number in 82..=101 {
        receiver.handle(number, Flags::DATA, &[1; 1000], &mut sink);
    }
    assert_eq!(receiver.free_window() as usize, LEAST - 101_000);
}

/// A peer of ours gets twice the window, less what keeps a reader that stops within its bound.
#[test]
fn the_window_is_as_wide_as_the_application_reads() {
    for (count, width) in [(20, 100_000), (80, 160_000), (99, WIDE)] {
        for widens in [false, true] {
            let (mut receiver, mut sink) = (Receiver::new(0, WINDOW), Collect::default());
            receiver.set_widens(widens);
            receiver.set_round_trip(SECOND);
            for number in 0..count {
                receiver.handle(number, Flags::DATA, &[0; 1000], &mut sink);
            }
            receiver.set_unread(0);
            receiver.handle_time(SECOND);
            let window = if widens { width } else { WINDOW as usize };
            assert_eq!(receiver.free_window() as usize, window);

            receiver.set_unread(25_000);
            assert_eq!(receiver.free_window(), WINDOW - 25_000, "the reader has stopped");
            receiver.set_unread(0);
            receiver.handle_time(2 * SECOND);
            receiver.handle_time(3 * SECOND);
            assert_eq!(receiver.free_window(), WINDOW, "nothing was read");
        }
    }
}

#[test]
fn nothing_behind_the_end_is_acknowledged() {
    let (mut receiver, mut sink) = (Receiver::new(0, WINDOW), Collect::default());
    for number in [1, 2, 3, 4] {
        receiver.handle(number, Flags::DATA, b"x", &mut sink);
    }
    receiver.handle(5, Flags::DATA, b"x", &mut sink);
    receiver.handle(2, Flags::DATA.with(Flags::END), b"x", &mut sink);
    receiver.handle(0, Flags::END, b"", &mut sink);
    assert!(sink.ended && receiver.expected() == 1);
    assert_eq!((receiver.buffered(), receiver.held().len()), (0, 0));
}

const WINDOW: u32 = 100_000;

/// The most that is held on a short path.
const LEAST: usize = 181_250;

/// The same for a peer whose window widens.
const WIDE: usize = 193_750;

#[derive(Default)]
struct Collect {
    data: Vec<u8>,
    ended: bool,
}

impl Sink for Collect {
    fn data(&mut self, payload: &[u8]) -> usize {
        self.data.extend_from_slice(payload);
        self.data.len()
    }
    fn message(&mut self, _: &[u8]) {}
    fn end(&mut self) {
        self.ended = true;
    }
}
