//! One connection and its states.

use std::time::{Duration, Instant};

use bytes::Bytes;
use zeroize::Zeroizing;

use super::keep_alive::KeepAlive;
use super::open::Open;
use super::sending::Share;
use super::waiting::{Waiting, Write};
use super::{Path, RemoteStream};
use crate::noise::Finished;
use crate::secret::{FrameError, Message};
use crate::{
    Closed, ConnError, ConnId, ConnStats, ConnectionInfo, Cx, Event, Opened, ServerId, SocketId,
    Timer, Transmit, TransmitBuf,
};

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: ConnId,
    /// The server that accepts it; `None` for a dialled one.
    pub(super) server: Option<ServerId>,
    pub(super) stream_id: u32,
    pub(super) state: State,
    /// Queued to transmit.
    pub(super) ready: bool,
    /// Of what the node keeps for peers.
    pub(super) share: Share,
}

#[derive(Debug)]
pub(super) enum State {
    /// No path and no keys.
    Waiting(Waiting),
    /// Carries messages.
    Open(Box<Open>),
    /// The application knows that it is gone; the stream may still owe its peer an answer.
    Lingering(Box<udx::Stream>, Path),
}

impl Connection {
    pub(super) fn new(
        id: ConnId,
        server: Option<ServerId>,
        stream_id: u32,
        keep_alive: Duration,
    ) -> Self {
        let state = State::Waiting(Waiting::new(KeepAlive::new(keep_alive)));
        Self { id, server, stream_id, state, ready: false, share: Share::default() }
    }

    /// Waiting → Open. What was written and what has arrived so far follows at once.
    pub(super) fn open(
        &mut self,
        cx: &mut Cx<'_>,
        path: Path,
        remote: RemoteStream,
        keys: &Finished,
    ) {
        let State::Waiting(waiting) = &mut self.state else { return };
        let parked = waiting.take_parked();
        let writes = std::mem::take(&mut waiting.writes);
        let unasked = std::mem::take(&mut waiting.unasked);
        let keep_alive = waiting.keep_alive;

        let open = Open::new(cx, self.stream_id, remote, path, keys, keep_alive);
        self.state = State::Open(Box::new(open));
        let opened = self.opened(path, remote.id, keys);
        tracing::info!(conn = ?self.id, remote = %path.remote, "connection opened");
        cx.emit(match self.server {
            Some(server) => {
                let keep_alive = keep_alive.interval().unwrap_or_default();
                Event::Connection(Box::new(ConnectionInfo { server, opened, keep_alive, unasked }))
            }
            None => Event::Opened(Box::new(opened)),
        });
        self.handle_keep_alive(cx);
        for write in writes {
            match write {
                Write::Frame(data) => self.write(cx, data),
                Write::Message(data) => self.send_message(cx, data),
                Write::Flush(flush) => self.flush(flush),
                Write::End => self.end(cx),
            }
        }
        for packet in parked {
            self.handle_packet(cx, &packet);
        }
    }

    pub(super) fn write(&mut self, cx: &mut Cx<'_>, data: Message) {
        match &mut self.state {
            State::Waiting(waiting) => waiting.writes.push_back(Write::Frame(data)),
            State::Open(open) => open.write(cx.now, data),
            State::Lingering(..) => {}
        }
    }

    pub(super) fn send_message(&mut self, _cx: &mut Cx<'_>, data: Bytes) {
        match &mut self.state {
            State::Waiting(waiting) => waiting.writes.push_back(Write::Message(data)),
            State::Open(open) => open.send_message(&data),
            State::Lingering(..) => {}
        }
    }

    pub(super) fn flush(&mut self, flush: u32) {
        match &mut self.state {
            State::Waiting(waiting) => waiting.writes.push_back(Write::Flush(flush)),
            State::Open(open) => open.flush(flush),
            // The application knows that it is gone.
            State::Lingering(..) => {}
        }
    }

    pub(super) fn end(&mut self, cx: &mut Cx<'_>) {
        match &mut self.state {
            State::Waiting(waiting) => waiting.writes.push_back(Write::End),
            State::Open(open) => {
                open.end();
                cx.timers.cancel(Timer::KeepAlive(self.id));
            }
            State::Lingering(..) => {}
        }
    }

    /// Open → Lingering, with a DESTROY to the peer.
    pub(super) fn destroy(&mut self, cx: &mut Cx<'_>, error: Option<ConnError>) {
        if let State::Open(open) = &mut self.state {
            open.stream.destroy(cx.now);
            self.close(cx, error);
        }
    }

    pub(super) fn consumed(&mut self, cx: &mut Cx<'_>, bytes: usize) {
        if let State::Open(open) = &mut self.state {
            let result = open.consumed(cx, self.id, bytes);
            self.settle(cx, result);
        }
    }

    pub(super) fn set_keep_alive(&mut self, cx: &mut Cx<'_>, interval: Duration) {
        match &mut self.state {
            State::Waiting(waiting) => waiting.keep_alive.set(interval),
            State::Open(open) => match open.set_keep_alive(cx.now, interval) {
                Some(at) => cx.timers.set(Timer::KeepAlive(self.id), at),
                None => cx.timers.cancel(Timer::KeepAlive(self.id)),
            },
            State::Lingering(..) => {}
        }
    }

    pub(super) fn handle_packet(&mut self, cx: &mut Cx<'_>, data: &[u8]) {
        let Some(packet) = udx::Packet::parse(data) else {
            cx.stats.dropped.udx += 1;
            return;
        };
        match &mut self.state {
            State::Waiting(_) => {}
            State::Open(open) => {
                let result = open.handle_packet(cx, self.id, &packet);
                self.settle(cx, result);
            }
            State::Lingering(stream, _) => {
                stream.handle_packet(cx.now, &packet, &mut Discard);
            }
        }
    }

    pub(super) fn handle_stream_timeout(&mut self, cx: &mut Cx<'_>) {
        if let Some(stream) = self.stream_mut() {
            stream.handle_timeout(cx.now);
        }
    }

    pub(super) fn handle_keep_alive(&mut self, cx: &mut Cx<'_>) {
        let State::Open(open) = &mut self.state else { return };
        if let Some(at) = open.handle_keep_alive(cx.now) {
            cx.timers.set(Timer::KeepAlive(self.id), at);
        }
    }

    /// Passes on what the stream has to tell.
    pub(super) fn pass_events(&mut self, cx: &mut Cx<'_>) {
        if let State::Open(open) = &mut self.state {
            open.pass_credit(cx, self.id);
            open.pass_flushed(cx, self.id);
        }
        while let Some(event) = self.stream_mut().and_then(udx::Stream::poll_event) {
            match event {
                udx::Event::Finished => cx.emit(Event::Finished { conn: self.id }),
                udx::Event::RemoteChanged => {}
                udx::Event::Closed(reason) => self.close(cx, stream_error(reason)),
            }
        }
    }

    pub(super) fn poll_transmit(
        &mut self,
        cx: &mut Cx<'_>,
        buf: &mut TransmitBuf,
        max_held: usize,
    ) -> Option<Transmit> {
        let socket = self.socket()?;
        let stream = self.stream_mut()?;
        stream.set_max_held(max_held);
        let sent = stream.poll_transmit(cx.now, &mut buf.data, buf.max_segments)?;
        self.pass_events(cx);
        Some(Transmit { socket, to: sent.to, ttl: None, segment_size: sent.segment_size })
    }

    pub(super) fn stream_deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Waiting(_) => None,
            State::Open(open) => open.stream.poll_timeout(),
            State::Lingering(stream, _) => stream.poll_timeout(),
        }
    }

    pub(super) fn socket(&self) -> Option<SocketId> {
        match &self.state {
            State::Waiting(_) => None,
            State::Open(open) => Some(open.path.socket),
            State::Lingering(_, path) => Some(path.socket),
        }
    }

    /// Bytes kept for what the peer has not acknowledged.
    pub(super) fn held(&self) -> usize {
        match &self.state {
            State::Waiting(_) => 0,
            State::Open(open) => open.stream.held(),
            State::Lingering(stream, _) => stream.held(),
        }
    }

    pub(super) fn has_stream(&self) -> bool {
        !matches!(self.state, State::Waiting(_))
    }

    /// True once a packet of the peer has come.
    pub(super) fn is_heard(&self) -> bool {
        match &self.state {
            State::Waiting(_) => false,
            State::Open(open) => open.stream.stats().packets_rx > 0,
            State::Lingering(stream, _) => stream.stats().packets_rx > 0,
        }
    }

    pub(super) fn is_lingering(&self) -> bool {
        matches!(self.state, State::Lingering(..))
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(&self.state, State::Lingering(stream, _) if stream.is_done())
    }

    pub(super) fn stats(&self) -> Option<ConnStats> {
        let State::Open(open) = &self.state else { return None };
        Some(open.stats())
    }

    /// A frame that cannot be opened ends the connection.
    fn settle(&mut self, cx: &mut Cx<'_>, result: Result<(), FrameError>) {
        if let Err(error) = result {
            cx.stats.dropped.frame += 1;
            self.destroy(cx, Some(ConnError::Stream(error.into())));
        }
    }

    /// Open → Lingering: the application is told once, and nothing follows.
    fn close(&mut self, cx: &mut Cx<'_>, error: Option<ConnError>) {
        let State::Open(_) = &self.state else { return };
        let gone = State::Waiting(Waiting::default());
        let State::Open(open) = std::mem::replace(&mut self.state, gone) else { return };
        let Open { stream, path, .. } = *open;
        self.state = State::Lingering(Box::new(stream), path);
        cx.timers.cancel(Timer::KeepAlive(self.id));
        tracing::info!(conn = ?self.id, ?error, "connection closed");
        cx.emit(Event::Closed(Closed { conn: self.id, error }));
    }

    fn opened(&self, path: Path, remote_id: u32, keys: &Finished) -> Opened {
        Opened {
            conn: self.id,
            remote_public_key: keys.remote_public_key,
            handshake_hash: Zeroizing::new(keys.hash),
            remote: path.remote,
            socket: path.socket,
            local_id: self.stream_id,
            remote_id,
        }
    }

    fn stream_mut(&mut self) -> Option<&mut udx::Stream> {
        match &mut self.state {
            State::Waiting(_) => None,
            State::Open(open) => Some(&mut open.stream),
            State::Lingering(stream, _) => Some(stream),
        }
    }
}

/// Takes what arrives after the end, and does nothing with it.
struct Discard;

impl udx::Sink for Discard {
    fn data(&mut self, _: &[u8]) -> usize {
        0
    }
    fn message(&mut self, _: &[u8]) {}
    fn end(&mut self) {}
}

fn stream_error(reason: udx::CloseReason) -> Option<ConnError> {
    match reason {
        udx::CloseReason::Graceful | udx::CloseReason::Destroyed => None,
        udx::CloseReason::Reset => Some(ConnError::Stream(crate::StreamError::Reset)),
        udx::CloseReason::TimedOut => Some(ConnError::Stream(crate::StreamError::TimedOut)),
    }
}
