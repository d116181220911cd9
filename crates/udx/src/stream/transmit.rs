//! What a stream sends, and when it may.

use std::time::Instant;

use super::{End, State, Stream, Transmit};
use crate::flight::{Sent, SentState};
use crate::header::{Flags, HEADER_SIZE, Header};
use crate::path::Path;
use crate::seq::{Number, Seq};
use crate::time::Micros;

/// The next packet to send.
#[derive(Clone, Copy, Debug)]
enum Plan {
    Again(Number),
    New {
        len: usize,
        kind: Flags,
    },
    /// A full packet that also probes for a larger MTU.
    Probe {
        len: usize,
        kind: Flags,
    },
}

/// Datagrams of one size in one buffer.
#[derive(Debug, Default)]
pub(super) struct Batch {
    segment: usize,
    pub(super) count: usize,
    /// A shorter datagram has ended the batch.
    full: bool,
}

impl Stream {
    /// Clears `out` and fills it with datagrams for one send: up to `max_segments` of equal size,
    /// the last of which may be shorter. `None` if nothing is to be sent at `now`.
    ///
    /// Acknowledgements go first, with data if it can carry them, then messages, then data as windows
    /// and pacing allow.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        out: &mut Vec<u8>,
        max_segments: usize,
    ) -> Option<Transmit> {
        let now = self.clock.micros(now);
        let max = max_segments.max(1);
        out.clear();
        let path = self.paths.current()?;
        if std::mem::take(&mut self.destroy_due) {
            self.header(Flags::DESTROY, self.flight.next(), path).encode(out);
            return Some(self.sent_one(out, path));
        }
        if self.state == State::Closed || self.is_relay {
            return None;
        }
        if self.acks.is_owed() {
            return Some(self.transmit_acks_or_data(now, path, out, max));
        }
        if self.state != State::Open {
            return None;
        }
        if self.wants_heartbeat(now) || self.keep_alive.take() {
            self.header(Flags::HEARTBEAT, self.flight.next(), path).encode(out);
            return Some(self.sent_one(out, path));
        }
        if !self.messages.is_empty() {
            return Some(self.transmit_messages(path, out, max));
        }
        self.transmit_data(now, out, max)
    }

    /// A closed window is probed at once when an idle stream gets data, and then by a timer.
    fn wants_heartbeat(&mut self, now: Micros) -> bool {
        if !self.is_blocked_by_window() {
            self.window.persist_at = None;
            self.window.ask_due = false;
            return false;
        }
        if self.window.persist_at.is_none() {
            self.window.persist_at = Some(now + self.rtt.rto());
            return true;
        }
        std::mem::take(&mut self.window.ask_due)
    }

    fn transmit_messages(&mut self, path: Path, out: &mut Vec<u8>, max: usize) -> Transmit {
        let header = self.header(Flags::MESSAGE, self.flight.next(), path);
        let mut batch = Batch::default();
        while let Some(message) = self.messages.front() {
            let size = HEADER_SIZE + message.len();
            if !batch.fits(size, max) {
                break;
            }
            header.encode(out);
            out.extend_from_slice(message);
            batch.add(size);
            self.messages.pop_front();
        }
        self.sent(out, path, &batch)
    }

    pub(super) fn transmit_data(
        &mut self,
        now: Micros,
        out: &mut Vec<u8>,
        max: usize,
    ) -> Option<Transmit> {
        let mut batch = Batch::default();
        let (mut to, mut may_fragment) = (None, false);
        while let Some(plan) = self.plan(now, batch.count == 0) {
            let (size, index) = self.measure(plan);
            let is_oversized = self.repeats_oversized(plan);
            let alone = is_oversized || matches!(plan, Plan::Probe { .. });
            let fits = batch.fits(size, max) && (batch.count == 0 || !alone);
            if !fits || to.is_some_and(|to| to != index) {
                break;
            }
            to = Some(index);
            may_fragment = is_oversized;
            match plan {
                Plan::Again(number) => self.write_again(now, number, index, out),
                Plan::New { len, kind } => self.write_new(now, len, kind, 0, out),
                Plan::Probe { len, kind } => {
                    let padding = self.mtu.poll_probe(now).unwrap_or(0);
                    self.write_new(now, len, kind, padding, out);
                    batch.add(out.len());
                    // If the local link refuses the MTU probe, no other packet may be lost with it.
                    break;
                }
            }
            batch.add(size);
            if alone {
                break;
            }
        }
        let Some(index) = to else {
            self.note_idle();
            return None;
        };
        let path = self.paths.get(index)?;
        Some(Transmit { may_fragment, ..self.sent(out, path, &batch) })
    }

    /// The next packet to send, if the windows and the pacer allow one. `is_first` tells whether a
    /// burst begins with it.
    fn plan(&mut self, now: Micros, is_first: bool) -> Option<Plan> {
        if std::mem::take(&mut self.probe_due)
            && let Some(probe) = self.plan_tail_probe()
        {
            return Some(probe);
        }
        let lost = self.flight.next_lost();
        if lost.is_none() && !self.may_fly(is_first) {
            // The limit is that of all streams of the path. The rate tells nothing about the path.
            self.note_open_window();
            return None;
        }
        let new = lost.is_none().then(|| self.plan_new(now)).flatten();
        let plan = lost.map(Plan::Again).or(new)?;
        if self.paths.is_validating() && !self.paths.may_send(self.measure(plan).1) {
            return None;
        }
        if self.flight.in_flight() >= self.bbr.cwnd() {
            self.pacer.unblock();
            return None;
        }
        if let Some(rate) = self.bbr.pacing_rate()
            && !self.pacer.may_send(now, rate, u64::from(self.mtu.current()))
        {
            return None;
        }
        Some(plan)
    }

    fn plan_new(&self, now: Micros) -> Option<Plan> {
        let room = self.mtu.payload();
        let window = self.window.bytes as usize;
        // A window smaller than one packet allows one packet.
        let packets = (window / room).max(usize::from(window > 0));
        // The peer's advertised window already excludes the packets that it has SACKed.
        let unknown = self.flight.len() - self.flight.sacked_packets();
        if !self.has_unsent() || unknown >= packets || !self.may_hold_more() {
            return None;
        }
        let len = usize::try_from(self.buffer.unsent()).map_or(room, |unsent| unsent.min(room));
        let data = if len > 0 { Flags::DATA } else { Flags::STATE };
        let last = self.end == End::Requested && len as u64 == self.buffer.unsent();
        let kind = if last { data.with(Flags::END) } else { data };
        if len == room && !self.recovering() && self.mtu.wants_probe(now) {
            return Some(Plan::Probe { len, kind });
        }
        Some(Plan::New { len, kind })
    }

    /// Plans a tail loss probe: new data if there is any, otherwise the last packet again. During
    /// recovery it is the first packet, because its retransmission may be lost with nothing sent
    /// after it. So it is for a peer that may say nothing of a packet beyond missing ones.
    fn plan_tail_probe(&self) -> Option<Plan> {
        if self.recovering() || self.flight.sacked_packets() > 0 || self.peer_hides() {
            return self.plan_repeat(self.flight.una());
        }
        match self.plan_new(0) {
            Some(Plan::New { len, kind } | Plan::Probe { len, kind }) => {
                Some(Plan::New { len, kind })
            }
            Some(Plan::Again(_)) | None => self.plan_repeat(self.flight.next().checked_sub(1)?),
        }
    }

    fn plan_repeat(&self, number: Number) -> Option<Plan> {
        let sent = self.flight.get(number)?;
        (sent.state == SentState::InFlight).then_some(Plan::Again(number))
    }

    /// The size of the datagram, and the index of its path. An MTU probe is larger than reported
    /// here, but it is alone in its batch.
    fn measure(&self, plan: Plan) -> (usize, u32) {
        let number = match plan {
            Plan::Again(number) => number,
            Plan::New { len, .. } | Plan::Probe { len, .. } => {
                return (HEADER_SIZE + len, self.paths.index());
            }
        };
        let Some(sent) = self.flight.get(number) else {
            return (HEADER_SIZE, self.paths.index());
        };
        let index = if self.leaves_old_path(sent) {
            self.paths.index()
        } else {
            self.paths.resolve(sent.path)
        };
        (HEADER_SIZE + usize::from(sent.len), index)
    }

    /// Whether a packet of an old path is sent over the current one: at once if the current path is
    /// validated, otherwise after one retransmission over the old path. A packet that may be too
    /// large for the current path alternates between both, since fragments may not arrive.
    fn leaves_old_path(&self, sent: &Sent) -> bool {
        if self.is_oversized(sent) {
            return sent.transmissions.is_multiple_of(2);
        }
        sent.transmissions > 1 || !self.paths.is_validating()
    }

    /// Whether the packet is larger than the current path is known to carry.
    fn is_oversized(&self, sent: &Sent) -> bool {
        !self.mtu.carries(sent.len)
    }

    /// Whether the plan repeats a packet that the path may not carry. Its number stands for its
    /// bytes, of which the peer may have an earlier copy, so they cannot be sent in smaller packets.
    fn repeats_oversized(&self, plan: Plan) -> bool {
        match plan {
            Plan::Again(number) => {
                self.flight.get(number).is_some_and(|sent| self.is_oversized(sent))
            }
            Plan::New { .. } | Plan::Probe { .. } => false,
        }
    }

    fn write_again(&mut self, now: Micros, number: Number, index: u32, out: &mut Vec<u8>) {
        let (Some(sent), Some(path)) = (self.flight.get(number), self.paths.get(index)) else {
            return;
        };
        let (offset, len, kind) = (sent.offset, usize::from(sent.len), sent.kind);
        let size = u64::from(sent.len) + u64::from(sent.overhead);
        let home = if self.is_oversized(sent) { sent.path } else { index };
        if sent.padding > 0 && sent.state == SentState::InFlight {
            // The packet is sent again without its padding, so the MTU probe will have no result.
            self.mtu.handle_lost(sent.size() as u16);
        }
        let is_answered = !self.timers.probed && self.timers.timeouts == 0;
        let was_lost_again = sent.transmissions >= LOST_BY_SIZE && self.mtu.exceeds_base(sent.len);
        if was_lost_again && is_answered && !self.mtu.has_carried_since(sent.sent_at) {
            // The other packets of the stream are small, and arrive.
            self.mtu.restart();
        }
        self.header(kind, number, path).encode(out);
        self.buffer.copy(offset, len, out);

        let mark = self.sampler.mark(now, self.flight.in_flight());
        self.flight.resend(number, now, home, mark);
        self.pacer.handle_sent(size);
        self.paths.handle_sent(index, size);
        self.stats.retransmits += 1;
        self.timers.rto.get_or_insert(now + self.rtt.rto());
        self.timers.arm_tlp(now, &self.rtt, &self.flight);
    }

    fn write_new(&mut self, now: Micros, len: usize, kind: Flags, padding: u8, out: &mut Vec<u8>) {
        let Some(path) = self.paths.current() else {
            return;
        };
        let number = self.flight.next();
        let header = Header { data_offset: padding, ..self.header(kind, number, path) };
        header.encode(out);
        if padding == 0 {
            self.settle_by(&header);
        }
        out.resize(out.len() + usize::from(padding), 0);
        let offset = self.buffer.take(len, out);
        if kind.contains(Flags::END) {
            self.end = End::Sent(number);
        }

        if self.flight.in_flight() == 0 && self.sampler.is_app_limited() {
            self.bbr.handle_restart(now);
        }
        let mark = self.sampler.mark(now, self.flight.in_flight());
        let sent = Sent {
            offset,
            len: len as u16,
            kind,
            padding,
            overhead: self.mtu.overhead(),
            state: SentState::InFlight,
            transmissions: 1,
            path: self.paths.index(),
            tx: 0,
            sent_at: now,
            mark,
        };
        self.pacer.handle_sent(sent.size());
        self.paths.handle_sent(sent.path, sent.size());
        self.flight.push(sent);
        self.timers.rto.get_or_insert(now + self.rtt.rto());
        self.timers.arm_tlp(now, &self.rtt, &self.flight);
    }

    /// If the windows were open, the rate was limited by the application.
    fn note_idle(&mut self) {
        if !self.has_unsent() && self.flight.next_lost().is_none() {
            self.note_open_window();
        }
    }

    fn note_open_window(&mut self) {
        let in_flight = self.flight.in_flight();
        if in_flight < self.bbr.cwnd() {
            self.sampler.limited_by_application(in_flight);
        }
    }

    pub(super) fn header(&self, kind: Flags, number: Number, path: Path) -> Header {
        Header {
            kind,
            data_offset: 0,
            remote_id: path.remote_id,
            rwnd: self.receiver.free_window(),
            seq: Seq::of(number),
            ack: Seq::of(self.receiver.expected()),
        }
    }

    fn sent_one(&mut self, out: &[u8], path: Path) -> Transmit {
        self.sent(out, path, &Batch { segment: out.len(), count: 1, full: true })
    }

    pub(super) fn sent(&mut self, out: &[u8], path: Path, batch: &Batch) -> Transmit {
        self.stats.packets_tx += batch.count as u64;
        self.stats.bytes_tx += out.len() as u64;
        let segment_size = (batch.count > 1).then_some(batch.segment);
        Transmit { to: path.remote, segment_size, may_fragment: false }
    }
}

impl Batch {
    fn fits(&self, size: usize, max: usize) -> bool {
        if self.count == 0 {
            return true;
        }
        let bytes = self.segment * (self.count + 1);
        !self.full && self.count < max && size <= self.segment && bytes <= MAX_BATCH
    }

    pub(super) fn add(&mut self, size: usize) {
        if self.count == 0 {
            self.segment = size;
        }
        self.full = size < self.segment;
        self.count += 1;
    }
}

/// A large packet that was lost as often as this is probably too large for the path.
const LOST_BY_SIZE: u8 = 4;

/// The largest UDP payload. The kernel does not accept more for one segmented send.
const MAX_BATCH: usize = 65_507;
