//! The search for a node that leads to the server, and the handshake through it (PROTOCOL D.4).

use std::collections::VecDeque;
use std::net::SocketAddrV4;

use bytes::Bytes;

use super::candidates::Candidates;
use super::decide::HelloRoute;
use super::requests::PendingRequests;
use crate::net::{Commit, QueryKey, QuerySpec, Reply};
use crate::noise::{Finished, Initiator, KeyPair, PublicKey};
use crate::punch::Base;
use crate::streams::Path;
use crate::wire::{
    Firewall, Handshake, Mode, NoisePayload, PAYLOAD_VERSION, Peer, RelayThrough, UdxInfo, command,
};
use crate::{ConnectError, Cx, SocketId};

/// The stage before any node has answered message 1.
#[derive(Debug)]
pub(super) struct Discovery {
    params: HandshakeParams,
    handshake: HandshakeState,
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

/// The inputs of message 1.
#[derive(Debug)]
pub(super) struct HandshakeParams {
    pub(super) identity: KeyPair,
    pub(super) remote: PublicKey,
    pub(super) stream_id: u32,
    /// Whether to tell the server our local addresses.
    pub(super) share_local: bool,
    /// Whether the path may be used again.
    pub(super) reusable: bool,
    /// The blind relay that we offer.
    pub(super) relay_through: Option<RelayThrough>,
}

/// Message 1 is made for the first node and repeated to all others.
#[derive(Debug)]
enum HandshakeState {
    Unbegun,
    Begun {
        initiator: Box<Initiator>,
        value: Bytes,
        firewall: Firewall,
    },
    /// The remote public key is not a valid key.
    Impossible,
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
}

/// The outcome of a reply.
pub(super) enum Found {
    /// The reply was of no use.
    Nothing,
    /// The server has answered, so no other node is needed.
    Server(Box<HandshakeDone>),
    Failed(ConnectError),
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
            params,
            handshake: HandshakeState::Unbegun,
            search: Search::Held,
            candidates,
            found: VecDeque::new(),
            announced: false,
            tried: Vec::new(),
            early: None,
        };
        match route {
            Some(path) => discovery.ask_server(cx, base, requests, path),
            None => discovery.search(cx, base, requests),
        }
        discovery
    }

    /// A node of the search has answered. If it has the record, it is asked next, unless it is a
    /// candidate that was asked before.
    pub(super) fn handle_query_reply(&mut self, reply: &Reply) {
        let has_record = reply.value.as_ref().is_some_and(|value| Peer::decode(value).is_ok());
        if !has_record {
            return;
        }
        self.announced = true;
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
        reply: Option<&Reply>,
    ) -> Found {
        let Some((route, noise)) = reply.and_then(|reply| HelloRoute::read(via, reply)) else {
            return Found::Nothing;
        };
        let HandshakeState::Begun { initiator, .. } = &mut self.handshake else {
            return Found::Nothing;
        };
        let Ok(plaintext) = initiator.recv(&noise) else {
            cx.stats.dropped.handshake += 1;
            return Found::Nothing;
        };
        let Ok(payload) = NoisePayload::decode(&plaintext) else {
            return Found::Failed(ConnectError::HandshakeInvalid);
        };
        if payload.version != PAYLOAD_VERSION {
            return Found::Failed(ConnectError::ServerIncompatible);
        }
        if payload.error != crate::wire::PayloadError::None {
            return Found::Failed(ConnectError::ServerError);
        }
        if payload.udx.is_none() {
            return Found::Failed(ConnectError::ServerWithoutUdx);
        }
        match self.finish(route, payload, socket) {
            Some(done) => Found::Server(Box::new(done)),
            None => Found::Nothing,
        }
    }

    /// Asks the next nodes. Returns the error if there are none left.
    pub(super) fn settle(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        requests: &mut PendingRequests,
    ) -> Option<ConnectError> {
        loop {
            self.ask_next(cx, base, requests);
            match self.search {
                Search::Held if requests.lively_handshakes(None) > 0 => return None,
                Search::Held => self.search(cx, base, requests),
                Search::First(_) | Search::Last(_) => return None,
                Search::Between | Search::Done if self.awaits_answers(requests) => return None,
                Search::Between if self.announced => {
                    self.search = Search::Last(search(cx, base, requests, Vec::new()));
                }
                Search::Between | Search::Done => return Some(self.failure()),
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

    fn finish(
        &mut self,
        route: HelloRoute,
        payload: NoisePayload,
        socket: Option<SocketId>,
    ) -> Option<HandshakeDone> {
        let handshake = std::mem::replace(&mut self.handshake, HandshakeState::Impossible);
        let HandshakeState::Begun { initiator, firewall, .. } = handshake else { return None };
        if socket.is_none() {
            // The node that led to the server is tried first in the next attempt.
            self.tried.retain(|via| *via != route.node);
            self.tried.insert(0, route.node);
        }
        Some(HandshakeDone {
            keys: initiator.finish(),
            route,
            payload,
            firewall,
            tried: std::mem::take(&mut self.tried),
            early: self.early,
            socket,
        })
    }

    /// True while a node may still lead to the server. If no node has the record, an overdue
    /// request to a remembered address does not count.
    fn awaits_answers(&self, requests: &PendingRequests) -> bool {
        let is_patient = self.announced || self.candidates.are_trusted();
        let asked =
            if is_patient { requests.handshakes() } else { requests.lively_handshakes(None) };
        !self.found.is_empty() || asked > 0
    }

    fn failure(&self) -> ConnectError {
        if self.announced { ConnectError::PeerConnectionFailed } else { ConnectError::PeerNotFound }
    }

    fn ask_next(&mut self, cx: &mut Cx<'_>, base: &mut Base<'_>, requests: &mut PendingRequests) {
        while let Some(via) = self.next_candidate(requests) {
            self.ask(cx, base, requests, via, true);
        }
        let parallel = if self.candidates.is_empty() { PARALLEL } else { PARALLEL + 1 };
        while requests.lively_handshakes(None) < parallel && requests.handshakes() < MAX_ASKED {
            let Some(via) = self.found.pop_front() else { return };
            self.ask(cx, base, requests, via, false);
        }
    }

    /// The next candidate: one at a time during the first search, then all that are left.
    fn next_candidate(&mut self, requests: &PendingRequests) -> Option<SocketAddrV4> {
        let is_turn = match self.search {
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
        path: Path,
    ) {
        self.handshake = self.begin(cx, base);
        if let HandshakeState::Begun { value, .. } = &self.handshake {
            tracing::debug!(?path, "handshake on a known path");
            requests.direct_handshake(cx, &mut base.io, path, value.clone());
        }
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
        if matches!(self.handshake, HandshakeState::Unbegun) {
            self.handshake = self.begin(cx, base);
        }
        if let HandshakeState::Begun { value, .. } = &self.handshake {
            tracing::debug!(%via, "handshake");
            requests.handshake(cx, &mut base.io, via, chained, value.clone());
        }
    }

    fn begin(&self, cx: &mut Cx<'_>, base: &Base<'_>) -> HandshakeState {
        let address = base.io.net.remote_address();
        let firewall = if address.is_some() { Firewall::Open } else { Firewall::Unknown };
        let mut addresses4: Vec<_> = address.into_iter().collect();
        if self.params.share_local {
            addresses4.extend(base.io.local.all());
        }
        let payload = NoisePayload {
            version: PAYLOAD_VERSION,
            firewall,
            addresses4,
            udx: Some(UdxInfo::new(self.params.stream_id, self.params.reusable)),
            secret_stream: true,
            relay_through: self.params.relay_through,
            ..NoisePayload::default()
        };
        let begun = Initiator::new(&self.params.identity, self.params.remote, cx.rng).and_then(
            |mut initiator| {
                let noise = initiator.send(&payload.encode())?;
                Ok((initiator, noise))
            },
        );
        let Ok((initiator, noise)) = begun else { return HandshakeState::Impossible };
        let handshake =
            Handshake { mode: Mode::FromClient, noise, peer_address: None, relay_address: None };
        let value = Bytes::from(handshake.encode());
        HandshakeState::Begun { initiator: Box::new(initiator), value, firewall }
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
