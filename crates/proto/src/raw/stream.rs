//! One raw stream and its states.

use bytes::Bytes;

use super::framing::Framing;
use super::strays::Strays;
use crate::conn::{Call, ConnOwner, Flow, OwnedConn, stream_error};
use crate::streams::{Parked, StreamMut};
use crate::{ConnError, ConnId, ConnReport, ConnStats, Cx, Event, RawOptions, StreamId};

#[derive(Debug)]
pub(super) struct RawStream {
    pub(super) to: OwnedConn,
    pub(super) stream: StreamId,
    /// The application decides on packets that arrive on other sockets.
    pub(super) asks: bool,
    pub(super) strays: Strays,
    framing: Framing,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The stream has no path yet. The calls that send something wait.
    Waiting(Vec<Call>),
    Open(Flow),
    /// The stream is gone, and the application has been told.
    Closed,
}

impl RawStream {
    pub(super) fn new(id: ConnId, options: RawOptions) -> Self {
        Self {
            to: OwnedConn { id, owner: ConnOwner::Application },
            stream: options.id,
            asks: options.ask_firewall,
            strays: Strays::default(),
            framing: Framing::new(options.framed),
            state: State::Waiting(Vec::new()),
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting(_))
    }

    /// Waiting → Open. Calls that were queued and packets that were let in follow at once.
    pub(super) fn open(&mut self, cx: &mut Cx<'_>, stream: &mut StreamMut<'_>, parked: Parked) {
        let State::Waiting(calls) = &mut self.state else { return };
        let calls = std::mem::take(calls);
        self.state = State::Open(Flow::default());
        for call in calls {
            self.handle_call(cx, stream, call);
        }
        parked.replay(cx, |cx, packet| self.handle_packet(cx, stream, packet));
    }

    /// Keeps a call of a stream that waits. A message is lost, as it would be on the way.
    pub(super) fn queue_call(&mut self, call: Call) {
        let State::Waiting(calls) = &mut self.state else { return };
        if matches!(call, Call::Write(_) | Call::Flush(_) | Call::End) {
            calls.push(call);
        }
    }

    pub(super) fn handle_call(&mut self, cx: &mut Cx<'_>, stream: &mut StreamMut<'_>, call: Call) {
        let State::Open(flow) = &mut self.state else { return };
        match call {
            Call::Write(data) => {
                flow.handle_written(data.len());
                stream.write(data.into_bytes());
            }
            Call::SendMessage(data) => stream.send_message(&data),
            Call::Flush(flush) => flow.flush(stream.written(), flush),
            Call::End => stream.end(),
            Call::Consumed(bytes) => {
                flow.handle_consumed(bytes);
                let (now, unread) = (cx.now, flow.unread() + self.framing.held());
                self.with_inlet(cx, |inlet| stream.set_unread(now, unread, inlet));
            }
            // A raw stream has no messages that could be empty.
            Call::SetKeepAlive(_) => {}
        }
    }

    pub(super) fn handle_packet(
        &mut self,
        cx: &mut Cx<'_>,
        stream: &mut StreamMut<'_>,
        packet: &udx::Packet<'_>,
    ) {
        let now = cx.now;
        self.with_inlet(cx, |inlet| stream.handle_packet(now, packet, inlet));
    }

    /// The stream has sent something; `unsent` bytes of what was written have not left yet.
    pub(super) fn handle_sent(&mut self, cx: &mut Cx<'_>, unsent: usize) {
        if let State::Open(flow) = &mut self.state {
            flow.pass_credit(cx, self.to, unsent);
        }
    }

    /// To be called after any change: passes the stream's events on and lets it send. True if the
    /// stream is closed and released.
    pub(super) fn settle(&mut self, cx: &mut Cx<'_>, mut stream: StreamMut<'_>) -> bool {
        self.pass_events(cx, &mut stream);
        let is_closed = matches!(self.state, State::Closed);
        if is_closed {
            stream.release(cx);
        } else {
            stream.settle(cx);
        }
        is_closed
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
        if matches!(self.state, State::Closed) {
            return;
        }
        self.state = State::Closed;
        self.strays.clear();
        let stats = stats.map(|stats| Box::new(ConnStats::from(stats)));
        self.to.tell(cx, ConnReport::Closed { error, stats });
    }

    fn pass_events(&mut self, cx: &mut Cx<'_>, stream: &mut StreamMut<'_>) {
        if let State::Open(flow) = &mut self.state {
            flow.pass_credit(cx, self.to, stream.unsent());
            flow.pass_flushed(cx, self.to, stream.acknowledged());
        }
        while let Some(event) = stream.poll_event() {
            match event {
                udx::Event::Finished => self.to.tell(cx, ConnReport::Finished),
                udx::Event::RemoteChanged => cx.emit(Event::RemoteChanged { conn: self.to.id }),
                // These concern only the transport.
                udx::Event::PathValidated | udx::Event::PathFailed => {}
                udx::Event::Closed(reason) => {
                    self.close(cx, stream_error(reason), Some(stream.stats()));
                }
            }
        }
    }

    /// Runs `act` with the sink that the stream delivers to.
    fn with_inlet(&mut self, cx: &mut Cx<'_>, act: impl FnOnce(&mut dyn udx::Sink)) {
        let Self { to, framing, state, .. } = self;
        if let State::Open(flow) = state {
            act(&mut Inlet { cx, to: *to, framing, flow });
        }
    }
}

/// The sink for what the stream delivers.
struct Inlet<'a, 'b> {
    cx: &'a mut Cx<'b>,
    to: OwnedConn,
    framing: &'a mut Framing,
    flow: &'a mut Flow,
}

impl Inlet<'_, '_> {
    /// Calls `feed` with the function that delivers bytes to the application.
    fn deliver(&mut self, feed: impl FnOnce(&mut Framing, &mut dyn FnMut(&[u8]))) {
        let Self { cx, to, framing, flow } = self;
        feed(framing, &mut |bytes| {
            flow.handle_delivered(bytes.len());
            to.tell(cx, ConnReport::Data(Bytes::copy_from_slice(bytes)));
        });
    }
}

impl udx::Sink for Inlet<'_, '_> {
    fn data(&mut self, payload: &[u8]) -> usize {
        self.deliver(|framing, deliver| framing.feed(payload, deliver));
        self.flow.unread() + self.framing.held()
    }

    fn message(&mut self, payload: &[u8]) {
        self.to.tell(self.cx, ConnReport::Message(Bytes::copy_from_slice(payload)));
    }

    fn end(&mut self) {
        self.deliver(|framing, deliver| framing.finish(deliver));
        self.to.tell(self.cx, ConnReport::RemoteEnd);
    }
}
