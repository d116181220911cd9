//! An open connection: messages become frames, frames become UDX packets, and back.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::keep_alive::KeepAlive;
use super::unread::Unread;
use super::{Path, RemoteStream};
use crate::noise::Finished;
use crate::secret::{Datagrams, FrameError, Message, Receiver, Sender};
use crate::{ConnId, ConnStats, Cx, Event};

#[derive(Debug)]
pub(super) struct Open {
    pub(super) path: Path,
    pub(super) stream: udx::Stream,
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
    /// Connects the stream and sends the header, as both ends do without waiting for each other.
    pub(super) fn new(
        cx: &mut Cx<'_>,
        stream_id: u32,
        remote: RemoteStream,
        path: Path,
        keys: &Finished,
        keep_alive: KeepAlive,
    ) -> Self {
        let mut stream = udx::Stream::new(stream_id, udx::Config::default());
        stream.connect(cx.now, remote.id, path.remote);
        stream.set_thin_acks(remote.revision_1);
        let sender = Sender::new(keys, cx.rng.bytes());
        stream.write(Bytes::from(sender.first_frame()));
        Self {
            path,
            stream,
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

    pub(super) fn write(&mut self, now: Instant, message: Message) {
        if self.ended {
            return;
        }
        self.credit += self.write_frame(now, message);
    }

    pub(super) fn send_message(&mut self, data: &[u8]) {
        if let Some(sealed) = self.datagrams.seal(data) {
            self.stream.send_message(&sealed);
        }
    }

    /// Marks the end of what was written so far, for [`Self::pass_flushed`].
    pub(super) fn flush(&mut self, flush: u32) {
        self.flushes.push_back((self.stream.written(), flush));
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
        self.stream.end();
    }

    /// The application took messages of this many bytes: the window may reopen, and what has come
    /// meanwhile follows.
    pub(super) fn consumed(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        bytes: usize,
    ) -> Result<(), FrameError> {
        self.unread.take(bytes);
        let (now, unread) = (cx.now, self.unread.cost());
        self.with_inlet(cx, conn, |stream, inlet| stream.set_unread(now, unread, inlet))
    }

    /// Returns when the first one is due.
    pub(super) fn set_keep_alive(&mut self, now: Instant, interval: Duration) -> Option<Instant> {
        self.keep_alive.set(interval);
        self.handle_keep_alive(now)
    }

    /// Writes an empty message if nothing was written for an interval. Returns when to ask again.
    pub(super) fn handle_keep_alive(&mut self, now: Instant) -> Option<Instant> {
        let interval = self.keep_alive.interval().filter(|_| !self.ended)?;
        if now >= self.last_write + interval {
            self.write_keep_alive(now);
        }
        Some(self.last_write + interval)
    }

    /// Feeds a packet to the stream, and what comes out of it to the secret stream.
    pub(super) fn handle_packet(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        packet: &udx::Packet<'_>,
    ) -> Result<(), FrameError> {
        let now = cx.now;
        self.with_inlet(cx, conn, |stream, inlet| stream.handle_packet(now, packet, inlet))
    }

    /// Tells the application how much of what it wrote has left the queue. What is on its way does
    /// not count against its high-water mark, since on a long path it is larger than the mark: the
    /// stream's own bound covers that, so that all we hold is the sum of the two. Told in portions:
    /// what stays untold is below the mark.
    pub(super) fn pass_credit(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        let drained = self.credit.saturating_sub(self.stream.unsent());
        if drained < CREDIT {
            return;
        }
        self.credit -= drained;
        cx.emit(Event::Drained { conn, bytes: drained });
    }

    /// The application does not write it, and gets no credit for it. Behind what waits for the
    /// peer's window it would only pile up: the stream asks about the window by itself.
    fn write_keep_alive(&mut self, now: Instant) {
        if self.stream.unsent() > 0 {
            self.last_write = now;
            return;
        }
        self.write_frame(now, Message::from(b""));
        self.keep_alives_sent += 1;
    }

    /// Lets the stream deliver.
    fn with_inlet(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        act: impl FnOnce(&mut udx::Stream, &mut dyn udx::Sink),
    ) -> Result<(), FrameError> {
        let mut inlet = Inlet {
            cx,
            conn,
            receiver: &mut self.receiver,
            datagrams: &self.datagrams,
            filter_empty: self.keep_alive.filters_empty(),
            unread: &mut self.unread,
            keep_alives: &mut self.keep_alives_received,
            result: Ok(()),
        };
        act(&mut self.stream, &mut inlet);
        inlet.result
    }

    /// Tells of the flushes whose mark is acknowledged.
    pub(super) fn pass_flushed(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        let acknowledged = self.stream.acknowledged();
        while let Some(&(mark, flush)) = self.flushes.front()
            && mark <= acknowledged
        {
            self.flushes.pop_front();
            cx.emit(Event::Flushed { conn, flush });
        }
    }

    /// Returns the size of the frame in bytes.
    fn write_frame(&mut self, now: Instant, message: Message) -> usize {
        let frame = self.sender.frame_from(message.into_buf());
        let len = frame.len();
        self.last_write = now;
        self.stream.write(frame);
        len
    }

    pub(super) fn stats(&self) -> ConnStats {
        let stats = self.stream.stats();
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
    conn: ConnId,
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
        let Self { cx, conn, receiver, filter_empty, unread, keep_alives, .. } = self;
        self.result = receiver.feed(payload, &mut |data| {
            if data.is_empty() && *filter_empty {
                **keep_alives += 1;
                return;
            }
            unread.push(data.len());
            cx.emit(Event::Data { conn: *conn, data });
        });
        self.unread.cost()
    }

    fn message(&mut self, payload: &[u8]) {
        match self.datagrams.open(payload) {
            Some(data) => {
                self.cx.emit(Event::Message { conn: self.conn, data: Bytes::from(data) });
            }
            None => self.cx.stats.dropped.message += 1,
        }
    }

    fn end(&mut self) {
        if self.result.is_ok() {
            self.cx.emit(Event::RemoteEnd { conn: self.conn });
        }
    }
}

/// How much has to drain before the application is told; a quarter of its high-water mark.
const CREDIT: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddrV4};

    use super::*;
    use crate::noise::{Initiator, KeyPair, Responder};
    use crate::wire::{FEATURE_REVISION_1, UdxInfo};
    use crate::{Outbox, Rng, SocketId, Stats, Timers};

    #[test]
    fn only_a_peer_of_our_revision_gets_thin_acknowledgements() {
        assert_eq!(acknowledgements(FEATURE_REVISION_1), 1);
        assert_eq!(acknowledgements(0), PACKETS / 2);
    }

    /// How many answer a batch of `PACKETS` packets.
    fn acknowledgements(features: u64) -> usize {
        let (mut rng, mut timers) = (Rng::from_seed([1; 32]), Timers::new());
        let (mut out, mut stats) = (Outbox::default(), Stats::default());
        let now = Instant::now();
        let keys = keys(&mut rng);
        let mut cx =
            Cx { now, rng: &mut rng, timers: &mut timers, out: &mut out, stats: &mut stats };
        let remote = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1);
        let path = Path { socket: SocketId::SERVER, remote };
        let info = UdxInfo { features, id: 2, seq: 0 };
        let mut open = Open::new(&mut cx, 1, Some(info).into(), path, &keys, KeepAlive::default());

        let mut peer = udx::Stream::new(2, udx::Config::default());
        peer.connect(now, 1, remote);
        peer.write(Bytes::from(vec![0; 20_000]));
        let mut buf = Vec::new();
        let sent = peer.poll_transmit(now, &mut buf, PACKETS).expect("data");
        for datagram in buf.chunks(sent.segment_size.expect("several packets")) {
            let packet = udx::Packet::parse(datagram).expect("a packet");
            // Its content is nonsense, and acknowledged all the same.
            let _ = open.handle_packet(&mut cx, ConnId(1), &packet);
        }

        open.stream.poll_transmit(now, &mut buf, 64).expect("acknowledgements");
        buf.len() / ACKNOWLEDGEMENT
    }

    fn keys(rng: &mut Rng) -> Finished {
        let (near, far) = (KeyPair::from_seed([1; 32]), KeyPair::from_seed([2; 32]));
        let mut initiator = Initiator::new(&near, far.public(), rng).expect("keys");
        let mut responder = Responder::new(&far, rng).expect("keys");
        responder.recv(&initiator.send(b"").expect("message 1")).expect("message 1");
        initiator.recv(&responder.send(b"").expect("message 2")).expect("message 2");
        responder.finish()
    }

    const PACKETS: usize = 12;

    /// Bytes of a packet that is only a header.
    const ACKNOWLEDGEMENT: usize = 20;
}
