//! The packets that were sent and are not yet covered by the peer's cumulative acknowledgement.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::ops::Range;

use crate::header::Flags;
use crate::ranges::RangeSet;
use crate::rate::RateMark;
use crate::seq::Number;
use crate::time::Micros;

/// One sent packet.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// The position of its payload in the byte stream.
    pub(crate) offset: u64,
    pub(crate) len: u16,
    pub(crate) kind: Flags,
    /// Zero bytes before the payload; above zero for an MTU probe.
    pub(crate) padding: u8,
    /// IP, UDP and UDX headers, in bytes, on the path that it took first.
    pub(crate) overhead: u8,
    pub(crate) state: SentState,
    pub(crate) transmissions: u8,
    pub(crate) path: u32,
    /// The number of this transmission among all transmissions of the stream. It grows with time,
    /// unlike the packet's number.
    pub(crate) tx: u64,
    pub(crate) sent_at: Micros,
    pub(crate) mark: RateMark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SentState {
    InFlight,
    Lost,
    Sacked,
}

impl Sent {
    /// Bytes of the whole IP packet.
    pub(crate) fn size(&self) -> u64 {
        u64::from(self.len) + u64::from(self.padding) + u64::from(self.overhead)
    }
}

/// Sent packets by number, and the two orders in which they are visited: by time of transmission,
/// to find losses, and by number, to send them again. Each transmission enters each order at most
/// once and leaves it once, so the work per packet does not grow with what is in flight.
#[derive(Debug)]
pub(crate) struct Flight {
    una: Number,
    packets: VecDeque<Sent>,
    sacked: RangeSet,
    sacked_packets: usize,
    /// (tx, number) in order of transmission. An entry is stale if the packet was delivered, or
    /// sent again with another tx.
    order: VecDeque<(u64, Number)>,
    /// (number, tx) of what [`Self::defer`] has taken out of the order of transmission.
    deferred: BinaryHeap<Reverse<(Number, u64)>>,
    /// An entry is stale if its packet is not `Lost`.
    lost: BinaryHeap<Reverse<Number>>,
    in_flight: u64,
    next_tx: u64,
}

impl Flight {
    /// There is room for one packet: an idle stream has no more in flight, and would else have room
    /// for four.
    pub(crate) fn new(first: Number) -> Self {
        Self {
            una: first,
            packets: VecDeque::with_capacity(1),
            sacked: RangeSet::default(),
            sacked_packets: 0,
            order: VecDeque::with_capacity(1),
            deferred: BinaryHeap::new(),
            lost: BinaryHeap::new(),
            in_flight: 0,
            next_tx: 0,
        }
    }

    /// The lowest number that is not acknowledged.
    pub(crate) fn una(&self) -> Number {
        self.una
    }

    /// The number of the next new packet.
    pub(crate) fn next(&self) -> Number {
        self.una + self.packets.len() as u64
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Packets between the cumulative acknowledgement and the next number.
    pub(crate) fn len(&self) -> usize {
        self.packets.len()
    }

    /// Bytes in flight: sent, not acknowledged and not lost.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    pub(crate) fn sacked_packets(&self) -> usize {
        self.sacked_packets
    }

    pub(crate) fn get(&self, number: Number) -> Option<&Sent> {
        self.packets.get(number.checked_sub(self.una)? as usize)
    }

    /// Adds a new packet. Its `tx` is set here.
    pub(crate) fn push(&mut self, mut sent: Sent) {
        let number = self.next();
        self.in_flight += sent.size();
        sent.tx = self.enter_order(number);
        self.packets.push_back(sent);
    }

    /// Records that a packet is sent again.
    pub(crate) fn resend(&mut self, number: Number, now: Micros, path: u32, mark: RateMark) {
        let tx = self.enter_order(number);
        let Some(sent) = get_mut(&mut self.packets, self.una, number) else {
            return;
        };
        if sent.state == SentState::InFlight {
            self.in_flight -= sent.size();
        }
        // A lost MTU probe is sent again as an ordinary packet.
        sent.padding = 0;
        sent.state = SentState::InFlight;
        // At its end it goes on in turns of even and odd, by which a path is chosen.
        sent.transmissions = sent.transmissions.checked_add(1).unwrap_or(u8::MAX - 1);
        sent.tx = tx;
        sent.sent_at = now;
        sent.path = path;
        sent.mark = mark;
        self.in_flight += sent.size();
    }

    /// The peer has everything below `ack`. Calls `delivered` for each packet not yet known to be
    /// received.
    pub(crate) fn acknowledge(&mut self, ack: Number, mut delivered: impl FnMut(Number, &Sent)) {
        if ack <= self.una {
            return;
        }
        let was_alone = self.packets.len() == 1;
        while self.una < ack {
            let Some(sent) = self.packets.pop_front() else {
                return;
            };
            match sent.state {
                SentState::Sacked => self.sacked_packets -= 1,
                SentState::InFlight => self.in_flight -= sent.size(),
                SentState::Lost => {}
            }
            if sent.state != SentState::Sacked {
                delivered(self.una, &sent);
            }
            self.una += 1;
        }
        self.sacked.remove_below(self.una);
        if self.packets.is_empty() {
            // A packet that is alone is what an idle stream sends.
            self.shrink(if was_alone { 1 } else { BUSY_CAPACITY });
        }
    }

    /// The peer holds the packets of `range`, which must lie within what was sent.
    pub(crate) fn sack(&mut self, range: Range<Number>, mut delivered: impl FnMut(Number, &Sent)) {
        let Self { packets, una, sacked, sacked_packets, in_flight, .. } = self;
        sacked.insert(range, |fresh| {
            for number in fresh {
                let Some(sent) = get_mut(packets, *una, number) else {
                    continue;
                };
                if sent.state == SentState::InFlight {
                    *in_flight -= sent.size();
                }
                delivered(number, sent);
                sent.state = SentState::Sacked;
                *sacked_packets += 1;
            }
        });
    }

    /// The transmission that has been in flight for the longest time.
    pub(crate) fn oldest(&mut self) -> Option<(Number, &Sent)> {
        let number = loop {
            let (tx, number) = *self.order.front()?;
            if self.is_fresh(number, tx) {
                break number;
            }
            self.order.pop_front();
        };
        self.get(number).map(|sent| (number, sent))
    }

    /// Takes the oldest transmission out of the order, until [`Self::next_deferred`] returns it.
    pub(crate) fn defer(&mut self) {
        if let Some((tx, number)) = self.order.pop_front() {
            self.deferred.push(Reverse((number, tx)));
        }
    }

    /// The deferred transmission with the lowest number, if it is in flight and below `limit`. It
    /// is deferred no longer.
    pub(crate) fn next_deferred(&mut self, limit: Number) -> Option<Number> {
        loop {
            let Reverse((number, tx)) = *self.deferred.peek()?;
            let fresh = self.is_fresh(number, tx);
            if fresh && number >= limit {
                return None;
            }
            self.deferred.pop();
            if fresh {
                return Some(number);
            }
        }
    }

    /// Marks a packet as lost. Returns it if it was in flight.
    pub(crate) fn lose(&mut self, number: Number) -> Option<&Sent> {
        let sent = get_mut(&mut self.packets, self.una, number)?;
        if sent.state != SentState::InFlight {
            return None;
        }
        sent.state = SentState::Lost;
        self.in_flight -= sent.size();
        self.lost.push(Reverse(number));
        Some(sent)
    }

    /// The lowest lost packet, which is the next to be sent again.
    pub(crate) fn next_lost(&mut self) -> Option<Number> {
        loop {
            let Reverse(number) = *self.lost.peek()?;
            if self.get(number).is_some_and(|sent| sent.state == SentState::Lost) {
                return Some(number);
            }
            self.lost.pop();
        }
    }

    /// Forgets all packets, because the stream is closed.
    pub(crate) fn clear(&mut self) {
        let next = self.next();
        *self = Self { next_tx: self.next_tx, ..Self::new(next) };
    }

    /// Releases memory, but keeps room for so many packets.
    fn shrink(&mut self, packets: usize) {
        self.order.clear();
        self.deferred.clear();
        self.lost.clear();
        self.packets.shrink_to(packets);
        self.order.shrink_to(packets);
        self.deferred.shrink_to(0);
        self.lost.shrink_to(packets);
    }

    /// Whether that transmission of the packet is the one in flight.
    fn is_fresh(&self, number: Number, tx: u64) -> bool {
        self.get(number).is_some_and(|sent| sent.tx == tx && sent.state == SentState::InFlight)
    }

    fn enter_order(&mut self, number: Number) -> u64 {
        let tx = self.next_tx;
        self.next_tx += 1;
        self.order.push_back((tx, number));
        tx
    }
}

fn get_mut(packets: &mut VecDeque<Sent>, una: Number, number: Number) -> Option<&mut Sent> {
    packets.get_mut(number.checked_sub(una)? as usize)
}

/// Packets that a stream between two writes of the application keeps room for: one write.
const BUSY_CAPACITY: usize = 64;
