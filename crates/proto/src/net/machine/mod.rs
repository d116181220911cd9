//! The DHT node: connects its parts, takes requests from the layers above, and dispatches replies.
//! Each part owns its state, and receives what it needs of the other parts as arguments.
//!
//! Reference: dht-rpc 6.27.0, index.js.

mod ends;
mod role;
mod serve;
mod time;
mod views;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::address::OwnAddress;
use super::bootstrap::Bootstrap;
use super::clock::Clock;
use super::contacts::Contacts;
use super::delayed::DelayedPings;
use super::exchange::{Exchange, Me, Out, Purpose};
use super::filter::NodeFilter;
use super::firewall::Reachability;
use super::health::Health;
use super::queries::{Course, Queries, add_table_nodes};
use super::query::{Query, QueryPurpose};
use super::table::Table;
use super::{Output, Owner, QueryKey, QuerySpec, RequestKey, RequestSpec};
use crate::timers::NetTimer;
use crate::wire::{NodeId, Packet, Target, command};
use crate::{AskId, Config, Cx, Event, QueryError, RequestError, Sizes, SocketId, Steer, Timer};

/// A DHT node: dht-rpc, without the commands of hyperdht.
#[derive(Debug)]
pub(crate) struct Net {
    exchange: Exchange,
    contacts: Contacts,
    filter: NodeFilter,
    queries: Queries,
    bootstrap: Bootstrap,
    address: OwnAddress,
    firewall: Reachability,
    clock: Clock,
    health: Health,
    delayed: DelayedPings,
    outputs: VecDeque<Output>,
    destroyed: bool,
}

impl Net {
    /// Starts the bootstrap of a node whose sockets are bound.
    pub(crate) fn new(config: &Config, cx: &mut Cx<'_>) -> Self {
        let mut net = Self {
            contacts: Contacts::new(cx.rng.bytes(), config.watch_table),
            filter: NodeFilter::new(config.filter_nodes),
            exchange: Exchange::new(config, cx),
            queries: Queries::new(config),
            bootstrap: Bootstrap::new(config),
            address: OwnAddress::new(config.server_socket.port(), config.public_address),
            firewall: Reachability::new(config),
            clock: Clock::new(cx),
            health: Health::new(cx.stats),
            delayed: DelayedPings::new(config.max_ping_delay),
            outputs: VecDeque::new(),
            destroyed: !config.joins_dht,
        };
        if net.destroyed {
            return net;
        }
        cx.emit(Event::Listening);
        for address in config.nodes.iter().rev() {
            net.add_node(cx, *address);
        }
        net.clock.start(cx);
        net.start_bootstrap(cx);
        net
    }

    /// Handles a datagram that is neither a UDX packet nor a probe.
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

    /// Handles a timer that is due.
    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>, timer: NetTimer) {
        if self.destroyed {
            return;
        }
        match timer {
            NetTimer::Requests => self.handle_deadlines(cx),
            NetTimer::Drain => self.exchange.handle_slot(cx),
            NetTimer::Tick => self.handle_tick(cx),
            NetTimer::DelayedPing => self.handle_delayed_pings(cx),
        }
        self.exchange.set_drain(cx);
    }

    /// Sends a request. Its end is reported as an [`Output::Reply`].
    pub(crate) fn request(
        &mut self,
        cx: &mut Cx<'_>,
        spec: RequestSpec,
        owner: Owner,
    ) -> RequestKey {
        if self.destroyed {
            let result = Err(RequestError::NodeDestroyed);
            self.outputs.push_back(Output::Reply { owner, result });
            return self.exchange.requests.next_key();
        }
        self.send(cx, spec, Purpose::Owner(owner))
    }

    /// Sends a PING. Its end is reported as an [`Output::Reply`].
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

    /// Starts a query. Its end is reported as an [`Output::QueryDone`].
    pub(crate) fn query(&mut self, cx: &mut Cx<'_>, spec: QuerySpec, owner: Owner) -> QueryKey {
        self.start_query(cx, spec, QueryPurpose::Owner(owner))
    }

    /// Cancels a query. Its owner gets no output.
    pub(crate) fn cancel_query(&mut self, cx: &mut Cx<'_>, key: QueryKey) {
        let me = self.me();
        self.queries.cancel(cx, &mut out(&mut self.exchange, &mut self.outputs, me), key);
    }

    /// Pauses, continues or concludes a query that has not found the closest nodes yet.
    pub(crate) fn steer_query(&mut self, cx: &mut Cx<'_>, key: QueryKey, steer: Steer) {
        self.in_queries(cx, |queries, cx, out, table| queries.steer(cx, out, table, key, steer));
    }

    /// Sends the owner's commits, its answer to [`Output::Commit`]. The query succeeds if a node
    /// has stored one of them.
    pub(crate) fn commit(&mut self, cx: &mut Cx<'_>, key: QueryKey, specs: Vec<RequestSpec>) {
        self.in_queries(cx, |queries, cx, out, _| queries.commit(cx, out, key, specs));
    }

    /// Sends a request that is in flight once more. Its deadlines stay as they are.
    pub(crate) fn repeat_request(&mut self, cx: &mut Cx<'_>, key: RequestKey) {
        self.exchange.requests.repeat(cx, key);
    }

    /// Cancels a request. Its owner gets no output.
    pub(crate) fn cancel_request(&mut self, cx: &mut Cx<'_>, key: RequestKey) {
        self.exchange.requests.cancel(cx, key);
    }

    /// Takes the next output.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Adds a node that we have not heard from to the routing table.
    pub(crate) fn add_node(&mut self, cx: &mut Cx<'_>, address: SocketAddrV4) {
        if !self.destroyed {
            let (me, tick) = (self.me(), self.clock.tick());
            let is_ready = self.bootstrapped();
            let out = &mut out(&mut self.exchange, &mut self.outputs, me);
            self.contacts.add(cx, out, (tick, is_ready), address);
        }
    }

    /// Removes a node from the routing table.
    pub(crate) fn remove_node(&mut self, cx: &mut Cx<'_>, id: &NodeId) {
        self.contacts.remove(cx, id);
    }

    /// Sets whether events report nodes that enter and leave the table.
    pub(crate) fn watch_table(&mut self, watch: bool) {
        self.contacts.watch(watch);
    }

    /// Our id; `None` while we are ephemeral.
    pub(crate) fn id(&self) -> Option<NodeId> {
        (!self.firewall.role().ephemeral).then(|| self.contacts.table.id())
    }

    /// Our public address. The port is 0 if it differs from peer to peer.
    pub(crate) fn nat_address(&self) -> (Option<Ipv4Addr>, u16) {
        self.address.get()
    }

    /// Our public address, if unsolicited packets reach us there and the port is the bound one.
    pub(crate) fn remote_address(&self) -> Option<SocketAddrV4> {
        let (Some(host), port) = self.address.get() else {
            return None;
        };
        let is_open = !self.firewalled() && self.address.is_plain(port);
        is_open.then(|| SocketAddrV4::new(host, port))
    }

    /// The socket from which requests are sent, and on which replies are expected.
    pub(crate) fn socket(&self) -> SocketId {
        self.me().socket()
    }

    /// True until unsolicited packets are known to reach the server socket.
    pub(crate) fn firewalled(&self) -> bool {
        self.firewall.role().firewalled
    }

    /// True once the node is ready.
    pub(crate) fn bootstrapped(&self) -> bool {
        self.bootstrap.is_ready()
    }

    /// The number of requests in flight or waiting, including those of queries.
    pub(crate) fn live_requests(&self) -> usize {
        self.exchange.requests.len()
    }

    /// The number of running queries, including those of the node itself.
    pub(crate) fn live_queries(&self) -> usize {
        self.queries.len()
    }

    /// Writes the sizes of the tables and queues.
    pub(crate) fn measure(&self, sizes: &mut Sizes) {
        self.contacts.measure(sizes);
        self.address.measure(sizes);
        sizes.request_index = self.exchange.requests.index_len();
        sizes.waiting = self.exchange.requests.waiting();
        sizes.delayed_pings = self.delayed.len();
        sizes.reports += self.outputs.len();
    }

    /// Ends all requests and queries, and notifies every owner.
    pub(crate) fn destroy(&mut self, cx: &mut Cx<'_>) {
        if std::mem::replace(&mut self.destroyed, true) {
            return;
        }
        for completed in self.exchange.requests.clear(cx) {
            if let Purpose::Owner(owner) = completed.purpose {
                let result = Err(RequestError::NodeDestroyed);
                self.outputs.push_back(Output::Reply { owner, result });
            }
        }
        while let Some(key) = self.queries.first() {
            self.in_queries(cx, |queries, cx, out, _| {
                queries.finish(cx, out, key, Err(QueryError::NodeDestroyed))
            });
        }
        self.firewall.clear_probe();
        self.delayed.clear();
        self.filter.clear(cx);
        for timer in [NetTimer::Requests, NetTimer::Drain, NetTimer::Tick, NetTimer::DelayedPing] {
            cx.timers.cancel(Timer::Net(timer));
        }
    }

    /// True while the node is suspended, see [`Net::suspend`]. No socket is bound then.
    fn is_asleep(&self) -> bool {
        self.exchange.requests.is_muted()
    }

    fn me(&self) -> Me {
        Me { id: self.id(), firewalled: self.firewalled() }
    }

    fn send(&mut self, cx: &mut Cx<'_>, spec: RequestSpec, purpose: Purpose) -> RequestKey {
        let me = self.me();
        self.exchange.send(cx, me, spec, purpose)
    }

    /// Notes that a node is alive. If `is_sample`, its view of our address (`to`) may count as a
    /// sample.
    fn hear(
        &mut self,
        cx: &mut Cx<'_>,
        id: NodeId,
        from: SocketAddrV4,
        to: SocketAddrV4,
        is_sample: bool,
    ) {
        let tick = self.clock.tick();
        let is_sampled = if self.filter.is_set() && self.contacts.is_new(&id, from) {
            // Our address is wanted before the application can have answered.
            self.filter.ask(cx, tick, id, from) && is_sample
        } else {
            self.admit(cx, id, from) && is_sample && self.contacts.take_sample(tick, &id)
        };
        if is_sampled {
            self.address.sample(cx, to);
        }
    }

    /// The application has answered whether a node may enter the routing table.
    pub(crate) fn handle_answer(&mut self, cx: &mut Cx<'_>, ask: AskId, is_accepted: bool) {
        let Some((id, from)) = self.filter.handle_answer(cx, ask, is_accepted) else { return };
        if !self.destroyed && self.admit(cx, id, from) {
            let tick = self.clock.tick();
            self.contacts.take_sample(tick, &id);
        }
    }

    /// Notes in the routing table that a node is alive. False if it has no room there.
    fn admit(&mut self, cx: &mut Cx<'_>, id: NodeId, from: SocketAddrV4) -> bool {
        let (me, tick) = (self.me(), self.clock.tick());
        let is_ready = self.bootstrapped();
        let out = &mut out(&mut self.exchange, &mut self.outputs, me);
        self.contacts.hear(cx, out, (tick, is_ready), id, from)
    }

    /// Starts a query of the node itself.
    fn walk(&mut self, cx: &mut Cx<'_>, target: Target, purpose: QueryPurpose) {
        self.start_query(cx, QuerySpec::find_node(target), purpose);
    }

    fn start_query(&mut self, cx: &mut Cx<'_>, spec: QuerySpec, purpose: QueryPurpose) -> QueryKey {
        self.clock.handle_query();
        let (key, mut query) = self.queries.open(cx, spec, purpose);
        self.add_first_nodes(cx, &mut query);
        self.queries.insert(key, query);
        let destroyed = self.destroyed;
        self.in_queries(cx, |queries, cx, out, table| {
            if destroyed {
                return queries.finish(cx, out, key, Err(QueryError::NodeDestroyed));
            }
            queries.run(cx, out, table, key)
        });
        key
    }

    /// Adds the given nodes to a query, then nodes of the table, then the bootstrap nodes.
    fn add_first_nodes(&mut self, cx: &mut Cx<'_>, query: &mut Query) {
        for address in query.spec.nodes.clone() {
            query.push_given(address);
        }
        add_table_nodes(&self.contacts.table, query);
        let wants_places = query.missing() > 0 || query.purpose == QueryPurpose::Rejoin;
        if wants_places && !query.spec.only_closest_nodes && !self.destroyed {
            let (me, tick) = (self.me(), self.clock.tick());
            let out = &mut out(&mut self.exchange, &mut self.outputs, me);
            query.awaits_bootstrap = self.bootstrap.add_nodes(cx, out, tick, query);
        }
    }

    /// Calls the queries, and handles the end of the bootstrap query.
    fn in_queries(
        &mut self,
        cx: &mut Cx<'_>,
        call: impl FnOnce(&mut Queries, &mut Cx<'_>, &mut Out<'_>, &Table) -> Course,
    ) {
        let me = self.me();
        let out = &mut out(&mut self.exchange, &mut self.outputs, me);
        match call(&mut self.queries, cx, out, &self.contacts.table) {
            Course::On => {}
            Course::BootstrapEnded => self.handle_bootstrap_end(cx),
        }
    }
}

fn out<'a>(exchange: &'a mut Exchange, outputs: &'a mut VecDeque<Output>, me: Me) -> Out<'a> {
    Out { exchange, outputs, me }
}

/// The reference reads no more of a datagram than this, so no node sends longer ones. UDX packets
/// are shorter.
const MAX_DATAGRAM: usize = 2048;
