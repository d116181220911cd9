//! Finding the network: the places to start from, and the way to being ready (PROTOCOL B.11).

use std::net::{Ipv4Addr, SocketAddrV4};

use super::firewall::{Caller, PROBES, Scope};
use super::machine::Net;
use super::query::Query;
use super::requests::Purpose;
use super::{Output, Reply, RequestSpec};
use crate::wire::{NodeId, command, node_id};
use crate::{Action, BootstrapNode, Config, Cx, Event};

/// The bootstrap list, and how far the bootstrap has come.
#[derive(Debug)]
pub(super) struct Bootstrap {
    places: Vec<Place>,
    stage: Stage,
    /// Where the latest query has walked to.
    walked: NodeId,
    quick_test: QuickTest,
    check: Check,
}

#[derive(Debug)]
struct Place {
    node: BootstrapNode,
    state: PlaceState,
}

/// Where a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PlaceState {
    Unknown,
    /// Is it where it was suggested?
    Pinging,
    /// Where is it? Asked at this tick.
    Resolving(u64),
    Known(SocketAddrV4),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A query for our own id runs.
    Walking,
    /// The query has ended, the check of the firewall has not.
    Checking,
    Done,
}

/// One PING_NAT to whoever answers first: is a real check worth while?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum QuickTest {
    Wanted,
    Unwanted,
}

/// The check of the firewall, which may tell us what our id is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    /// Nothing speaks for it.
    Pointless,
    /// When there are enough nodes to ask.
    Wanted,
    /// When the query has ended: it may make us persistent, which wants many samples.
    Late,
    Running,
    Ended,
}

impl Bootstrap {
    pub(super) fn new(config: &Config) -> Self {
        let places = config.bootstrap.iter().cloned().map(Place::new).collect();
        let is_forced = config.ephemeral == Some(false);
        let wanted = config.firewalled && config.quick_firewall && !is_forced;
        let quick_test = if wanted { QuickTest::Wanted } else { QuickTest::Unwanted };
        let check = if is_forced { Check::Late } else { Check::Pointless };
        Self { places, stage: Stage::Walking, walked: [0; 32], quick_test, check }
    }

    /// How many places there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// True once the node is ready.
    pub(super) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// True unless places are being looked for.
    pub(super) fn is_settled(&self) -> bool {
        self.places
            .iter()
            .all(|place| matches!(place.state, PlaceState::Unknown | PlaceState::Known(_)))
    }

    /// The addresses that are known.
    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddrV4> {
        self.places.iter().filter_map(Place::address)
    }

    /// A query walks to our id, as far as it is known.
    pub(super) fn handle_walk(&mut self, target: NodeId) {
        self.walked = target;
    }

    /// A node did not answer. If a name led to it, the name may lead elsewhere.
    pub(super) fn handle_silence(&mut self, address: SocketAddrV4) {
        for place in &mut self.places {
            let is_name = matches!(place.node, BootstrapNode::Name { .. });
            if is_name && place.state == PlaceState::Known(address) {
                place.state = PlaceState::Unknown;
            }
        }
    }
}

impl Place {
    fn new(node: BootstrapNode) -> Self {
        let address = match &node {
            BootstrapNode::Address(address) => Some(*address),
            BootstrapNode::Name { host, port, .. } => {
                host.parse().ok().map(|host| SocketAddrV4::new(host, *port))
            }
        };
        Self { node, state: address.map_or(PlaceState::Unknown, PlaceState::Known) }
    }

    fn address(&self) -> Option<SocketAddrV4> {
        match self.state {
            PlaceState::Known(address) => Some(address),
            PlaceState::Unknown | PlaceState::Pinging | PlaceState::Resolving(_) => None,
        }
    }

    /// Where it may be, until that is known.
    fn suggested(&self) -> Option<SocketAddrV4> {
        match &self.node {
            BootstrapNode::Name { suggested: Some(host), port, .. } => {
                Some(SocketAddrV4::new(*host, *port))
            }
            BootstrapNode::Name { .. } | BootstrapNode::Address(_) => None,
        }
    }
}

impl Net {
    pub(super) fn start_bootstrap(&mut self, cx: &mut Cx<'_>) {
        self.start_bootstrap_query(cx);
    }

    /// Takes the addresses of a name; none if it could not be resolved.
    pub(crate) fn handle_resolved(&mut self, cx: &mut Cx<'_>, host: &str, addresses: &[Ipv4Addr]) {
        if self.destroyed {
            return;
        }
        for index in 0..self.bootstrap.places.len() {
            let place = &self.bootstrap.places[index];
            let BootstrapNode::Name { host: name, port, .. } = &place.node else {
                continue;
            };
            if name == host && matches!(place.state, PlaceState::Resolving(_)) {
                let address = addresses.first().map(|host| SocketAddrV4::new(*host, *port));
                self.settle(cx, index, address);
            }
        }
    }

    /// Gives a query the places to start from. True if more of them will follow.
    pub(super) fn add_bootstrap_nodes(&mut self, cx: &mut Cx<'_>, query: &mut Query) -> bool {
        for index in 0..self.bootstrap.places.len() {
            let place = &self.bootstrap.places[index];
            let (state, suggested) = (place.state, place.suggested());
            // A suggestion that holds saves a round trip; the ping decides on DNS only.
            let address = place.address().or(suggested);
            address.into_iter().for_each(|address| query.push_bootstrap(address));
            match (state, suggested) {
                (PlaceState::Unknown, Some(address)) => self.ping_suggested(cx, index, address),
                (PlaceState::Unknown, None) => self.resolve(cx, index),
                (PlaceState::Pinging | PlaceState::Resolving(_) | PlaceState::Known(_), _) => {}
            }
        }
        !self.bootstrap.is_settled()
    }

    pub(super) fn handle_suggested(&mut self, cx: &mut Cx<'_>, index: usize, answered: bool) {
        let Some(place) = self.bootstrap.places.get(index) else {
            return;
        };
        match place.suggested().filter(|_| answered) {
            Some(address) => self.settle(cx, index, Some(address)),
            None => self.resolve(cx, index),
        }
    }

    /// A place is looked for no longer, until the next query wants it.
    pub(super) fn forget_place(&mut self, cx: &mut Cx<'_>, index: usize) {
        if index < self.bootstrap.places.len() {
            self.settle(cx, index, None);
        }
    }

    /// A name that takes this long is as good as unknown.
    pub(super) fn handle_resolve_tick(&mut self, cx: &mut Cx<'_>) {
        for index in 0..self.bootstrap.places.len() {
            match self.bootstrap.places[index].state {
                PlaceState::Resolving(since) if self.clock.tick - since > RESOLVE_TICKS => {
                    self.settle(cx, index, None);
                }
                PlaceState::Unknown
                | PlaceState::Pinging
                | PlaceState::Resolving(_)
                | PlaceState::Known(_) => {}
            }
        }
    }

    /// Asks the first node that answers whether it reaches our server socket.
    fn start_quick_test(&mut self, cx: &mut Cx<'_>, to: SocketAddrV4) {
        if self.bootstrap.quick_test == QuickTest::Wanted {
            self.bootstrap.quick_test = QuickTest::Unwanted;
            let spec = self.ping_nat(to);
            self.send_request(cx, spec, Purpose::QuickTest);
        }
    }

    /// A stranger reaches us: that is worth a check, and tells what our id will be if it holds.
    /// The query that runs goes there at once, so that none is needed once we know.
    pub(super) fn handle_quick_test(&mut self, cx: &mut Cx<'_>, reply: &Reply) {
        if self.bootstrap.stage != Stage::Walking {
            return;
        }
        self.bootstrap.check = Check::Wanted;
        let is_plain = reply.to.port() == self.server_port;
        if is_plain && Some(*reply.to.ip()) == self.nat.address().0 {
            let id = node_id(reply.to);
            self.bootstrap.handle_walk(id);
            self.redirect_bootstrap_query(cx, id);
        }
    }

    /// One more node is known.
    pub(super) fn handle_bootstrap_reply(&mut self, cx: &mut Cx<'_>, from: SocketAddrV4) {
        self.start_quick_test(cx, from);
        let is_known = matches!(self.nat.address(), (Some(_), port) if port != 0);
        let is_ready = is_known && self.table.len() >= PROBES;
        if is_ready && self.bootstrap.check == Check::Wanted {
            self.start_check(cx);
        }
    }

    pub(super) fn handle_bootstrap_query_end(&mut self, cx: &mut Cx<'_>) {
        if self.bootstrap.stage != Stage::Walking {
            return;
        }
        self.bootstrap.stage = Stage::Checking;
        match self.bootstrap.check {
            Check::Wanted | Check::Late => self.start_check(cx),
            Check::Running => {}
            Check::Pointless | Check::Ended => self.conclude_bootstrap(cx),
        }
    }

    pub(super) fn handle_bootstrap_update_end(&mut self, cx: &mut Cx<'_>) {
        if self.bootstrap.check != Check::Running {
            return;
        }
        self.bootstrap.check = Check::Ended;
        if self.bootstrap.stage == Stage::Checking {
            self.conclude_bootstrap(cx);
        }
    }

    fn start_check(&mut self, cx: &mut Cx<'_>) {
        self.bootstrap.check = Check::Running;
        let scope = if self.role.is_forced() { Scope::Full } else { Scope::Firewall };
        self.start_update(cx, scope, Caller::Bootstrap);
    }

    /// An id that is another than that which we have walked to needs another table.
    fn conclude_bootstrap(&mut self, cx: &mut Cx<'_>) {
        if self.table.id() == self.bootstrap.walked {
            return self.finish_bootstrap(cx);
        }
        self.bootstrap.stage = Stage::Walking;
        self.start_bootstrap_query(cx);
    }

    fn finish_bootstrap(&mut self, cx: &mut Cx<'_>) {
        self.bootstrap.stage = Stage::Done;
        cx.emit(Event::Ready);
        self.outputs.push_back(Output::Ready);
    }

    fn ping_suggested(&mut self, cx: &mut Cx<'_>, index: usize, address: SocketAddrV4) {
        self.bootstrap.places[index].state = PlaceState::Pinging;
        let spec = RequestSpec::internal(address, command::PING);
        self.send_request(cx, spec, Purpose::Suggested(index));
    }

    fn resolve(&mut self, cx: &mut Cx<'_>, index: usize) {
        let place = &mut self.bootstrap.places[index];
        if let BootstrapNode::Name { host, .. } = &place.node {
            place.state = PlaceState::Resolving(self.clock.tick);
            cx.act(Action::Resolve { host: host.clone() });
        }
    }

    /// A place was found, or given up until the next query wants it.
    fn settle(&mut self, cx: &mut Cx<'_>, index: usize, address: Option<SocketAddrV4>) {
        let state = address.map_or(PlaceState::Unknown, PlaceState::Known);
        self.bootstrap.places[index].state = state;
        self.handle_bootstrap_node(cx, address);
    }
}

/// About 30 s.
const RESOLVE_TICKS: u64 = 6;
