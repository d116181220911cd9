//! The requests of one attempt.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::trace::Trace;
use crate::base::Io;
use crate::net::{Commit, Owner, QueryKey, QuerySpec, RequestKey, RequestSpec};
use crate::wire::{Target, command};
use crate::{ConnId, ConnectReason, ConnectStep, Cx, SocketId};

/// Requests that have been sent and not answered yet.
#[derive(Debug)]
pub(super) struct PendingRequests {
    conn: ConnId,
    target: Target,
    sent: BTreeMap<u32, Sent>,
    next_tag: u32,
    /// What the attempt has done so far.
    pub(super) trace: Trace,
}

#[derive(Debug)]
struct Sent {
    key: RequestKey,
    purpose: RequestPurpose,
    at: Instant,
    /// How often it was repeated outside its schedule.
    repeats: u32,
}

/// Why a request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestPurpose {
    /// Message 1 through a node. `chained`: the next candidate is tried after it. `overdue`: it has
    /// taken longer than a round trip on its path should. `socket`: it was sent to the server
    /// itself, from the socket of an earlier connection.
    Handshake { via: SocketAddrV4, chained: bool, overdue: bool, socket: Option<SocketId> },
    /// A ping to the server's address in the local network.
    Lan { address: SocketAddrV4 },
    /// A punch round.
    Round,
}

/// A request that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct EndedRequest {
    pub(super) purpose: RequestPurpose,
    /// The time since the request was first sent.
    pub(super) elapsed: Duration,
}

/// How often a round is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tries {
    /// Again and again, for seven seconds.
    Usual,
    /// Once, with this long to wait for the answer.
    Once(Duration),
}

impl RequestPurpose {
    fn is_overdue(self) -> bool {
        matches!(self, Self::Handshake { overdue: true, .. })
    }

    /// The node that message 1 was sent to.
    fn node(self) -> Option<SocketAddrV4> {
        if let Self::Handshake { via, .. } = self { Some(via) } else { None }
    }
}

impl PendingRequests {
    pub(super) fn new(now: Instant, conn: ConnId, target: Target) -> Self {
        Self { conn, target, sent: BTreeMap::new(), next_tag: 0, trace: Trace::new(now) }
    }

    /// The owner of the next request or query, with a new tag.
    fn owner(&mut self) -> Owner {
        let tag = self.next_tag;
        self.next_tag = self.next_tag.wrapping_add(1);
        Owner::Connect(self.conn, tag)
    }

    /// Searches for nodes that have the server's record, from the closest known ones and `nodes`.
    pub(super) fn search(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        nodes: Vec<SocketAddrV4>,
    ) -> QueryKey {
        let spec = QuerySpec {
            target: self.target,
            internal: false,
            command: command::FIND_PEER,
            value: None,
            nodes,
            only_closest_nodes: false,
            concurrency: None,
            retries: Some(RETRIES),
            force: false,
            commit: Commit::None,
        };
        self.trace.reach(cx.now, ConnectStep::Search);
        let owner = self.owner();
        io.net.query(cx, spec, owner)
    }

    /// Why nothing has led to the server. `announced`: a node has the server's record.
    pub(super) fn not_found(&self, announced: bool) -> ConnectReason {
        match self.trace.nodes {
            _ if announced => ConnectReason::NotReached,
            0 => ConnectReason::NoAnswer,
            _ => ConnectReason::NotAnnounced,
        }
    }

    /// Sends message 1 to a node, from this socket or from the usual one.
    pub(super) fn handshake(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        socket: Option<SocketId>,
        (via, chained): (SocketAddrV4, bool),
        value: Bytes,
    ) {
        let spec = self.spec(via, command::PEER_HANDSHAKE, value, socket);
        let purpose = RequestPurpose::Handshake { via, chained, overdue: false, socket: None };
        self.send(cx, io, spec, purpose);
    }

    /// Sends message 1 over the path of an earlier connection.
    pub(super) fn direct_handshake(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        socket: SocketId,
        via: SocketAddrV4,
        value: Bytes,
    ) {
        let socket = Some(socket);
        let spec = self.spec(via, command::PEER_HANDSHAKE, value, socket);
        let purpose = RequestPurpose::Handshake { via, chained: false, overdue: false, socket };
        self.send(cx, io, spec, purpose);
    }

    pub(super) fn round(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        via: SocketAddrV4,
        socket: SocketId,
        value: Bytes,
        tries: Tries,
    ) {
        let spec = self.spec(via, command::PEER_HOLEPUNCH, value, Some(socket));
        let spec = match tries {
            Tries::Usual => RequestSpec { retries: ROUND_RETRIES, ..spec },
            Tries::Once(wait) => RequestSpec { retries: 0, wait: Some(wait), ..spec },
        };
        self.send(cx, io, spec, RequestPurpose::Round);
    }

    /// Sends a round and does not wait for its answer. It leaves from a socket that stays open.
    pub(super) fn last_round(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        via: SocketAddrV4,
        value: Bytes,
    ) {
        let spec = self.spec(via, command::PEER_HOLEPUNCH, value, None);
        let owner = self.owner();
        io.net.request(cx, spec, owner);
    }

    /// Pings from the socket whose addresses the server has been told.
    pub(super) fn ping(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, address: SocketAddrV4) {
        let owner = self.owner();
        let key = io.net.ping(cx, address, Some(SocketId::SERVER), LAN_RETRIES, owner);
        self.note(cx, owner, key, RequestPurpose::Lan { address });
    }

    /// A request has taken longer than a round trip on its path should.
    pub(super) fn handle_overdue(&mut self, tag: u32) {
        if let Some(Sent { purpose: RequestPurpose::Handshake { overdue, .. }, .. }) =
            self.sent.get_mut(&tag)
        {
            *overdue = true;
        }
    }

    /// Repeats the next of the overdue handshakes, if there are any. They take turns.
    pub(super) fn repeat_overdue(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>) {
        let overdue = self.sent.values_mut().filter(|sent| sent.purpose.is_overdue());
        let Some(sent) = overdue.min_by_key(|sent| sent.repeats) else { return };
        sent.repeats += 1;
        io.net.repeat_request(cx, sent.key);
    }

    /// The nodes whose handshakes are overdue.
    pub(super) fn overdue(&self) -> Vec<SocketAddrV4> {
        let overdue = self.sent.values().filter(|sent| sent.purpose.is_overdue());
        overdue.filter_map(|sent| sent.purpose.node()).collect()
    }

    /// Removes the request that has ended; `None` if it has ended before.
    pub(super) fn take(&mut self, now: Instant, tag: u32) -> Option<EndedRequest> {
        let Sent { purpose, at, .. } = self.sent.remove(&tag)?;
        Some(EndedRequest { purpose, elapsed: now.saturating_duration_since(at) })
    }

    pub(super) fn count(&self, which: impl Fn(RequestPurpose) -> bool) -> usize {
        self.sent.values().filter(|sent| which(sent.purpose)).count()
    }

    /// The number of handshakes in flight.
    pub(super) fn handshakes(&self) -> usize {
        self.count(|purpose| matches!(purpose, RequestPurpose::Handshake { .. }))
    }

    /// The number of handshakes that are not overdue: those that are chained, those that are not,
    /// or all.
    pub(super) fn lively_handshakes(&self, which: Option<bool>) -> usize {
        self.count(|purpose| match purpose {
            RequestPurpose::Handshake { chained, overdue, .. } => {
                !overdue && which.is_none_or(|which| which == chained)
            }
            RequestPurpose::Lan { .. } | RequestPurpose::Round => false,
        })
    }

    pub(super) fn cancel_all(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>) {
        for sent in std::mem::take(&mut self.sent).into_values() {
            io.net.cancel_request(cx, sent.key);
        }
    }

    fn send(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        spec: RequestSpec,
        purpose: RequestPurpose,
    ) {
        let owner = self.owner();
        let key = io.net.request(cx, spec, owner);
        self.note(cx, owner, key, purpose);
    }

    fn note(&mut self, cx: &Cx<'_>, owner: Owner, key: RequestKey, purpose: RequestPurpose) {
        let step = match purpose {
            RequestPurpose::Handshake { .. } => {
                self.trace.handshakes += 1;
                ConnectStep::Handshake
            }
            RequestPurpose::Lan { .. } => ConnectStep::Lan,
            RequestPurpose::Round => {
                self.trace.rounds += 1;
                ConnectStep::Round
            }
        };
        self.trace.reach(cx.now, step);
        if let Owner::Connect(_, tag) = owner {
            self.sent.insert(tag, Sent { key, purpose, at: cx.now, repeats: 0 });
        }
    }

    fn spec(
        &self,
        to: SocketAddrV4,
        command: u64,
        value: Bytes,
        socket: Option<SocketId>,
    ) -> RequestSpec {
        RequestSpec {
            to,
            to_id: None,
            internal: false,
            command,
            target: Some(self.target),
            token: None,
            value: Some(value),
            socket,
            retries: RETRIES,
            wait: None,
            ttl: None,
            force: false,
        }
    }
}

/// dht-rpc's default: four tries, a second each.
const RETRIES: u32 = 3;

/// A round and its answer pass four paths, and without them there is no punch: at a loss of 10 % one
/// of three is lost.
const ROUND_RETRIES: u32 = 6;

/// A local network loses little, and the peer may be in another one: three seconds.
const LAN_RETRIES: u32 = 2;
