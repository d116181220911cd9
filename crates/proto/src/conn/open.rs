//! An open connection: messages become frames, frames become UDX packets, and back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::flow::Flow;
use super::keep_alive::KeepAlive;
use super::owner::OwnedConn;
use crate::noise::Finished;
use crate::secret::{Datagrams, FrameError, Message, Messages, Receiver, Sender, Spares};
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
    pub(super) flow: Flow,
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
        spares: Option<&Arc<dyn Spares>>,
    ) -> Self {
        let mut sender = Sender::new(keys, cx.rng.bytes());
        stream.write(Bytes::from(sender.first_frame()));
        Self {
            sender,
            receiver: Receiver::new(keys).with_spares(spares.cloned()),
            datagrams: Datagrams::new(keys, cx.rng.bytes()),
            keep_alive,
            last_write: cx.now,
            ended: false,
            flow: Flow::default(),
            keep_alives_sent: 0,
            keep_alives_received: 0,
        }
    }

    pub(super) fn write(&mut self, now: Instant, stream: &mut StreamMut<'_>, message: Message) {
        if self.ended {
            return;
        }
        let frame = self.sender.frame_from(message.into_buf());
        self.flow.handle_written(frame.len());
        self.write_frames(now, stream, frame);
    }

    pub(super) fn write_all(
        &mut self,
        now: Instant,
        stream: &mut StreamMut<'_>,
        messages: Messages,
    ) {
        if self.ended {
            return;
        }
        let frames = self.sender.frames_from(messages);
        self.flow.handle_written(frames.len());
        self.write_frames(now, stream, frames);
    }

    pub(super) fn send_message(&mut self, stream: &mut StreamMut<'_>, data: &[u8]) {
        if let Some(sealed) = self.datagrams.seal(data) {
            stream.send_message(sealed);
        }
    }

    /// Marks the end of what was written so far; [`Flow::pass_flushed`] reports the flush.
    pub(super) fn flush(&mut self, stream: &StreamMut<'_>, flush: u32) {
        self.flow.flush(stream.written(), flush);
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
        self.flow.handle_consumed(bytes);
        let (now, unread) = (cx.now, self.flow.unread());
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

    /// Writes an empty message. The owner gets no credit for it, since it did not write it. While
    /// data waits for the peer's window, keep-alives would only pile up behind it, and the stream
    /// probes the window by itself.
    fn write_keep_alive(&mut self, now: Instant, stream: &mut StreamMut<'_>) {
        if stream.unsent() > 0 {
            self.last_write = now;
            return;
        }
        let frame = self.sender.frame(b"");
        self.write_frames(now, stream, frame);
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
            datagrams: &mut self.datagrams,
            filter_empty: self.keep_alive.filters_empty(),
            flow: &mut self.flow,
            keep_alives: &mut self.keep_alives_received,
            result: Ok(()),
        };
        act(&mut inlet);
        inlet.result
    }

    fn write_frames(&mut self, now: Instant, stream: &mut StreamMut<'_>, frames: Bytes) {
        self.last_write = now;
        stream.write(frames);
    }

    /// What the stream measures, with the counters of this connection.
    pub(super) fn stats(&self, stats: udx::StreamStats) -> ConnStats {
        ConnStats {
            keep_alives_sent: self.keep_alives_sent,
            keep_alives_received: self.keep_alives_received,
            ..stats.into()
        }
    }
}

/// The sink for what the stream delivers.
struct Inlet<'a, 'b> {
    cx: &'a mut Cx<'b>,
    to: OwnedConn,
    receiver: &'a mut Receiver,
    datagrams: &'a mut Datagrams,
    filter_empty: bool,
    flow: &'a mut Flow,
    keep_alives: &'a mut u64,
    result: Result<(), FrameError>,
}

impl udx::Sink for Inlet<'_, '_> {
    fn data(&mut self, payload: &[u8]) -> usize {
        if self.result.is_err() {
            return 0;
        }
        let Self { cx, to, receiver, filter_empty, flow, keep_alives, .. } = self;
        self.result = receiver.feed(payload, &mut |data| {
            if data.is_empty() && *filter_empty {
                **keep_alives += 1;
                return;
            }
            flow.handle_delivered(data.len());
            to.tell(cx, ConnReport::Data(data));
        });
        self.flow.unread()
    }

    fn message(&mut self, payload: &[u8]) {
        match self.datagrams.open(payload) {
            Some(data) => self.to.tell(self.cx, ConnReport::Message(Bytes::from(data))),
            None => {
                self.cx.stats.dropped.message += 1;
                let data = Bytes::copy_from_slice(payload);
                self.to.tell(self.cx, ConnReport::RawMessage(data));
            }
        }
    }

    fn end(&mut self) {
        if self.result.is_ok() {
            self.to.tell(self.cx, ConnReport::RemoteEnd);
        }
    }
}
