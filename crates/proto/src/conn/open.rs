//! An open connection: messages become frames, frames become UDX packets, and back.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::keep_alive::KeepAlive;
use super::owner::OwnedConn;
use super::unread::Unread;
use crate::noise::Finished;
use crate::secret::{Datagrams, FrameError, Message, Receiver, Sender};
use crate::streams::StreamMut;
use crate::{ConnReport, ConnStats, Cx};

#[derive(Debug)]
pub(super) struct Open {
    sender: Sender,
    receiver: Receiver,
    datagrams: Datagrams,
    keep_alive: KeepAlive,
    /// When the last frame was written, or a keep-alive was due but skipped.
    last_write: Instant,
    ended: bool,
    unread: Unread,
    /// Bytes of written frames that were not yet reported as drained; they may have been sent.
    credit: usize,
    /// Flushes that were asked for: the position that the peer has to acknowledge, and the flush's
    /// id.
    flushes: VecDeque<(u64, u32)>,
    keep_alives_sent: u64,
    keep_alives_received: u64,
}

impl Open {
    /// Sends the header. Both ends do so without waiting for each other.
    pub(super) fn new(
        cx: &mut Cx<'_>,
        stream: &mut StreamMut<'_>,
        keys: &Finished,
        keep_alive: KeepAlive,
    ) -> Self {
        let sender = Sender::new(keys, cx.rng.bytes());
        stream.write(Bytes::from(sender.first_frame()));
        Self {
            sender,
            receiver: Receiver::new(keys),
            datagrams: Datagrams::new(keys, cx.rng.bytes()),
            keep_alive,
            last_write: cx.now,
            ended: false,
            unread: Unread::default(),
            credit: 0,
            flushes: VecDeque::new(),
            keep_alives_sent: 0,
            keep_alives_received: 0,
        }
    }

    pub(super) fn write(&mut self, now: Instant, stream: &mut StreamMut<'_>, message: Message) {
        if self.ended {
            return;
        }
        self.credit += self.write_frame(now, stream, message);
    }

    pub(super) fn send_message(&mut self, stream: &mut StreamMut<'_>, data: &[u8]) {
        if let Some(sealed) = self.datagrams.seal(data) {
            stream.send_message(&sealed);
        }
    }

    /// Marks the end of what was written so far; [`Self::pass_flushed`] reports the flush.
    pub(super) fn flush(&mut self, stream: &StreamMut<'_>, flush: u32) {
        self.flushes.push_back((stream.written(), flush));
    }

    pub(super) fn end(&mut self, stream: &mut StreamMut<'_>) {
        self.ended = true;
        stream.end();
    }

    /// The owner took messages of this many bytes. The window may reopen, and the stream may
    /// deliver what it has received meanwhile.
    pub(super) fn consumed(
        &mut self,
        cx: &mut Cx<'_>,
        to: OwnedConn,
        stream: &mut StreamMut<'_>,
        bytes: usize,
    ) -> Result<(), FrameError> {
        self.unread.take(bytes);
        let (now, unread) = (cx.now, self.unread.cost());
        self.with_inlet(cx, to, |inlet| stream.set_unread(now, unread, inlet))
    }

    /// Returns when the first keep-alive is due.
    pub(super) fn set_keep_alive(
        &mut self,
        now: Instant,
        stream: &mut StreamMut<'_>,
        interval: Duration,
    ) -> Option<Instant> {
        self.keep_alive.set(interval);
        self.handle_keep_alive(now, stream)
    }

    /// Writes an empty message if nothing was written for an interval. Returns the next deadline.
    pub(super) fn handle_keep_alive(
        &mut self,
        now: Instant,
        stream: &mut StreamMut<'_>,
    ) -> Option<Instant> {
        let interval = self.keep_alive.interval().filter(|_| !self.ended)?;
        if now >= self.last_write + interval {
            self.write_keep_alive(now, stream);
        }
        Some(self.last_write + interval)
    }

    /// Writes an empty message, whose acknowledgement validates a new path. A peer with a
    /// keep-alive of its own does not deliver the message. Without a keep-alive on our side, the
    /// next message validates the path.
    pub(super) fn provoke(&mut self, now: Instant, stream: &mut StreamMut<'_>) {
        if self.keep_alive.interval().is_some() && !self.ended {
            self.write_keep_alive(now, stream);
        }
    }

    /// Feeds a packet to the stream, and what the stream delivers to the secret stream.
    pub(super) fn handle_packet(
        &mut self,
        cx: &mut Cx<'_>,
        to: OwnedConn,
        stream: &mut StreamMut<'_>,
        packet: &udx::Packet<'_>,
    ) -> Result<(), FrameError> {
        let now = cx.now;
        self.with_inlet(cx, to, |inlet| stream.handle_packet(now, packet, inlet))
    }

    /// Tells the owner how many bytes have left the queue; `unsent` bytes are still in it. Bytes in
    /// flight do not count against the owner's high-water mark, because a long path has more in
    /// flight than the mark. The stream has its own bound on them, so the sum of both bounds what
    /// we hold. Reports come in portions of `CREDIT`; what is not reported yet is less than the
    /// mark.
    pub(super) fn pass_credit(&mut self, cx: &mut Cx<'_>, to: OwnedConn, unsent: usize) {
        let drained = self.credit.saturating_sub(unsent);
        if drained < CREDIT {
            return;
        }
        self.credit -= drained;
        to.tell(cx, ConnReport::Drained(drained));
    }

    /// Writes an empty message. The owner gets no credit for it, since it did not write it. While
    /// data waits for the peer's window, keep-alives would only pile up behind it, and the stream
    /// probes the window by itself.
    fn write_keep_alive(&mut self, now: Instant, stream: &mut StreamMut<'_>) {
        if stream.unsent() > 0 {
            self.last_write = now;
            return;
        }
        self.write_frame(now, stream, Message::from(b""));
        self.keep_alives_sent += 1;
    }

    /// Runs `act` with the sink that the stream delivers to.
    fn with_inlet(
        &mut self,
        cx: &mut Cx<'_>,
        to: OwnedConn,
        act: impl FnOnce(&mut dyn udx::Sink),
    ) -> Result<(), FrameError> {
        let mut inlet = Inlet {
            cx,
            to,
            receiver: &mut self.receiver,
            datagrams: &self.datagrams,
            filter_empty: self.keep_alive.filters_empty(),
            unread: &mut self.unread,
            keep_alives: &mut self.keep_alives_received,
            result: Ok(()),
        };
        act(&mut inlet);
        inlet.result
    }

    /// Reports the flushes whose position the peer has acknowledged.
    pub(super) fn pass_flushed(&mut self, cx: &mut Cx<'_>, to: OwnedConn, acknowledged: u64) {
        while let Some(&(mark, flush)) = self.flushes.front()
            && mark <= acknowledged
        {
            self.flushes.pop_front();
            to.tell(cx, ConnReport::Flushed(flush));
        }
    }

    /// Returns the size of the frame in bytes.
    fn write_frame(&mut self, now: Instant, stream: &mut StreamMut<'_>, message: Message) -> usize {
        let frame = self.sender.frame_from(message.into_buf());
        let len = frame.len();
        self.last_write = now;
        stream.write(frame);
        len
    }

    /// What the stream measures, with the counters of this connection.
    pub(super) fn stats(&self, stats: udx::StreamStats) -> ConnStats {
        let packet = u64::from(stats.mtu.max(1));
        ConnStats {
            rtt: stats.rtt.as_secs_f64() * 1000.0,
            cwnd: stats.cwnd / packet,
            mtu: u64::from(stats.mtu),
            inflight: stats.inflight,
            retransmits: stats.retransmits,
            fast_recoveries: stats.fast_recoveries,
            rto_count: stats.rto_count,
            bytes_transmitted: stats.bytes_tx,
            bytes_received: stats.bytes_rx,
            packets_transmitted: stats.packets_tx,
            packets_received: stats.packets_rx,
            keep_alives_sent: self.keep_alives_sent,
            keep_alives_received: self.keep_alives_received,
        }
    }
}

/// The sink for what the stream delivers.
struct Inlet<'a, 'b> {
    cx: &'a mut Cx<'b>,
    to: OwnedConn,
    receiver: &'a mut Receiver,
    datagrams: &'a Datagrams,
    filter_empty: bool,
    unread: &'a mut Unread,
    keep_alives: &'a mut u64,
    result: Result<(), FrameError>,
}

impl udx::Sink for Inlet<'_, '_> {
    fn data(&mut self, payload: &[u8]) -> usize {
        if self.result.is_err() {
            return 0;
        }
        let Self { cx, to, receiver, filter_empty, unread, keep_alives, .. } = self;
        self.result = receiver.feed(payload, &mut |data| {
            if data.is_empty() && *filter_empty {
                **keep_alives += 1;
                return;
            }
            unread.push(data.len());
            to.tell(cx, ConnReport::Data(data));
        });
        self.unread.cost()
    }

    fn message(&mut self, payload: &[u8]) {
        match self.datagrams.open(payload) {
            Some(data) => self.to.tell(self.cx, ConnReport::Message(Bytes::from(data))),
            None => self.cx.stats.dropped.message += 1,
        }
    }

    fn end(&mut self) {
        if self.result.is_ok() {
            self.to.tell(self.cx, ConnReport::RemoteEnd);
        }
    }
}

/// How many bytes have to drain before the owner is told: a quarter of its high-water mark.
const CREDIT: usize = 64 * 1024;
