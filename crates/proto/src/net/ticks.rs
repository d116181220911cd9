//! What happens every 5 s: the routing table is kept alive, and sleep is noticed (PROTOCOL B.8).

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use super::firewall::{Caller, Scope};
use super::machine::Net;
use super::requests::Purpose;
use super::table::{K, Node, is_filtered};
use super::{NetTimer, Output, RequestSpec};
use crate::wire::{NodeId, command, node_id};
use crate::{Config, Cx, Event, Timer};

/// Ticks, and what is counted in them.
#[derive(Debug)]
pub(super) struct Clock {
    pub(super) tick: u64,
    /// Ticks until the table is refreshed.
    pub(super) refresh_in: u64,
    /// Ticks until we look for nodes that the table has lost sight of.
    reunite_in: u64,
    /// Ticks until we may become persistent.
    pub(super) stable_in: u64,
    /// The host that was found not to be fit for it.
    pub(super) last_host: Option<Ipv4Addr>,
    last: Instant,
}

/// Requests of the node's own, which are few at a time.
#[derive(Debug)]
pub(super) struct Upkeep {
    /// Nodes that are being pinged.
    checks: usize,
    /// Nodes of full rows that are being pinged.
    swaps: usize,
    /// Down hints sent in this tick.
    hints: usize,
    /// How many a tick may have.
    max_hints: usize,
}

impl Upkeep {
    pub(super) fn new(config: &Config) -> Self {
        let max_hints = config.down_hints_rate_limit.unwrap_or(usize::MAX);
        let max_hints = if config.send_down_hints { max_hints } else { 0 };
        Self { checks: 0, swaps: 0, hints: 0, max_hints }
    }

    /// Nothing is under way any more.
    pub(super) fn clear(&mut self) {
        *self = Self { max_hints: self.max_hints, checks: 0, swaps: 0, hints: 0 };
    }

    /// True if one more hint may be sent.
    pub(super) fn take_hint(&mut self) -> bool {
        let may = self.hints < self.max_hints;
        self.hints += usize::from(may);
        may
    }
}

impl Clock {
    /// At a random offset, so that no two nodes march in step.
    pub(super) fn new(cx: &mut Cx<'_>) -> Self {
        Self {
            tick: 100 - cx.rng.below(50),
            refresh_in: REFRESH_TICKS - cx.rng.below(REFRESH_TICKS / 2),
            reunite_in: REUNITE_TICKS - cx.rng.below(REUNITE_TICKS / 2),
            stable_in: STABLE_TICKS,
            last_host: None,
            last: cx.now,
        }
    }
}

impl Upkeep {
    /// Nodes that are being pinged.
    pub(super) fn len(&self) -> usize {
        self.checks + self.swaps
    }
}

impl Net {
    pub(super) fn start_clock(&mut self, cx: &mut Cx<'_>) {
        cx.wake_at(Timer::Net(NetTimer::Tick), cx.now + TICK);
    }

    /// The time that has passed since the last tick was no sleep.
    pub(super) fn restart_clock(&mut self, cx: &mut Cx<'_>) {
        self.clock.last = cx.now;
        self.start_clock(cx);
    }

    pub(super) fn handle_tick(&mut self, cx: &mut Cx<'_>) {
        let slept = cx.now.saturating_duration_since(self.clock.last) > SLEEP;
        self.clock.last = cx.now;
        if slept {
            self.handle_wakeup(cx);
        } else {
            self.clock.tick += 1;
        }
        self.start_clock(cx);
        self.handle_resolve_tick(cx);
        if !self.bootstrapped() {
            return;
        }
        self.age_role(cx);
        self.ping_some(cx);
        self.clock.refresh_in = self.clock.refresh_in.saturating_sub(1);
        if self.is_refresh_due() && !self.is_refreshing() {
            self.refresh(cx);
        }
        self.reunite(cx);
        self.upkeep.hints = 0;
        let old = self.health.state();
        self.health.handle_tick(cx.stats);
        self.report_health(cx, old);
    }

    /// The id that a packet carries, if it is that of its source.
    pub(super) fn valid_id(&self, from: SocketAddrV4, given: Option<NodeId>) -> Option<NodeId> {
        // A node of the table spares the hash.
        let is_known = |id: &NodeId| self.table.get(id).is_some_and(|node| node.address == from);
        given.filter(|id| is_known(id) || *id == node_id(from))
    }

    /// Adds the sender, whose id is that of its address, or notes that it is alive.
    pub(super) fn hear(
        &mut self,
        cx: &mut Cx<'_>,
        id: NodeId,
        from: SocketAddrV4,
        to: SocketAddrV4,
        is_sample: bool,
    ) {
        if is_filtered(from) {
            return;
        }
        let tick = self.clock.tick;
        let is_known = self.table.touch(&id, tick).is_some();
        if !is_known && !self.insert_node(cx, Node::with_id(id, from, tick)) {
            return;
        }
        let Some(node) = self.table.get_mut(&id).filter(|_| is_sample) else {
            return;
        };
        if node.sampled.is_none_or(|sampled| tick - sampled >= OLD_NODE) {
            node.sampled = Some(tick);
            self.sample(cx, to);
        }
    }

    /// Takes our address from a node without an id: few of them, so that no crowd outvotes the
    /// nodes that we have chosen ourselves.
    pub(super) fn sample_stranger(
        &mut self,
        cx: &mut Cx<'_>,
        from: SocketAddrV4,
        to: SocketAddrV4,
    ) {
        let limit = self.bootstrap.len().max(1);
        if self.strangers.len() < limit && !self.strangers.contains(&from) && !is_filtered(from) {
            self.strangers.push(from);
            self.sample(cx, to);
        }
    }

    pub(super) fn sample(&mut self, cx: &mut Cx<'_>, seen: SocketAddrV4) {
        let old = self.nat.address();
        self.nat.add(seen);
        self.report_nat(cx, old);
    }

    pub(super) fn report_nat(&self, cx: &mut Cx<'_>, old: (Option<Ipv4Addr>, u16)) {
        let (host, port) = self.nat.address();
        if (host, port) != old {
            cx.emit(Event::NatUpdate { host, port });
        }
    }

    /// False if there was no room for it.
    pub(super) fn insert_node(&mut self, cx: &mut Cx<'_>, node: Node) -> bool {
        if node.id == self.table.id() || is_filtered(node.address) || node.address.port() == 0 {
            return false;
        }
        let view = node.view();
        let is_new = self.table.get(&node.id).is_none();
        let Err(refused) = self.table.add(node) else {
            if is_new && self.watches_table {
                cx.emit(Event::NodeAdded { node: view });
            }
            return true;
        };
        self.handle_full_row(cx, &refused);
        false
    }

    /// Removes a node from the table.
    pub(super) fn remove_node(&mut self, cx: &mut Cx<'_>, id: &NodeId) {
        let removed = self.table.remove(id).filter(|_| self.watches_table);
        if let Some(node) = removed {
            cx.emit(Event::NodeRemoved { node: node.view() });
        }
    }

    /// Pings a node that was reported down, or was silent for long.
    pub(super) fn check(&mut self, cx: &mut Cx<'_>, id: &NodeId) {
        let tick = self.clock.tick;
        let Some(node) = self.table.get_mut(id) else {
            return;
        };
        node.pinged = tick;
        let (id, address, heard) = (node.id, node.address, node.heard);
        self.upkeep.checks += 1;
        let spec = RequestSpec::internal(address, command::PING);
        self.send_request(cx, spec, Purpose::Check { id, heard });
    }

    /// Takes a DOWN_HINT: worth a ping, unless we know better or are busy.
    pub(super) fn handle_down_hint(&mut self, cx: &mut Cx<'_>, down: SocketAddrV4) {
        if self.upkeep.checks >= MAX_CHECKS {
            return;
        }
        let (id, tick) = (node_id(down), self.clock.tick);
        let Some(node) = self.table.get_mut(&id) else {
            return;
        };
        if node.pinged < tick || node.down_hints == 0 {
            node.down_hints = node.down_hints.saturating_add(1);
            self.check(cx, &id);
        }
    }

    /// A node that did not answer leaves the table, as does one whose answer had no id.
    pub(super) fn handle_check(
        &mut self,
        cx: &mut Cx<'_>,
        id: &NodeId,
        heard: u64,
        answered: bool,
    ) {
        self.upkeep.checks = self.upkeep.checks.saturating_sub(1);
        let silent = self.table.get(id).is_some_and(|node| node.heard == heard);
        if silent || !answered {
            self.remove_node(cx, id);
        }
    }

    pub(super) fn handle_swap(
        &mut self,
        cx: &mut Cx<'_>,
        id: &NodeId,
        heard: u64,
        by: SocketAddrV4,
        answered: bool,
    ) {
        self.upkeep.swaps = self.upkeep.swaps.saturating_sub(1);
        let alive = self.table.get(id).is_some_and(|node| node.heard != heard);
        if answered && alive {
            return;
        }
        self.remove_node(cx, id);
        self.add_node(cx, by);
    }

    /// Walks to a random node of the table, to meet others.
    pub(super) fn refresh(&mut self, cx: &mut Cx<'_>) {
        let random = self.table.random(cx.rng).map(|node| node.id);
        self.start_refresh(cx, random.unwrap_or(self.table.id()));
    }

    fn reunite(&mut self, cx: &mut Cx<'_>) {
        self.clock.reunite_in = self.clock.reunite_in.saturating_sub(1);
        if self.clock.reunite_in == 0 {
            self.clock.reunite_in = REUNITE_TICKS;
            if self.bootstrap.len() > 0 {
                self.start_reunion(cx);
            }
        }
    }

    /// Everything looks old after a sleep, and the network may be another one.
    pub(super) fn handle_wakeup(&mut self, cx: &mut Cx<'_>) {
        let clock = &mut self.clock;
        clock.tick += 2 * OLD_NODE;
        // The second tick from here is one of those that ping.
        clock.tick = (clock.tick | PING_MASK) - 1;
        clock.stable_in = MORE_STABLE_TICKS;
        clock.refresh_in = 1;
        clock.reunite_in = 1;
        clock.last_host = None;
        let old = self.health.state();
        self.health = super::health::Health::new(cx.stats);
        self.report_health(cx, old);
        self.become_ephemeral(cx);
        cx.emit(Event::Wakeup);
        self.outputs.push_back(Output::Wakeup);
    }

    /// A node that has been up for long may become persistent.
    fn age_role(&mut self, cx: &mut Cx<'_>) {
        if !self.role.wants_persistence() {
            return;
        }
        self.clock.stable_in = self.clock.stable_in.saturating_sub(1);
        if self.clock.stable_in > 0 {
            return;
        }
        if self.role.adaptive && self.clock.last_host == self.nat.address().0 {
            self.clock.stable_in = MORE_STABLE_TICKS;
            return;
        }
        self.start_update(cx, Scope::Full, Caller::Tick);
    }

    fn ping_some(&mut self, cx: &mut Cx<'_>) {
        let tick = self.clock.tick;
        if tick & PING_MASK != 0 {
            return;
        }
        let Some(oldest) = self.table.oldest().next() else {
            return;
        };
        let count = match self.requests.len() {
            _ if tick - oldest.pinged < RECENT_NODE => 2,
            0..=2 => 5,
            _ => 3,
        };
        let due = self.table.oldest().take(count).filter(|node| node.pinged != tick);
        let due: Vec<NodeId> = due.map(|node| node.id).collect();
        for id in due {
            self.check(cx, &id);
        }
    }

    fn is_refresh_due(&self) -> bool {
        let few = match self.table.len() {
            0 if self.bootstrap.len() == 0 => return false,
            // Nobody answered so far: the network may be back.
            0 => LONELY_MASK,
            n if n < K => FEW_MASK,
            _ => return self.clock.refresh_in == 0,
        };
        self.clock.refresh_in == 0 || self.clock.tick & few == 0
    }

    /// Pings the node of a full row that is the likeliest to be gone.
    fn handle_full_row(&mut self, cx: &mut Cx<'_>, refused: &Node) {
        if !self.bootstrapped() || self.upkeep.swaps >= MAX_SWAPS {
            return;
        }
        let tick = self.clock.tick;
        let candidates = self.table.row(&refused.id).iter().filter(|node| node.pinged != tick);
        let Some(oldest) = candidates.min_by_key(|node| (node.pinged, node.added)) else {
            return;
        };
        if tick - oldest.pinged < RECENT_NODE && tick - oldest.added > OLD_NODE {
            return;
        }
        let (id, address, heard) = (oldest.id, oldest.address, oldest.heard);
        if let Some(node) = self.table.get_mut(&id) {
            node.pinged = tick;
        }
        self.upkeep.swaps += 1;
        let purpose = Purpose::Swap { id, heard, by: refused.address };
        self.send_request(cx, RequestSpec::internal(address, command::PING), purpose);
    }
}

/// One tick.
const TICK: Duration = Duration::from_secs(5);

/// A tick that comes this late means that the machine slept.
const SLEEP: Duration = Duration::from_secs(15);

/// About 5 minutes, counted from the latest query.
pub(super) const REFRESH_TICKS: u64 = 60;

/// About 30 minutes. It costs each bootstrap node one request of each node in that time.
const REUNITE_TICKS: u64 = 360;

/// About 20 minutes: such a node is likely to stay.
const STABLE_TICKS: u64 = 240;

/// About 60 minutes, after a check that failed, or a sleep.
pub(super) const MORE_STABLE_TICKS: u64 = 3 * STABLE_TICKS;

/// About a minute.
const RECENT_NODE: u64 = 12;

/// About 30 minutes.
const OLD_NODE: u64 = 360;

/// Some nodes are pinged every 8 ticks.
const PING_MASK: u64 = 7;

/// A table that is not full is refreshed every 64 ticks.
const FEW_MASK: u64 = 63;

/// An empty table is refreshed every other tick.
const LONELY_MASK: u64 = 1;

/// Down hints make us ping no more than this many nodes at a time.
const MAX_CHECKS: usize = 10;

/// Full rows make us ping no more than this many nodes at a time.
const MAX_SWAPS: usize = 3;
