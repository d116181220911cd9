//! The application's own queries and requests (PROTOCOL C.5).
//!
//! Reference: hyperdht 6.34.0, index.js: findPeer, lookup, announce, lookupAndUnannounce.

mod telling;

use std::collections::BTreeMap;

use self::telling::{Telling, plain};
use crate::announce::signed;
use crate::net::{Commit, Net, Output, Owner, QueryKey, QuerySpec, Reply, RequestKey, RequestSpec};
use crate::noise::KeyPair;
use crate::store::Store;
use crate::wire::{LookupReply, Target, command};
use crate::{
    Cx, Event, QueryError, QueryId, QueryKind, QueryOptions, QueryReply, RequestId, Steer, Tally,
    UserCommit, UserRequest,
};

/// The running queries and requests of the application.
#[derive(Debug, Default)]
pub(crate) struct Ops {
    queries: BTreeMap<QueryId, Running>,
    requests: BTreeMap<RequestId, RequestKey>,
}

/// The contents of `Command::Query`.
#[derive(Debug)]
pub(crate) struct UserQuery {
    pub(crate) query: QueryId,
    pub(crate) target: Target,
    pub(crate) kind: QueryKind,
    pub(crate) options: QueryOptions,
}

#[derive(Debug)]
struct Running {
    key: QueryKey,
    target: Target,
    kind: QueryKind,
    telling: Telling,
    /// UNANNOUNCE requests that have not ended.
    unannouncing: usize,
    /// The closest nodes, which get their commits once no UNANNOUNCE is running.
    closest: Option<Vec<Reply>>,
    /// How the query ended; reported once no UNANNOUNCE is running.
    ended: Option<QueryEnd>,
}

#[derive(Debug)]
struct QueryEnd {
    closest: Vec<Reply>,
    tally: Tally,
    result: Result<(), QueryError>,
}

impl Ops {
    /// Starts a query. `Event::QueryReply`s and one `Event::QueryDone` follow.
    pub(crate) fn start_query(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        store: &mut Store,
        query: UserQuery,
    ) {
        let UserQuery { query, target, kind, options } = query;
        if let Some(key_pair) = unannounces(&kind) {
            store.unannounce(&target, &key_pair.public());
        }
        let telling = Telling::new(&kind, &options);
        let key = net.query(cx, spec(target, &kind, options), Owner::UserQuery(query));
        let running =
            Running { key, target, kind, telling, unannouncing: 0, closest: None, ended: None };
        if let Some(old) = self.queries.insert(query, running) {
            net.cancel_query(cx, old.key);
        }
    }

    /// Ends a query early. `Event::QueryDone` follows at once, without nodes.
    pub(crate) fn cancel_query(&mut self, cx: &mut Cx<'_>, net: &mut Net, query: QueryId) {
        let Some(running) = self.queries.remove(&query) else {
            return;
        };
        if running.ended.is_none() {
            net.cancel_query(cx, running.key);
        }
        let tally = Tally::default();
        cx.emit(Event::QueryDone { query, closest: Vec::new(), tally, result: Ok(()) });
    }

    /// Pauses a query, resumes it, or ends its search.
    pub(crate) fn steer_query(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        query: QueryId,
        steer: Steer,
    ) {
        if let Some(running) = self.queries.get(&query) {
            net.steer_query(cx, running.key, steer);
        }
    }

    /// Sends a request. One `Event::Reply` follows.
    pub(crate) fn start_request(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        request: RequestId,
        options: UserRequest,
    ) {
        let spec = RequestSpec {
            to: options.to,
            to_id: None,
            internal: options.internal,
            command: options.command,
            target: options.target,
            token: options.token,
            value: options.value,
            socket: options.socket,
            retries: options.retries,
            wait: None,
            ttl: options.ttl,
            force: false,
        };
        let key = net.request(cx, spec, Owner::UserRequest(request));
        if let Some(old) = self.requests.insert(request, key) {
            net.cancel_request(cx, old);
        }
    }

    /// Forgets a request. Nothing follows.
    pub(crate) fn cancel_request(&mut self, cx: &mut Cx<'_>, net: &mut Net, request: RequestId) {
        if let Some(key) = self.requests.remove(&request) {
            net.cancel_request(cx, key);
        }
    }

    /// Handles an output of the net that belongs to the application, and returns any other.
    pub(crate) fn handle_output(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        output: Output,
    ) -> Option<Output> {
        match output {
            Output::QueryReply { query: key, owner: Owner::UserQuery(query), reply } => {
                self.handle_query_reply(cx, net, query, key, reply);
            }
            Output::Commit { query: key, owner: Owner::UserQuery(query), closest } => {
                self.handle_commit(cx, net, query, key, closest);
            }
            Output::QueryDone {
                query: key,
                owner: Owner::UserQuery(query),
                closest,
                tally,
                result,
            } => {
                self.handle_query_done(cx, query, key, QueryEnd { closest, tally, result });
            }
            Output::Reply { owner: Owner::UserQuery(query), .. } => {
                self.handle_unannounced(cx, net, query);
            }
            Output::Reply { owner: Owner::UserRequest(request), result } => {
                self.requests.remove(&request)?;
                let result = result.map(|reply| Box::new(plain(reply)));
                cx.emit(Event::Reply { request, result });
            }
            other @ (Output::Reply { .. }
            | Output::Overdue { .. }
            | Output::QueryReply { .. }
            | Output::Commit { .. }
            | Output::QueryDone { .. }
            | Output::Incoming(_)
            | Output::Ready
            | Output::Online
            | Output::Wakeup) => return Some(other),
        }
        None
    }

    fn handle_query_reply(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        query: QueryId,
        key: QueryKey,
        reply: Reply,
    ) {
        let Some(running) = self.running(query, key) else {
            return;
        };
        let Some(told) = running.telling.tell(&reply) else {
            return;
        };
        if let Some(key_pair) = unannounces(&running.kind)
            && may_have(key_pair, &told)
            && let Some(spec) = signed::unannounce(key_pair, running.target, &reply)
        {
            net.request(cx, spec, Owner::UserQuery(query));
            running.unannouncing += 1;
        }
        cx.emit(Event::QueryReply { query, reply: Box::new(told) });
    }

    fn handle_commit(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        query: QueryId,
        key: QueryKey,
        closest: Vec<Reply>,
    ) {
        if let Some(running) = self.running(query, key) {
            running.closest = Some(closest);
            self.commit(cx, net, query);
        }
    }

    /// Sends each of the closest nodes its commit, signed for that node alone. This waits until the
    /// closest nodes are known and until no running UNANNOUNCE could arrive later and undo it.
    fn commit(&mut self, cx: &mut Cx<'_>, net: &mut Net, query: QueryId) {
        let running = self.queries.get_mut(&query).filter(|running| running.unannouncing == 0);
        let Some(running) = running else {
            return;
        };
        let Some(closest) = running.closest.take() else {
            return;
        };
        let (key, target) = (running.key, running.target);
        let commit = |reply: &Reply| match &running.kind {
            QueryKind::Announce { key_pair, relay_addresses, bump, .. } => {
                signed::announce(key_pair, target, reply, relay_addresses.clone(), *bump)
            }
            QueryKind::User { commit: UserCommit::Send { command, value }, .. } => {
                let token = Some(reply.token?);
                let spec = RequestSpec::user(reply.from, *command, Some(target));
                Some(RequestSpec { token, value: value.clone(), ..spec })
            }
            QueryKind::FindNode
            | QueryKind::FindPeer
            | QueryKind::Lookup
            | QueryKind::Unannounce { .. }
            | QueryKind::User { commit: UserCommit::None, .. } => None,
        };
        net.commit(cx, key, closest.iter().filter_map(commit).collect());
    }

    fn handle_query_done(
        &mut self,
        cx: &mut Cx<'_>,
        query: QueryId,
        key: QueryKey,
        mut ended: QueryEnd,
    ) {
        let Some(running) = self.running(query, key) else {
            return;
        };
        let unannounces = matches!(running.kind, QueryKind::Unannounce { .. });
        if unannounces && ended.closest.is_empty() && ended.result.is_ok() {
            // No node was asked, so it is not known whether the record is gone.
            ended.result = Err(QueryError::TooFewNodes);
        }
        running.ended = Some(ended);
        self.finish(cx, query);
    }

    /// An UNANNOUNCE has ended. Whether the node obeyed does not matter: the record expires.
    fn handle_unannounced(&mut self, cx: &mut Cx<'_>, net: &mut Net, query: QueryId) {
        let Some(running) = self.queries.get_mut(&query) else {
            return;
        };
        running.unannouncing = running.unannouncing.saturating_sub(1);
        self.commit(cx, net, query);
        self.finish(cx, query);
    }

    fn finish(&mut self, cx: &mut Cx<'_>, query: QueryId) {
        let done = |running: &Running| running.unannouncing == 0 && running.ended.is_some();
        if !self.queries.get(&query).is_some_and(done) {
            return;
        }
        let Some(Running { ended: Some(ended), telling, .. }) = self.queries.remove(&query) else {
            return;
        };
        let QueryEnd { closest, tally, result } = ended;
        let closest = closest.into_iter().map(|reply| telling.closest(reply)).collect();
        cx.emit(Event::QueryDone { query, closest, tally, result });
    }

    fn running(&mut self, query: QueryId, key: QueryKey) -> Option<&mut Running> {
        self.queries.get_mut(&query).filter(|running| running.key == key)
    }
}

/// The key pair whose record is removed from every node that has it.
fn unannounces(kind: &QueryKind) -> Option<&KeyPair> {
    match kind {
        QueryKind::Unannounce { key_pair } | QueryKind::Announce { key_pair, clear: true, .. } => {
            Some(key_pair)
        }
        QueryKind::FindNode
        | QueryKind::FindPeer
        | QueryKind::Lookup
        | QueryKind::Announce { .. }
        | QueryKind::User { .. } => None,
    }
}

fn spec(target: Target, kind: &QueryKind, options: QueryOptions) -> QuerySpec {
    let (internal, command, value) = match kind {
        QueryKind::FindNode => (true, command::FIND_NODE, None),
        QueryKind::FindPeer => (false, command::FIND_PEER, None),
        QueryKind::Lookup | QueryKind::Announce { .. } | QueryKind::Unannounce { .. } => {
            (false, command::LOOKUP, None)
        }
        QueryKind::User { command, value, .. } => (false, *command, value.clone()),
    };
    let commits = match kind {
        QueryKind::Announce { .. } => true,
        QueryKind::User { commit, .. } => *commit != UserCommit::None,
        QueryKind::FindNode
        | QueryKind::FindPeer
        | QueryKind::Lookup
        | QueryKind::Unannounce { .. } => false,
    };
    QuerySpec {
        target,
        internal,
        command,
        value,
        nodes: options.nodes,
        only_closest_nodes: options.only_closest_nodes,
        concurrency: options.concurrency,
        retries: options.retries,
        force: options.force,
        commit: if commits { Commit::Ask } else { Commit::None },
    }
}

/// Whether the node may have our record: it returns the record, or as many records as fit in a
/// reply.
fn may_have(key_pair: &KeyPair, reply: &QueryReply) -> bool {
    let Some(LookupReply { peers, .. }) = reply.peers() else {
        return false;
    };
    let public_key = key_pair.public();
    peers.len() >= MAX_SHOWN || peers.iter().any(|peer| peer.public_key == public_key)
}

/// Nodes show at most this many records of a topic.
const MAX_SHOWN: usize = 20;

#[cfg(test)]
mod tests;
