//! The receiving half: order, duplicates, and the bound on what a peer may make us hold.

use std::collections::VecDeque;

use crate::header::Flags;
use crate::pace::{Before, Pace};
use crate::ranges::RangeSet;
use crate::seq::Number;
use crate::sink::Sink;
use crate::time::Micros;

/// The outcome of a sequenced packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The packet is new, or already received, or beyond the peer's END.
    Acknowledged,
    /// The packet exceeds the limit, and is treated as if it had not arrived.
    Refused,
}

/// Puts packets in order. In-order payloads go straight to the sink, as long as the application
/// reads; the rest waits in a buffer.
#[derive(Debug)]
pub(crate) struct Receiver {
    /// The next number in order: everything below it is acknowledged.
    expected: Number,
    /// The next number to deliver: everything below it has been delivered.
    next: Number,
    /// Waiting packets, by distance from `next`.
    slots: VecDeque<Option<Slot>>,
    /// The numbers of packets that wait for a missing one.
    ranges: RangeSet,
    /// Payload bytes of the waiting packets.
    buffered: usize,
    /// Bytes that were delivered and that the application has not read.
    unread: usize,
    window: usize,
    /// The peer may get a larger window while the application reads.
    widens: bool,
    /// The round-trip time of the path, as far as it is known.
    round_trip: Micros,
    pace: Pace,
    /// The number of the peer's END.
    end: Option<Number>,
    /// The number of the latest packet, for the choice of SACK ranges.
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
            next: first,
            slots: VecDeque::new(),
            ranges: RangeSet::default(),
            buffered: 0,
            unread: 0,
            window: window as usize,
            widens: false,
            round_trip: 0,
            pace: Pace::default(),
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
        if number == self.next && self.has_reader() {
            self.slots.pop_front();
            self.deliver(kind, payload, sink);
        } else if !self.hold(number, kind, payload) {
            return Taken::Refused;
        }
        self.latest = number;
        if kind.contains(Flags::END) {
            self.set_end(number);
        }
        self.advance();
        self.deliver_held(sink);
        Taken::Acknowledged
    }

    /// Whether nothing has arrived in order since a start at 0.
    pub(crate) fn is_untouched(&self) -> bool {
        self.expected == 0 && self.next == 0
    }

    /// Sets how many of the delivered bytes the application has not read.
    pub(crate) fn set_unread(&mut self, bytes: usize) {
        self.pace.take(self.unread.saturating_sub(bytes));
        self.unread = bytes;
    }

    /// Advances the time. To be called before the inputs of that time.
    pub(crate) fn handle_time(&mut self, now: Micros) {
        let before = Before { unread: self.unread, is_missing: !self.ranges.is_empty() };
        self.pace.handle_time(now, self.round_trip, before);
    }

    /// Sets whether the peer may get a larger window while the application reads.
    pub(crate) fn set_widens(&mut self, widens: bool) {
        self.widens = widens;
    }

    /// Sets the round-trip time of the path.
    pub(crate) fn set_round_trip(&mut self, round_trip: Micros) {
        self.round_trip = round_trip;
    }

    /// Delivers waiting packets in order, as far as the window allows.
    pub(crate) fn deliver_held(&mut self, sink: &mut dyn Sink) {
        while self.has_reader()
            && let Some(slot) = self.slots.front_mut().and_then(Option::take)
        {
            self.slots.pop_front();
            self.buffered -= slot.payload.len();
            self.deliver(slot.kind, &slot.payload, sink);
        }
        if self.slots.is_empty() {
            self.slots.shrink_to(IDLE_CAPACITY);
        }
    }

    /// The free window to advertise, in bytes. Buffered bytes are subtracted, because a sender does
    /// not count packets that it knows to be received.
    pub(crate) fn free_window(&self) -> u32 {
        let unread = self.width().saturating_sub(self.unread);
        let held = self.capacity().saturating_sub(self.total());
        // The window was given as a u32, and it widens to less than twice as much.
        u32::try_from(unread.min(held)).unwrap_or(u32::MAX)
    }

    /// The next number in order: everything below it is acknowledged.
    pub(crate) fn expected(&self) -> Number {
        self.expected
    }

    /// Whether everything up to the peer's END has been received.
    pub(crate) fn is_complete(&self) -> bool {
        self.end.is_some_and(|end| self.expected > end)
    }

    /// Whether everything up to the peer's END has been delivered.
    pub(crate) fn is_finished(&self) -> bool {
        self.end.is_some_and(|end| self.next > end)
    }

    /// The numbers held beyond [`Self::expected`].
    pub(crate) fn held(&self) -> &RangeSet {
        &self.ranges
    }

    /// Bytes that wait for a missing packet or for the application.
    pub(crate) fn buffered(&self) -> usize {
        self.buffered
    }

    /// The number of the latest packet.
    pub(crate) fn latest(&self) -> Number {
        self.latest
    }

    /// Drops the waiting packets, because the stream is closed.
    pub(crate) fn clear(&mut self) {
        self.slots = VecDeque::new();
        self.ranges.clear();
        self.buffered = 0;
    }

    /// Whether more may be delivered. While the window is full, packets wait in the buffer as they
    /// came, since the application's messages may take much more memory than their bytes.
    fn has_reader(&self) -> bool {
        self.unread < self.window
    }

    fn deliver(&mut self, kind: Flags, payload: &[u8], sink: &mut dyn Sink) {
        self.next += 1;
        if !payload.is_empty() {
            let all = self.unread + payload.len();
            self.unread = sink.data(payload);
            self.pace.take(all.saturating_sub(self.unread));
        }
        if kind.contains(Flags::END) {
            sink.end();
        }
    }

    /// Buffers a packet. False if there is no room.
    fn hold(&mut self, number: Number, kind: Flags, payload: &[u8]) -> bool {
        let distance = number - self.next;
        let reserve = if number == self.expected { RESERVE } else { 0 };
        if distance > self.max_ahead() || self.total() + payload.len() > self.capacity() + reserve {
            return false;
        }
        let index = distance as usize;
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || None);
        }
        let Some(slot @ None) = self.slots.get_mut(index) else {
            return true;
        };
        *slot = Some(Slot { kind, payload: payload.into() });
        self.buffered += payload.len();
        self.ranges.insert(number..number + 1, |_| ());
        true
    }

    /// Sets the number of END and drops every packet after it.
    fn set_end(&mut self, number: Number) {
        self.end = Some(number);
        let behind = (number + 1).saturating_sub(self.next) as usize;
        while self.slots.len() > behind {
            let slot = self.slots.pop_back().flatten();
            self.buffered -= slot.map_or(0, |slot| slot.payload.len());
        }
        self.ranges.remove_from(number + 1);
    }

    /// Acknowledges the packets that are now in order.
    fn advance(&mut self) {
        self.expected = self.expected.max(self.next);
        self.ranges.remove_below(self.expected);
        if let Some(first) = self.ranges.first()
            && first.start == self.expected
        {
            self.expected = first.end;
            self.ranges.remove_below(self.expected);
        }
    }

    /// All bytes that are held. An unread message may be larger than the window.
    fn total(&self) -> usize {
        self.unread.min(self.window) + self.buffered
    }

    /// The window for what the application has not read. All of it fits into what a reader that
    /// stops may leave, so that nothing on its way is refused then.
    fn width(&self) -> usize {
        let most = if self.widens { self.least() } else { self.window };
        let more = self.pace.next_round().min(most).saturating_sub(self.window);
        self.window + self.while_read(more)
    }

    /// The most that we hold, in bytes.
    fn capacity(&self) -> usize {
        let least = self.least();
        let most = MAX_WINDOWS * self.window;
        // A sender of the reference gives up if a packet is refused for 13 s, as it may be when an
        // application that has read as fast stops. One of ours waits for as long as it gets answers.
        let needs = self.pace.needs(self.round_trip, self.widens).min(most);
        least + self.while_read(needs.saturating_sub(least))
    }

    /// What we hold for a reader that has stopped, in bytes.
    fn least(&self) -> usize {
        let parts = if self.widens { WIDE_PARTS } else { HELD_PARTS };
        self.window + (self.window / 16 * parts).max(RESERVE)
    }

    /// Extra room shrinks as unread data grows, and is zero for a reader that has stopped.
    fn while_read(&self, room: usize) -> usize {
        let reader = self.window / READER_PARTS;
        let free = reader.saturating_sub(self.unread) as u64;
        (room as u64 * free / (reader as u64).max(1)) as usize
    }

    fn max_ahead(&self) -> u64 {
        (self.window as u64 / BYTES_PER_SLOT).max(MIN_SLOTS)
    }
}

/// What may wait for a missing packet without reducing the advertised window, in sixteenths of the
/// window. Otherwise one loss would stall a sender that fills the window, for a round trip. With
/// the window and [`RESERVE`] this is less than 8 MiB per stream.
const HELD_PARTS: usize = 13;

/// The same for a peer whose window may widen. The window widens by as much.
const WIDE_PARTS: usize = 15;

/// A reader that leaves this part of the window unread has stopped reading. An active reader leaves
/// no more than what arrives in a few milliseconds.
const READER_PARTS: usize = 4;

/// The limit in windows, however much a long path needs.
const MAX_WINDOWS: usize = 5;

/// Room for the next packet in order when everything else is used. The peer rounds a small window
/// up to one packet and probes a closed window, and must be able to make progress.
const RESERVE: usize = 64 * 1024;

/// How far ahead a packet may be: one packet per this many bytes of window. Senders count a packet
/// as at least 1152 bytes, so honest ones stay far below the limit.
const BYTES_PER_SLOT: u64 = 256;
const MIN_SLOTS: u64 = 1024;

/// Slots kept when nothing waits.
const IDLE_CAPACITY: usize = 64;

#[cfg(test)]
mod tests;
