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
    /// When the last frame was written, or would have been.
    last_write: Instant,
    ended: bool,
    unread: Unread,
    /// Bytes of frames that were written and not yet reported as drained, though they may be sent.
    credit: usize,
    /// Flushes that were asked for, each behind the position that has to be acknowledged.
    flushes: VecDeque<(u64, u32)>,
    keep_alives_sent: u64,
    keep_alives_received: u64,
}

impl Open {
    /// Sends the header, as both ends do without waiting for each other.
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

    /// Marks the end of what was written so far, for [`Self::pass_flushed`].
    pub(super) fn flush(&mut self, stream: &StreamMut<'_>, flush: u32) {
        self.flushes.push_back((stream.written(), flush));
    }

    pub(super) fn end(&mut self, stream: &mut StreamMut<'_>) {
        self.ended = true;
        stream.end();
    }

    /// The owner took messages of this many bytes: the window may reopen, and what has come
    /// meanwhile follows.
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

    /// Returns when the first one is due.
    pub(super) fn set_keep_alive(
        &mut self,
        now: Instant,
        stream: &mut StreamMut<'_>,
        interval: Duration,
    ) -> Option<Instant> {
        self.keep_alive.set(interval);
        self.handle_keep_alive(now, stream)
    }

    /// Writes an empty message if nothing was written for an interval. Returns when to ask again.
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

    /// Writes an empty message that the peer does not see, if it keeps the connection alive too:
    /// its acknowledgement validates a new path. Without a keep-alive that waits for the next
    /// message.
    pub(super) fn provoke(&mut self, now: Instant, stream: &mut StreamMut<'_>) {
        if self.keep_alive.interval().is_some() && !self.ended {
            self.write_keep_alive(now, stream);
        }
    }

    /// Feeds a packet to the stream, and what comes out of it to the secret stream.
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

    /// Tells the owner how much of what it wrote has left the queue, of which so much has not. What
    /// is on its way does not count against its high-water mark, since on a long path it is larger
    /// than the mark: the stream's own bound covers that, so that all we hold is the sum of the
    /// two. Told in portions: what stays untold is below the mark.
    pub(super) fn pass_credit(&mut self, cx: &mut Cx<'_>, to: OwnedConn, unsent: usize) {
        let drained = self.credit.saturating_sub(unsent);
        if drained < CREDIT {
            return;
        }
        self.credit -= drained;
        to.tell(cx, ConnReport::Drained(drained));
    }

    /// The owner does not write it, and gets no credit for it. Behind what waits for the
    /// peer's window it would only pile up: the stream asks about the window by itself.
    fn write_keep_alive(&mut self, now: Instant, stream: &mut StreamMut<'_>) {
        if stream.unsent() > 0 {
            self.last_write = now;
            return;
        }
        self.write_frame(now, stream, Message::from(b""));
        self.keep_alives_sent += 1;
    }

    /// Lets the stream deliver.
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

    /// Tells of the flushes whose mark is acknowledged.
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

    /// What the stream below measures, with our own counters.
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

/// Where the stream's bytes go in.
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

/// How much has to drain before the application is told; a quarter of its high-water mark.
const CREDIT: usize = 64 * 1024;
