//! Finding the network: the places to start from, and the way to being ready (PROTOCOL B.11).

use std::net::{Ipv4Addr, SocketAddrV4};

use super::RequestSpec;
use super::exchange::{Out, Purpose};
use super::query::Query;
use crate::wire::{NodeId, command};
use crate::{Action, BootstrapNode, Config, Cx};

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

/// A place was found, or given up until the next query wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) struct Settled(pub(super) Option<SocketAddrV4>);

/// What follows the end of a query or of the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// The check is to start.
    Check,
    /// Something else has to end first, or nothing is left to do.
    Wait,
    /// Both have ended.
    Conclude,
}

/// One PING_NAT to the first node that answers: does it pay to check the firewall?
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

    /// Gives a query the places to start from. True if more of them will follow.
    pub(super) fn add_nodes(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut Out<'_>,
        tick: u64,
        query: &mut Query,
    ) -> bool {
        for (index, place) in self.places.iter_mut().enumerate() {
            let suggested = place.suggested();
            // A suggestion that holds saves a round trip; the ping decides on DNS only.
            let address = place.address().or(suggested);
            address.into_iter().for_each(|address| query.push_bootstrap(address));
            match (place.state, suggested) {
                (PlaceState::Unknown, Some(address)) => {
                    place.state = PlaceState::Pinging;
                    let spec = RequestSpec::internal(address, command::PING);
                    out.send(cx, spec, Purpose::Suggested(index));
                }
                (PlaceState::Unknown, None) => place.resolve(cx, tick),
                (PlaceState::Pinging | PlaceState::Resolving(_) | PlaceState::Known(_), _) => {}
            }
        }
        !self.is_settled()
    }

    /// The ping of a suggested address has ended.
    pub(super) fn handle_suggested(
        &mut self,
        cx: &mut Cx<'_>,
        tick: u64,
        index: usize,
        answered: bool,
    ) -> Option<Settled> {
        let place = self.places.get_mut(index)?;
        match place.suggested().filter(|_| answered) {
            Some(address) => Some(place.settle(Some(address))),
            None => {
                place.resolve(cx, tick);
                None
            }
        }
    }

    /// Takes the addresses of a name for one place; none if it could not be resolved.
    pub(super) fn handle_resolved(
        &mut self,
        index: usize,
        host: &str,
        addresses: &[Ipv4Addr],
    ) -> Option<Settled> {
        let place = self.places.get_mut(index)?;
        let BootstrapNode::Name { host: name, port, .. } = &place.node else {
            return None;
        };
        if name != host || !matches!(place.state, PlaceState::Resolving(_)) {
            return None;
        }
        let address = addresses.first().map(|host| SocketAddrV4::new(*host, *port));
        Some(place.settle(address))
    }

    /// A name that takes this long is as good as unknown.
    pub(super) fn handle_tick(&mut self, index: usize, tick: u64) -> Option<Settled> {
        let place = self.places.get_mut(index)?;
        match place.state {
            PlaceState::Resolving(since) if tick - since > RESOLVE_TICKS => {
                Some(place.settle(None))
            }
            PlaceState::Unknown
            | PlaceState::Pinging
            | PlaceState::Resolving(_)
            | PlaceState::Known(_) => None,
        }
    }

    /// A place is looked for no longer, until the next query wants it.
    pub(super) fn forget(&mut self, index: usize) -> Option<Settled> {
        Some(self.places.get_mut(index)?.settle(None))
    }

    /// The first node that answers is asked whether it reaches our server socket.
    pub(super) fn take_quick_test(&mut self) -> bool {
        std::mem::replace(&mut self.quick_test, QuickTest::Unwanted) == QuickTest::Wanted
    }

    /// A stranger reaches us: that is worth a check. True while a query walks.
    pub(super) fn handle_quick_test(&mut self) -> bool {
        let is_walking = self.stage == Stage::Walking;
        if is_walking {
            self.check = Check::Wanted;
        }
        is_walking
    }

    /// True for a check that waits for nodes to ask.
    pub(super) fn wants_check(&self) -> bool {
        self.check == Check::Wanted
    }

    /// The check begins.
    pub(super) fn start_check(&mut self) {
        self.check = Check::Running;
    }

    /// The query has ended.
    pub(super) fn handle_query_end(&mut self) -> Then {
        if self.stage != Stage::Walking {
            return Then::Wait;
        }
        self.stage = Stage::Checking;
        match self.check {
            Check::Wanted | Check::Late => Then::Check,
            Check::Running => Then::Wait,
            Check::Pointless | Check::Ended => Then::Conclude,
        }
    }

    /// The check has ended.
    pub(super) fn handle_check_end(&mut self) -> Then {
        if self.check != Check::Running {
            return Then::Wait;
        }
        self.check = Check::Ended;
        if self.stage == Stage::Checking { Then::Conclude } else { Then::Wait }
    }

    /// Both have ended. True if the node is ready; an id that is another than that which we have
    /// walked to needs another table, and another walk.
    pub(super) fn conclude(&mut self, id: NodeId) -> bool {
        let is_done = id == self.walked;
        self.stage = if is_done { Stage::Done } else { Stage::Walking };
        is_done
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

    fn resolve(&mut self, cx: &mut Cx<'_>, tick: u64) {
        if let BootstrapNode::Name { host, .. } = &self.node {
            self.state = PlaceState::Resolving(tick);
            cx.act(Action::Resolve { host: host.clone() });
        }
    }

    fn settle(&mut self, address: Option<SocketAddrV4>) -> Settled {
        self.state = address.map_or(PlaceState::Unknown, PlaceState::Known);
        Settled(address)
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

/// About 30 s.
const RESOLVE_TICKS: u64 = 6;
