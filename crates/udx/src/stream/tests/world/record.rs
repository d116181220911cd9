//! What the link sees of a flow.

use super::Nanos;
use crate::Packet;

/// Everything that is known about a flow.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) counts: Counts,
    /// How long each packet of the sender waited in the queue, in µs.
    pub(super) waits: Vec<u32>,
    /// The payload that came in each hundredth of a second.
    pub(super) arrivals: Vec<u64>,
    /// When a packet of 1500 bytes was first sent that was no probe.
    pub(super) full_at: Option<Nanos>,
    /// The numbers that have arrived.
    seen: Vec<bool>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Packets with data.
    pub(super) sent: u64,
    pub(super) dropped: u64,
    /// Packets that arrived again.
    pub(super) needless: u64,
    pub(super) arrived: u64,
    /// Payload that arrived.
    pub(super) bytes: u64,
    pub(super) acks: u64,
}

impl Record {
    pub(super) fn handle_sent(&mut self, now: Nanos, from: usize, datagram: &[u8]) {
        let Some(packet) = Packet::parse(datagram) else {
            return;
        };
        if from == 1 {
            self.counts.acks += u64::from(!packet.header.kind.is_sequenced());
            return;
        }
        self.counts.sent += 1;
        if datagram.len() == 1472 && packet.header.data_offset == 0 {
            self.full_at.get_or_insert(now);
        }
    }

    pub(super) fn handle_dropped(&mut self, from: usize) {
        self.counts.dropped += u64::from(from == 0);
    }

    pub(super) fn handle_queued(&mut self, from: usize, waiting: Nanos) {
        if from == 0 {
            self.waits.push((waiting / 1000) as u32);
        }
    }

    /// A packet of the sender has come.
    pub(super) fn handle_arrival(&mut self, now: Nanos, datagram: &[u8]) {
        let Some(packet) = Packet::parse(datagram).filter(|one| one.header.kind.is_sequenced())
        else {
            return;
        };
        self.counts.arrived += 1;
        let number = packet.header.seq.0 as usize;
        if self.seen.len() <= number {
            self.seen.resize(number + 1, false);
        }
        if std::mem::replace(&mut self.seen[number], true) {
            self.counts.needless += 1;
            return;
        }
        self.counts.bytes += packet.payload.len() as u64;
        let bucket = (now / BUCKET) as usize;
        if self.arrivals.len() <= bucket {
            self.arrivals.resize(bucket + 1, 0);
        }
        self.arrivals[bucket] += packet.payload.len() as u64;
    }

    /// The seconds until `span` hundredths of a second carried 80 % of the rate.
    pub(super) fn rises_at(&self, span: usize, rate: u64) -> Option<f64> {
        let enough = rate * span as u64 * 80 / 100 / 100;
        let sums = self.arrivals.windows(span).map(|span| span.iter().sum::<u64>());
        let at = sums.into_iter().position(|sum| sum >= enough)?;
        Some((at + span) as f64 / 100.0)
    }

    /// A percentile of the waits, in ms.
    pub(super) fn waited(&mut self, percent: usize) -> f64 {
        let at = self.waits.len() * percent / 100;
        if at >= self.waits.len() {
            return 0.0;
        }
        let (_, wait, _) = self.waits.select_nth_unstable(at);
        f64::from(*wait) / 1000.0
    }
}

const BUCKET: Nanos = 10_000_000;
