//! Message 1 on its way out: where it goes, from which socket, and what it waits for.

use std::net::SocketAddrV4;

use super::hello::Hello;
use super::requests::PendingRequests;
use crate::base::PunchId;
use crate::punch::{Base, News, Puncher, Report};
use crate::{ConnId, Cx, SocketId};

/// Sends message 1 as soon as it is written and its socket is bound.
#[derive(Debug)]
pub(super) struct Outset {
    /// Set while the application writes message 1, or the socket is not bound yet.
    waiting: Option<Destination>,
    from: From,
}

/// Where message 1 goes.
#[derive(Debug)]
pub(super) enum Destination {
    Node {
        via: SocketAddrV4,
        chained: bool,
    },
    /// The path of an earlier connection: its socket, and the server.
    Known(SocketId, SocketAddrV4),
}

/// The socket that message 1 leaves from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// The one of all requests.
    Usual,
    /// That of a puncher, which is not bound yet.
    Binding(PunchId),
    /// That of a puncher. The relay sees its address, and tells it to the server.
    Puncher(PunchId),
}

impl Outset {
    /// `punches`: both ends will have to punch, as far as we know.
    pub(super) fn start(cx: &mut Cx<'_>, base: &mut Base<'_>, conn: ConnId, punches: bool) -> Self {
        let from = if punches && base.io.net.remote_address().is_none() {
            From::Binding(base.punchers.start_for_meeting(cx, &mut base.io, conn))
        } else {
            From::Usual
        };
        Self { waiting: None, from }
    }

    /// Sends message 1, or waits until it can be sent. There is one destination until then.
    pub(super) fn send(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        hello: &mut Hello,
        to: Destination,
    ) {
        let value = hello.value(cx, base);
        if self.is_binding() || hello.is_writing() {
            self.waiting = Some(to);
            return;
        }
        let Some(value) = value else { return };
        tracing::debug!(?to, from = ?self.from, "handshake");
        match to {
            Destination::Node { via, chained } => {
                let socket = self.socket(base);
                requests.handshake(cx, &mut base.io, socket, (via, chained), value);
            }
            Destination::Known(socket, server) => {
                requests.direct_handshake(cx, &mut base.io, socket, server, value);
            }
        }
    }

    /// The application has written message 1, or the socket is bound.
    pub(super) fn resume(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        hello: &mut Hello,
    ) {
        if let Some(to) = self.waiting.take() {
            self.send(cx, base, requests, hello, to);
        }
    }

    /// Whether the socket is not bound yet.
    pub(super) fn is_binding(&self) -> bool {
        matches!(self.from, From::Binding(_))
    }

    /// Handles a report of the puncher. True if message 1 can leave from here on.
    pub(super) fn handle_punch(&mut self, report: Report) -> bool {
        let Report { punch, news, .. } = report;
        self.from = match news {
            News::Ready if self.from == From::Binding(punch) => From::Puncher(punch),
            News::Aborted(_) | News::NoSocket if self.puncher() == Some(punch) => From::Usual,
            News::Ready
            | News::Analyzed
            | News::Connected(_)
            | News::Aborted(_)
            | News::NoSocket => return false,
        };
        true
    }

    /// Takes the puncher whose address the server has been told.
    pub(super) fn take_puncher(&mut self) -> Option<PunchId> {
        let punch = self.puncher();
        self.from = From::Usual;
        punch
    }

    /// Ends the puncher, unless it was taken.
    pub(super) fn stop(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>) {
        if let Some(punch) = self.take_puncher() {
            base.punchers.stop(cx, &mut base.io, punch);
        }
    }

    fn puncher(&self) -> Option<PunchId> {
        match self.from {
            From::Usual => None,
            From::Binding(punch) | From::Puncher(punch) => Some(punch),
        }
    }

    fn socket(&self, base: &Base<'_>) -> Option<SocketId> {
        base.punchers.get(self.puncher()?).and_then(Puncher::socket)
    }
}
