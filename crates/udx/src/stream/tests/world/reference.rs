//! A model of the reference's receiver. It acknowledges each packet, and its SACK ranges hide some
//! of what it has: its search ends after as many missing packets as it holds packets out of order,
//! and after 50 ranges.

use std::time::Instant;

use super::ends::End;
use crate::header::{Flags, Header, Packet};
use crate::ranges::RangeSet;
use crate::seq::{Number, Seq};

#[derive(Default)]
pub(super) struct ReferenceReceiver {
    expected: Number,
    held: RangeSet,
    /// Packets out of order.
    out_of_order: u64,
    has_written: bool,
}

impl ReferenceReceiver {
    pub(super) fn new() -> Box<Self> {
        Box::default()
    }

    fn take(&mut self, number: Number) {
        if number < self.expected {
            return;
        }
        self.held.insert(number..number + 1, |_| self.out_of_order += 1);
        if let Some(first) = self.held.first().cloned()
            && first.start == self.expected
        {
            self.expected = first.end;
            self.out_of_order -= first.end - first.start;
            self.held.remove_below(first.end);
        }
    }

    fn acknowledge(&mut self, send: &mut dyn FnMut(&[u8])) {
        let mut packet = Vec::with_capacity(420);
        let kind = if self.held.is_empty() { Flags::STATE } else { Flags::SACK };
        self.header(kind).encode(&mut packet);
        let (mut holes, mut at) = (0, self.expected);
        for range in self.held.iter_from(0, MAX_RANGES) {
            holes += range.start - at;
            if holes >= self.out_of_order {
                break;
            }
            at = range.end;
            packet.extend_from_slice(&Seq::of(range.start).0.to_le_bytes());
            packet.extend_from_slice(&Seq::of(range.end).0.to_le_bytes());
        }
        send(&packet);
    }

    fn header(&self, kind: Flags) -> Header {
        let (seq, ack) = (Seq(u32::from(self.has_written)), Seq::of(self.expected));
        Header { kind, data_offset: 0, remote_id: 1, rwnd: 4 << 20, seq, ack }
    }
}

impl End for ReferenceReceiver {
    fn run(&mut self, _: Instant, inbox: &[Vec<u8>], send: &mut dyn FnMut(&[u8])) {
        if !self.has_written {
            let mut packet = Vec::new();
            self.header(Flags::DATA).encode(&mut packet);
            packet.resize(packet.len() + 59, 0);
            self.has_written = true;
            send(&packet);
        }
        for datagram in inbox {
            let Some(packet) = Packet::parse(datagram) else {
                continue;
            };
            let number = packet.header.seq.expand(self.expected);
            if let Some(number) = number.filter(|_| packet.header.kind.is_sequenced()) {
                self.take(number);
                self.acknowledge(send);
            }
        }
    }

    fn wakes_at(&self) -> Option<Instant> {
        None
    }
}

const MAX_RANGES: usize = 50;
