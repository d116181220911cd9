//! Outgoing messages: our requests until they end, and our responses with their tokens.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::{Answering, Incoming, Output, Owner, QueryKey, RequestKey, RequestSpec};
use crate::rpc::{Congestion, Outgoing, Requests, RetransmitPolicy, Tokens};
use crate::timers::NetTimer;
use crate::wire::{NodeId, Request, Response, command};
use crate::{Config, Cx, SocketId, Timer};

/// Requests in flight, and tokens. Both advance with the slots of the congestion window.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) requests: Requests<Purpose>,
    tokens: Tokens,
    /// True while [`NetTimer::Drain`] is set.
    draining: bool,
}

/// The outputs of a part of the node: requests to other nodes, and outputs for the owners.
pub(super) struct Out<'a> {
    pub(super) exchange: &'a mut Exchange,
    pub(super) outputs: &'a mut VecDeque<Output>,
    pub(super) me: Me,
}

/// Our id and the socket for our packets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Me {
    /// Our id; `None` while we are ephemeral.
    pub(super) id: Option<NodeId>,
    /// True while unsolicited packets do not reach the server socket.
    pub(super) firewalled: bool,
}

/// The purpose of a request.
#[derive(Debug)]
pub(super) enum Purpose {
    /// A request of a layer above.
    Owner(Owner),
    /// A query asks a node.
    Query(QueryKey),
    /// A commit after a query.
    Commit(QueryKey),
    /// A ping that checks whether a node is alive. `heard` is its `Contact::heard` at the time of
    /// the ping.
    Check { id: NodeId, heard: u64 },
    /// A ping that decides whether a node of a full row is replaced with the node `by`.
    Swap { id: NodeId, heard: u64, by: SocketAddrV4 },
    /// The one PING_NAT during bootstrap that tests whether a node reaches our server socket.
    QuickTest,
    /// One of the PING_NATs of the firewall check, which asks several nodes.
    Probe,
    /// A ping of the suggested address of the bootstrap node with this index.
    Suggested(usize),
    /// A DOWN_HINT. The answer is ignored.
    Hint,
}

impl Exchange {
    pub(super) fn new(config: &Config, cx: &Cx<'_>) -> Self {
        let retransmit = RetransmitPolicy::new(config.adaptive_timeout.clone(), cx.now);
        let requests = Requests::new(config.max_window, retransmit);
        Self { requests, tokens: Tokens::default(), draining: false }
    }

    /// True for a token that we gave to this host and that has not expired.
    pub(super) fn verify(&self, host: Ipv4Addr, token: &[u8; 32]) -> bool {
        self.tokens.verify(host, token)
    }

    /// Sends a request as soon as the congestion window allows.
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
            internal: spec.internal,
            command: spec.command,
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

    /// Starts the slot timer if requests or tokens need it.
    pub(super) fn set_drain(&mut self, cx: &mut Cx<'_>) {
        let wanted = self.requests.is_active() || self.tokens.is_active();
        if wanted && !self.draining {
            self.draining = true;
            cx.wake_at(Timer::Net(NetTimer::Drain), cx.now + Congestion::SLOT);
        }
    }

    /// Ends a slot.
    pub(super) fn handle_slot(&mut self, cx: &mut Cx<'_>) {
        self.draining = false;
        self.tokens.handle_slot();
        self.requests.handle_slot(cx);
    }
}

impl Out<'_> {
    /// Sends a request as soon as the congestion window allows.
    pub(super) fn send(
        &mut self,
        cx: &mut Cx<'_>,
        spec: RequestSpec,
        purpose: Purpose,
    ) -> RequestKey {
        self.exchange.send(cx, self.me, spec, purpose)
    }

    /// Queues an output for an owner.
    pub(super) fn tell(&mut self, output: Output) {
        self.outputs.push_back(output);
    }
}

impl Me {
    /// The socket from which requests are sent, and on which replies are expected.
    pub(super) fn socket(self) -> SocketId {
        if self.firewalled { SocketId::CLIENT } else { SocketId::SERVER }
    }

    /// The id that packets from a socket carry. Only the server socket has one, because the id is
    /// the hash of its address.
    pub(super) fn id_on(self, socket: SocketId) -> Option<NodeId> {
        self.id.filter(|_| socket == SocketId::SERVER)
    }
}

/// The timeout of a DELAYED_PING, which depends on the delay that it asks for.
fn delayed(spec: &RequestSpec) -> Option<Duration> {
    if !spec.internal || spec.command != command::DELAYED_PING {
        return None;
    }
    let delay = u32::from_le_bytes(*spec.value.as_deref()?.first_chunk()?);
    Some(NETWORK + Duration::from_millis(u64::from(delay)))
}

/// The time that a delayed answer may take in addition to its delay.
const NETWORK: Duration = Duration::from_millis(1000);
