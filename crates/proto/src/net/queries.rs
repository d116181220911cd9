//! Running queries: every step of a [`Query`] becomes a request, an output, or its end.

use std::net::SocketAddrV4;

use bytes::Bytes;

use super::machine::Net;
use super::query::{Candidate, Down, Query, QueryPurpose, Step};
use super::requests::Purpose;
use super::ticks::REFRESH_TICKS;
use super::{Commit, Output, Owner, QueryKey, QuerySpec, Reply, RequestKey, RequestSpec};
use crate::wire::{NodeId, Target, Writer, command, error_code};
use crate::{Cx, QueryError, RequestError, Steer};

impl Net {
    /// Walks to a target; its end is an [`Output::QueryDone`].
    pub(crate) fn query(&mut self, cx: &mut Cx<'_>, spec: QuerySpec, owner: Owner) -> QueryKey {
        let concurrency = spec.concurrency.unwrap_or(self.concurrency);
        self.start_query(cx, spec, QueryPurpose::Owner(owner), concurrency)
    }

    /// Forgets a query without a word.
    pub(crate) fn cancel_query(&mut self, cx: &mut Cx<'_>, key: QueryKey) {
        self.remove_query(cx, key);
    }

    /// Changes the course of a query that has not found the closest nodes yet.
    pub(crate) fn steer_query(&mut self, cx: &mut Cx<'_>, key: QueryKey, steer: Steer) {
        let Some(query) = self.queries.get_mut(&key).filter(|query| query.is_asking()) else {
            return;
        };
        match steer {
            Steer::Pause => query.paused = true,
            Steer::GoOn => {
                query.paused = false;
                self.run_query(cx, key);
            }
            Steer::Conclude => self.close_query(cx, key),
        }
    }

    /// Sends what the owner made of [`Output::Commit`]. One that was stored is a success.
    pub(crate) fn commit(&mut self, cx: &mut Cx<'_>, key: QueryKey, specs: Vec<RequestSpec>) {
        if !self.queries.get(&key).is_some_and(Query::awaits_commits) {
            return;
        }
        let send = |spec| self.send_request(cx, spec, Purpose::Commit(key));
        let requests: Vec<RequestKey> = specs.into_iter().map(send).collect();
        let query = self.queries.get_mut(&key);
        if let Some(result) = query.and_then(|query| query.handle_commits(requests)) {
            self.finish_query(cx, key, result);
        }
    }

    /// Walks towards our own id, to fill the table.
    pub(super) fn start_bootstrap_query(&mut self, cx: &mut Cx<'_>) {
        let id = self.table.id();
        self.bootstrap.handle_walk(id);
        self.start_query(cx, find_node(id), QueryPurpose::Bootstrap, self.concurrency);
    }

    /// The id that the bootstrap query walks to is another one.
    pub(super) fn redirect_bootstrap_query(&mut self, cx: &mut Cx<'_>, id: NodeId) {
        let mut queries = self.queries.iter_mut();
        let found = queries.find(|(_, query)| query.purpose == QueryPurpose::Bootstrap);
        if let Some((key, query)) = found {
            query.redirect(id);
            let key = *key;
            self.run_query(cx, key);
        }
    }

    pub(super) fn start_refresh(&mut self, cx: &mut Cx<'_>, target: Target) {
        let concurrency = self.background_concurrency();
        self.start_query(cx, find_node(target), QueryPurpose::Refresh, concurrency);
    }

    /// Walks to our neighbours as the bootstrap does. A network that was cut in two stays so, once
    /// each part has forgotten the other: what its nodes know is its own part alone. The bootstrap
    /// nodes are where the parts meet again.
    pub(super) fn start_reunion(&mut self, cx: &mut Cx<'_>) {
        let concurrency = self.background_concurrency();
        self.start_query(cx, find_node(self.table.id()), QueryPurpose::Reunion, concurrency);
    }

    /// True while a refresh runs.
    pub(super) fn is_refreshing(&self) -> bool {
        self.queries.values().any(|query| query.purpose == QueryPurpose::Refresh)
    }

    pub(super) fn handle_query_reply(
        &mut self,
        cx: &mut Cx<'_>,
        key: QueryKey,
        request: RequestKey,
        reply: Reply,
    ) {
        let (own_id, is_quiet) = (self.table.id(), self.requests.len() < QUIET);
        let background = self.background_concurrency();
        let Some(query) = self.queries.get_mut(&key) else {
            return;
        };
        let down = query.handle_reply(request, &reply, &own_id);
        let purpose = query.purpose;
        if purpose == QueryPurpose::Refresh {
            // Yields to other traffic.
            query.concurrency = if is_quiet { self.concurrency } else { background };
        }
        self.send_hints(cx, down);
        if reply.error == 0 {
            match purpose {
                QueryPurpose::Owner(owner) => {
                    self.outputs.push_back(Output::QueryReply { query: key, owner, reply });
                }
                QueryPurpose::Bootstrap => self.handle_bootstrap_reply(cx, reply.from),
                QueryPurpose::Refresh | QueryPurpose::Reunion => {}
            }
        }
        self.run_query(cx, key);
    }

    pub(super) fn handle_query_timeout(
        &mut self,
        cx: &mut Cx<'_>,
        key: QueryKey,
        request: RequestKey,
        to: SocketAddrV4,
    ) {
        if let Some(query) = self.queries.get_mut(&key) {
            let down = query.handle_timeout(request, to);
            self.send_hints(cx, down);
            self.run_query(cx, key);
        }
    }

    pub(super) fn handle_slow(
        &mut self,
        cx: &mut Cx<'_>,
        key: QueryKey,
        request: RequestKey,
        stalled: bool,
    ) {
        if let Some(query) = self.queries.get_mut(&key) {
            query.handle_slow(request, stalled);
            self.run_query(cx, key);
        }
    }

    pub(super) fn handle_commit_end(
        &mut self,
        cx: &mut Cx<'_>,
        key: QueryKey,
        request: RequestKey,
        result: Result<Reply, RequestError>,
    ) {
        let Some(query) = self.queries.get_mut(&key) else {
            return;
        };
        if let (QueryPurpose::Owner(owner), Ok(reply)) = (query.purpose, &result)
            && query.handle_refusal(request, reply)
        {
            let closest = vec![reply.clone()];
            return self.outputs.push_back(Output::Commit { query: key, owner, closest });
        }
        if let Some(result) = query.handle_commit(request, stored(result)) {
            self.finish_query(cx, key, result);
        }
    }

    /// Tells queries that wait for the bootstrap nodes of one more, or that there are no others.
    pub(super) fn handle_bootstrap_node(&mut self, cx: &mut Cx<'_>, node: Option<SocketAddrV4>) {
        let is_settled = self.bootstrap.is_settled();
        let waiting = self.queries.iter().filter(|(_, query)| query.awaits_bootstrap);
        let waiting: Vec<QueryKey> = waiting.map(|(key, _)| *key).collect();
        for key in waiting {
            if let Some(query) = self.queries.get_mut(&key) {
                query.awaits_bootstrap = !is_settled;
                node.into_iter().for_each(|node| query.push_bootstrap(node));
                self.run_query(cx, key);
            }
        }
    }

    pub(super) fn finish_query(
        &mut self,
        cx: &mut Cx<'_>,
        key: QueryKey,
        result: Result<(), QueryError>,
    ) {
        let Some(query) = self.remove_query(cx, key) else {
            return;
        };
        match query.purpose {
            QueryPurpose::Owner(owner) => {
                let tally = query.tally();
                let closest = query.into_closest();
                let done = Output::QueryDone { query: key, owner, closest, tally, result };
                self.outputs.push_back(done);
            }
            QueryPurpose::Bootstrap if !self.destroyed => self.handle_bootstrap_query_end(cx),
            QueryPurpose::Bootstrap | QueryPurpose::Refresh | QueryPurpose::Reunion => {}
        }
    }

    /// Ends a query in the middle, as far as it has come.
    pub(super) fn end_suspended(&mut self, cx: &mut Cx<'_>, key: QueryKey) {
        let Some(query) = self.queries.get(&key) else {
            return;
        };
        let result = match query.wants_commit() {
            true if query.closest().is_empty() => Err(QueryError::TooFewNodes),
            true if !query.has_committed() => Err(QueryError::Commit(RequestError::Suspended)),
            true | false => Ok(()),
        };
        self.finish_query(cx, key, result);
    }

    fn start_query(
        &mut self,
        cx: &mut Cx<'_>,
        spec: QuerySpec,
        purpose: QueryPurpose,
        concurrency: usize,
    ) -> QueryKey {
        self.clock.refresh_in = REFRESH_TICKS;
        let key = QueryKey(self.next_query);
        self.next_query += 1;
        cx.stats.queries_total += 1;
        cx.stats.queries_active += 1;
        let mut query = Query::new(spec, purpose, concurrency);
        self.add_first_nodes(cx, &mut query);
        self.queries.insert(key, query);
        if self.destroyed {
            self.finish_query(cx, key, Err(QueryError::NodeDestroyed));
        } else {
            self.run_query(cx, key);
        }
        key
    }

    /// The given nodes, then those of the table, then the bootstrap nodes.
    fn add_first_nodes(&mut self, cx: &mut Cx<'_>, query: &mut Query) {
        for address in query.spec.nodes.clone() {
            query.push_given(address);
        }
        self.add_table_nodes(query);
        let wants_places = query.missing() > 0 || query.purpose == QueryPurpose::Reunion;
        if wants_places && !query.spec.only_closest_nodes && !self.destroyed {
            query.awaits_bootstrap = self.add_bootstrap_nodes(cx, query);
        }
    }

    fn add_table_nodes(&self, query: &mut Query) {
        let missing = query.missing();
        if missing == 0 {
            return;
        }
        query.set_from_table();
        if query.spec.only_closest_nodes {
            return;
        }
        let target = query.spec.target;
        for node in self.table.nearest(&target, missing) {
            query.push_known(Candidate { address: node.address, id: node.id });
        }
    }

    fn run_query(&mut self, cx: &mut Cx<'_>, key: QueryKey) {
        while let Some(query) = self.queries.get_mut(&key) {
            match query.next_step() {
                Step::Visit(candidate) => {
                    let spec = visit(&query.spec, candidate);
                    let request = self.send_request(cx, spec, Purpose::Query(key));
                    if let Some(query) = self.queries.get_mut(&key) {
                        query.handle_sent(request, candidate);
                    }
                }
                Step::Refill => {
                    if let Some(mut query) = self.queries.remove(&key) {
                        self.add_table_nodes(&mut query);
                        self.queries.insert(key, query);
                    }
                }
                Step::Finish => return self.close_query(cx, key),
                Step::Wait => return,
            }
        }
    }

    /// The closest nodes are known: the owner commits, or the query ends.
    fn close_query(&mut self, cx: &mut Cx<'_>, key: QueryKey) {
        let Some(query) = self.queries.get_mut(&key) else {
            return;
        };
        let left_over = query.close();
        let owner = match query.purpose {
            QueryPurpose::Owner(owner) if query.wants_commit() => Some(owner),
            QueryPurpose::Owner(_)
            | QueryPurpose::Bootstrap
            | QueryPurpose::Refresh
            | QueryPurpose::Reunion => None,
        };
        let closest = owner.map_or(Vec::new(), |_| query.closest().to_vec());
        left_over.into_iter().for_each(|request| self.requests.cancel(cx, request));
        match owner {
            None => self.finish_query(cx, key, Ok(())),
            Some(_) if closest.is_empty() => {
                self.finish_query(cx, key, Err(QueryError::TooFewNodes));
            }
            Some(owner) => {
                self.outputs.push_back(Output::Commit { query: key, owner, closest });
            }
        }
    }

    fn remove_query(&mut self, cx: &mut Cx<'_>, key: QueryKey) -> Option<Query> {
        let query = self.queries.remove(&key)?;
        cx.stats.queries_active = cx.stats.queries_active.saturating_sub(1);
        query.requests().into_iter().for_each(|request| self.requests.cancel(cx, request));
        Some(query)
    }

    /// Tells nodes that what they named is down.
    fn send_hints(&mut self, cx: &mut Cx<'_>, down: Vec<Down>) {
        if self.asleep {
            return;
        }
        for Down { referrer, node } in down {
            if !self.upkeep.take_hint() {
                return;
            }
            let mut value = Writer::new();
            value.addr4(node);
            let value = Some(Bytes::from(value.finish()));
            let spec = RequestSpec { value, ..RequestSpec::internal(referrer, command::DOWN_HINT) };
            self.send_request(cx, spec, Purpose::Hint);
        }
    }

    fn background_concurrency(&self) -> usize {
        self.concurrency.min((self.concurrency / 8).max(2))
    }
}

fn find_node(target: Target) -> QuerySpec {
    QuerySpec {
        target,
        internal: true,
        command: command::FIND_NODE,
        value: None,
        nodes: Vec::new(),
        only_closest_nodes: false,
        concurrency: None,
        retries: None,
        force: false,
        commit: Commit::None,
    }
}

fn visit(spec: &QuerySpec, candidate: Candidate) -> RequestSpec {
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

/// What a commit's reply says: a node that does not know the command or the token has stored
/// nothing. Other codes are the command's own, and part of an answer.
fn stored(result: Result<Reply, RequestError>) -> Result<(), QueryError> {
    match result?.error {
        error_code::UNKNOWN_COMMAND | error_code::INVALID_TOKEN => Err(QueryError::TooFewNodes),
        _ => Ok(()),
    }
}

/// How often a query asks a node again.
const RETRIES: u32 = 5;

/// Below so many requests in flight, a refresh does not disturb anybody.
const QUIET: usize = 3;
