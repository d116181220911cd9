//! The search for a node that leads to the server, and the handshake through it (PROTOCOL D.4).

use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use super::candidates::Candidates;
use super::decide::HelloRoute;
use super::early::EarlyPaths;
use super::hello::{HandshakeDone, HandshakeParams, Hello, HelloRead, ServerReply};
use super::outset::{Destination, Outset};
use super::requests::PendingRequests;
use super::trace::Trace;
use crate::net::{QueryKey, Reply};
use crate::punch::{Base, News, Report};
use crate::streams::Path;
use crate::wire::{NoisePayload, PAYLOAD_VERSION, PayloadError, Peer};
use crate::{Answer, AskId, ConnectReason, ConnectStep, Cx, SocketId, Timer};

/// The stage before any node has answered message 1.
#[derive(Debug)]
pub(super) struct Discovery {
    hello: Hello,
    outset: Outset,
    search: Search,
    candidates: Candidates,
    /// Nodes that have the record and were not asked yet.
    found: VecDeque<SocketAddrV4>,
    /// A node has the record: the server is announced, or was recently.
    announced: bool,
    tried: Vec<SocketAddrV4>,
    early: EarlyPaths,
    /// How many more times an overdue handshake may be repeated. `None` before any is overdue.
    repeats_left: Option<u8>,
}

#[derive(Debug)]
enum Search {
    /// The path of an earlier connection, or the first of the remembered nodes, is tried before
    /// anything is searched for. This ends when it is overdue, or has failed.
    Held,
    /// The first search runs beside the candidates.
    First(QueryKey),
    /// If a node has the record, all nodes asked so far have to fail before the last search starts.
    Between,
    /// A last search, since the server may have announced itself elsewhere meanwhile.
    Last(QueryKey),
    Done,
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
        let punches = route.is_none() && candidates.were_punched();
        let mut discovery = Self {
            outset: Outset::start(cx, base, params.conn, punches),
            hello: Hello::new(params),
            search: Search::Held,
            candidates,
            found: VecDeque::new(),
            announced: false,
            tried: Vec::new(),
            early: EarlyPaths::default(),
            repeats_left: None,
        };
        match route {
            Some((socket, server)) => {
                discovery.send(cx, base, requests, Destination::Known(socket, server));
            }
            None => discovery.ask_remembered(cx, base, requests),
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

    /// A handshake has taken longer than a round trip on its path should.
    pub(super) fn handle_overdue(&mut self, cx: &mut Cx<'_>) {
        if self.repeats_left.is_none() {
            self.repeats_left = Some(REPEATS);
            cx.wake_at(self.timer(), cx.now + REPEAT_EVERY);
        }
    }

    /// The first of the remembered nodes has been tried alone for long enough, or the next repeat
    /// of an overdue handshake is due. The server may be at a new address, which its relays learn
    /// within a second or two.
    pub(super) fn handle_timeout(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
    ) {
        if matches!(self.search, Search::Held) {
            self.search(cx, base, requests);
        }
        let Some(left) = self.repeats_left.and_then(|left| left.checked_sub(1)) else { return };
        self.repeats_left = Some(left);
        requests.repeat_overdue(cx, &mut base.io);
        cx.wake_at(self.timer(), cx.now + REPEAT_EVERY);
    }

    /// A UDX packet for our stream has arrived. Only the server knows the stream's id.
    pub(super) fn handle_first_packet(&mut self, path: Path) {
        self.early.note_packet(path);
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

    /// A report of the puncher whose socket message 1 leaves from.
    pub(super) fn handle_punch(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        report: Report,
    ) {
        // The server's opener of its NAT has reached us, where the two are close to each other.
        if let News::Connected(path) = report.news {
            self.early.note_probe(path);
        }
        if self.outset.handle_punch(report) {
            self.outset.resume(cx, base, requests, &mut self.hello);
        }
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
        self.outset.resume(cx, base, requests, &mut self.hello);
        Found::Nothing
    }

    /// Asks the next nodes. Returns why the attempt fails if every node has been asked.
    pub(super) fn settle(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
    ) -> Option<ConnectReason> {
        loop {
            self.ask_next(cx, base, requests);
            match self.search {
                Search::Held if self.is_preparing() || requests.lively_handshakes(None) > 0 => {
                    return None;
                }
                Search::Held => self.search(cx, base, requests),
                Search::First(_) | Search::Last(_) => return None,
                Search::Between | Search::Done if self.awaits_answers(requests) => return None,
                Search::Between if self.announced => {
                    self.search = Search::Last(requests.search(cx, &mut base.io, Vec::new()));
                }
                Search::Between | Search::Done => return Some(requests.not_found(self.announced)),
            }
        }
    }

    /// Ends the search. The caller cancels the requests of the attempt.
    pub(super) fn stop(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>) {
        cx.timers.cancel(self.timer());
        self.outset.stop(cx, base);
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
        let early = self.early.path_to(route.server);
        let is_spoilt = early.is_none() && self.early.has_probe();
        let puncher = if is_spoilt { None } else { self.outset.take_puncher() };
        Some(HandshakeDone {
            keys,
            route,
            payload,
            firewall,
            tried: std::mem::take(&mut self.tried),
            early,
            puncher,
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
        !self.found.is_empty() || asked > 0 || self.is_preparing()
    }

    /// Whether the application writes or reads a message, or the socket of message 1 is not bound.
    fn is_preparing(&self) -> bool {
        self.question().is_some() || self.outset.is_binding()
    }

    /// Whether message 1 cannot leave yet.
    fn is_waiting(&self) -> bool {
        self.hello.is_writing() || self.outset.is_binding()
    }

    fn ask_next(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, requests: &mut PendingRequests) {
        while let Some(via) = self.next_candidate(requests) {
            self.ask(cx, base, requests, via, true);
        }
        let parallel = if self.candidates.is_empty() { PARALLEL } else { PARALLEL + 1 };
        while !self.is_waiting()
            && requests.lively_handshakes(None) < parallel
            && requests.handshakes() < MAX_ASKED
        {
            let Some(via) = self.found.pop_front() else { return };
            self.ask(cx, base, requests, via, false);
        }
    }

    /// The next candidate. During the first search, there is one at a time, or as many remembered
    /// ones as may be asked in parallel. Then come all that are left.
    fn next_candidate(&mut self, requests: &PendingRequests) -> Option<SocketAddrV4> {
        let is_turn = match self.search {
            _ if self.is_waiting() => false,
            Search::First(_) if self.candidates.are_trusted() => {
                requests.lively_handshakes(Some(true)) == 0
            }
            Search::First(_) => requests.lively_handshakes(None) <= PARALLEL,
            Search::Between => true,
            Search::Held | Search::Last(_) | Search::Done => false,
        };
        if is_turn { self.candidates.next() } else { None }
    }

    /// Starts the first search.
    fn search(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, requests: &mut PendingRequests) {
        let key = requests.search(cx, &mut base.io, self.candidates.seeds());
        let is_only = self.candidates.is_empty();
        self.search = if is_only { Search::Last(key) } else { Search::First(key) };
    }

    /// Asks the first of the remembered nodes and holds the search meanwhile, or starts it.
    fn ask_remembered(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
    ) {
        let alone_for = self.candidates.alone_for();
        let Some(via) = alone_for.and_then(|_| self.candidates.next()) else {
            return self.search(cx, base, requests);
        };
        cx.wake_at(self.timer(), cx.now + alone_for.unwrap_or_default());
        self.ask(cx, base, requests, via, true);
    }

    fn timer(&self) -> Timer {
        Timer::Connect(self.hello.params.conn)
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
        self.send(cx, base, requests, Destination::Node { via, chained });
    }

    fn send(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
        to: Destination,
    ) {
        self.outset.send(cx, base, requests, &mut self.hello, to);
    }
}

/// Parallel handshakes that are not overdue. The chain of candidates adds one.
const PARALLEL: usize = 2;

/// Handshakes in flight, overdue or not, above which no further node is asked. A server has fewer
/// relays.
const MAX_ASKED: usize = 8;

/// How often the overdue handshakes of an attempt are repeated in turn, beside the retries of each:
/// for three seconds.
const REPEATS: u8 = 15;
const REPEAT_EVERY: Duration = Duration::from_millis(200);

/// Twice the number of nodes that store a record.
const MAX_FOUND: usize = 40;
