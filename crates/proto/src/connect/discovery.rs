//! The search for a node that leads to the server, and the handshake through it (PROTOCOL D.4).

use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use super::candidates::Candidates;
use super::decide::HelloRoute;
use super::hello::{HandshakeParams, Hello, HelloRead, ServerReply};
use super::requests::PendingRequests;
use super::trace::Trace;
use crate::net::{Commit, QueryKey, QuerySpec, Reply};
use crate::noise::Finished;
use crate::punch::Base;
use crate::streams::Path;
use crate::wire::{Firewall, NoisePayload, PAYLOAD_VERSION, PayloadError, Peer, command};
use crate::{Answer, AskId, ConnectReason, ConnectStep, Cx, SocketId};

/// The stage before any node has answered message 1.
#[derive(Debug)]
pub(super) struct Discovery {
    hello: Hello,
    /// Set while the application writes message 1.
    first: Option<First>,
    search: Search,
    candidates: Candidates,
    /// Nodes that have the record and were not asked yet.
    found: VecDeque<SocketAddrV4>,
    /// A node has the record: the server is announced, or was recently.
    announced: bool,
    tried: Vec<SocketAddrV4>,
    /// The source of the server's first packet, if it arrives before message 2.
    early: Option<Path>,
}

/// Where message 1 goes first. The application may have to write it before.
#[derive(Debug)]
enum First {
    Node {
        via: SocketAddrV4,
        chained: bool,
    },
    /// The path of an earlier connection: its socket, and the server.
    Known(SocketId, SocketAddrV4),
}

#[derive(Debug)]
enum Search {
    /// The path of an earlier connection is tried before anything else.
    Held,
    /// The first search runs beside the candidates.
    First(QueryKey),
    /// If a node has the record, all nodes asked so far have to fail before the last search starts.
    Between,
    /// A last search, since the server may have announced itself elsewhere meanwhile.
    Last(QueryKey),
    Done,
}

/// The results of the handshake.
pub(super) struct HandshakeDone {
    pub(super) keys: Finished,
    pub(super) route: HelloRoute,
    pub(super) payload: NoisePayload,
    /// The firewall that we told the server.
    pub(super) firewall: Firewall,
    pub(super) tried: Vec<SocketAddrV4>,
    pub(super) early: Option<Path>,
    /// The socket of an earlier connection, on which the server has answered itself.
    pub(super) socket: Option<SocketId>,
    /// Between message 1 and message 2.
    pub(super) round_trip: Duration,
}

/// The outcome of a reply.
pub(super) enum Found {
    /// The reply was of no use.
    Nothing,
    /// The server has answered, so no other node is needed.
    Server(Box<HandshakeDone>),
    Failed(ConnectReason),
}

impl Discovery {
    pub(super) fn start(
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        params: HandshakeParams,
        candidates: Candidates,
    ) -> Self {
        let route = Some(params.remote).filter(|_| params.reusable);
        let route = route.and_then(|remote| base.io.route(&remote));
        let mut discovery = Self {
            hello: Hello::new(params),
            first: None,
            search: Search::Held,
            candidates,
            found: VecDeque::new(),
            announced: false,
            tried: Vec::new(),
            early: None,
        };
        match route {
            Some(route) => discovery.ask_server(cx, base, requests, route),
            None => discovery.search(cx, base, requests),
        }
        discovery
    }

    /// A node of the search has answered. If it has the record, it is asked next, unless it is a
    /// candidate that was asked before.
    pub(super) fn handle_query_reply(&mut self, now: Instant, trace: &mut Trace, reply: &Reply) {
        trace.nodes += 1;
        let has_record = reply.value.as_ref().is_some_and(|value| Peer::decode(value).is_ok());
        if !has_record {
            return;
        }
        self.announced = true;
        trace.reach(now, ConnectStep::Found);
        let is_first = matches!(self.search, Search::First(_));
        let is_candidate = is_first && self.candidates.contains(reply.from);
        if is_candidate && !self.candidates.take(reply.from) {
            return;
        }
        if self.found.len() < MAX_FOUND {
            self.found.push_back(reply.from);
        }
    }

    /// A search has ended.
    pub(super) fn handle_query_done(&mut self) {
        self.search = match self.search {
            Search::First(_) => Search::Between,
            Search::Last(_) => Search::Done,
            Search::Held | Search::Between | Search::Done => return,
        };
    }

    /// A UDX packet for our stream has arrived. Only the server knows the stream's id.
    pub(super) fn handle_first_packet(&mut self, path: Path) {
        self.early = Some(path);
    }

    /// A node has answered message 1; `None` if the request failed.
    pub(super) fn handle_reply(
        &mut self,
        cx: &mut Cx<'_>,
        via: SocketAddrV4,
        socket: Option<SocketId>,
        round_trip: Duration,
        reply: Option<&Reply>,
    ) -> Found {
        let Some((route, noise)) = reply.and_then(|reply| HelloRoute::read(via, reply)) else {
            return Found::Nothing;
        };
        let read = self.hello.read(cx, ServerReply { route, noise, socket, round_trip });
        read.map_or(Found::Nothing, |read| self.judge(read))
    }

    /// The question about the handshake that the application has not answered yet.
    pub(super) fn question(&self) -> Option<AskId> {
        self.hello.question()
    }

    /// The application has written or read a message, or its time is over.
    pub(super) fn handle_answer(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        answer: Answer,
    ) -> Found {
        if !self.hello.is_writing() {
            let read = self.hello.handle_read(cx, answer);
            return read.map_or(Found::Nothing, |read| self.judge(read));
        }
        self.hello.handle_written(cx, answer);
        if let Some(first) = self.first.take() {
            self.send(cx, base, requests, first);
        }
        Found::Nothing
    }

    /// Asks the next nodes. Returns the reason to fail if there are none left.
    pub(super) fn settle(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
    ) -> Option<ConnectReason> {
        loop {
            self.ask_next(cx, base, requests);
            match self.search {
                Search::Held if self.is_asking() || requests.lively_handshakes(None) > 0 => {
                    return None;
                }
                Search::Held => self.search(cx, base, requests),
                Search::First(_) | Search::Last(_) => return None,
                Search::Between | Search::Done if self.awaits_answers(requests) => return None,
                Search::Between if self.announced => {
                    self.search = Search::Last(search(cx, base, requests, Vec::new()));
                }
                Search::Between | Search::Done => return Some(self.failure(requests)),
            }
        }
    }

    /// Ends the search. The caller cancels the requests of the attempt.
    pub(super) fn stop(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>) {
        match self.search {
            Search::First(key) | Search::Last(key) => base.io.net.cancel_query(cx, key),
            Search::Held | Search::Between | Search::Done => {}
        }
        self.search = Search::Done;
    }

    /// Whether a message 2 makes a connection.
    fn judge(&mut self, read: HelloRead) -> Found {
        let Ok(payload) = NoisePayload::decode(&read.plaintext) else {
            return Found::Failed(ConnectReason::HandshakeInvalid);
        };
        if payload.version != PAYLOAD_VERSION {
            return Found::Failed(ConnectReason::ServerIncompatible);
        }
        if payload.error != PayloadError::None {
            return Found::Failed(ConnectReason::ServerError);
        }
        if payload.udx.is_none() {
            return Found::Failed(ConnectReason::ServerWithoutUdx);
        }
        match self.finish(read, payload) {
            Some(done) => Found::Server(Box::new(done)),
            None => Found::Nothing,
        }
    }

    fn finish(&mut self, mut read: HelloRead, payload: NoisePayload) -> Option<HandshakeDone> {
        let (keys, firewall) = self.hello.finish(&mut read)?;
        let ServerReply { route, socket, round_trip, .. } = read.reply;
        if socket.is_none() {
            // The node that led to the server is tried first in the next attempt.
            self.tried.retain(|via| *via != route.node);
            self.tried.insert(0, route.node);
        }
        Some(HandshakeDone {
            keys,
            route,
            payload,
            firewall,
            tried: std::mem::take(&mut self.tried),
            early: self.early,
            socket,
            round_trip,
        })
    }

    /// True while a node may still lead to the server. If no node has the record, an overdue
    /// request to a remembered address does not count.
    fn awaits_answers(&self, requests: &PendingRequests) -> bool {
        let is_patient = self.announced || self.candidates.are_trusted();
        let asked =
            if is_patient { requests.handshakes() } else { requests.lively_handshakes(None) };
        !self.found.is_empty() || asked > 0 || self.is_asking()
    }

    /// Whether the application writes or reads a message.
    fn is_asking(&self) -> bool {
        self.question().is_some()
    }

    fn failure(&self, requests: &PendingRequests) -> ConnectReason {
        match requests.trace.nodes {
            _ if self.announced => ConnectReason::NotReached,
            0 => ConnectReason::NoAnswer,
            _ => ConnectReason::NotAnnounced,
        }
    }

    fn ask_next(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, requests: &mut PendingRequests) {
        while let Some(via) = self.next_candidate(requests) {
            self.ask(cx, base, requests, via, true);
        }
        let parallel = if self.candidates.is_empty() { PARALLEL } else { PARALLEL + 1 };
        while !self.hello.is_writing()
            && requests.lively_handshakes(None) < parallel
            && requests.handshakes() < MAX_ASKED
        {
            let Some(via) = self.found.pop_front() else { return };
            self.ask(cx, base, requests, via, false);
        }
    }

    /// The next candidate: one at a time during the first search, then all that are left.
    fn next_candidate(&mut self, requests: &PendingRequests) -> Option<SocketAddrV4> {
        let is_turn = match self.search {
            _ if self.hello.is_writing() => false,
            Search::First(_) => requests.lively_handshakes(Some(true)) == 0,
            Search::Between => true,
            Search::Held | Search::Last(_) | Search::Done => false,
        };
        if is_turn { self.candidates.next() } else { None }
    }

    /// Starts the first search.
    fn search(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, requests: &mut PendingRequests) {
        let key = search(cx, base, requests, self.candidates.seeds());
        let is_only = self.candidates.is_empty();
        self.search = if is_only { Search::Last(key) } else { Search::First(key) };
    }

    /// Asks the server itself, over the path of an earlier connection.
    fn ask_server(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        (socket, server): (SocketId, SocketAddrV4),
    ) {
        self.send(cx, base, requests, First::Known(socket, server));
    }

    fn ask(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        via: SocketAddrV4,
        chained: bool,
    ) {
        if !self.tried.contains(&via) {
            self.tried.push(via);
        }
        self.send(cx, base, requests, First::Node { via, chained });
    }

    /// Sends message 1, or waits for it.
    fn send(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        to: First,
    ) {
        let Some(value) = self.hello.value(cx, base) else {
            if self.hello.is_writing() {
                self.first = Some(to);
            }
            return;
        };
        tracing::debug!(?to, "handshake");
        match to {
            First::Node { via, chained } => {
                requests.handshake(cx, &mut base.io, via, chained, value);
            }
            First::Known(socket, server) => {
                requests.direct_handshake(cx, &mut base.io, socket, server, value);
            }
        }
    }
}

fn search(
    cx: &mut Cx<'_>,
    base: &mut Base<'_>,
    requests: &mut PendingRequests,
    nodes: Vec<SocketAddrV4>,
) -> QueryKey {
    let spec = QuerySpec {
        target: requests.target(),
        internal: false,
        command: command::FIND_PEER,
        value: None,
        nodes,
        only_closest_nodes: false,
        concurrency: None,
        retries: Some(SEARCH_RETRIES),
        force: false,
        commit: Commit::None,
    };
    requests.trace.reach(cx.now, ConnectStep::Search);
    let owner = requests.owner();
    base.io.net.query(cx, spec, owner)
}

/// Parallel handshakes that are not overdue. The chain of candidates adds one.
const PARALLEL: usize = 2;

/// Handshakes in flight, overdue or not, above which no further node is asked. A server has fewer
/// relays.
const MAX_ASKED: usize = 8;

/// The retries of each request of the search, after the first try.
const SEARCH_RETRIES: u32 = 3;

/// Twice the number of nodes that store a record.
const MAX_FOUND: usize = 40;
