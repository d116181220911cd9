//! Membership of the routing table: nodes are added when we hear from them, and removed when they
//! do not answer (PROTOCOL B.7 and B.9).

use std::net::SocketAddrV4;

use super::RequestSpec;
use super::exchange::{Out, Purpose};
use super::table::{Contact, Table, is_filtered};
use crate::wire::{NodeId, Target, command, node_id};
use crate::{Cx, Event, Sizes};

/// The routing table, and the pings that keep it up to date. `tick` is the number of the node's
/// tick.
#[derive(Debug)]
pub(super) struct Contacts {
    pub(super) table: Table,
    /// Pings of [`Purpose::Check`] in flight.
    checks: usize,
    /// Pings of [`Purpose::Swap`] in flight.
    swaps: usize,
    /// Whether events report added and removed nodes.
    watched: bool,
}

impl Contacts {
    pub(super) fn new(id: NodeId, watched: bool) -> Self {
        Self { table: Table::new(id), checks: 0, swaps: 0, watched }
    }

    /// Sets whether events report added and removed nodes.
    pub(super) fn watch(&mut self, watch: bool) {
        self.watched = watch;
    }

    /// At most `n` nodes close to a target.
    pub(super) fn closest(&self, target: &Target, n: usize) -> Vec<SocketAddrV4> {
        // `for_each` goes through whole rows, which is faster than single steps of the iterator.
        // The iterator cannot give a size hint, so the capacity is reserved here.
        let mut closest = Vec::with_capacity(n.min(self.table.len()));
        self.table.closest(target, n).for_each(|node| closest.push(node.address));
        closest
    }

    /// At most `limit` nodes, the most recently heard first.
    pub(super) fn recent(&self, limit: usize) -> Vec<SocketAddrV4> {
        self.table.latest().take(limit).map(|node| node.address).collect()
    }

    /// The id in a packet, if it is the id of the source address.
    pub(super) fn valid_id(&self, from: SocketAddrV4, given: Option<NodeId>) -> Option<NodeId> {
        // If the node is in the table, the hash is not needed.
        let is_known = |id: &NodeId| self.table.get(id).is_some_and(|node| node.address == from);
        given.filter(|id| is_known(id) || *id == node_id(from))
    }

    /// Notes that a sender is alive, and adds it if it is new. `id` must be the id of `from`. False
    /// if the sender is not in the table. Once our node is ready, a sender that finds its row full
    /// may replace another node later.
    pub(super) fn hear(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut Out<'_>,
        (tick, is_ready): (u64, bool),
        id: NodeId,
        from: SocketAddrV4,
    ) -> bool {
        if is_filtered(from) {
            return false;
        }
        self.table.touch(&id, tick).is_some()
            || self.insert(cx, out, (tick, is_ready), Contact::with_id(id, from, tick))
    }

    /// True for a node that would enter the table.
    pub(super) fn is_new(&self, id: &NodeId, from: SocketAddrV4) -> bool {
        self.table.get(id).is_none() && !is_filtered(from)
    }

    /// True if a node's view of our address counts as a sample: once in half an hour.
    pub(super) fn take_sample(&mut self, tick: u64, id: &NodeId) -> bool {
        let Some(node) = self.table.get_mut(id) else {
            return false;
        };
        let is_due = node.sampled.is_none_or(|sampled| tick - sampled >= OLD_NODE);
        if is_due {
            node.sampled = Some(tick);
        }
        is_due
    }

    /// Adds a node that we have not heard from. A full row is handled as in [`Contacts::hear`].
    pub(super) fn add(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut Out<'_>,
        (tick, is_ready): (u64, bool),
        address: SocketAddrV4,
    ) {
        self.insert(cx, out, (tick, is_ready), Contact::new(address, tick));
    }

    /// Removes a node from the table.
    pub(super) fn remove(&mut self, cx: &mut Cx<'_>, id: &NodeId) {
        let removed = self.table.remove(id).filter(|_| self.watched);
        if let Some(node) = removed {
            cx.emit(Event::NodeRemoved { node: node.view() });
        }
    }

    /// Pings a few of the nodes that we have not heard from for the longest time.
    pub(super) fn ping_some(&mut self, cx: &mut Cx<'_>, out: &mut Out<'_>, tick: u64) {
        let Some(oldest) = self.table.oldest().next() else {
            return;
        };
        let count = match out.exchange.requests.len() {
            _ if tick - oldest.pinged < RECENT_NODE => 2,
            0..=2 => 5,
            _ => 3,
        };
        let due = self.table.oldest().take(count).filter(|node| node.pinged != tick);
        let due: Vec<NodeId> = due.map(|node| node.id).collect();
        for id in due {
            self.check(cx, out, tick, &id);
        }
    }

    /// Takes a DOWN_HINT. Pings the node, unless we have just pinged or heard it, or too many
    /// checks are running.
    pub(super) fn handle_down_hint(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut Out<'_>,
        tick: u64,
        down: SocketAddrV4,
    ) {
        if self.checks >= MAX_CHECKS {
            return;
        }
        let id = node_id(down);
        let Some(node) = self.table.get_mut(&id) else {
            return;
        };
        if node.pinged < tick || node.down_hints == 0 {
            node.down_hints = node.down_hints.saturating_add(1);
            self.check(cx, out, tick, &id);
        }
    }

    /// Takes the end of a check. Removes the node if it did not answer, or if its answer had no id.
    pub(super) fn handle_check(
        &mut self,
        cx: &mut Cx<'_>,
        id: &NodeId,
        heard: u64,
        answered: bool,
    ) {
        self.checks = self.checks.saturating_sub(1);
        let silent = self.table.get(id).is_some_and(|node| node.heard == heard);
        if silent || !answered {
            self.remove(cx, id);
        }
    }

    /// Takes the end of the ping of a node in a full row. True if the node was removed, so that
    /// another may take its place.
    pub(super) fn handle_swap(
        &mut self,
        cx: &mut Cx<'_>,
        id: &NodeId,
        heard: u64,
        answered: bool,
    ) -> bool {
        self.swaps = self.swaps.saturating_sub(1);
        let alive = self.table.get(id).is_some_and(|node| node.heard != heard);
        if answered && alive {
            return false;
        }
        self.remove(cx, id);
        true
    }

    /// Notes that no ping is in flight any more.
    pub(super) fn clear_pings(&mut self) {
        (self.checks, self.swaps) = (0, 0);
    }

    /// Writes the sizes of the tables.
    pub(super) fn measure(&self, sizes: &mut Sizes) {
        sizes.table = self.table.len();
        (sizes.table_rows, sizes.table_row) = self.table.rows();
        sizes.checks = self.checks + self.swaps;
    }

    /// False if the node may not be in the table, or if its row is full.
    fn insert(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut Out<'_>,
        (tick, is_ready): (u64, bool),
        node: Contact,
    ) -> bool {
        if node.id == self.table.id() || is_filtered(node.address) || node.address.port() == 0 {
            return false;
        }
        let view = node.view();
        let is_new = self.table.get(&node.id).is_none();
        let Err(refused) = self.table.add(node) else {
            if is_new && self.watched {
                cx.emit(Event::NodeAdded { node: view });
            }
            return true;
        };
        if is_ready {
            self.handle_full_row(cx, out, tick, &refused);
        }
        false
    }

    /// Pings a node that was reported down, or that has been silent for long.
    fn check(&mut self, cx: &mut Cx<'_>, out: &mut Out<'_>, tick: u64, id: &NodeId) {
        let Some(node) = self.table.get_mut(id) else {
            return;
        };
        node.pinged = tick;
        let (id, address, heard) = (node.id, node.address, node.heard);
        self.checks += 1;
        let spec = RequestSpec::internal(address, command::PING);
        out.send(cx, spec, Purpose::Check { id, heard });
    }

    /// Pings the node of a full row that is most likely gone: the one that was pinged or heard
    /// longest ago.
    fn handle_full_row(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut Out<'_>,
        tick: u64,
        refused: &Contact,
    ) {
        if self.swaps >= MAX_SWAPS {
            return;
        }
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
        self.swaps += 1;
        let purpose = Purpose::Swap { id, heard, by: refused.address };
        out.send(cx, RequestSpec::internal(address, command::PING), purpose);
    }
}

/// About a minute.
const RECENT_NODE: u64 = 12;

/// About 30 minutes.
pub(super) const OLD_NODE: u64 = 360;

/// DOWN_HINTs start no more checks while this many are running.
const MAX_CHECKS: usize = 10;

/// The most pings in flight because of full rows.
const MAX_SWAPS: usize = 3;
