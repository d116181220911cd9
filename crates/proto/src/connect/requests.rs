//! The requests of one connecting machine.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::base::Io;
use crate::net::{Owner, RequestKey, RequestSpec};
use crate::wire::{Target, command};
use crate::{ConnId, Cx, SocketId};

/// What was sent and not answered yet.
#[derive(Debug)]
pub(super) struct PendingRequests {
    conn: ConnId,
    target: Target,
    sent: BTreeMap<u32, Sent>,
    next_tag: u32,
}

#[derive(Debug)]
struct Sent {
    key: RequestKey,
    purpose: RequestPurpose,
    at: Instant,
}

/// Why a request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestPurpose {
    /// Message 1 through a node. `chained`: another candidate follows it. `overdue`: the time that
    /// its path takes is over.
    Handshake { via: SocketAddrV4, chained: bool, overdue: bool },
    /// A ping to the server's address in our own network.
    Lan { address: SocketAddrV4 },
    /// A punch round.
    Round,
}

/// What was sent, and is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) purpose: RequestPurpose,
    /// Since it was sent first.
    pub(super) elapsed: Duration,
}

/// How often a round is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tries {
    /// As other requests are.
    Usual,
    /// Once, and its answer has this long to come.
    Once(Duration),
}

impl PendingRequests {
    pub(super) fn new(conn: ConnId, target: Target) -> Self {
        Self { conn, target, sent: BTreeMap::new(), next_tag: 0 }
    }

    /// A name for what the layer below will report to this machine.
    pub(super) fn owner(&mut self) -> Owner {
        let tag = self.next_tag;
        self.next_tag = self.next_tag.wrapping_add(1);
        Owner::Connect(self.conn, tag)
    }

    pub(super) fn target(&self) -> Target {
        self.target
    }

    pub(super) fn handshake(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        via: SocketAddrV4,
        chained: bool,
        value: Bytes,
    ) {
        let spec = self.spec(via, command::PEER_HANDSHAKE, value, None);
        self.send(cx, io, spec, RequestPurpose::Handshake { via, chained, overdue: false });
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
            Tries::Usual => spec,
            Tries::Once(wait) => RequestSpec { retries: 0, wait: Some(wait), ..spec },
        };
        self.send(cx, io, spec, RequestPurpose::Round);
    }

    /// A round whose answer nobody waits for. It leaves from a socket that stays open.
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

    pub(super) fn ping(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, address: SocketAddrV4) {
        let owner = self.owner();
        let key = io.net.ping(cx, address, None, RETRIES, owner);
        self.note(cx, owner, key, RequestPurpose::Lan { address });
    }

    /// A request has been out for longer than its path takes.
    pub(super) fn handle_overdue(&mut self, tag: u32) {
        if let Some(Sent { purpose: RequestPurpose::Handshake { overdue, .. }, .. }) =
            self.sent.get_mut(&tag)
        {
            *overdue = true;
        }
    }

    /// What a reply answers; each answers once.
    pub(super) fn take(&mut self, now: Instant, tag: u32) -> Option<Ended> {
        let Sent { purpose, at, .. } = self.sent.remove(&tag)?;
        Some(Ended { purpose, elapsed: now.saturating_duration_since(at) })
    }

    pub(super) fn count(&self, which: impl Fn(RequestPurpose) -> bool) -> usize {
        self.sent.values().filter(|sent| which(sent.purpose)).count()
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
        if let Owner::Connect(_, tag) = owner {
            self.sent.insert(tag, Sent { key, purpose, at: cx.now });
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
