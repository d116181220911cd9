//! The application's own queries and requests (PROTOCOL C.5).
//!
//! Reference: hyperdht 6.34.0, index.js: findPeer, lookup, announce, lookupAndUnannounce.

use std::collections::BTreeMap;

use crate::announce::signed;
use crate::net::{Commit, Net, Output, Owner, QueryKey, QuerySpec, Reply, RequestKey, RequestSpec};
use crate::noise::KeyPair;
use crate::store::Store;
use crate::wire::{LookupReply, Peer, Target, command, error_code};
use crate::{
    Cx, Event, PeerRecord, QueryError, QueryId, QueryKind, QueryOptions, QueryReply, RequestId,
    Tally, UserCommit, UserRequest,
};

/// The running queries and requests of the application.
#[derive(Debug, Default)]
pub(crate) struct Ops {
    queries: BTreeMap<QueryId, Running>,
    requests: BTreeMap<RequestId, RequestKey>,
}

/// What `Command::Query` says.
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
    only_values: bool,
    /// UNANNOUNCE requests that have not ended.
    unannouncing: usize,
    /// How the query ended; told once nothing is being unannounced.
    ended: Option<Ended>,
}

#[derive(Debug)]
struct Ended {
    closest: Vec<Reply>,
    tally: Tally,
    result: Result<(), QueryError>,
}

/// What the value of a reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// The application's business.
    Opaque,
    /// A record, or nothing.
    Peer,
    /// Records, or nothing.
    Peers,
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
        if let QueryKind::Unannounce { key_pair } = &kind {
            store.unannounce(&target, &key_pair.public());
        }
        let only_values = options.only_values;
        let key = net.query(cx, spec(target, &kind, options), Owner::UserQuery(query));
        let running = Running { key, target, kind, only_values, unannouncing: 0, ended: None };
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

    /// Takes an output of the net that is the application's, and gives back any other.
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
                self.handle_commit(cx, net, query, key, &closest);
            }
            Output::QueryDone {
                query: key,
                owner: Owner::UserQuery(query),
                closest,
                tally,
                result,
            } => {
                self.handle_query_done(cx, query, key, Ended { closest, tally, result });
            }
            Output::Reply { owner: Owner::UserQuery(query), .. } => {
                self.handle_unannounced(cx, query);
            }
            Output::Reply { owner: Owner::UserRequest(request), result } => {
                self.requests.remove(&request)?;
                let result = result.map(|reply| Box::new(plain(reply)));
                cx.emit(Event::Reply { request, result });
            }
            other @ (Output::Reply { .. }
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
        let is_silent = running.only_values && reply.value.is_none();
        if reply.error != error_code::NONE || is_silent {
            return;
        }
        let Some(shown) = shape(&running.kind).show(reply.clone()) else {
            return;
        };
        if let QueryKind::Unannounce { key_pair } = &running.kind
            && may_have(key_pair, &shown)
            && let Some(spec) = signed::unannounce(key_pair, running.target, &reply)
        {
            net.request(cx, spec, Owner::UserQuery(query));
            running.unannouncing += 1;
        }
        cx.emit(Event::QueryReply { query, reply: Box::new(shown) });
    }

    /// The closest nodes are known: each is sent what is good for it alone.
    fn handle_commit(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        query: QueryId,
        key: QueryKey,
        closest: &[Reply],
    ) {
        let Some(running) = self.running(query, key) else {
            return;
        };
        let target = running.target;
        let commit = |reply: &Reply| match &running.kind {
            QueryKind::Announce { key_pair, relay_addresses, bump } => {
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
        mut ended: Ended,
    ) {
        let Some(running) = self.running(query, key) else {
            return;
        };
        let unannounces = matches!(running.kind, QueryKind::Unannounce { .. });
        if unannounces && ended.closest.is_empty() && ended.result.is_ok() {
            // Nobody was asked, so nothing is known to be gone.
            ended.result = Err(QueryError::TooFewNodes);
        }
        running.ended = Some(ended);
        self.finish(cx, query);
    }

    /// Whether the node obeyed does not matter: the record ages.
    fn handle_unannounced(&mut self, cx: &mut Cx<'_>, query: QueryId) {
        let Some(running) = self.queries.get_mut(&query) else {
            return;
        };
        running.unannouncing = running.unannouncing.saturating_sub(1);
        self.finish(cx, query);
    }

    fn finish(&mut self, cx: &mut Cx<'_>, query: QueryId) {
        let done = |running: &Running| running.unannouncing == 0 && running.ended.is_some();
        if !self.queries.get(&query).is_some_and(done) {
            return;
        }
        let Some(Running { ended: Some(ended), kind, .. }) = self.queries.remove(&query) else {
            return;
        };
        let shape = shape(&kind);
        let Ended { closest, tally, result } = ended;
        let closest = closest.into_iter().map(|reply| shape.describe(reply)).collect();
        cx.emit(Event::QueryDone { query, closest, tally, result });
    }

    fn running(&mut self, query: QueryId, key: QueryKey) -> Option<&mut Running> {
        self.queries.get_mut(&query).filter(|running| running.key == key)
    }
}

impl Shape {
    /// The reply for the application; `None` if it lacks the records that were asked for.
    fn show(self, reply: Reply) -> Option<QueryReply> {
        let shown = self.describe(reply);
        (self == Self::Opaque || shown.record.is_some()).then_some(shown)
    }

    /// The reply, with its records if there are any.
    fn describe(self, reply: Reply) -> QueryReply {
        let record = reply.value.as_deref().and_then(|value| self.decode(value));
        QueryReply { record, ..plain(reply) }
    }

    fn decode(self, value: &[u8]) -> Option<PeerRecord> {
        match self {
            Self::Opaque => None,
            Self::Peer => Peer::decode(value).ok().map(PeerRecord::Peer),
            Self::Peers => {
                let LookupReply { peers, bump } = LookupReply::decode(value).ok()?;
                Some(PeerRecord::Peers { peers, bump })
            }
        }
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

fn shape(kind: &QueryKind) -> Shape {
    match kind {
        QueryKind::FindNode | QueryKind::User { .. } => Shape::Opaque,
        QueryKind::FindPeer => Shape::Peer,
        QueryKind::Lookup | QueryKind::Announce { .. } | QueryKind::Unannounce { .. } => {
            Shape::Peers
        }
    }
}

/// A node that shows our record has it, and one that shows as many as fit may have it.
fn may_have(key_pair: &KeyPair, reply: &QueryReply) -> bool {
    let Some(PeerRecord::Peers { peers, .. }) = &reply.record else {
        return false;
    };
    let public_key = key_pair.public();
    peers.len() >= MAX_SHOWN || peers.iter().any(|peer| peer.public_key == public_key)
}

fn plain(reply: Reply) -> QueryReply {
    QueryReply {
        tid: reply.tid,
        rtt: reply.rtt,
        from: reply.from,
        from_id: reply.from_id,
        to: reply.to,
        token: reply.token,
        closer_nodes: reply.closer_nodes,
        error: reply.error,
        value: reply.value,
        record: None,
    }
}

/// Nodes show at most this many records of a topic.
const MAX_SHOWN: usize = 20;

#[cfg(test)]
mod tests;
