//! FIND_NODE queries judge the routing tables: do they find the nodes that are truly the closest?

use std::collections::BTreeMap;
use std::time::Duration;

use netsim::HostId;
use proto::{Closest, QueryKind};

use super::{Crowd, Running};

/// The walks that run, and what those that ended have found.
#[derive(Default)]
pub(crate) struct Walks {
    running: BTreeMap<Running, Id>,
    ended: Vec<(Id, Vec<Id>)>,
}

impl Walks {
    pub(super) fn handle_done(&mut self, name: Running, closest: &[Closest]) {
        if let Some(target) = self.running.remove(&name) {
            let found = closest.iter().filter_map(|closest| closest.reply.from_id).collect();
            self.ended.push((target, found));
        }
    }
}

impl Crowd {
    /// Queries random targets. Of 1000 nodes that are truly the closest to them, returns how many
    /// are found.
    pub(crate) fn precision(&mut self, walks: usize) -> usize {
        for _ in 0..walks {
            let (host, target) = (self.anybody(), self.world.rng().bytes());
            let name = self.query(host, target, QueryKind::FindNode);
            self.app.walks.running.insert(name, target);
            self.run(Duration::from_millis(100));
        }
        self.run(Duration::from_secs(60));
        assert!(self.app.walks.running.is_empty(), "a walk hangs");
        let ids: Vec<Id> = self.persistent().into_iter().map(|(_, id)| id).collect();
        let ended = std::mem::take(&mut self.app.walks.ended);
        let (mut found, mut sought) = (0, 0);
        for (target, closest) in ended {
            let nearest = nearest(&ids, &target);
            sought += nearest.len();
            found += nearest.iter().filter(|id| closest.contains(id)).count();
        }
        found * 1000 / sought
    }

    /// The hosts that others have in their tables.
    pub(crate) fn persistent(&self) -> Vec<(HostId, Id)> {
        let up = self.app.ready.iter();
        up.filter_map(|host| Some((*host, self.world.get(*host).node.id()?))).collect()
    }
}

fn nearest(ids: &[Id], target: &Id) -> Vec<Id> {
    let mut sorted = ids.to_vec();
    sorted.sort_by_key(|id| std::array::from_fn::<u8, 32, _>(|i| id[i] ^ target[i]));
    sorted.truncate(K);
    sorted
}

type Id = [u8; 32];

/// Nodes that a query finds.
const K: usize = 20;
