//! One raw stream and its states.

use super::strays::Strays;
use crate::conn::{ByteStream, Call, ConnOwner, Endpoint, OwnedConn, PathNews, stream_error};
use crate::streams::{Parked, Path, StreamMut};
use crate::{
    ConnError, ConnId, ConnReport, ConnStats, Cx, Event, PathInfo, PathOrigin, RawOptions, StreamId,
};

#[derive(Debug)]
pub(super) struct RawStream {
    pub(super) to: OwnedConn,
    pub(super) stream: StreamId,
    /// The application decides on packets that arrive on other sockets.
    pub(super) asks: bool,
    pub(super) strays: Strays,
    /// The sequence number of our first packet.
    first_seq: u32,
    bytes: ByteStream,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The stream has no path yet.
    Waiting {
        /// The calls that send something.
        calls: Vec<Call>,
        /// The stream, once it has taken a packet.
        early: Option<Box<udx::Stream>>,
    },
    Open,
    /// The stream is gone, and the application has been told.
    Closed,
}

impl RawStream {
    pub(super) fn new(id: ConnId, options: RawOptions) -> Self {
        let to = OwnedConn { id, owner: ConnOwner::Application };
        Self {
            to,
            stream: options.id,
            asks: options.ask_firewall,
            strays: Strays::default(),
            first_seq: options.seq,
            bytes: ByteStream::new(to, options.framed),
            state: State::Waiting { calls: Vec::new(), early: None },
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting { .. })
    }

    /// The stream as it is before it is connected, with the packets that it has taken.
    pub(super) fn take_early(&mut self) -> udx::Stream {
        let early = match &mut self.state {
            State::Waiting { early, .. } => early.take(),
            State::Open | State::Closed => None,
        };
        let config = udx::Config { first_seq: self.first_seq, ..udx::Config::default() };
        early.map_or_else(|| udx::Stream::new(self.stream.0, config), |early| *early)
    }

    /// Waiting → Open. Calls that were queued and packets that were parked follow at once.
    pub(super) fn open(&mut self, cx: &mut Cx<'_>, stream: &mut StreamMut<'_>, parked: Parked) {
        let State::Waiting { calls, .. } = &mut self.state else { return };
        let calls = std::mem::take(calls);
        self.state = State::Open;
        for call in calls {
            self.handle_call(cx, stream, call);
        }
        parked.replay(cx, |cx, packet| self.handle_packet(cx, stream, packet));
    }

    /// Takes a call of a stream that waits. A message is lost, as it would be on the way.
    pub(super) fn queue_call(&mut self, cx: &mut Cx<'_>, call: Call) {
        let State::Waiting { calls, early } = &mut self.state else { return };
        match call {
            Call::Write(_)
            | Call::WriteAll(_)
            | Call::Flush(_)
            | Call::End
            | Call::SetHeartbeat(_) => calls.push(call),
            // There is no path to leave, and no keep-alive.
            Call::SendMessage(_)
            | Call::SendRaw(_)
            | Call::ChangeRemote(_)
            | Call::SetKeepAlive(_) => {}
            Call::Consumed(bytes) => {
                let Some(mut early) = early.take() else { return };
                self.bytes.flow.handle_consumed(bytes);
                let (now, unread) = (cx.now, self.bytes.unread());
                early.set_unread(now, unread, &mut self.bytes.inlet(cx));
                self.keep_early(cx, early);
            }
        }
    }

    /// Takes a packet before the stream is connected. Its acknowledgement waits until then. Nothing
    /// arrives after the packet with which the peer has ended the stream.
    pub(super) fn handle_early(&mut self, cx: &mut Cx<'_>, data: &[u8]) {
        let Some(packet) = udx::Packet::parse(data).filter(|_| self.is_waiting()) else {
            cx.stats.dropped.udx += 1;
            return;
        };
        let mut early = Box::new(self.take_early());
        early.handle_packet(cx.now, &packet, &mut self.bytes.inlet(cx));
        self.keep_early(cx, early);
    }

    pub(super) fn handle_call(&mut self, cx: &mut Cx<'_>, stream: &mut StreamMut<'_>, call: Call) {
        let moves = matches!(call, Call::ChangeRemote(_));
        self.bytes.handle_call(cx, stream, call);
        if moves {
            self.tell_path(cx, stream);
        }
    }

    pub(super) fn handle_packet(
        &mut self,
        cx: &mut Cx<'_>,
        stream: &mut StreamMut<'_>,
        packet: &udx::Packet<'_>,
    ) {
        self.bytes.handle_packet(cx, stream, packet);
    }

    /// A connection on the same path has proven that an end of it has moved.
    pub(super) fn follow(&self, cx: &mut Cx<'_>, stream: &mut StreamMut<'_>, news: PathNews) {
        match news {
            PathNews::WeMoved { .. } => stream.handle_new_path(cx.now),
            PathNews::PeerMoved { to, .. } => {
                stream.change_proven(cx.now, to);
                self.tell_path(cx, stream);
            }
        }
    }

    /// Tells the application where packets go from here on. It also tells of the application's own
    /// changes: what it hears before was not under way because of them.
    fn tell_path(&self, cx: &mut Cx<'_>, stream: &StreamMut<'_>) {
        let Path { socket, remote } = stream.path();
        let path = PathInfo::new(socket, remote, PathOrigin::default());
        self.to.tell(cx, ConnReport::PathChanged(Box::new(path)));
    }

    /// Open → Closed, with a DESTROY to the peer.
    pub(super) fn destroy(&mut self, cx: &mut Cx<'_>, stream: &mut StreamMut<'_>) {
        stream.destroy(cx.now);
        self.close(cx, None, Some(stream.stats()));
    }

    /// Tells the application once that the stream is gone.
    pub(super) fn close(
        &mut self,
        cx: &mut Cx<'_>,
        error: Option<ConnError>,
        stats: Option<udx::StreamStats>,
    ) {
        if self.is_closed() {
            return;
        }
        cx.out.events.extend(self.bytes.take_delivery());
        self.state = State::Closed;
        self.strays.clear();
        let stats = stats.map(|stats| Box::new(ConnStats::from(stats)));
        self.to.tell(cx, ConnReport::Closed { error, stats, trace: None });
    }

    /// Keeps the stream that waits, unless its peer has ended it.
    fn keep_early(&mut self, cx: &mut Cx<'_>, mut stream: Box<udx::Stream>) {
        if let Some(udx::Event::Closed(reason)) = stream.poll_event() {
            self.close(cx, stream_error(reason), Some(stream.stats()));
        }
        if let State::Waiting { early, .. } = &mut self.state {
            *early = Some(stream);
        }
    }

    /// Whether there are bytes for [`Self::take_delivery`].
    pub(super) fn has_delivery(&self) -> bool {
        self.bytes.has_delivery()
    }

    /// What has arrived, for the application.
    pub(super) fn take_delivery(&mut self) -> Option<Event> {
        self.bytes.take_delivery()
    }
}

impl Endpoint for RawStream {
    fn stream(&self) -> StreamId {
        self.stream
    }

    fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    fn pass_events(&mut self, cx: &mut Cx<'_>, stream: &mut StreamMut<'_>) {
        self.bytes.pass_progress(cx, stream);
        while let Some(event) = stream.poll_event() {
            match event {
                udx::Event::Finished => self.to.tell(cx, ConnReport::Finished),
                udx::Event::RemoteChanged => self.to.tell(cx, ConnReport::RemoteChanged),
                // These concern only the transport.
                udx::Event::PathValidated | udx::Event::PathFailed | udx::Event::Unanswered => {}
                udx::Event::Closed(reason) => {
                    self.close(cx, stream_error(reason), Some(stream.stats()));
                }
            }
        }
    }

    fn handle_sent(&mut self, cx: &mut Cx<'_>, unsent: usize) {
        self.bytes.flow.pass_credit(cx, self.to, unsent);
    }
}
