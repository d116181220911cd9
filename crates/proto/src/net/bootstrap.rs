//! Bootstrapping: the addresses of the bootstrap nodes, and the stages until the node is ready
//! (PROTOCOL B.11).

use std::net::{Ipv4Addr, SocketAddrV4};

use super::RequestSpec;
use super::exchange::{Out, Purpose};
use super::query::Query;
use crate::wire::{NodeId, command};
use crate::{Action, BootstrapNode, Config, Cx};

/// The bootstrap nodes, called places here, and the stage of the bootstrap.
#[derive(Debug)]
pub(super) struct Bootstrap {
    places: Vec<Place>,
    stage: Stage,
    /// The node has become ready.
    is_ready: bool,
    /// A node has answered.
    is_answered: bool,
    /// Before the first answer, requests were repeated or timed out.
    was_silent: bool,
    /// The target of the latest bootstrap query.
    walked: NodeId,
    quick_test: QuickTest,
    check: FirewallCheck,
    /// What the check is before any answer.
    first_check: FirewallCheck,
}

#[derive(Debug)]
struct Place {
    node: BootstrapNode,
    state: PlaceState,
}

/// What is known of a place's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PlaceState {
    Unknown,
    /// A ping to the suggested address is in flight.
    Pinging,
    /// A name lookup is running since this tick.
    Resolving(u64),
    Known(SocketAddrV4),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A query for our own id runs.
    Walking,
    /// The query has ended, but the firewall check has not.
    Checking,
    Done,
}

/// The search for a place's address has ended. `None`: without success, until the next query starts
/// it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) struct Settled(pub(super) Option<SocketAddrV4>);

/// The next step after the end of the query or of the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Start the check.
    Check,
    /// Do nothing: something else has to end first, or all has ended before.
    Wait,
    /// Query and check have both ended.
    Conclude,
}

/// What follows when query and check have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conclusion {
    /// The node is ready.
    Ready,
    /// It has been ready before.
    ReadyBefore,
    /// Another query is needed.
    Walk,
}

/// One PING_NAT to the first node that answers. It tests whether a firewall check is worthwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum QuickTest {
    Wanted,
    Unwanted,
}

/// The firewall check, which may determine our id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FirewallCheck {
    /// No check: nothing suggests that it would succeed.
    Pointless,
    /// The check starts when there are enough nodes to ask.
    Wanted,
    /// The check starts when the query has ended. It may make us persistent, which requires many
    /// samples of our address.
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
        let check = if is_forced { FirewallCheck::Late } else { FirewallCheck::Pointless };
        Self {
            places,
            stage: Stage::Walking,
            is_ready: false,
            is_answered: false,
            was_silent: false,
            walked: [0; 32],
            quick_test,
            check,
            first_check: check,
        }
    }

    /// The number of places.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// True once the node is ready.
    pub(super) fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// True if the bootstrap has ended without a single answer.
    pub(super) fn has_failed(&self) -> bool {
        self.stage == Stage::Done && !self.is_answered && !self.places.is_empty()
    }

    /// True if nobody answered at first.
    pub(super) fn was_silent(&self) -> bool {
        self.was_silent
    }

    /// Begins again, if the bootstrap has failed. True if it does.
    pub(super) fn restart(&mut self) -> bool {
        let restarts = self.has_failed();
        if restarts {
            self.stage = Stage::Walking;
            self.check = self.first_check;
        }
        restarts
    }

    /// True unless the address of a place is being looked up.
    pub(super) fn is_settled(&self) -> bool {
        self.places
            .iter()
            .all(|place| matches!(place.state, PlaceState::Unknown | PlaceState::Known(_)))
    }

    /// The known addresses.
    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddrV4> {
        self.places.iter().filter_map(Place::address)
    }

    /// Notes the target of the bootstrap query: our id, as far as it is known.
    pub(super) fn handle_walk(&mut self, target: NodeId) {
        self.walked = target;
    }

    /// A node did not answer. If its address came from a name, the next query resolves the name
    /// again.
    pub(super) fn handle_silence(&mut self, address: SocketAddrV4) {
        for place in &mut self.places {
            let is_name = matches!(place.node, BootstrapNode::Name { .. });
            if is_name && place.state == PlaceState::Known(address) {
                place.state = PlaceState::Unknown;
            }
        }
    }

    /// Adds the places with known addresses to a query. True if more addresses will follow.
    pub(super) fn add_nodes(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut Out<'_>,
        tick: u64,
        query: &mut Query,
    ) -> bool {
        for (index, place) in self.places.iter_mut().enumerate() {
            let suggested = place.suggested();
            // The query uses a suggested address at once, which saves a round trip if it is right.
            // The ping only decides whether DNS is needed.
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

    /// Takes the end of a ping to a suggested address.
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

    /// Takes the result of a name lookup for one place. `addresses` is empty if the lookup failed.
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

    /// Gives up a name lookup that takes too long.
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

    /// Stops the search for a place's address, until the next query starts it again.
    pub(super) fn forget(&mut self, index: usize) -> Option<Settled> {
        Some(self.places.get_mut(index)?.settle(None))
    }

    /// A node has answered the bootstrap query. `was_silent`: requests were not answered before.
    /// True if the quick test is wanted and has not been sent. It is sent to the first node that
    /// answers.
    pub(super) fn handle_answer(&mut self, was_silent: bool) -> bool {
        if !std::mem::replace(&mut self.is_answered, true) {
            self.was_silent = was_silent;
        }
        std::mem::replace(&mut self.quick_test, QuickTest::Unwanted) == QuickTest::Wanted
    }

    /// Notes that the quick test has reached us, which makes a check worthwhile. True while the
    /// bootstrap query runs.
    pub(super) fn handle_quick_test(&mut self) -> bool {
        let is_walking = self.stage == Stage::Walking;
        if is_walking {
            self.check = FirewallCheck::Wanted;
        }
        is_walking
    }

    /// True if the check waits for enough nodes to ask.
    pub(super) fn wants_check(&self) -> bool {
        self.check == FirewallCheck::Wanted
    }

    /// Notes that the check has started.
    pub(super) fn start_check(&mut self) {
        self.check = FirewallCheck::Running;
    }

    /// Takes the end of the bootstrap query.
    pub(super) fn handle_query_end(&mut self) -> Then {
        if self.stage != Stage::Walking {
            return Then::Wait;
        }
        self.stage = Stage::Checking;
        match self.check {
            FirewallCheck::Wanted | FirewallCheck::Late => Then::Check,
            FirewallCheck::Running => Then::Wait,
            FirewallCheck::Pointless | FirewallCheck::Ended => Then::Conclude,
        }
    }

    /// Takes the end of the check.
    pub(super) fn handle_check_end(&mut self) -> Then {
        if self.check != FirewallCheck::Running {
            return Then::Wait;
        }
        self.check = FirewallCheck::Ended;
        if self.stage == Stage::Checking { Then::Conclude } else { Then::Wait }
    }

    /// Query and check have ended. If `id` is not the target of the query, the new id needs another
    /// table, and therefore another query.
    pub(super) fn conclude(&mut self, id: NodeId) -> Conclusion {
        if id != self.walked {
            self.stage = Stage::Walking;
            return Conclusion::Walk;
        }
        self.stage = Stage::Done;
        match std::mem::replace(&mut self.is_ready, true) {
            true => Conclusion::ReadyBefore,
            false => Conclusion::Ready,
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

    /// The suggested address, if the place has one.
    fn suggested(&self) -> Option<SocketAddrV4> {
        match &self.node {
            BootstrapNode::Name { suggested: Some(host), port, .. } => {
                Some(SocketAddrV4::new(*host, *port))
            }
            BootstrapNode::Name { .. } | BootstrapNode::Address(_) => None,
        }
    }
}

/// Ticks after which a name lookup is given up: about 30 s.
const RESOLVE_TICKS: u64 = 6;
