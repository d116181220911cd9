//! Who is in the routing table: nodes come when they are heard, and go when they stay silent
//! (PROTOCOL B.7 and B.9).

use std::net::{Ipv4Addr, SocketAddrV4};

use super::RequestSpec;
use super::machine::Net;
use super::requests::Purpose;
use super::table::{Node, is_filtered};
use super::ticks::{OLD_NODE, RECENT_NODE};
use crate::wire::{NodeId, command, node_id};
use crate::{Cx, Event};

impl Net {
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

/// Down hints make us ping no more than this many nodes at a time.
const MAX_CHECKS: usize = 10;

/// Full rows make us ping no more than this many nodes at a time.
const MAX_SWAPS: usize = 3;
