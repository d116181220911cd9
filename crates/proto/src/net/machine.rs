//! The node itself: what it holds, what it is asked, and where replies go.
//! Reference: dht-rpc 6.27.0, index.js.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};

use super::bootstrap::Bootstrap;
use super::delayed::DelayedPings;
use super::firewall::{Role, Update};
use super::health::{Health, HealthState};
use super::query::Query;
use super::requests::Purpose;
use super::sampler::NatSampler;
use super::table::{Node, Table};
use super::ticks::{Clock, Upkeep};
use super::{Output, Owner, QueryKey, RequestKey, RequestSpec};
use crate::rpc::{Congestion, Patience, Requests, Tokens};
use crate::timers::NetTimer;
use crate::wire::{NodeId, Packet, Target, command};
use crate::{
    Config, Cx, Event, HealthReport, InflightRequest, QueryError, RequestError, Sizes, SocketId,
    TableNode, Timer,
};

/// A node of the DHT, below the commands of hyperdht.
#[derive(Debug)]
pub(crate) struct Net {
    pub(super) table: Table,
    pub(super) nat: NatSampler,
    /// Nodes without an id that have told us our address.
    pub(super) strangers: Vec<SocketAddrV4>,
    pub(super) requests: Requests<Purpose>,
    pub(super) queries: BTreeMap<QueryKey, Query>,
    pub(super) next_query: u64,
    pub(super) tokens: Tokens,
    pub(super) bootstrap: Bootstrap,
    pub(super) role: Role,
    pub(super) update: Option<Update>,
    pub(super) clock: Clock,
    pub(super) upkeep: Upkeep,
    pub(super) health: Health,
    pub(super) delayed: DelayedPings,
    pub(super) outputs: VecDeque<Output>,
    /// Local port of the server socket.
    pub(super) server_port: u16,
    /// Requests of a query at a time.
    pub(super) concurrency: usize,
    /// True while [`NetTimer::Drain`] is set.
    draining: bool,
    /// The application is told of nodes that come and go.
    pub(super) watches_table: bool,
    pub(super) destroyed: bool,
    /// No socket is bound: [`Net::suspend`].
    pub(super) asleep: bool,
}

impl Net {
    /// Starts the bootstrap of a node whose sockets are bound.
    pub(crate) fn new(config: &Config, cx: &mut Cx<'_>) -> Self {
        let mut net = Self {
            table: Table::new(cx.rng.bytes()),
            nat: NatSampler::default(),
            strangers: Vec::new(),
            requests: requests(config, cx),
            queries: BTreeMap::new(),
            next_query: 0,
            tokens: Tokens::default(),
            bootstrap: Bootstrap::new(config),
            role: Role::new(config),
            update: None,
            clock: Clock::new(cx),
            upkeep: Upkeep::new(config),
            health: Health::new(cx.stats),
            delayed: DelayedPings::new(config.max_ping_delay),
            outputs: VecDeque::new(),
            server_port: config.server_socket.port(),
            concurrency: config.concurrency.max(1),
            draining: false,
            watches_table: config.watch_table,
            destroyed: false,
            asleep: false,
        };
        cx.emit(Event::Listening);
        if let Some(address) = config.public_address {
            // The application has just told us: that is no news to it.
            net.nat.add(address);
        }
        for address in config.nodes.iter().rev() {
            net.add_node(cx, *address);
        }
        net.start_clock(cx);
        net.start_bootstrap(cx);
        net
    }

    /// Takes a datagram that is neither UDX nor a probe.
    pub(crate) fn handle_datagram(
        &mut self,
        cx: &mut Cx<'_>,
        socket: SocketId,
        from: SocketAddrV4,
        data: &[u8],
    ) {
        if self.destroyed {
            return;
        }
        let is_sound = data.len() <= MAX_DATAGRAM && from.port() != 0;
        let packet = Packet::decode(data).ok().filter(|_| is_sound);
        match packet {
            Some(Packet::Request(request)) => self.handle_request(cx, socket, from, &request),
            Some(Packet::Response(response)) => self.handle_response(cx, socket, from, response),
            None => cx.stats.dropped.malformed += 1,
        }
    }

    /// Runs what is due.
    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>, timer: NetTimer) {
        if self.destroyed {
            return;
        }
        match timer {
            NetTimer::Requests => self.handle_deadlines(cx),
            NetTimer::Drain => self.handle_drain(cx),
            NetTimer::Tick => self.handle_tick(cx),
            NetTimer::DelayedPing => self.handle_delayed_pings(cx),
        }
        self.set_drain(cx);
    }

    /// Sends a request; its end is an [`Output::Reply`].
    pub(crate) fn request(
        &mut self,
        cx: &mut Cx<'_>,
        spec: RequestSpec,
        owner: Owner,
    ) -> RequestKey {
        if self.destroyed {
            let result = Err(RequestError::NodeDestroyed);
            self.outputs.push_back(Output::Reply { owner, result });
            return self.requests.next_key();
        }
        self.send_request(cx, spec, Purpose::Owner(owner))
    }

    /// Sends a PING; its end is an [`Output::Reply`].
    pub(crate) fn ping(
        &mut self,
        cx: &mut Cx<'_>,
        to: SocketAddrV4,
        socket: Option<SocketId>,
        retries: u32,
        owner: Owner,
    ) -> RequestKey {
        let spec = RequestSpec { socket, retries, ..RequestSpec::internal(to, command::PING) };
        self.request(cx, spec, owner)
    }

    /// Forgets a request without a word.
    pub(crate) fn cancel_request(&mut self, cx: &mut Cx<'_>, key: RequestKey) {
        self.requests.cancel(cx, key);
    }

    /// Takes the next thing that happened.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Puts a node into the routing table, unheard.
    pub(crate) fn add_node(&mut self, cx: &mut Cx<'_>, address: SocketAddrV4) {
        if !self.destroyed {
            self.insert_node(cx, Node::new(address, self.clock.tick));
        }
    }

    /// At most `n` nodes close to a target.
    pub(crate) fn closest(&self, target: &Target, n: usize) -> Vec<SocketAddrV4> {
        // The table cannot tell beforehand how many there are, and rows are faster than steps.
        let mut closest = Vec::with_capacity(n.min(self.table.len()));
        self.table.closest(target, n).for_each(|node| closest.push(node.address));
        closest
    }

    /// At most `limit` nodes, the latest heard first.
    pub(crate) fn recent_nodes(&self, limit: usize) -> Vec<SocketAddrV4> {
        self.table.latest().take(limit).map(|node| node.address).collect()
    }

    /// Whether to tell of nodes that come and go.
    pub(crate) fn watch_table(&mut self, watch: bool) {
        self.watches_table = watch;
    }

    /// At most `limit` nodes of the table, the latest heard first.
    pub(crate) fn table_nodes(&self, limit: usize) -> Vec<TableNode> {
        self.table.latest().take(limit).map(Node::view).collect()
    }

    /// The id that the table is built around: our own only while we are persistent.
    pub(crate) fn table_id(&self) -> NodeId {
        self.table.id()
    }

    /// How the network is doing.
    pub(crate) fn health(&self) -> HealthReport {
        self.health.report()
    }

    /// Requests without an end, the oldest first.
    pub(crate) fn inflight(&self) -> Vec<InflightRequest> {
        self.requests.iter().collect()
    }

    /// Our id, while others store us in their tables.
    pub(crate) fn id(&self) -> Option<NodeId> {
        (!self.role.ephemeral).then(|| self.table.id())
    }

    /// Our address as others see it. Port 0: it differs from peer to peer.
    pub(crate) fn nat_address(&self) -> (Option<Ipv4Addr>, u16) {
        self.nat.address()
    }

    /// Our address for strangers, if they reach it on the port that is bound.
    pub(crate) fn remote_address(&self) -> Option<SocketAddrV4> {
        let (Some(host), port) = self.nat.address() else {
            return None;
        };
        let is_open = !self.role.firewalled && port != 0 && port == self.server_port;
        is_open.then(|| SocketAddrV4::new(host, port))
    }

    /// The socket that requests leave from, and replies are expected on.
    pub(crate) fn socket(&self) -> SocketId {
        if self.role.firewalled { SocketId::CLIENT } else { SocketId::SERVER }
    }

    /// True until strangers are known to reach the server socket.
    pub(crate) fn firewalled(&self) -> bool {
        self.role.firewalled
    }

    /// True once the node is ready.
    pub(crate) fn bootstrapped(&self) -> bool {
        self.bootstrap.is_done()
    }

    /// How many requests are in flight or waiting, those of queries included.
    pub(crate) fn live_requests(&self) -> usize {
        self.requests.len()
    }

    /// How many queries run, those of the node itself included.
    pub(crate) fn live_queries(&self) -> usize {
        self.queries.len()
    }

    /// Counts what is kept.
    pub(crate) fn measure(&self, sizes: &mut Sizes) {
        sizes.table = self.table.len();
        (sizes.table_rows, sizes.table_row) = self.table.rows();
        sizes.nat_counters = self.nat.len();
        sizes.strangers = self.strangers.len();
        sizes.request_index = self.requests.index_len();
        sizes.waiting = self.requests.waiting();
        sizes.checks = self.upkeep.len();
        sizes.delayed_pings = self.delayed.len();
        sizes.reports += self.outputs.len();
    }

    /// Ends everything; every owner is told.
    pub(crate) fn destroy(&mut self, cx: &mut Cx<'_>) {
        if std::mem::replace(&mut self.destroyed, true) {
            return;
        }
        for landed in self.requests.clear(cx) {
            if let Purpose::Owner(owner) = landed.purpose {
                let result = Err(RequestError::NodeDestroyed);
                self.outputs.push_back(Output::Reply { owner, result });
            }
        }
        while let Some(key) = self.queries.keys().next().copied() {
            self.finish_query(cx, key, Err(QueryError::NodeDestroyed));
        }
        self.update = None;
        self.delayed.clear();
        for timer in [NetTimer::Requests, NetTimer::Drain, NetTimer::Tick, NetTimer::DelayedPing] {
            cx.timers.cancel(Timer::Net(timer));
        }
    }

    /// The id that packets of a socket carry: it is that of the server socket's address.
    pub(super) fn id_on(&self, socket: SocketId) -> Option<NodeId> {
        self.id().filter(|_| socket == SocketId::SERVER)
    }

    /// Counts slots while there is something to drain.
    pub(super) fn set_drain(&mut self, cx: &mut Cx<'_>) {
        let wanted = self.requests.is_active() || self.tokens.is_active();
        if wanted && !self.draining {
            self.draining = true;
            cx.wake_at(Timer::Net(NetTimer::Drain), cx.now + Congestion::SLOT);
        }
    }

    /// Tells of a change of the network's health.
    pub(super) fn report_health(&mut self, cx: &mut Cx<'_>, old: HealthState) {
        let HealthState { online, degraded } = self.health.state();
        if (HealthState { online, degraded }) == old {
            return;
        }
        cx.emit(Event::Health { online, degraded });
        if online && (!old.online || !degraded) {
            self.outputs.push_back(Output::Online);
        }
    }

    fn handle_drain(&mut self, cx: &mut Cx<'_>) {
        self.draining = false;
        self.tokens.handle_slot();
        self.requests.handle_slot(cx);
    }
}

fn requests(config: &Config, cx: &Cx<'_>) -> Requests<Purpose> {
    let patience = Patience::new(config.adaptive_timeout.clone(), cx.now);
    Requests::new(config.max_window, patience)
}

/// The reference reads no more of a datagram than this, so that no node sends longer ones. UDX
/// packets are shorter still.
const MAX_DATAGRAM: usize = 2048;
