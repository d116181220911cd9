//! What leaves for other nodes: requests until they end, and answers with their tokens.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::{Answering, Incoming, Output, Owner, QueryKey, RequestKey, RequestSpec};
use crate::rpc::{Congestion, Outgoing, Requests, RetransmitPolicy, Tokens};
use crate::timers::NetTimer;
use crate::wire::{NodeId, Request, Response, command};
use crate::{Config, Cx, SocketId, Timer};

/// Requests in flight and tokens: both count in slots of the congestion window.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) requests: Requests<Purpose>,
    tokens: Tokens,
    /// True while [`NetTimer::Drain`] is set.
    draining: bool,
}

/// The way out of a part of the node: to other nodes, and up to the owners.
pub(super) struct Out<'a> {
    pub(super) exchange: &'a mut Exchange,
    pub(super) outputs: &'a mut VecDeque<Output>,
    pub(super) me: Me,
}

/// What our packets say of us, and where they leave from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Me {
    /// Our id, while others store us in their tables.
    pub(super) id: Option<NodeId>,
    /// Strangers do not reach the server socket.
    pub(super) firewalled: bool,
}

/// What a request is for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// A layer above.
    Owner(Owner),
    /// The next node of a query.
    Query(QueryKey),
    /// What follows a query.
    Commit(QueryKey),
    /// Is this node alive? `heard` is its `Contact::heard` when we asked.
    Check { id: NodeId, heard: u64 },
    /// May this node be replaced?
    Swap { id: NodeId, heard: u64, by: SocketAddrV4 },
    /// Does a stranger reach our server socket? Asked once, during bootstrap.
    QuickTest,
    /// The same, asked of several nodes.
    Probe,
    /// Is this place of the bootstrap list where it was suggested?
    Suggested(usize),
    /// Nobody waits for the answer.
    Hint,
}

impl Exchange {
    pub(super) fn new(config: &Config, cx: &Cx<'_>) -> Self {
        let retransmit = RetransmitPolicy::new(config.adaptive_timeout.clone(), cx.now);
        let requests = Requests::new(config.max_window, retransmit);
        Self { requests, tokens: Tokens::default(), draining: false }
    }

    /// True for a token that we gave to this host lately.
    pub(super) fn verify(&self, host: Ipv4Addr, token: &[u8; 32]) -> bool {
        self.tokens.verify(host, token)
    }

    /// Sends a request, as soon as the window allows.
    pub(super) fn send(
        &mut self,
        cx: &mut Cx<'_>,
        me: Me,
        spec: RequestSpec,
        purpose: Purpose,
    ) -> RequestKey {
        let socket = spec.socket.unwrap_or(me.socket());
        let request = Request {
            tid: self.requests.next_tid(cx.rng, spec.to),
            to: spec.to,
            id: me.id_on(socket),
            token: spec.token,
            internal: spec.internal,
            command: spec.command,
            target: spec.target,
            value: spec.value.as_deref(),
        };
        let counter = usize::try_from(spec.command).ok().filter(|_| spec.internal);
        let outgoing = Outgoing {
            tid: request.tid,
            to: spec.to,
            to_id: spec.to_id,
            socket,
            ttl: spec.ttl,
            packet: request.encode(),
            counter,
            retries: spec.retries,
            wait: spec.wait.or_else(|| delayed(&spec)),
            force: spec.force,
        };
        let key = self.requests.start(cx, outgoing, purpose);
        self.set_drain(cx);
        key
    }

    /// Answers a request.
    pub(super) fn respond(
        &mut self,
        cx: &mut Cx<'_>,
        me: Me,
        incoming: &Incoming,
        answering: Answering,
        closer_nodes: Vec<SocketAddrV4>,
    ) {
        let to = answering.to.unwrap_or(incoming.from);
        let socket = answering.socket.unwrap_or(incoming.socket);
        let response = Response {
            tid: incoming.tid,
            to,
            id: me.id_on(socket),
            token: answering.token.then(|| self.tokens.issue(cx.rng, *to.ip())),
            closer_nodes,
            error: answering.error,
            value: answering.value.as_deref(),
        };
        cx.send(socket, to, response.encode());
        self.set_drain(cx);
    }

    /// Counts slots while there is something to drain.
    pub(super) fn set_drain(&mut self, cx: &mut Cx<'_>) {
        let wanted = self.requests.is_active() || self.tokens.is_active();
        if wanted && !self.draining {
            self.draining = true;
            cx.wake_at(Timer::Net(NetTimer::Drain), cx.now + Congestion::SLOT);
        }
    }

    /// One slot has passed.
    pub(super) fn handle_slot(&mut self, cx: &mut Cx<'_>) {
        self.draining = false;
        self.tokens.handle_slot();
        self.requests.handle_slot(cx);
    }
}

impl Out<'_> {
    /// Sends a request, as soon as the window allows.
    pub(super) fn send(
        &mut self,
        cx: &mut Cx<'_>,
        spec: RequestSpec,
        purpose: Purpose,
    ) -> RequestKey {
        self.exchange.send(cx, self.me, spec, purpose)
    }

    /// Tells an owner.
    pub(super) fn tell(&mut self, output: Output) {
        self.outputs.push_back(output);
    }
}

impl Me {
    /// The socket that requests leave from, and replies are expected on.
    pub(super) fn socket(self) -> SocketId {
        if self.firewalled { SocketId::CLIENT } else { SocketId::SERVER }
    }

    /// The id that packets of a socket carry: it is that of the server socket's address.
    pub(super) fn id_on(self, socket: SocketId) -> Option<NodeId> {
        self.id.filter(|_| socket == SocketId::SERVER)
    }
}

/// A DELAYED_PING says itself when it is answered.
fn delayed(spec: &RequestSpec) -> Option<Duration> {
    if !spec.internal || spec.command != command::DELAYED_PING {
        return None;
    }
    let delay = u32::from_le_bytes(*spec.value.as_deref()?.first_chunk()?);
    Some(NETWORK + Duration::from_millis(u64::from(delay)))
}

/// What a delayed answer may take beyond its delay.
const NETWORK: Duration = Duration::from_millis(1000);
