//! One query: which nodes to ask next, and when enough have answered. Reference: dht-rpc 6.27.0,
//! lib/query.js. It sends nothing itself: [`Query::next_step`] returns what to do.

mod commits;
mod order;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddrV4;

use self::commits::Commits;
use super::table::{K, is_filtered};
use super::{Commit, Owner, QuerySpec, Reply, RequestKey, RequestSpec};
use crate::Tally;
use crate::wire::{NodeId, Target, node_id};

/// An iterative Kademlia lookup of a target.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) spec: QuerySpec,
    pub(super) purpose: QueryPurpose,
    /// Maximum parallel requests, not counting slow ones.
    pub(super) concurrency: usize,
    /// True while the query needs bootstrap nodes and some of their addresses are still unknown.
    pub(super) awaits_bootstrap: bool,
    /// True while the owner has paused the query.
    pub(super) paused: bool,
    /// Replies of the closest nodes, sorted by distance, at most [`K`].
    closest: Vec<Reply>,
    seen: HashMap<SocketAddrV4, Met>,
    /// Candidates in the order in which they are asked.
    pending: BTreeMap<Rank, Candidate>,
    /// The number of nodes that were given or came from the bootstrap list.
    ranked: usize,
    inflight: BTreeMap<RequestKey, Visit>,
    tally: Tally,
    /// Whether the routing table was asked for nodes.
    from_table: bool,
    /// True while the query runs at most 3 requests at a time. Set if it runs out of given nodes
    /// before any has answered or failed. Cleared once `concurrency` nodes have, unless the routing
    /// table was asked before.
    slowdown: bool,
    stage: Stage,
}

/// The purpose of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueryPurpose {
    Owner(Owner),
    Bootstrap,
    Refresh,
    /// Finds our own neighbours again, starting from the bootstrap nodes.
    Rejoin,
}

/// The next step of a query.
#[derive(Debug)]
pub(super) enum QueryStep {
    Visit(Candidate),
    /// Too few nodes have answered: add nodes of the routing table.
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

/// The order in which candidates are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Given by the caller, in the caller's order.
    Given(usize),
    /// By distance to the target, the closest first, because close nodes know still closer ones.
    Known([u8; 32]),
    /// Bootstrap nodes come last, because every node of the network asks them.
    Bootstrap(usize),
}

/// A DOWN_HINT: a node that did not answer, and a node that named it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Down {
    pub(super) referrer: SocketAddrV4,
    pub(super) node: SocketAddrV4,
}

/// A node that the query knows. Keeps the id, because many replies name the same node and its
/// address is hashed only once.
#[derive(Debug)]
struct Met {
    id: NodeId,
    seen: Seen,
}

#[derive(Debug)]
enum Seen {
    /// Known, and possibly asked; with the nodes that named it.
    Named(Vec<SocketAddrV4>),
    Done,
    Down,
}

/// A request in flight.
#[derive(Clone, Copy, Debug)]
struct Visit {
    id: NodeId,
    distance: [u8; 32],
    pace: Pace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pace {
    Normal,
    /// The request is sent again. It does not count towards the concurrency any more.
    Slow,
    /// The node has been silent for so long that a query with enough replies does not wait for it.
    Stalled,
}

#[derive(Debug)]
enum Stage {
    Asking,
    /// The closest nodes are known, and the owner prepares the commits.
    Closing,
    Committing(Commits),
}

impl Candidate {
    pub(super) fn new(address: SocketAddrV4) -> Self {
        Self { address, id: node_id(address) }
    }
}

impl Query {
    /// A query without candidates.
    pub(super) fn new(spec: QuerySpec, purpose: QueryPurpose, concurrency: usize) -> Self {
        Self {
            spec,
            purpose,
            concurrency: concurrency.max(1),
            awaits_bootstrap: false,
            paused: false,
            closest: Vec::new(),
            seen: HashMap::new(),
            pending: BTreeMap::new(),
            ranked: 0,
            inflight: BTreeMap::new(),
            tally: Tally::default(),
            from_table: false,
            slowdown: false,
            stage: Stage::Asking,
        }
    }

    /// How many nodes are missing to [`K`] candidates.
    pub(super) fn missing(&self) -> usize {
        K.saturating_sub(self.pending.len())
    }

    /// Adds a node that is asked before all others, but after the nodes that were given earlier.
    pub(super) fn push_given(&mut self, address: SocketAddrV4) {
        self.ranked += 1;
        self.add(Candidate::new(address), None, Rank::Given(self.ranked));
    }

    /// Adds a node of the routing table.
    pub(super) fn push_known(&mut self, candidate: Candidate) {
        let rank = self.rank(&candidate);
        self.add(candidate, None, rank);
    }

    /// Adds a bootstrap node, which is asked after all other nodes. In a rejoin, which is meant to
    /// start from the bootstrap nodes, it is asked first.
    pub(super) fn push_bootstrap(&mut self, address: SocketAddrV4) {
        if self.purpose == QueryPurpose::Rejoin {
            return self.push_given(address);
        }
        self.ranked += 1;
        self.add(Candidate::new(address), None, Rank::Bootstrap(self.ranked));
    }

    /// Changes the target. Nodes that have answered are not asked again.
    pub(super) fn redirect(&mut self, target: Target) {
        self.spec.target = target;
        for (rank, candidate) in std::mem::take(&mut self.pending) {
            let rank = match rank {
                Rank::Known(_) => self.rank(&candidate),
                Rank::Given(_) | Rank::Bootstrap(_) => rank,
            };
            self.pending.insert(rank, candidate);
        }
        for visit in self.inflight.values_mut() {
            visit.distance = distance(&target, &visit.id);
        }
        self.closest.sort_by_key(|reply| reply.from_id.map(|id| distance(&target, &id)));
    }

    /// Notes that the routing table was asked for nodes.
    pub(super) fn set_from_table(&mut self) {
        self.from_table = true;
    }

    /// Decides the next step. Call it until it returns neither `Visit` nor `Refill`.
    pub(super) fn next_step(&mut self) -> QueryStep {
        if self.paused || !self.is_asking() {
            return QueryStep::Wait;
        }
        if let Some(next) = self.next_candidate() {
            return QueryStep::Visit(next);
        }
        if !self.from_table && self.asked() == 0 {
            self.slowdown = true;
        }
        let is_full = self.closest.len() >= K;
        if self.awaits_bootstrap && !is_full {
            return QueryStep::Wait;
        }
        let is_over = self.inflight.is_empty() || (is_full && !self.awaits_better());
        if !is_over {
            return QueryStep::Wait;
        }
        if !self.from_table && self.tally.successes < K / 4 {
            return QueryStep::Refill;
        }
        QueryStep::Finish
    }

    /// Notes that a request was sent to a candidate.
    pub(super) fn handle_sent(&mut self, request: RequestKey, candidate: Candidate) {
        let Candidate { id, .. } = candidate;
        let distance = distance(&self.spec.target, &id);
        self.inflight.insert(request, Visit { id, distance, pace: Pace::Normal });
    }

    /// Notes that a request is sent again. `stalled`: its node has had enough time to answer.
    pub(super) fn handle_slow(&mut self, request: RequestKey, stalled: bool) {
        let pace = if stalled { Pace::Stalled } else { Pace::Slow };
        if let Some(visit) = self.inflight.get_mut(&request) {
            visit.pace = visit.pace.max(pace);
        }
    }

    /// Takes a reply. Returns a hint for each node that the reply names although it is known to be
    /// down.
    pub(super) fn handle_reply(
        &mut self,
        request: RequestKey,
        reply: &Reply,
        own_id: &NodeId,
    ) -> Vec<Down> {
        self.inflight.remove(&request);
        self.mark(reply.from, Seen::Done);
        if reply.error == 0 {
            self.tally.successes += 1;
            self.insert_closest(reply);
        } else {
            self.tally.errors += 1;
        }
        let mut down = Vec::new();
        for address in reply.closer_nodes.iter().copied() {
            let met = self.seen.get(&address);
            let is_down = met.is_some_and(|met| matches!(met.seen, Seen::Down));
            let id = met.map_or_else(|| node_id(address), |met| met.id);
            let candidate = Candidate { address, id };
            if address.port() == 0 || is_filtered(address) || id == *own_id {
                continue;
            }
            if is_down {
                down.push(Down { referrer: reply.from, node: address });
            }
            if !self.add(candidate, Some(reply.from), self.rank(&candidate)) {
                break;
            }
        }
        if !self.from_table && self.asked() >= self.concurrency {
            self.slowdown = false;
        }
        down
    }

    /// Takes a timeout. Returns a hint for each node that named the silent node.
    pub(super) fn handle_timeout(&mut self, request: RequestKey, to: SocketAddrV4) -> Vec<Down> {
        self.inflight.remove(&request);
        self.tally.errors += 1;
        let Some(Seen::Named(referrers)) = self.mark(to, Seen::Down) else {
            return Vec::new();
        };
        referrers.into_iter().map(|referrer| Down { referrer, node: to }).collect()
    }

    /// Stops asking. Returns the requests that are still in flight.
    pub(super) fn close(&mut self) -> Vec<RequestKey> {
        self.stage = Stage::Closing;
        self.pending.clear();
        std::mem::take(&mut self.inflight).into_keys().collect()
    }

    /// True if the owner wants to commit.
    pub(super) fn wants_commit(&self) -> bool {
        self.spec.commit == Commit::Ask
    }

    /// True until the closest nodes are known.
    pub(super) fn is_asking(&self) -> bool {
        matches!(self.stage, Stage::Asking)
    }

    /// The request to a candidate.
    pub(super) fn visit(&self, candidate: Candidate) -> RequestSpec {
        let spec = &self.spec;
        RequestSpec {
            to: candidate.address,
            to_id: Some(candidate.id),
            internal: spec.internal,
            command: spec.command,
            target: Some(spec.target),
            token: None,
            value: spec.value.clone(),
            socket: None,
            retries: if spec.force { 0 } else { spec.retries.unwrap_or(RETRIES) },
            wait: None,
            ttl: None,
            force: spec.force,
        }
    }

    /// All requests of the query in flight.
    pub(super) fn requests(&self) -> Vec<RequestKey> {
        let commits = match &self.stage {
            Stage::Committing(commits) => Some(commits.pending()),
            Stage::Asking | Stage::Closing => None,
        };
        self.inflight.keys().chain(commits.into_iter().flatten()).copied().collect()
    }

    /// The closest replies, the closest first.
    pub(super) fn closest(&self) -> &[Reply] {
        &self.closest
    }

    /// The number of successes and errors.
    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// Ends the query. Returns the closest replies, the closest first.
    pub(super) fn into_closest(self) -> Vec<Reply> {
        self.closest
    }
}

fn distance(target: &Target, id: &NodeId) -> [u8; 32] {
    std::array::from_fn(|i| target[i] ^ id[i])
}

/// How often a query asks a node again.
const RETRIES: u32 = 5;
