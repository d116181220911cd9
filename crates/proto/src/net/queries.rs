//! Runs queries: turns each step of a [`Query`] into a request, an output, or the end of the query.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use super::exchange::{Out, Purpose};
use super::hints::Hints;
use super::query::{Candidate, Query, QueryPurpose, QueryStep};
use super::table::Table;
use super::{Output, Owner, QueryKey, QuerySpec, Reply, RequestKey, RequestSpec};
use crate::wire::{NodeId, error_code};
use crate::{Config, Cx, QueryError, RequestError, Steer};

/// The running queries of a node: its own, and those of the layers above.
#[derive(Debug)]
pub(super) struct Queries {
    by_key: BTreeMap<QueryKey, Query>,
    next: u64,
    /// Maximum parallel requests of a query, unless its owner sets another number.
    concurrency: usize,
    hints: Hints,
}

/// The effect of a call on the node itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Course {
    On,
    /// The query for our own id has ended.
    BootstrapEnded,
}

impl Queries {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            by_key: BTreeMap::new(),
            next: 0,
            concurrency: config.concurrency.max(1),
            hints: Hints::new(config),
        }
    }

    /// The number of running queries.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// The oldest query.
    pub(super) fn first(&self) -> Option<QueryKey> {
        self.by_key.keys().next().copied()
    }

    /// Creates a query. It runs once it has been inserted.
    pub(super) fn open(
        &mut self,
        cx: &mut Cx<'_>,
        spec: QuerySpec,
        purpose: QueryPurpose,
    ) -> (QueryKey, Query) {
        let key = QueryKey(self.next);
        self.next += 1;
        cx.stats.queries_total += 1;
        cx.stats.queries_active += 1;
        let concurrency = match purpose {
            QueryPurpose::Owner(_) => spec.concurrency.unwrap_or(self.concurrency),
            QueryPurpose::Bootstrap => self.concurrency,
            QueryPurpose::Refresh | QueryPurpose::Rejoin => self.background(),
        };
        (key, Query::new(spec, purpose, concurrency))
    }

    /// Inserts a query that [`Queries::open`] has created.
    pub(super) fn insert(&mut self, key: QueryKey, query: Query) {
        self.by_key.insert(key, query);
    }

    /// Cancels a query. Its owner gets no output.
    pub(super) fn cancel(&mut self, cx: &mut Cx<'_>, out: &mut Out<'_>, key: QueryKey) {
        self.remove(cx, out, key);
    }

    /// Pauses, continues or concludes a query that has not found the closest nodes yet.
    pub(super) fn steer(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut Out<'_>,
        table: &Table,
        key: QueryKey,
        steer: Steer,
    ) -> Course {
        let Some(query) = self.by_key.get_mut(&key).filter(|query| query.is_asking()) else {
            return Course::On;
        };
        match steer {
            Steer::Pause => {
                query.paused = true;
                Course::On
            }
            Steer::GoOn => {
                query.paused = false;
                self.run(cx, out, table, key)
            }
            Steer::Conclude => self.close(cx, out, key),
        }
    }

    /// Sends the owner's commits, its answer to [`Output::Commit`]. The query succeeds if a node
    /// has stored one of them.
    pub(super) fn commit(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut Out<'_>,
        key: QueryKey,
        specs: Vec<RequestSpec>,
    ) -> Course {
        if !self.by_key.get(&key).is_some_and(Query::awaits_commits) {
            return Course::On;
        }
        let send = |spec| out.send(cx, spec, Purpose::Commit(key));
        let requests: Vec<RequestKey> = specs.into_iter().map(send).collect();
        let query = self.by_key.get_mut(&key);
        match query.and_then(|query| query.handle_commits(requests)) {
            Some(result) => self.finish(cx, out, key, result),
            None => Course::On,
        }
    }

    /// Changes the target of the bootstrap query, because our id has changed.
    pub(super) fn redirect_bootstrap(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut Out<'_>,
        table: &Table,
        id: NodeId,
    ) -> Course {
        let mut queries = self.by_key.iter_mut();
        let found = queries.find(|(_, query)| query.purpose == QueryPurpose::Bootstrap);
        let Some((key, query)) = found else {
            return Course::On;
        };
        query.redirect(id);
        let key = *key;
        self.run(cx, out, table, key)
    }

    /// True while a query runs that fills the table.
    pub(super) fn is_refreshing(&self) -> bool {
        let fills = |query: &Query| {
            matches!(query.purpose, QueryPurpose::Refresh | QueryPurpose::Bootstrap)
        };
        self.by_key.values().any(fills)
    }

    /// The layer above that has asked for a query.
    pub(super) fn owner(&self, key: QueryKey) -> Option<Owner> {
        match self.by_key.get(&key)?.purpose {
            QueryPurpose::Owner(owner) => Some(owner),
            QueryPurpose::Bootstrap | QueryPurpose::Refresh | QueryPurpose::Rejoin => None,
        }
    }

    /// Takes a reply to a request of a query. Returns the query's purpose. The caller has to call
    /// [`Queries::run`] next.
    pub(super) fn handle_reply(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut Out<'_>,
        own_id: NodeId,
        key: QueryKey,
        request: RequestKey,
        reply: &Reply,
    ) -> Option<QueryPurpose> {
        let is_quiet = out.exchange.requests.len() < QUIET;
        let (concurrency, background) = (self.concurrency, self.background());
        let query = self.by_key.get_mut(&key)?;
        let down = query.handle_reply(request, reply, &own_id);
        let purpose = query.purpose;
        if purpose == QueryPurpose::Refresh {
            // A refresh yields to other traffic.
            query.concurrency = if is_quiet { concurrency } else { background };
        }
        self.hints.send(cx, out, &down);
        Some(purpose)
    }

    /// Takes the timeout of a request of a query.
    pub(super) fn handle_timeout(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut Out<'_>,
        table: &Table,
        (key, request): (QueryKey, RequestKey),
        to: SocketAddrV4,
    ) -> Course {
        let Some(query) = self.by_key.get_mut(&key) else {
            return Course::On;
        };
        let down = query.handle_timeout(request, to);
        self.hints.send(cx, out, &down);
        self.run(cx, out, table, key)
    }

    /// Notes that a request of a query is retried; `stalled` as in [`Query::handle_slow`].
    pub(super) fn handle_slow(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut Out<'_>,
        table: &Table,
        (key, request): (QueryKey, RequestKey),
        stalled: bool,
    ) -> Course {
        let Some(query) = self.by_key.get_mut(&key) else {
            return Course::On;
        };
        query.handle_slow(request, stalled);
        self.run(cx, out, table, key)
    }

    /// Takes the end of a commit request.
    pub(super) fn handle_commit_end(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut Out<'_>,
        (key, request): (QueryKey, RequestKey),
        result: Result<Reply, RequestError>,
    ) -> Course {
        let Some(query) = self.by_key.get_mut(&key) else {
            return Course::On;
        };
        if let (QueryPurpose::Owner(owner), Ok(reply)) = (query.purpose, &result)
            && query.handle_refusal(request, reply)
        {
            out.tell(Output::Commit { query: key, owner, closest: vec![reply.clone()] });
            return Course::On;
        }
        match query.handle_commit(request, stored(result)) {
            Some(result) => self.finish(cx, out, key, result),
            None => Course::On,
        }
    }

    /// The queries that wait for addresses of bootstrap nodes.
    pub(super) fn awaiting_bootstrap(&self) -> Vec<QueryKey> {
        let waiting = self.by_key.iter().filter(|(_, query)| query.awaits_bootstrap);
        waiting.map(|(key, _)| *key).collect()
    }

    /// The address of one more bootstrap node is known, or no more addresses will follow
    /// (`is_settled`).
    pub(super) fn handle_bootstrap_node(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut Out<'_>,
        table: &Table,
        key: QueryKey,
        (node, is_settled): (Option<SocketAddrV4>, bool),
    ) -> Course {
        let Some(query) = self.by_key.get_mut(&key) else {
            return Course::On;
        };
        query.awaits_bootstrap = !is_settled;
        node.into_iter().for_each(|node| query.push_bootstrap(node));
        self.run(cx, out, table, key)
    }

    /// Ends a query early, with the replies that it has.
    pub(super) fn suspend(&mut self, cx: &mut Cx<'_>, out: &mut Out<'_>, key: QueryKey) -> Course {
        let Some(query) = self.by_key.get(&key) else {
            return Course::On;
        };
        let result = match query.wants_commit() {
            true if query.closest().is_empty() => Err(QueryError::TooFewNodes),
            true if !query.has_committed() => Err(QueryError::Commit(RequestError::Suspended)),
            true | false => Ok(()),
        };
        self.finish(cx, out, key, result)
    }

    /// Ends a query and notifies its owner.
    pub(super) fn finish(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut Out<'_>,
        key: QueryKey,
        result: Result<(), QueryError>,
    ) -> Course {
        let Some(query) = self.remove(cx, out, key) else {
            return Course::On;
        };
        match query.purpose {
            QueryPurpose::Owner(owner) => {
                let tally = query.tally();
                let closest = query.into_closest();
                out.tell(Output::QueryDone { query: key, owner, closest, tally, result });
                Course::On
            }
            QueryPurpose::Bootstrap => Course::BootstrapEnded,
            QueryPurpose::Refresh | QueryPurpose::Rejoin => Course::On,
        }
    }

    /// Performs the steps that a query can take now.
    pub(super) fn run(
        &mut self,
        cx: &mut Cx<'_>,
        out: &mut Out<'_>,
        table: &Table,
        key: QueryKey,
    ) -> Course {
        while let Some(query) = self.by_key.get_mut(&key) {
            match query.next_step() {
                QueryStep::Visit(candidate) => {
                    let spec = query.visit(candidate);
                    let request = out.send(cx, spec, Purpose::Query(key));
                    query.handle_sent(request, candidate);
                }
                QueryStep::Refill => add_table_nodes(table, query),
                QueryStep::Finish => return self.close(cx, out, key),
                QueryStep::Wait => return Course::On,
            }
        }
        Course::On
    }

    /// Handles a tick.
    pub(super) fn handle_tick(&mut self) {
        self.hints.handle_tick();
    }

    /// Stops asking, because the closest nodes are known. The owner commits, or the query ends.
    fn close(&mut self, cx: &mut Cx<'_>, out: &mut Out<'_>, key: QueryKey) -> Course {
        let Some(query) = self.by_key.get_mut(&key) else {
            return Course::On;
        };
        let left_over = query.close();
        let owner = match query.purpose {
            QueryPurpose::Owner(owner) if query.wants_commit() => Some(owner),
            QueryPurpose::Owner(_)
            | QueryPurpose::Bootstrap
            | QueryPurpose::Refresh
            | QueryPurpose::Rejoin => None,
        };
        let closest = owner.map_or(Vec::new(), |_| query.closest().to_vec());
        left_over.into_iter().for_each(|request| out.exchange.requests.cancel(cx, request));
        match owner {
            None => self.finish(cx, out, key, Ok(())),
            Some(_) if closest.is_empty() => {
                self.finish(cx, out, key, Err(QueryError::TooFewNodes))
            }
            Some(owner) => {
                out.tell(Output::Commit { query: key, owner, closest });
                Course::On
            }
        }
    }

    fn remove(&mut self, cx: &mut Cx<'_>, out: &mut Out<'_>, key: QueryKey) -> Option<Query> {
        let query = self.by_key.remove(&key)?;
        cx.stats.queries_active = cx.stats.queries_active.saturating_sub(1);
        let requests = query.requests();
        requests.into_iter().for_each(|request| out.exchange.requests.cancel(cx, request));
        Some(query)
    }

    /// Maximum parallel requests of the node's own background queries, which yield to other
    /// queries.
    fn background(&self) -> usize {
        self.concurrency.min((self.concurrency / 8).max(2))
    }
}

/// Adds as many nodes of the routing table as the query still needs.
pub(super) fn add_table_nodes(table: &Table, query: &mut Query) {
    let missing = query.missing();
    if missing == 0 {
        return;
    }
    query.set_from_table();
    if query.spec.only_closest_nodes {
        return;
    }
    let target = query.spec.target;
    for node in table.nearest(&target, missing) {
        query.push_known(Candidate { address: node.address, id: node.id });
    }
}

/// The result of a commit. A node that does not know the command or rejects the token has stored
/// nothing. Other error codes belong to the command, and count as an answer.
fn stored(result: Result<Reply, RequestError>) -> Result<(), QueryError> {
    match result?.error {
        error_code::UNKNOWN_COMMAND | error_code::INVALID_TOKEN => Err(QueryError::TooFewNodes),
        _ => Ok(()),
    }
}

/// With fewer requests in flight than this, a refresh runs at full concurrency.
const QUIET: usize = 3;
