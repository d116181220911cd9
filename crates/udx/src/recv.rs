//! The receiving half: order, duplicates, and the bound on what a peer may make us hold.

use std::collections::VecDeque;

use crate::header::Flags;
use crate::ranges::RangeSet;
use crate::seq::Number;
use crate::stream::Sink;

/// What became of a packet with a sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// New, or held already, or beyond the peer's end: it is to be acknowledged.
    Acknowledged,
    /// It exceeds what we hold for a peer: as if it had never arrived.
    Refused,
}

/// Puts packets in order. In-order payloads go straight to the sink; the rest waits in a buffer.
#[derive(Debug)]
pub(crate) struct Receiver {
    expected: Number,
    /// What waits, by distance from `expected`; the first slot is always empty.
    slots: VecDeque<Option<Slot>>,
    /// The numbers of what waits.
    ranges: RangeSet,
    /// Payload bytes that wait.
    buffered: usize,
    /// Payload bytes delivered that the application still has to take.
    unread: usize,
    window: usize,
    /// The number of the peer's END.
    end: Option<Number>,
    /// The number that came last, for the choice of SACK ranges.
    latest: Number,
}

#[derive(Debug)]
struct Slot {
    kind: Flags,
    payload: Box<[u8]>,
}

impl Receiver {
    pub(crate) fn new(first: Number, window: u32) -> Self {
        Self {
            expected: first,
            slots: VecDeque::new(),
            ranges: RangeSet::default(),
            buffered: 0,
            unread: 0,
            window: window as usize,
            end: None,
            latest: first,
        }
    }

    /// Takes a DATA or END packet.
    pub(crate) fn handle(
        &mut self,
        number: Number,
        kind: Flags,
        payload: &[u8],
        sink: &mut dyn Sink,
    ) -> Taken {
        if number < self.expected || self.end.is_some_and(|end| number > end) {
            return Taken::Acknowledged;
        }
        let payload = if kind.contains(Flags::DATA) { payload } else { &[] };
        let taken = if number == self.expected {
            self.handle_next(kind, payload, sink)
        } else {
            self.hold(number, kind, payload)
        };
        if taken == Taken::Acknowledged {
            self.latest = number;
            if kind.contains(Flags::END) && self.end.is_none() {
                self.end = Some(number);
            }
        }
        taken
    }

    /// How much of what was delivered the application still has to take.
    pub(crate) fn set_unread(&mut self, bytes: usize) {
        self.unread = bytes;
    }

    /// The free window to advertise, in bytes.
    pub(crate) fn free_window(&self) -> u32 {
        // The window was given as a u32.
        self.window.saturating_sub(self.unread) as u32
    }

    /// The next number to come in order: everything below is acknowledged.
    pub(crate) fn expected(&self) -> Number {
        self.expected
    }

    /// Whether everything up to the peer's END has been delivered.
    pub(crate) fn is_finished(&self) -> bool {
        self.end.is_some_and(|end| self.expected > end)
    }

    /// The numbers held beyond [`Self::expected`].
    pub(crate) fn held(&self) -> &RangeSet {
        &self.ranges
    }

    /// Bytes that wait for a missing packet.
    #[cfg(test)]
    pub(crate) fn buffered(&self) -> usize {
        self.buffered
    }

    /// The number that came last.
    pub(crate) fn latest(&self) -> Number {
        self.latest
    }

    fn handle_next(&mut self, kind: Flags, payload: &[u8], sink: &mut dyn Sink) -> Taken {
        if self.unread + payload.len() > self.window + OVERSHOOT {
            return Taken::Refused;
        }
        self.deliver(kind, payload, sink);
        if self.slots.is_empty() {
            return Taken::Acknowledged;
        }

        self.slots.pop_front();
        while let Some(slot) = self.slots.front_mut().and_then(Option::take) {
            self.slots.pop_front();
            self.buffered -= slot.payload.len();
            self.deliver(slot.kind, &slot.payload, sink);
        }
        self.ranges.remove_below(self.expected);
        if self.slots.is_empty() {
            self.slots.shrink_to(IDLE_CAPACITY);
        }
        Taken::Acknowledged
    }

    fn deliver(&mut self, kind: Flags, payload: &[u8], sink: &mut dyn Sink) {
        self.expected += 1;
        self.unread += payload.len();
        if !payload.is_empty() {
            sink.data(payload);
        }
        if kind.contains(Flags::END) {
            // Nothing behind the end is ever delivered.
            self.slots.clear();
            self.ranges.clear();
            self.buffered = 0;
            sink.end();
        }
    }

    fn max_ahead(&self) -> u64 {
        (self.window as u64 / BYTES_PER_SLOT).max(MIN_SLOTS)
    }

    fn hold(&mut self, number: Number, kind: Flags, payload: &[u8]) -> Taken {
        let distance = number - self.expected;
        if distance > self.max_ahead()
            || self.buffered + payload.len() > HELD_WINDOWS * self.window + OVERSHOOT
        {
            return Taken::Refused;
        }
        let index = distance as usize;
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || None);
        }
        let Some(slot @ None) = self.slots.get_mut(index) else {
            return Taken::Acknowledged;
        };
        *slot = Some(Slot { kind, payload: payload.into() });
        self.buffered += payload.len();
        self.ranges.insert(number..number + 1, |_| ());
        Taken::Acknowledged
    }
}

/// Bytes that a peer may send beyond the window it was given: the reference rounds a small window up
/// to one packet and does not count packets that it knows to be received.
const OVERSHOOT: usize = 64 * 1024;

/// Windows of data that may wait for a missing packet. Senders do not count what they know to be
/// received, or else one loss would stall them for a round trip, and the loss of its repetition for
/// another one.
pub(crate) const HELD_WINDOWS: usize = 4;

/// How far ahead a packet may be: a packet per so many bytes of window, which is a packet per 1024
/// bytes of all that may wait. Senders count a packet as 1152 bytes at least.
const BYTES_PER_SLOT: u64 = 256;
const MIN_SLOTS: u64 = 1024;

/// Slots kept when nothing waits.
const IDLE_CAPACITY: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

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
        let (mut receiver, mut sink) = (Receiver::new(0, 10_000), Collect::default());
        let taken = receiver.handle(5_000_000, Flags::DATA, b"x", &mut sink);
        assert_eq!(taken, Taken::Refused);
        let payload = [0; 1400];
        let held = (1..1000)
            .filter(|&n| receiver.handle(n, Flags::DATA, &payload, &mut sink) != Taken::Refused)
            .count();
        assert!(held * payload.len() <= HELD_WINDOWS * 10_000 + OVERSHOOT);
        let more = (0..1000)
            .filter(|_| {
                let next = receiver.expected();
                receiver.handle(next, Flags::DATA, &payload, &mut sink) != Taken::Refused
            })
            .count();
        assert!(more < 100);
        assert_eq!(receiver.free_window(), 0);
    }

    #[derive(Default)]
    struct Collect {
        data: Vec<u8>,
        ended: bool,
    }

    impl Sink for Collect {
        fn data(&mut self, payload: &[u8]) {
            self.data.extend_from_slice(payload);
        }
        fn message(&mut self, _: &[u8]) {}
        fn end(&mut self) {
            self.ended = true;
        }
    }
}
