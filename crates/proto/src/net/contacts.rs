//! Which nodes are in the routing table: they come when they are heard, and go when they stay
//! silent (PROTOCOL B.7 and B.9).

use std::net::SocketAddrV4;

use super::RequestSpec;
use super::exchange::{Out, Purpose};
use super::table::{Contact, Table, is_filtered};
use crate::wire::{NodeId, Target, command, node_id};
use crate::{Cx, Event, Sizes};

/// The routing table, and the pings that keep it true. `tick` is the number of the node's tick.
#[derive(Debug)]
pub(super) struct Contacts {
    pub(super) table: Table,
    /// Nodes that are being pinged.
    checks: usize,
    /// Nodes of full rows that are being pinged.
    swaps: usize,
    /// The application is told of nodes that come and go.
    watched: bool,
}

impl Contacts {
    pub(super) fn new(id: NodeId, watched: bool) -> Self {
        Self { table: Table::new(id), checks: 0, swaps: 0, watched }
    }

    /// Whether to tell of nodes that come and go.
    pub(super) fn watch(&mut self, watch: bool) {
        self.watched = watch;
    }

    /// At most `n` nodes close to a target.
    pub(super) fn closest(&self, target: &Target, n: usize) -> Vec<SocketAddrV4> {
        // The table cannot tell beforehand how many there are, and rows are faster than steps.
        let mut closest = Vec::with_capacity(n.min(self.table.len()));
        self.table.closest(target, n).for_each(|node| closest.push(node.address));
        closest
    }

    /// At most `limit` nodes, the latest heard first.
    pub(super) fn recent(&self, limit: usize) -> Vec<SocketAddrV4> {
        self.table.latest().take(limit).map(|node| node.address).collect()
    }

    /// The id that a packet carries, if it is that of its source.
    pub(super) fn valid_id(&self, from: SocketAddrV4, given: Option<NodeId>) -> Option<NodeId> {
        // A node of the table spares the hash.
        let is_known = |id: &NodeId| self.table.get(id).is_some_and(|node| node.address == from);
        given.filter(|id| is_known(id) || *id == node_id(from))
    }

    /// Adds the sender, whose id is that of its address, or notes that it is alive. False if it is
    /// not in the table. Once the node is ready, one of a full row may have to give way.
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

    /// Whether a node's word on our address counts: once in half an hour.
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

    /// Puts a node into the table, unheard. A full row as in [`Contacts::hear`].
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

    /// Pings a few of those that were tried longest ago.
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

    /// Takes a DOWN_HINT: worth a ping, unless we know better or are busy.
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

    /// A node that did not answer leaves the table, as does one whose answer had no id.
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

    /// The ping of a node of a full row has ended. True if it left the table, for another.
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

    /// No ping is under way any more.
    pub(super) fn clear_pings(&mut self) {
        (self.checks, self.swaps) = (0, 0);
    }

    /// Counts what is kept.
    pub(super) fn measure(&self, sizes: &mut Sizes) {
        sizes.table = self.table.len();
        (sizes.table_rows, sizes.table_row) = self.table.rows();
        sizes.checks = self.checks + self.swaps;
    }

    /// False if there was no room for it.
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

    /// Pings a node that was reported down, or was silent for long.
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

    /// Pings the node of a full row that is the likeliest to be gone.
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

/// Down hints make us ping no more than this many nodes at a time.
const MAX_CHECKS: usize = 10;

/// Full rows make us ping no more than this many nodes at a time.
const MAX_SWAPS: usize = 3;
