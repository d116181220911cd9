//! A stream whose bytes are the application's: what it writes, and what it gets.

use bytes::Bytes;

use super::flow::Flow;
use super::framing::Framing;
use super::owner::OwnedConn;
use super::waiting::Call;
use crate::streams::StreamMut;
use crate::{ConnId, ConnReport, Cx, Event};

/// The application's end of a UDX stream without a secret stream.
#[derive(Debug)]
pub(crate) struct ByteStream {
    to: OwnedConn,
    pub(crate) flow: Flow,
    framing: Framing,
    /// What the application gets next. Packets that arrive together are delivered in one piece.
    delivery: Vec<u8>,
}

impl ByteStream {
    /// `framed`: frames are delivered in one piece if possible.
    pub(crate) fn new(to: OwnedConn, framed: bool) -> Self {
        let framing = Framing::new(framed);
        Self { to, flow: Flow::default(), framing, delivery: Vec::new() }
    }

    pub(crate) fn handle_call(&mut self, cx: &mut Cx<'_>, stream: &mut StreamMut<'_>, call: Call) {
        match call {
            Call::Write(data) => self.write(stream, data.into_bytes()),
            Call::WriteAll(data) => self.write(stream, data.into_bytes()),
            Call::SendMessage(data) | Call::SendRaw(data) => stream.send_message(&*data),
            Call::Flush(flush) => self.flow.flush(stream.written(), flush),
            Call::End => stream.end(),
            Call::Consumed(bytes) => {
                self.flow.handle_consumed(bytes);
                let (now, unread) = (cx.now, self.unread());
                stream.set_unread(now, unread, &mut self.inlet(cx));
            }
            Call::SetHeartbeat(interval) => stream.set_keep_alive(cx.now, interval),
            Call::ChangeRemote(remote) => stream.change_remote(cx.now, remote.into(), remote.id),
            // Only a secret stream of the core has one.
            Call::SetKeepAlive(_) => {}
        }
    }

    fn write(&mut self, stream: &mut StreamMut<'_>, data: Bytes) {
        self.flow.handle_written(data.len());
        stream.write(data);
    }

    pub(crate) fn handle_packet(
        &mut self,
        cx: &mut Cx<'_>,
        stream: &mut StreamMut<'_>,
        packet: &udx::Packet<'_>,
    ) {
        stream.handle_packet(cx.now, packet, &mut self.inlet(cx));
    }

    /// Reports what has left the queue, and the flushes that are done.
    pub(crate) fn pass_progress(&mut self, cx: &mut Cx<'_>, stream: &StreamMut<'_>) {
        self.flow.pass_credit(cx, self.to, stream.unsent());
        self.flow.pass_flushed(cx, self.to, stream.acknowledged());
    }

    /// Whether there are bytes for [`Self::take_delivery`].
    pub(crate) fn has_delivery(&self) -> bool {
        !self.delivery.is_empty()
    }

    /// What has arrived, for the application.
    pub(crate) fn take_delivery(&mut self) -> Option<Event> {
        take(&mut self.delivery, &mut self.flow, self.to.id)
    }

    /// Bytes that the application has not taken.
    pub(crate) fn unread(&self) -> usize {
        self.flow.unread() + self.framing.held() + self.delivery.len()
    }

    /// The sink for what the stream delivers.
    pub(crate) fn inlet<'a, 'b>(&'a mut self, cx: &'a mut Cx<'b>) -> impl udx::Sink + use<'a, 'b> {
        let Self { to, flow, framing, delivery } = self;
        Inlet { cx, to: *to, framing, delivery, flow }
    }
}

struct Inlet<'a, 'b> {
    cx: &'a mut Cx<'b>,
    to: OwnedConn,
    framing: &'a mut Framing,
    delivery: &'a mut Vec<u8>,
    flow: &'a mut Flow,
}

impl Inlet<'_, '_> {
    /// Gives the application what has arrived.
    fn flush(&mut self) {
        self.cx.out.events.extend(take(self.delivery, self.flow, self.to.id));
    }
}

fn take(delivery: &mut Vec<u8>, flow: &mut Flow, conn: ConnId) -> Option<Event> {
    let data = Bytes::from(std::mem::take(delivery));
    if data.is_empty() {
        return None;
    }
    flow.handle_delivered(data.len());
    Some(Event::Data { conn, data })
}

impl udx::Sink for Inlet<'_, '_> {
    fn data(&mut self, payload: &[u8]) -> usize {
        let is_piece = self.framing.feed(payload, self.delivery);
        if is_piece || self.delivery.len() >= MAX_PIECE {
            self.flush();
        }
        self.flow.unread() + self.framing.held() + self.delivery.len()
    }

    fn message(&mut self, payload: &[u8]) {
        self.to.tell(self.cx, ConnReport::Message(Bytes::copy_from_slice(payload)));
    }

    fn end(&mut self) {
        self.framing.finish(self.delivery);
        self.flush();
        self.to.tell(self.cx, ConnReport::RemoteEnd);
    }
}

/// The most that is delivered in one piece: a few dozen packets.
const MAX_PIECE: usize = 64 * 1024;
