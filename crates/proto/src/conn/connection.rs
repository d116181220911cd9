//! One connection and its states.

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::FoundPath;
use super::byte_stream::ByteStream;
use super::endpoint::Endpoint;
use super::keep_alive::KeepAlive;
use super::migration::Migration;
use super::open::Open;
use super::origins::Origins;
use super::owner::OwnedConn;
use super::waiting::{Call, Waiting};
use crate::noise::Finished;
use crate::secret::{FrameError, Spares};
use crate::streams::{Parked, Path, RemoteStream, StreamMut};
use crate::{
    ConnError, ConnReport, ConnStats, ConnectionInfo, Cx, Event, Foreign, Opened, PathInfo,
    PathOrigin, RawRemote, ServerId, StreamId, Timer,
};

#[derive(Debug)]
pub(super) struct Connection {
    /// The connection's id and its owner.
    pub(super) to: OwnedConn,
    /// The server that accepts it; `None` for a dialled one.
    pub(super) server: Option<ServerId>,
    /// The stream that carries the connection.
    pub(super) stream: StreamId,
    /// What the application makes itself.
    pub(super) foreign: Foreign,
    pub(super) state: State,
    /// A packet of the peer has come.
    pub(super) is_heard: bool,
    /// How the path was found.
    pub(super) origins: Origins,
    /// What happens when the path may have changed; `None` until the connection opens.
    pub(super) migration: Option<Migration>,
    /// The path on which the peer has stopped to answer, if that ended the connection.
    pub(super) broken: Option<Path>,
}

#[derive(Debug)]
pub(super) enum State {
    /// The connection has no path and no keys yet.
    Waiting(Box<Waiting>),
    /// Carries messages.
    Open(Box<Open>),
    /// Carries bytes of the application's secret stream.
    Bytes(Box<ByteStream>),
    /// The connection is gone, and its owner has been told. The last numbers of its transport.
    Closed(Box<ConnStats>),
}

impl Connection {
    pub(super) fn new(
        to: OwnedConn,
        server: Option<ServerId>,
        stream: StreamId,
        keep_alive: Duration,
        foreign: Foreign,
    ) -> Self {
        let state = State::Waiting(Box::new(Waiting::new(KeepAlive::new(keep_alive))));
        Self {
            to,
            server,
            stream,
            foreign,
            state,
            is_heard: false,
            origins: Origins::default(),
            migration: None,
            broken: None,
        }
    }

    /// Waiting → Open or Bytes. Calls that were queued and packets that were parked follow at once.
    pub(super) fn open(
        &mut self,
        cx: &mut Cx<'_>,
        stream: &mut StreamMut<'_>,
        remote: RemoteStream,
        keys: &Finished,
        (parked, spares): (Parked, Option<&Arc<dyn Spares>>),
    ) {
        let State::Waiting(waiting) = &mut self.state else { return };
        let Waiting { calls, keep_alive, unasked } = std::mem::take(&mut **waiting);
        let is_bytes = self.foreign == Foreign::Everything;
        self.migration =
            Some(Migration::new(self.to.id, keys, remote.path_frames && !is_bytes, cx.now));
        self.state = if is_bytes {
            State::Bytes(Box::new(ByteStream::new(self.to, true)))
        } else {
            State::Open(Box::new(Open::new(cx, stream, keys, keep_alive, spares)))
        };
        let opened = self.opened(stream, remote.id, keys);
        tracing::info!(conn = ?self.to.id, remote = %opened.remote, "connection opened");
        let report = match self.server {
            Some(server) => {
                let keep_alive = keep_alive.interval().unwrap_or_default();
                let info = ConnectionInfo { server, opened, keep_alive, unasked };
                ConnReport::Accepted(Box::new(info))
            }
            None => ConnReport::Opened(Box::new(opened)),
        };
        self.to.tell(cx, report);
        self.handle_keep_alive(cx, stream);
        for call in calls {
            self.handle_call(cx, stream, call);
        }
        parked.replay(cx, |cx, packet| self.handle_packet(cx, stream, packet));
    }

    pub(super) fn handle_call(&mut self, cx: &mut Cx<'_>, stream: &mut StreamMut<'_>, call: Call) {
        let open = match (&mut self.state, &call) {
            (State::Open(open), _) => open,
            (State::Bytes(_), Call::ChangeRemote(remote)) => {
                return self.change_remote(cx, stream, *remote);
            }
            (State::Bytes(bytes), _) => return bytes.handle_call(cx, stream, call),
            (State::Waiting(_) | State::Closed(_), _) => return,
        };
        match call {
            Call::Write(data) => {
                open.write(cx.now, stream, data);
                self.note_written(cx);
            }
            Call::WriteAll(data) => {
                open.write_all(cx.now, stream, data);
                self.note_written(cx);
            }
            Call::SendMessage(data) => open.send_message(stream, &data),
            Call::SendRaw(data) => stream.send_message(&*data),
            Call::Flush(flush) => open.flush(stream, flush),
            Call::End => {
                open.end(stream);
                cx.timers.cancel(Timer::KeepAlive(self.to.id));
            }
            Call::Consumed(bytes) => {
                let result = open.consumed(cx, self.to, stream, bytes);
                self.check(cx, stream, result);
            }
            Call::SetKeepAlive(interval) => match open.set_keep_alive(cx.now, stream, interval) {
                Some(at) => cx.timers.set(Timer::KeepAlive(self.to.id), at),
                None => cx.timers.cancel(Timer::KeepAlive(self.to.id)),
            },
            Call::SetHeartbeat(interval) => stream.set_keep_alive(cx.now, interval),
            Call::ChangeRemote(remote) => self.change_remote(cx, stream, remote),
        }
    }

    fn note_written(&mut self, cx: &mut Cx<'_>) {
        if let Some(migration) = &mut self.migration {
            migration.handle_data(cx, self.to.id);
        }
    }

    pub(super) fn change_path(
        &mut self,
        cx: &mut Cx<'_>,
        stream: &mut StreamMut<'_>,
        FoundPath { path, origin }: FoundPath,
        remote_id: Option<u32>,
    ) {
        if self.is_open() {
            stream.change_path(cx.now, path, remote_id);
            self.handle_moved(cx, stream, origin);
        }
    }

    /// Sends the packets to the remote that the application has chosen.
    fn change_remote(&mut self, cx: &mut Cx<'_>, stream: &mut StreamMut<'_>, remote: RawRemote) {
        stream.change_remote(cx.now, remote.into(), remote.id);
        self.handle_moved(cx, stream, PathOrigin::default());
    }

    /// Open or Bytes → Closed, with a DESTROY to the peer.
    pub(super) fn destroy(
        &mut self,
        cx: &mut Cx<'_>,
        stream: &mut StreamMut<'_>,
        error: Option<ConnError>,
    ) {
        if self.is_open() {
            stream.destroy(cx.now);
            self.close(cx, stream, error);
        }
    }

    pub(super) fn handle_packet(
        &mut self,
        cx: &mut Cx<'_>,
        stream: &mut StreamMut<'_>,
        packet: &udx::Packet<'_>,
    ) {
        self.is_heard = true;
        if let Some(migration) = &mut self.migration {
            let has_worked = stream.is_heard_from_path();
            migration.handle_packet(cx, self.to.id, packet.payload.len(), has_worked);
        }
        match &mut self.state {
            State::Open(open) => {
                let result = open.handle_packet(cx, self.to, stream, packet);
                self.check(cx, stream, result);
            }
            State::Bytes(bytes) => bytes.handle_packet(cx, stream, packet),
            State::Waiting(_) | State::Closed(_) => {}
        }
    }

    pub(super) fn handle_keep_alive(&mut self, cx: &mut Cx<'_>, stream: &mut StreamMut<'_>) {
        let State::Open(open) = &mut self.state else { return };
        if let Some(at) = open.handle_keep_alive(cx.now, stream) {
            cx.timers.set(Timer::KeepAlive(self.to.id), at);
        }
    }

    pub(super) fn stats(&self, stream: udx::StreamStats) -> Option<ConnStats> {
        match &self.state {
            State::Open(open) => Some(open.stats(stream)),
            State::Bytes(_) => Some(stream.into()),
            State::Waiting(_) | State::Closed(_) => None,
        }
    }

    /// Whether there are bytes for [`Self::take_delivery`].
    pub(super) fn has_delivery(&self) -> bool {
        matches!(&self.state, State::Bytes(bytes) if bytes.has_delivery())
    }

    /// What has arrived, for the application.
    pub(super) fn take_delivery(&mut self) -> Option<Event> {
        let State::Bytes(bytes) = &mut self.state else { return None };
        bytes.take_delivery()
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_) | State::Bytes(_))
    }

    /// A frame that cannot be opened ends the connection.
    fn check(
        &mut self,
        cx: &mut Cx<'_>,
        stream: &mut StreamMut<'_>,
        result: Result<(), FrameError>,
    ) {
        if let Err(error) = result {
            cx.stats.dropped.frame += 1;
            self.destroy(cx, stream, Some(ConnError::Stream(error.into())));
        }
    }

    /// Open or Bytes → Closed: the owner is told once, and nothing follows.
    fn close(&mut self, cx: &mut Cx<'_>, stream: &StreamMut<'_>, error: Option<ConnError>) {
        if self.is_closed() {
            return;
        }
        let is_silent = matches!(error, Some(ConnError::Stream(crate::StreamError::TimedOut)));
        self.broken = is_silent.then(|| stream.path());
        let stats = self.stats(stream.stats());
        cx.out.events.extend(self.take_delivery());
        self.state = State::Closed(Box::new(stats.unwrap_or_default()));
        let stats = stats.map(Box::new);
        self.migration = None;
        cx.timers.cancel(Timer::KeepAlive(self.to.id));
        cx.timers.cancel(Timer::PathCheck(self.to.id));
        tracing::info!(conn = ?self.to.id, ?error, "connection closed");
        self.to.tell(cx, ConnReport::Closed { error, stats, trace: None });
    }

    /// The packets go elsewhere from here on.
    fn handle_moved(&mut self, cx: &mut Cx<'_>, stream: &mut StreamMut<'_>, origin: PathOrigin) {
        tracing::debug!(conn = ?self.to.id, path = ?stream.path(), "the path changes");
        if let State::Open(open) = &mut self.state {
            open.provoke(cx.now, stream);
        }
        self.origins.advance(origin);
        self.tell_path(cx, stream);
    }

    /// Tells the owner where packets go from here on.
    pub(super) fn tell_path(&self, cx: &mut Cx<'_>, stream: &StreamMut<'_>) {
        let Path { socket, remote } = stream.path();
        let path = PathInfo::new(socket, remote, self.origins.current());
        self.to.tell(cx, ConnReport::PathChanged(Box::new(path)));
    }

    fn opened(&self, stream: &StreamMut<'_>, remote_id: u32, keys: &Finished) -> Opened {
        let path = stream.path();
        Opened {
            conn: self.to.id,
            remote_public_key: keys.remote_public_key,
            handshake_hash: Zeroizing::new(keys.hash),
            remote: path.remote,
            socket: path.socket,
            local_id: self.stream.0,
            remote_id,
            path: PathInfo::new(path.socket, path.remote, self.origins.current()),
        }
    }
}

impl Endpoint for Connection {
    fn stream(&self) -> StreamId {
        self.stream
    }

    fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed(_))
    }

    fn pass_events(&mut self, cx: &mut Cx<'_>, stream: &mut StreamMut<'_>) {
        match &mut self.state {
            State::Open(open) => {
                open.flow.pass_credit(cx, self.to, stream.unsent());
                open.flow.pass_flushed(cx, self.to, stream.acknowledged());
            }
            State::Bytes(bytes) => bytes.pass_progress(cx, stream),
            State::Waiting(_) | State::Closed(_) => {}
        }
        while let Some(event) = stream.poll_event() {
            match event {
                udx::Event::Finished => self.to.tell(cx, ConnReport::Finished),
                udx::Event::RemoteChanged => self.to.tell(cx, ConnReport::RemoteChanged),
                udx::Event::PathValidated => self.origins.settle(),
                udx::Event::PathFailed => {
                    self.origins.go_back();
                    self.tell_path(cx, stream);
                }
                udx::Event::Unanswered => {
                    if let Some(migration) = &mut self.migration {
                        migration.handle_silence(cx, self.to.id, stream);
                    }
                }
                udx::Event::Closed(reason) => self.close(cx, stream, stream_error(reason)),
            }
        }
    }

    fn handle_sent(&mut self, cx: &mut Cx<'_>, unsent: usize) {
        match &mut self.state {
            State::Open(open) => open.flow.pass_credit(cx, self.to, unsent),
            State::Bytes(bytes) => bytes.flow.pass_credit(cx, self.to, unsent),
            State::Waiting(_) | State::Closed(_) => {}
        }
    }
}

/// The error of a connection whose stream has closed for this reason.
pub(crate) fn stream_error(reason: udx::CloseReason) -> Option<ConnError> {
    match reason {
        udx::CloseReason::Graceful | udx::CloseReason::Destroyed => None,
        udx::CloseReason::Reset => Some(ConnError::Stream(crate::StreamError::Reset)),
        udx::CloseReason::TimedOut => Some(ConnError::Stream(crate::StreamError::TimedOut)),
    }
}
