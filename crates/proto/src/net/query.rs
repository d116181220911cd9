//! One query: who to ask next, and when enough have answered. Reference: dht-rpc 6.27.0,
//! lib/query.js. It sends nothing itself: [`Query::next_step`] tells what to do.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddrV4;

use super::table::{K, is_filtered};
use super::{Commit, Owner, QuerySpec, Reply, RequestKey};
use crate::wire::{NodeId, Target, node_id};
use crate::{QueryError, Tally};

/// A walk towards a target.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) spec: QuerySpec,
    pub(super) purpose: QueryPurpose,
    /// Requests at a time, not counting slow ones.
    pub(super) concurrency: usize,
    /// Bootstrap nodes are wanted, and some of their addresses are still unknown.
    pub(super) awaits_bootstrap: bool,
    /// Sorted by distance, at most [`K`].
    closest: Vec<Reply>,
    seen: HashMap<SocketAddrV4, Known>,
    /// A stack: the last is asked next.
    pending: Vec<Candidate>,
    inflight: BTreeMap<RequestKey, Pace>,
    tally: Tally,
    /// The routing table was asked for nodes.
    from_table: bool,
    /// Few at a time, until the given nodes have had their chance.
    slowdown: bool,
    stage: Stage,
}

/// Who a query is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueryPurpose {
    Owner(Owner),
    Bootstrap,
    Refresh,
}

/// What a query wants next.
#[derive(Debug)]
pub(super) enum Step {
    Visit(Candidate),
    /// The given nodes were of no use: add some of the table.
    Refill,
    Finish,
    Wait,
}

/// A node to ask.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    pub(super) address: SocketAddrV4,
    pub(super) id: NodeId,
}

/// A node that did not answer, and who named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Down {
    pub(super) referrer: SocketAddrV4,
    pub(super) node: SocketAddrV4,
}

/// An address that the query has come across. A reply names twenty, most of them for the tenth
/// time, and an id is a hash.
#[derive(Debug)]
struct Known {
    id: NodeId,
    seen: Seen,
}

#[derive(Debug)]
enum Seen {
    /// Known, perhaps asked; with those who named it.
    Named(Vec<SocketAddrV4>),
    Done,
    Down,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    Normal,
    /// It has missed a reply: another request may run beside it.
    Slow,
}

#[derive(Debug)]
enum Stage {
    Asking,
    /// The closest nodes are known; the owner says what to send them.
    Closing,
    Committing {
        pending: BTreeSet<RequestKey>,
        successes: usize,
    },
}

impl Candidate {
    pub(super) fn new(address: SocketAddrV4) -> Self {
        Self { address, id: node_id(address) }
    }
}

impl Query {
    /// A query that knows nobody to ask.
    pub(super) fn new(spec: QuerySpec, purpose: QueryPurpose, concurrency: usize) -> Self {
        Self {
            spec,
            purpose,
            concurrency: concurrency.max(1),
            awaits_bootstrap: false,
            closest: Vec::new(),
            seen: HashMap::new(),
            pending: Vec::new(),
            inflight: BTreeMap::new(),
            tally: Tally::default(),
            from_table: false,
            slowdown: false,
            stage: Stage::Asking,
        }
    }

    /// How many more nodes of the table the start needs beyond those that were given.
    pub(super) fn missing(&self) -> usize {
        K.saturating_sub(self.pending.len())
    }

    /// Adds a node to ask before those that were added earlier.
    pub(super) fn push(&mut self, candidate: Candidate) {
        if !self.seen.contains_key(&candidate.address) {
            self.add(candidate, None, Vec::push);
        }
    }

    /// Adds a node to ask after all others.
    pub(super) fn push_last(&mut self, candidate: Candidate) {
        if !self.seen.contains_key(&candidate.address) {
            self.add(candidate, None, |pending, candidate| pending.insert(0, candidate));
        }
    }

    /// The routing table has given what it has.
    pub(super) fn set_from_table(&mut self) {
        self.from_table = true;
    }

    /// Decides what to do; call until it is neither `Visit` nor `Refill`.
    pub(super) fn next_step(&mut self) -> Step {
        if !matches!(self.stage, Stage::Asking) {
            return Step::Wait;
        }
        let limit = if self.slowdown { SLOW_START } else { self.concurrency } + self.slow();
        while self.inflight.len() < limit {
            let Some(next) = self.pending.pop() else {
                break;
            };
            if self.is_closer(&next.id) {
                return Step::Visit(next);
            }
        }
        if !self.from_table && self.asked() == 0 {
            self.slowdown = true;
        }
        let is_full = self.closest.len() >= K;
        if !self.pending.is_empty() || (self.awaits_bootstrap && !is_full) {
            return Step::Wait;
        }
        let is_idle = self.inflight.is_empty() || (is_full && self.slow() == self.inflight.len());
        if !is_idle {
            return Step::Wait;
        }
        if !self.from_table && self.tally.successes < K / 4 {
            return Step::Refill;
        }
        Step::Finish
    }

    /// A candidate is being asked.
    pub(super) fn handle_sent(&mut self, request: RequestKey) {
        self.inflight.insert(request, Pace::Normal);
    }

    /// A request missed its first reply and is sent again.
    pub(super) fn handle_slow(&mut self, request: RequestKey) {
        if let Some(pace) = self.inflight.get_mut(&request) {
            *pace = Pace::Slow;
        }
    }

    /// Takes a reply. Returns the nodes that it names and that are known to be down.
    pub(super) fn handle_reply(
        &mut self,
        request: RequestKey,
        reply: &Reply,
        own_id: &NodeId,
    ) -> Vec<Down> {
        self.inflight.remove(&request);
        self.see(reply.from, Seen::Done);
        if reply.error == 0 {
            self.tally.successes += 1;
            self.insert_closest(reply);
        } else {
            self.tally.errors += 1;
        }
        let mut down = Vec::new();
        for address in reply.closer_nodes.iter().copied() {
            if address.port() == 0 || is_filtered(address) {
                continue;
            }
            if !self.handle_named(address, reply.from, own_id, &mut down) {
                break;
            }
        }
        if !self.from_table && self.asked() >= self.concurrency {
            self.slowdown = false;
        }
        down
    }

    /// Takes a timeout. Returns who should be told.
    pub(super) fn handle_timeout(&mut self, request: RequestKey, to: SocketAddrV4) -> Vec<Down> {
        self.inflight.remove(&request);
        self.tally.errors += 1;
        let Some(Seen::Named(referrers)) = self.see(to, Seen::Down) else {
            return Vec::new();
        };
        referrers.into_iter().map(|referrer| Down { referrer, node: to }).collect()
    }

    /// Stops asking. Returns the requests that are left over.
    pub(super) fn close(&mut self) -> Vec<RequestKey> {
        self.stage = Stage::Closing;
        self.pending = Vec::new();
        std::mem::take(&mut self.inflight).into_keys().collect()
    }

    /// True if the owner has to be asked for its commits.
    pub(super) fn wants_commit(&self) -> bool {
        self.spec.commit == Commit::Ask
    }

    /// True while it waits for the owner's commits.
    pub(super) fn is_closing(&self) -> bool {
        matches!(self.stage, Stage::Closing)
    }

    /// The commits are on their way.
    pub(super) fn handle_commits(&mut self, requests: impl Iterator<Item = RequestKey>) {
        self.stage = Stage::Committing { pending: requests.collect(), successes: 0 };
    }

    /// A commit has ended: one that was stored is a success. Returns the outcome of the last one.
    pub(super) fn handle_commit(
        &mut self,
        request: RequestKey,
        result: Result<(), QueryError>,
    ) -> Option<Result<(), QueryError>> {
        let Stage::Committing { pending, successes } = &mut self.stage else {
            return None;
        };
        pending.remove(&request);
        *successes += usize::from(result.is_ok());
        if !pending.is_empty() {
            return None;
        }
        Some(if *successes > 0 { Ok(()) } else { result })
    }

    /// Every request that runs for it.
    pub(super) fn requests(&self) -> Vec<RequestKey> {
        let commits = match &self.stage {
            Stage::Committing { pending, .. } => Some(pending),
            Stage::Asking | Stage::Closing => None,
        };
        self.inflight.keys().chain(commits.into_iter().flatten()).copied().collect()
    }

    /// The closest replies, the closest first.
    pub(super) fn closest(&self) -> &[Reply] {
        &self.closest
    }

    /// How many have answered, and how.
    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// Ends it.
    pub(super) fn into_closest(self) -> Vec<Reply> {
        self.closest
    }

    /// A reply names a node. False if it is too far away, which ends the reply's list.
    fn handle_named(
        &mut self,
        address: SocketAddrV4,
        referrer: SocketAddrV4,
        own_id: &NodeId,
        down: &mut Vec<Down>,
    ) -> bool {
        let known = self.seen.get_mut(&address);
        let id = known.as_ref().map_or_else(|| node_id(address), |known| known.id);
        if id == *own_id {
            return true;
        }
        let takes_any = !self.spec.only_closest_nodes;
        match known.map(|known| &mut known.seen) {
            None => {
                let candidate = Candidate { address, id };
                return takes_any && self.add(candidate, Some(referrer), Vec::push);
            }
            Some(Seen::Named(referrers)) => {
                if takes_any && referrers.len() < K && !referrers.contains(&referrer) {
                    referrers.push(referrer);
                }
            }
            Some(Seen::Down) => down.push(Down { referrer, node: address }),
            Some(Seen::Done) => {}
        }
        takes_any && self.is_closer(&id)
    }

    /// Adds a node that is not known. False if it is too far away.
    fn add(
        &mut self,
        candidate: Candidate,
        referrer: Option<SocketAddrV4>,
        push: impl FnOnce(&mut Vec<Candidate>, Candidate),
    ) -> bool {
        if !self.is_closer(&candidate.id) || self.seen.len() >= MAX_SEEN {
            return false;
        }
        let seen = Seen::Named(referrer.into_iter().collect());
        self.seen.insert(candidate.address, Known { id: candidate.id, seen });
        push(&mut self.pending, candidate);
        true
    }

    /// Notes what became of a node; returns what it was.
    fn see(&mut self, address: SocketAddrV4, seen: Seen) -> Option<Seen> {
        if let Some(known) = self.seen.get_mut(&address) {
            return Some(std::mem::replace(&mut known.seen, seen));
        }
        self.seen.insert(address, Known { id: node_id(address), seen });
        None
    }

    fn insert_closest(&mut self, reply: &Reply) {
        let Some(id) = reply.from_id else {
            return;
        };
        let (target, wanted) = (self.spec.target, distance(&self.spec.target, &id));
        let at = self.closest.binary_search_by(|other| {
            other.from_id.map(|id| distance(&target, &id)).cmp(&Some(wanted))
        });
        let Err(at) = at else {
            return;
        };
        self.closest.insert(at, reply.clone());
        self.closest.truncate(K);
    }

    fn is_closer(&self, id: &NodeId) -> bool {
        if self.closest.len() < K {
            return true;
        }
        let worst = self.closest.last().and_then(|reply| reply.from_id);
        let target = &self.spec.target;
        worst.is_none_or(|worst| distance(target, id) < distance(target, &worst))
    }

    /// Nodes that have answered, or been given up.
    fn asked(&self) -> usize {
        self.tally.successes + self.tally.errors
    }

    fn slow(&self) -> usize {
        self.inflight.values().filter(|pace| **pace == Pace::Slow).count()
    }
}

fn distance(target: &Target, id: &NodeId) -> [u8; 32] {
    std::array::from_fn(|i| target[i] ^ id[i])
}

/// Requests at a time while given nodes have their chance.
const SLOW_START: usize = 3;

/// Nodes that one query gets to know. An honest walk sees some hundreds.
const MAX_SEEN: usize = 10_000;
