//! When a stream acknowledges what it has received, and with which packet.

use super::receive::WINDOW_STEPS;
use super::transmit::Batch;
use super::{Stream, Transmit};
use crate::ack::MAX_SACKS;
use crate::header::{Flags, HEADER_SIZE, Header};
use crate::path::Path;
use crate::seq::{Number, Seq};
use crate::time::Micros;

impl Stream {
    /// An acknowledgement is owed of a DATA or END packet, which has been taken. Before it, everything
    /// below `expected` had arrived, and nothing from `end` on.
    pub(super) fn owe_ack(&mut self, now: Micros, number: Number, expected: Number, end: Number) {
        let thin = self.config.peer_thin_acks;
        if number > end {
            self.acks.handle_gap();
        }
        let window_is_open = self.receiver.free_window() > self.config.recv_window / WINDOW_STEPS;
        if thin && number == end && window_is_open && !self.receiver.is_complete() {
            let is_missing = !self.receiver.held().is_empty();
            self.acks.handle_next(now, self.rtt.min(), is_missing);
        } else if thin {
            self.acks.handle_urgent();
        } else {
            let is_next = number == expected && number == end;
            self.acks.handle_packet(expected, is_next);
        }
    }

    /// A new packet with this header leaves. If the peer needs few acknowledgements, it is one.
    pub(super) fn settle_by(&mut self, header: &Header) {
        if self.may_ride() {
            self.advertised = header.rwnd;
            self.acks.settle();
        }
    }

    /// An acknowledgement is owed. Data that may leave carries it.
    pub(super) fn transmit_acks_or_data(
        &mut self,
        now: Micros,
        path: Path,
        out: &mut Vec<u8>,
        max: usize,
    ) -> Transmit {
        if self.may_ride()
            && let Some(data) = self.transmit_data(now, out, max)
        {
            return data;
        }
        self.transmit_acks(path, out, max)
    }

    /// Whether the header of a data packet can carry the acknowledgement. While data is not answered,
    /// it may not arrive because of its size.
    fn may_ride(&self) -> bool {
        let nothing_missing = self.receiver.held().is_empty();
        let is_answered = !self.timers.probed && self.timers.timeouts == 0;
        self.config.peer_thin_acks && nothing_missing && is_answered
    }

    fn transmit_acks(&mut self, path: Path, out: &mut Vec<u8>, max: usize) -> Transmit {
        let state = self.header(Flags::STATE, self.flight.next(), path);
        let mut batch = Batch::default();
        while batch.count < max
            && let Some(point) = self.acks.next_point()
        {
            Header { ack: Seq::of(point), ..state }.encode(out);
            batch.add(HEADER_SIZE);
        }
        self.advertised = state.rwnd;
        if batch.count == max {
            return self.sent(out, path, &batch);
        }

        if self.receiver.held().is_empty() {
            state.encode(out);
            batch.add(HEADER_SIZE);
            self.acks.settle();
        } else if batch.count == 0 {
            self.write_sack(state, out);
            batch.add(out.len());
            self.acks.settle();
        }
        self.sent(out, path, &batch)
    }

    fn write_sack(&mut self, state: Header, out: &mut Vec<u8>) {
        out.reserve(HEADER_SIZE + 8 * MAX_SACKS);
        Header { kind: Flags::SACK, ..state }.encode(out);
        let latest = self.receiver.latest();
        for range in self.acks.choose(self.receiver.held(), latest) {
            out.extend_from_slice(&Seq::of(range.start).0.to_le_bytes());
            out.extend_from_slice(&Seq::of(range.end).0.to_le_bytes());
        }
    }
}
