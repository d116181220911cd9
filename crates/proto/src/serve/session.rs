//! A client that may connect: what is known about it, and what it was told (PROTOCOL D.5, D.6).

use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use super::requester::{Client, ClientHello, Requester, ServerHello, tell_gone};
use super::rounds::Punching;
use crate::base::{Party, PunchId, PunchOwner};
use crate::conn::{ConnOwner, FoundPath, OwnedConn};
use crate::noise::{Finished, PublicKey};
use crate::punch::{Base, MAX_ADDRESSES, PunchSecret, Puncher, open_own_nat};
use crate::relay::PairingRequest;
use crate::streams::{Path, RemoteStream};
use crate::wire::{
    Firewall, HolepunchInfo, NoisePayload, PAYLOAD_VERSION, PayloadError, RelayThrough, UdxInfo,
    is_bogon, is_private, match_address,
};
use crate::{ConnId, Cx, Foreign, PathOrigin, ServerId, SocketId, StreamId};

#[derive(Debug)]
pub(super) struct Session {
    pub(super) conn: ConnId,
    pub(super) keys: Finished,
    /// The client's end of the stream.
    pub(super) remote: RemoteStream,
    pub(super) reply: ServerHello,
    /// Requesters that wait until the puncher's socket is bound, which the reply has to leave from.
    pub(super) unanswered: Vec<Requester>,
    /// When a reply was sent last.
    pub(super) answered: Option<Instant>,
    pub(super) punching: Option<Punching>,
    /// The client, if both ends want to use the path again.
    pub(super) route_of: Option<PublicKey>,
    /// The connection has opened through a blind relay, and moves to the path that is found.
    pub(super) is_open: bool,
    /// There is no direct path: the handshake ends with its pairing at a blind relay.
    pub(super) is_last_resort: bool,
}

/// The outcome of message 1.
pub(super) enum AcceptOutcome {
    /// The client gets a reply, and has to find a path.
    Wait(Box<Session>),
    /// The client gets a reply, and the path is known. True if the first packet is repeated early.
    Open(Box<Session>, Path, bool),
    /// The client gets a reply that refuses it.
    Refuse(ServerHello),
}

/// A client that was let in, before message 2 is made.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) hello: ClientHello,
    /// The payload of message 2.
    pub(super) offer: Vec<u8>,
    /// The connection and its stream; `None` if the client is refused.
    accepted: Option<(ConnId, StreamId)>,
    plan: Plan,
    policy: ServerPolicy,
}

/// What a server tells every client.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServerPolicy {
    pub(super) server: ServerId,
    /// The owner of the connections that the server accepts.
    pub(super) owner: ConnOwner,
    pub(super) holepunch: bool,
    pub(super) share_local_address: bool,
    /// Whether clients may use the path of an earlier connection.
    pub(super) reusable_socket: bool,
    /// The blind relay that the server offers.
    pub(super) relay_through: Option<RelayThrough>,
    pub(super) relay_keep_alive: Duration,
}

/// How the client and the server find a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// The server sends to the client at once.
    Open(Path),
    /// The client shares our network. It will try that first, and expects us at the socket that it
    /// asked.
    PunchBeside,
    /// Both punch, and the client expects us at the puncher's socket.
    Punch,
    /// The client sends to the server.
    Wait,
}

impl Plan {
    /// Whether a blind relay is of use until the plan has succeeded.
    fn needs_relay(self, error: PayloadError) -> bool {
        error == PayloadError::None && !matches!(self, Self::Open(_))
    }
}

impl Session {
    /// Opens the connection, or moves it to a direct path. False if the socket of the path was
    /// closed while the application was asked.
    pub(super) fn open(self, cx: &mut Cx<'_>, base: &mut Base<'_>, path: Path) -> bool {
        let Self { conn, keys, remote, punching, route_of, is_open: was_open, .. } = self;
        // The connection opens before the puncher stops, so that the socket always has a user.
        let punch = punching.as_ref().map(Punching::punch);
        let punch = punch.and_then(|punch| base.punchers.kind(punch, path.socket));
        let found = FoundPath { path, origin: PathOrigin { punch, relay: None } };
        let is_open = if was_open {
            base.io.change_path(cx, conn, found, Some(remote.id))
        } else {
            base.io.open(cx, conn, found, remote, keys)
        };
        if let (Some(client), true) = (route_of, is_open) {
            base.io.remember_route(client, path);
        }
        match (was_open, is_open) {
            (false, true) => base.pairings.release(cx, &mut base.io, conn),
            (false, false) => base.io.fail(cx, conn, None),
            (true, true) => base.pairings.handle_moved(cx, conn),
            (true, false) => {}
        }
        if let Some(punching) = punching {
            base.punchers.stop(cx, &mut base.io, punching.punch());
        }
        is_open
    }

    /// The time until which the first packet may come of a client that got message 2, and may
    /// connect to the socket that it asked.
    pub(super) fn comes_until(&self) -> Option<Instant> {
        let answered = self.answered.filter(|_| self.reply.socket.is_none())?;
        Some(answered + FIRST_PACKET_WITHIN)
    }

    /// Opens our NAT to the sources of message 1, as far as message 2 has left from the puncher's
    /// socket. A client that expects to punch sends both from one socket, so that its first probe
    /// comes through.
    pub(super) fn open_nat(
        &self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        server: ServerId,
        requesters: &[Requester],
    ) {
        let Some(punching) = self.punching.as_ref().filter(|_| self.reply.socket.is_some()) else {
            return;
        };
        for client in requesters.iter().map(Requester::client) {
            if is_believable(base, server, &client) {
                base.punchers.open_nat_mapping(cx, punching.punch(), client.address);
            }
        }
    }

    /// The client's rounds of punching are expected from here on.
    fn await_rounds(&mut self, cx: &mut Cx<'_>, punch: PunchId) {
        let secret = PunchSecret::new(&self.keys, cx.rng);
        self.punching = Some(Punching::new(punch, secret));
    }

    /// Opens the connection through a blind relay, until a direct path is found. False if the
    /// socket of that path is gone.
    pub(super) fn open_interim(
        &mut self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        found: FoundPath,
        stream: u32,
    ) -> bool {
        let remote = RemoteStream { id: stream, ..self.remote };
        self.is_open |= base.io.open_interim(cx, self.conn, found, remote, self.keys.clone());
        self.is_open
    }
}

/// Finds out how the client may connect, and what message 2 says. `None` if there is no socket left
/// to punch from: the client gets no reply, and may try again.
pub(super) fn prepare(
    cx: &mut Cx<'_>,
    base: &mut Base<'_>,
    policy: ServerPolicy,
    slot: u32,
    hello: ClientHello,
) -> Option<Prepared> {
    let error = error(&hello.payload);
    let is_full = !base.io.pool.has_room(Party::Client(hello.source));
    let plan = match plan(cx, base, policy, hello.client, &hello.payload) {
        Plan::Punch if is_full && error == PayloadError::None => return None,
        // The client may still connect through the shared network.
        Plan::PunchBeside if is_full => Plan::Wait,
        plan @ (Plan::Open(_) | Plan::PunchBeside | Plan::Punch | Plan::Wait) => plan,
    };
    let accepted = (error == PayloadError::None).then(|| {
        let id = hello.conn.unwrap_or_else(|| base.io.conns.new_id());
        let conn = OwnedConn { id, owner: policy.owner };
        (id, base.io.accept(cx, policy.server, conn, hello.foreign))
    });
    let stream_id = accepted.map_or(0, |(_, stream)| stream.0);
    let relay_through = policy.relay_through.filter(|_| plan.needs_relay(error));
    let policy = ServerPolicy { relay_through, ..policy };
    let path_frames = hello.foreign != Foreign::Everything;
    let udx = UdxInfo::new(stream_id, policy.reusable_socket, path_frames);
    let offer = offer(cx, base, policy, slot, error, udx).encode();
    Some(Prepared { hello, offer, accepted, plan, policy })
}

impl Prepared {
    /// The client gets no message 2.
    pub(super) fn abandon(&self, cx: &mut Cx<'_>, base: &mut Base<'_>) {
        match self.accepted {
            Some((conn, _)) => base.io.fail(cx, conn, None),
            None => tell_gone(cx, self.hello.conn),
        }
    }
}

/// Answers message 1 with this message 2. The keys are those of the handshake.
pub(super) fn conclude(
    cx: &mut Cx<'_>,
    base: &mut Base<'_>,
    prepared: Prepared,
    slot: u32,
    noise: Vec<u8>,
    keys: Finished,
) -> AcceptOutcome {
    let Prepared { hello, accepted, plan, policy, .. } = prepared;
    let reply = ServerHello { noise, socket: None };
    let Some((conn, stream)) = accepted else {
        tell_gone(cx, hello.conn);
        return AcceptOutcome::Refuse(reply);
    };
    if !hello.asked {
        base.io.conns.leave_unasked(conn, hello.question(policy.server));
    }

    tracing::debug!(?conn, ?plan, client = %hello.client.address, "handshake");
    let ClientHello { payload, public_key, source, .. } = hello;
    let client = hello.client;
    let party = Party::Client(source);
    let is_reusable = policy.reusable_socket && payload.udx.is_some_and(|udx| udx.is_reusable());
    let remote = payload.udx.into();
    base.io.introduce(conn, remote);
    let mut session = Session {
        conn,
        keys,
        remote,
        reply,
        unanswered: Vec::new(),
        answered: None,
        punching: None,
        route_of: is_reusable.then_some(public_key),
        is_open: false,
        is_last_resort: false,
    };
    match plan {
        Plan::Open(path) => {
            let repeats = !client.direct && is_believable(base, policy.server, &client);
            return AcceptOutcome::Open(Box::new(session), path, repeats);
        }
        Plan::Wait => doubt_that_we_are_open(cx, base, policy.server, &client),
        Plan::PunchBeside | Plan::Punch => {
            let owner = PunchOwner::Slot(policy.server, slot);
            let punch = base.punchers.start(cx, &mut base.io, owner, party, payload.firewall);
            session.await_rounds(cx, punch);
            if plan == Plan::Punch {
                session.reply.socket = base.punchers.get(punch).and_then(Puncher::socket);
            }
        }
    }
    if let Some(through) = policy.relay_through.or(payload.relay_through) {
        let (is_initiator, keep_alive) = (policy.relay_through.is_some(), policy.relay_keep_alive);
        let request = PairingRequest { conn, stream, through, is_initiator, keep_alive, party };
        base.pairings.start(cx, &mut base.io, request);
    }
    AcceptOutcome::Wait(Box::new(session))
}

/// A client that is told that strangers reach us sends to us at once. A firewall may let in only
/// whom we have sent to.
fn doubt_that_we_are_open(cx: &mut Cx<'_>, base: &Base<'_>, server: ServerId, client: &Client) {
    if base.io.net.remote_address().is_some() && is_believable(base, server, client) {
        open_own_nat(cx, base.io.net.socket(), client.address);
    }
}

/// Whether the client may be where a node has stated. Any node can state an address in our network;
/// only our relays are believed.
fn is_believable(base: &Base<'_>, server: ServerId, client: &Client) -> bool {
    let is_stated = !client.direct && is_private(*client.address.ip());
    !is_stated || base.io.announced.is_relay(server, client.sender)
}

/// Why a client is refused.
fn error(payload: &NoisePayload) -> PayloadError {
    match payload {
        NoisePayload { version, .. } if *version != PAYLOAD_VERSION => {
            PayloadError::VersionMismatch
        }
        NoisePayload { udx: None, .. } => PayloadError::Aborted,
        _ => PayloadError::None,
    }
}

/// The payload of message 2.
fn offer(
    cx: &mut Cx<'_>,
    base: &mut Base<'_>,
    policy: ServerPolicy,
    slot: u32,
    error: PayloadError,
    udx: UdxInfo,
) -> NoisePayload {
    let server = policy.server;
    let address = base.io.net.remote_address();
    let mut addresses4: Vec<_> = address.into_iter().collect();
    if policy.share_local_address {
        addresses4.extend(base.io.local.valid(cx));
    }
    let holepunch = HolepunchInfo { id: slot.into(), relays: base.io.announced.relays(server) };
    NoisePayload {
        version: PAYLOAD_VERSION,
        error,
        firewall: if address.is_some() { Firewall::Open } else { Firewall::Unknown },
        holepunch: address.is_none().then_some(holepunch),
        addresses4,
        udx: Some(udx),
        secret_stream: true,
        relay_through: policy.relay_through,
        relay_addresses: base.io.announced.relay_addresses(server),
        ..NoisePayload::default()
    }
}

fn plan(
    cx: &mut Cx<'_>,
    base: &mut Base<'_>,
    policy: ServerPolicy,
    client: Client,
    payload: &NoisePayload,
) -> Plan {
    if client.direct {
        return Plan::Open(Path::to_peer(client.socket, client.address));
    }
    if payload.firewall == Firewall::Open {
        return Plan::Open(Path::to_peer(expected_at(base, client), client.address));
    }
    if policy.share_local_address
        && let Some(address) = local_address(cx, base, client, payload)
    {
        // Any other node could make us send into our network.
        if base.io.announced.is_relay(policy.server, client.sender) {
            base.io.local.open_to(cx, address);
        }
        return Plan::PunchBeside;
    }
    if base.io.net.remote_address().is_some() || !policy.holepunch {
        return Plan::Wait;
    }
    Plan::Punch
}

/// The socket to which a client sends at once. A client that was told a private address sends to
/// where its relay sees us (PROTOCOL D.6).
fn expected_at(base: &Base<'_>, client: Client) -> SocketId {
    let has_bogon = base.io.net.remote_address().is_some_and(|address| is_bogon(*address.ip()));
    if has_bogon { client.socket } else { base.io.net.socket() }
}

/// The private address of a client that has the same public address as we have. It resembles one of
/// ours.
fn local_address(
    cx: &mut Cx<'_>,
    base: &mut Base<'_>,
    client: Client,
    payload: &NoisePayload,
) -> Option<SocketAddrV4> {
    if *client.address.ip() != client.our_host {
        return None;
    }
    let theirs: Vec<_> = payload
        .addresses4
        .iter()
        .take(MAX_ADDRESSES)
        .filter(|address| is_private(*address.ip()) && address.port() != 0)
        .copied()
        .collect();
    match_address(&base.io.local.valid(cx), &theirs)
}

/// How long a server that refuses a client waits for its first packet, if it may have opened.
/// Most round trips are shorter.
pub(super) const FIRST_PACKET_WITHIN: Duration = Duration::from_secs(1);
