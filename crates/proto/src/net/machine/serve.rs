//! Answers requests of other nodes (PROTOCOL B.4 and B.5).

use std::net::SocketAddrV4;
use std::time::Duration;

use bytes::Bytes;

use super::{Net, out};
use crate::net::table::K;
use crate::net::{Answering, Incoming, Output};
use crate::timers::NetTimer;
use crate::wire::{Reader, Request, command, error_code};
use crate::{Cx, SocketId, Timer};

impl Net {
    /// Answers a request.
    pub(crate) fn respond(&mut self, cx: &mut Cx<'_>, incoming: &Incoming, answering: Answering) {
        if self.destroyed || self.is_asleep() {
            return;
        }
        let target = incoming.target.filter(|_| answering.closer_nodes);
        let closer_nodes = target.map_or(Vec::new(), |target| self.contacts.closest(&target, K));
        let me = self.me();
        self.exchange.respond(cx, me, incoming, answering, closer_nodes);
    }

    /// Forwards a request under its transaction id, so that the next node can answer the requester.
    pub(crate) fn relay(
        &mut self,
        cx: &mut Cx<'_>,
        incoming: &Incoming,
        value: Option<&[u8]>,
        to: SocketAddrV4,
        socket: Option<SocketId>,
    ) {
        if self.destroyed {
            return;
        }
        let socket = socket.unwrap_or(incoming.socket);
        let request = Request {
            tid: incoming.tid,
            to,
            id: self.me().id_on(socket),
            token: None,
            internal: false,
            command: incoming.command,
            target: incoming.target,
            value,
        };
        cx.send(socket, to, request.encode());
    }

    pub(super) fn handle_request(
        &mut self,
        cx: &mut Cx<'_>,
        socket: SocketId,
        from: SocketAddrV4,
        request: &Request<'_>,
    ) {
        let incoming = Incoming {
            from,
            from_id: self.contacts.valid_id(from, request.id),
            to: request.to,
            socket,
            tid: request.tid,
            command: request.command,
            target: request.target,
            token: request.token,
            value: request.value.map(Bytes::copy_from_slice),
        };
        if request.token.is_some_and(|token| !self.exchange.verify(*from.ip(), &token)) {
            let error = error_code::INVALID_TOKEN;
            let answering =
                Answering { error, token: true, closer_nodes: true, ..Answering::default() };
            return self.respond(cx, &incoming, answering);
        }
        if let Some(id) = incoming.from_id {
            self.hear(cx, id, from, request.to, socket == self.socket());
        }
        if request.internal {
            self.handle_internal(cx, incoming);
        } else {
            self.outputs.push_back(Output::Incoming(incoming));
        }
    }

    pub(super) fn handle_delayed_pings(&mut self, cx: &mut Cx<'_>) {
        while let Some(incoming) = self.delayed.pop_due(cx.now) {
            self.respond(cx, &incoming, Answering::default());
        }
        self.set_delayed_timer(cx);
    }

    fn handle_internal(&mut self, cx: &mut Cx<'_>, incoming: Incoming) {
        let value = incoming.value.as_deref().unwrap_or_default();
        let answering = match incoming.command {
            command::PING => Some(Answering::default()),
            command::PING_NAT => {
                other_port(&incoming).map(|to| Answering { to: Some(to), ..Answering::default() })
            }
            command::FIND_NODE => {
                incoming.target.map(|_| Answering { closer_nodes: true, ..Answering::default() })
            }
            command::DOWN_HINT => Reader::new(value).addr4().ok().map(|down| {
                let (me, tick) = (self.me(), self.clock.tick());
                let out = &mut out(&mut self.exchange, &mut self.outputs, me);
                self.contacts.handle_down_hint(cx, out, tick, down);
                Answering::default()
            }),
            command::DELAYED_PING => return self.delay_ping(cx, incoming),
            _ => {
                let error = error_code::UNKNOWN_COMMAND;
                Some(Answering { error, closer_nodes: true, ..Answering::default() })
            }
        };
        match answering {
            Some(answering) => self.respond(cx, &incoming, answering),
            None => cx.stats.dropped.malformed += 1,
        }
    }

    fn delay_ping(&mut self, cx: &mut Cx<'_>, incoming: Incoming) {
        let value = incoming.value.as_deref().unwrap_or_default();
        let delay = Reader::new(value).u32().ok();
        let delay = delay.map(|delay| Duration::from_millis(u64::from(delay)));
        let incoming = Incoming { value: None, ..incoming };
        let Some(delay) = delay.filter(|delay| self.delayed.allows(*delay)) else {
            cx.stats.dropped.malformed += 1;
            return;
        };
        if !self.delayed.insert(cx.now + delay, incoming) {
            cx.stats.dropped.admission += 1;
        }
        self.set_delayed_timer(cx);
    }

    fn set_delayed_timer(&self, cx: &mut Cx<'_>) {
        let timer = Timer::Net(NetTimer::DelayedPing);
        match self.delayed.next_due() {
            Some(at) => cx.wake_at(timer, at),
            None => cx.timers.cancel(timer),
        }
    }
}

/// The destination of the answer to a PING_NAT: the port that the request names.
fn other_port(incoming: &Incoming) -> Option<SocketAddrV4> {
    let port = Reader::new(incoming.value.as_deref()?).u16().ok()?;
    (port != 0).then(|| SocketAddrV4::new(*incoming.from.ip(), port))
}
