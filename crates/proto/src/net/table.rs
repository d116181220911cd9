//! The routing table, with its nodes also in the order in which they were last heard. Reference:
//! kademlia-routing-table 1.0.6 and time-ordered-set 2.0.1.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::wire::{NodeId, Target, node_id};
use crate::{Rng, TableNode};

/// A Kademlia routing table. Each row holds at most [`K`] nodes that share a prefix of the same
/// length with our id.
#[derive(Debug)]
pub(super) struct Table {
    id: NodeId,
    /// Each row is sorted by id.
    rows: BTreeMap<u8, Vec<Contact>>,
    /// Ids by [`Contact::heard`], the oldest first.
    order: BTreeMap<u64, NodeId>,
    next: u64,
}

/// A node of the table. Times are ticks.
#[derive(Clone, Debug)]
pub(super) struct Contact {
    pub(super) id: NodeId,
    pub(super) address: SocketAddrV4,
    pub(super) added: u64,
    /// When we last pinged the node or heard from it.
    pub(super) pinged: u64,
    /// When we last heard from the node.
    pub(super) seen: u64,
    /// When its view of our address last counted as a sample.
    pub(super) sampled: Option<u64>,
    pub(super) down_hints: u32,
    /// A serial number, which grows each time the node is heard. It orders the nodes.
    pub(super) heard: u64,
}

impl Contact {
    /// A node that counts as heard at this tick.
    pub(super) fn new(address: SocketAddrV4, tick: u64) -> Self {
        Self::with_id(node_id(address), address, tick)
    }

    /// The same for a known id. Avoids the hash, which costs more than everything else here.
    pub(super) fn with_id(id: NodeId, address: SocketAddrV4, tick: u64) -> Self {
        Self {
            id,
            address,
            added: tick,
            pinged: tick,
            seen: tick,
            sampled: None,
            down_hints: 0,
            heard: 0,
        }
    }

    /// The application's view of the node.
    pub(super) fn view(&self) -> TableNode {
        TableNode {
            id: self.id,
            address: self.address,
            added: self.added,
            pinged: self.pinged,
            seen: self.seen,
            sampled: self.sampled.unwrap_or(0),
            down_hints: self.down_hints,
        }
    }
}

impl Table {
    /// An empty table around an id.
    pub(super) fn new(id: NodeId) -> Self {
        Self { id, rows: BTreeMap::new(), order: BTreeMap::new(), next: 0 }
    }

    /// The id around which the table is built. Other nodes know it only while we are persistent.
    pub(super) fn id(&self) -> NodeId {
        self.id
    }

    /// The number of nodes.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// The number of rows, and the number of nodes in the fullest row.
    pub(super) fn rows(&self) -> (usize, usize) {
        (self.rows.len(), self.rows.values().map(Vec::len).max().unwrap_or(0))
    }

    /// Finds a node.
    pub(super) fn get(&self, id: &NodeId) -> Option<&Contact> {
        let row = self.rows.get(&self.row_of(id))?;
        let at = row.binary_search_by(|node| node.id.cmp(id)).ok()?;
        row.get(at)
    }

    /// Finds a node, to change its times.
    pub(super) fn get_mut(&mut self, id: &NodeId) -> Option<&mut Contact> {
        let row = self.rows.get_mut(&row_of(&self.id, id))?;
        let at = row.binary_search_by(|node| node.id.cmp(id)).ok()?;
        row.get_mut(at)
    }

    /// Adds a node as the most recently heard. Returns the node if its row is full. A node that is
    /// in the table already is not changed.
    pub(super) fn add(&mut self, mut node: Contact) -> Result<(), Contact> {
        node.heard = self.next;
        let (id, heard) = (node.id, node.heard);
        let row = self.rows.entry(row_of(&self.id, &id)).or_default();
        match row.binary_search_by(|other| other.id.cmp(&id)) {
            Ok(_) => return Ok(()),
            Err(_) if row.len() >= K => return Err(node),
            Err(at) => row.insert(at, node),
        }
        self.order.insert(heard, id);
        self.next += 1;
        Ok(())
    }

    /// Removes a node, if it is there.
    pub(super) fn remove(&mut self, id: &NodeId) -> Option<Contact> {
        let index = self.row_of(id);
        let row = self.rows.get_mut(&index)?;
        let at = row.binary_search_by(|node| node.id.cmp(id)).ok()?;
        let node = row.remove(at);
        if row.is_empty() {
            self.rows.remove(&index);
        }
        self.order.remove(&node.heard);
        Some(node)
    }

    /// Makes a node the most recently heard.
    pub(super) fn touch(&mut self, id: &NodeId, tick: u64) -> Option<&mut Contact> {
        let row = self.rows.get_mut(&row_of(&self.id, id))?;
        let at = row.binary_search_by(|node| node.id.cmp(id)).ok()?;
        let node = row.get_mut(at)?;
        node.pinged = tick;
        node.seen = tick;
        self.order.remove(&node.heard);
        node.heard = self.next;
        self.order.insert(node.heard, *id);
        self.next += 1;
        Some(node)
    }

    /// At most `n` nodes close to a target, row by row: the target's row, then rows of shorter
    /// prefixes, then rows of longer ones.
    pub(super) fn closest(&self, target: &Target, n: usize) -> impl Iterator<Item = &Contact> {
        let row = self.row_of(target);
        let near = self.rows.range(..=row).rev();
        let far = self.rows.range(row..).filter(move |(index, _)| **index != row);
        near.chain(far).flat_map(|(_, nodes)| nodes).take(n)
    }

    /// The `n` nodes that are closest to a target, the closest first.
    pub(super) fn nearest(&self, target: &Target, n: usize) -> impl Iterator<Item = &Contact> {
        let row = self.row_of(target);
        // Nodes in the target's row share a longer prefix with the target than we do. Nodes in
        // longer rows share exactly as much of it as we do. Nodes in a shorter row share only that
        // row's length.
        let same = self.rows.get(&row).into_iter().flatten().collect();
        let longer = self.rows.range(row..).skip_while(|(index, _)| **index == row);
        let longer = longer.flat_map(|(_, nodes)| nodes).collect();
        let shorter = self.rows.range(..row).rev().map(|(_, nodes)| nodes.iter().collect());
        let groups = [same, longer].into_iter().chain(shorter);
        groups.flat_map(|group| sorted(target, group)).take(n)
    }

    /// The row to which this id belongs.
    pub(super) fn row(&self, id: &NodeId) -> &[Contact] {
        self.rows.get(&self.row_of(id)).map_or(&[], Vec::as_slice)
    }

    /// All nodes, the most recently heard first.
    pub(super) fn latest(&self) -> impl Iterator<Item = &Contact> {
        self.order.values().rev().filter_map(|id| self.get(id))
    }

    /// All nodes, the least recently heard first.
    pub(super) fn oldest(&self) -> impl Iterator<Item = &Contact> {
        self.order.values().filter_map(|id| self.get(id))
    }

    /// A random node.
    pub(super) fn random(&self, rng: &mut Rng) -> Option<&Contact> {
        let at = rng.below(self.len() as u64) as usize;
        self.rows.values().flatten().nth(at)
    }

    /// Rebuilds the table around another id. Nodes whose new row is full are dropped.
    pub(super) fn move_to(&mut self, id: NodeId) {
        let mut moved = Self::new(id);
        for node in self.oldest() {
            if node.id != id {
                let _full = moved.add(node.clone());
            }
        }
        *self = moved;
    }

    fn row_of(&self, id: &NodeId) -> u8 {
        row_of(&self.id, id)
    }
}

fn sorted<'a>(target: &Target, mut nodes: Vec<&'a Contact>) -> Vec<&'a Contact> {
    let distance =
        |node: &&Contact| -> [u8; 32] { std::array::from_fn(|i| node.id[i] ^ target[i]) };
    nodes.sort_unstable_by_key(distance);
    nodes
}

/// The row of an id: the length of the prefix in common with ours. Our own id is in row 255,
/// together with the id that differs in the last bit.
fn row_of(own: &NodeId, id: &NodeId) -> u8 {
    let differing = own.iter().zip(id).enumerate().find(|(_, (a, b))| a != b);
    let Some((byte, (a, b))) = differing else {
        return u8::MAX;
    };
    (byte as u32 * 8 + (a ^ b).leading_zeros()) as u8
}

/// True for nodes of a test network that were mixed into the public network by accident.
pub(super) fn is_filtered(address: SocketAddrV4) -> bool {
    match address.port() {
        49738 if FILTERED_49738.contains(address.ip()) => true,
        9400 if *address.ip() == FILTERED_9400 => true,
        _ => *address.ip() == FILTERED,
    }
}

/// Kademlia's k: the size of a row, of a reply's closer nodes, and of a query's result.
pub(super) const K: usize = 20;

const FILTERED_49738: [Ipv4Addr; 2] =
    [Ipv4Addr::new(134, 209, 28, 98), Ipv4Addr::new(167, 99, 142, 185)];
const FILTERED_9400: Ipv4Addr = Ipv4Addr::new(35, 233, 47, 252);
const FILTERED: Ipv4Addr = Ipv4Addr::new(150, 136, 142, 116);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::hash;

    #[test]
    fn nodes_are_accepted_and_ordered_as_in_the_reference() {
        let text = include_str!("../../tests/vectors/B_dht_rpc.json");
        let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
        let vectors = &vectors["kademlia"];

        let mut table = Table::new([0; 32]);
        for (i, inserted) in vectors["inserted"].as_array().unwrap().iter().enumerate() {
            let accepted = table.add(node(i as u8)).is_ok();
            assert_eq!(accepted, inserted["accepted"].as_bool().unwrap());
        }
        let closest = table.closest(&[0x80; 32], K).map(|node| node.id);
        let expected = vectors["closest_indices"].as_array().unwrap();
        let expected = expected.iter().map(|i| hash(&[&[i.as_u64().unwrap() as u8]]));
        assert_eq!(closest.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }

    #[test]
    fn the_nearest_are_the_nearest() {
        let mut rng = Rng::from_seed([5; 32]);
        let mut table = Table::new(rng.bytes());
        (0..=255).for_each(|i| drop(table.add(node(i))));
        for _ in 0..100 {
            let mut target: NodeId = rng.bytes();
            target[0] = if rng.below(2) == 0 { table.id[0] } else { target[0] };
            let all = sorted(&target, table.rows.values().flatten().collect());
            let expected: Vec<NodeId> = all.iter().take(K).map(|node| node.id).collect();
            let nearest: Vec<NodeId> = table.nearest(&target, K).map(|node| node.id).collect();
            assert_eq!(nearest, expected);
        }
    }

    #[test]
    fn the_order_of_hearing_survives_a_move() {
        let mut table = Table::new([0; 32]);
        (0..9).for_each(|i| table.add(node(i)).unwrap());
        table.touch(&node(3).id, 7);
        table.remove(&node(8).id);
        table.move_to([0xff; 32]);
        let latest: Vec<_> = table.latest().map(|node| node.id).collect();
        let expected = [3, 7, 6, 5, 4, 2, 1, 0].map(|i| node(i).id);
        assert_eq!(latest, expected);
        assert_eq!(table.len(), 8);
    }

    #[test]
    fn equal_ids_share_the_last_row() {
        assert_eq!(row_of(&[7; 32], &[7; 32]), 255);
        assert_eq!(row_of(&[0; 32], &[0x80; 32]), 0);
    }

    fn node(i: u8) -> Contact {
        let id = hash(&[&[i]]);
        Contact { id, ..Contact::new(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1), 0) }
    }
}
