//! A client that may come: what we know of it, and what we told it (PROTOCOL D.5, D.6).

use super::requester::{Client, ClientHello, Requester, ServerHello};
use super::rounds::Punching;
use crate::base::{Party, PunchOwner};
use crate::conn::ConnOwner;
use crate::noise::Finished;
use crate::punch::{Base, MAX_ADDRESSES, PunchSecret, Puncher};
use crate::streams::{Path, RemoteStream};
use crate::wire::{
    FEATURE_REVISION_1, Firewall, HolepunchInfo, NoisePayload, PAYLOAD_VERSION, PayloadError,
    UdxInfo, is_private, match_address,
};
use crate::{ConnId, Cx, ServerId};

#[derive(Debug)]
pub(super) struct Session {
    pub(super) conn: ConnId,
    pub(super) keys: Finished,
    /// The client's stream.
    pub(super) remote: RemoteStream,
    pub(super) reply: ServerHello,
    /// They wait until the puncher's socket, which the reply leaves from, is bound.
    pub(super) unanswered: Vec<Requester>,
    pub(super) punching: Option<Punching>,
}

/// What becomes of a caller.
pub(super) enum AcceptOutcome {
    /// It is told, and the client has to find a path.
    Wait(Box<Session>),
    /// It is told, and the path is known.
    Open(Box<Session>, Path),
    /// It is told why not.
    Refuse(ServerHello),
    /// Nothing is said.
    Drop,
    /// Nothing is said, for there is no socket left to punch from. The client may try again.
    Full,
}

/// What a server tells everyone alike.
#[derive(Clone, Copy, Debug)]
pub(super) struct ServerPolicy {
    pub(super) server: ServerId,
    /// Of the connections that it accepts.
    pub(super) owner: ConnOwner,
    pub(super) holepunch: bool,
    pub(super) share_local_address: bool,
}

/// How a client may find its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// We send to it at once.
    Open(Path),
    /// It shares our network: it will try that first, and knows us by the socket that it asked.
    PunchBeside,
    /// We punch, and it knows us by the puncher's socket.
    Punch,
    /// It comes to us.
    Wait,
}

impl Session {
    /// The client is there: it gets its connection. False if the path's socket went away while the
    /// application was asked.
    pub(super) fn open(self, cx: &mut Cx<'_>, base: &mut Base<'_>, path: Path) -> bool {
        let Self { conn, keys, remote, punching, .. } = self;
        // Before the puncher goes, so that the socket has a user.
        let is_open = base.io.open(cx, conn, path, remote, keys);
        if !is_open {
            base.io.fail(cx, conn, None);
        }
        if let Some(punching) = punching {
            base.punchers.stop(cx, &mut base.io, punching.punch());
        }
        is_open
    }
}

/// Answers message 1.
pub(super) fn accept(
    cx: &mut Cx<'_>,
    base: &mut Base<'_>,
    policy: ServerPolicy,
    slot: u32,
    mut hello: ClientHello,
) -> AcceptOutcome {
    let error = error(&hello.payload);
    let party = Party::Client(hello.source);
    let is_full = !base.io.pool.has_room(party);
    let plan = match plan(cx, base, policy, hello.client, &hello.payload) {
        Plan::Punch if is_full && error == PayloadError::None => return AcceptOutcome::Full,
        // It may come through our network all the same.
        Plan::PunchBeside if is_full => Plan::Wait,
        plan @ (Plan::Open(_) | Plan::PunchBeside | Plan::Punch | Plan::Wait) => plan,
    };
    let accepted =
        (error == PayloadError::None).then(|| base.io.accept(cx, policy.server, policy.owner));
    let stream_id = accepted.map_or(0, |(_, stream)| stream.0);
    let offer = offer(cx, base, policy, slot, error, stream_id);
    let Ok(noise) = hello.responder.send(&offer.encode()) else {
        if let Some((conn, _)) = accepted {
            base.io.fail(cx, conn, None);
        }
        return AcceptOutcome::Drop;
    };
    let reply = ServerHello { noise, socket: None };
    let Some((conn, _)) = accepted else { return AcceptOutcome::Refuse(reply) };
    if !hello.asked {
        base.io.conns.leave_unasked(conn, hello.question(policy.server));
    }

    tracing::debug!(?conn, ?plan, client = %hello.client.address, "handshake");
    let ClientHello { responder, payload, .. } = hello;
    let remote = payload.udx.into();
    base.io.introduce(conn, remote);
    let mut session = Session {
        conn,
        keys: responder.finish(),
        remote,
        reply,
        unanswered: Vec::new(),
        punching: None,
    };
    match plan {
        Plan::Open(path) => return AcceptOutcome::Open(Box::new(session), path),
        Plan::Wait => {}
        Plan::PunchBeside | Plan::Punch => {
            let owner = PunchOwner::Slot(policy.server, slot);
            let punch = base.punchers.start(cx, &mut base.io, owner, party, payload.firewall);
            let secret = PunchSecret::new(&session.keys, cx.rng);
            session.punching = Some(Punching::new(punch, secret));
            if plan == Plan::Punch {
                session.reply.socket = base.punchers.get(punch).and_then(Puncher::socket);
            }
        }
    }
    AcceptOutcome::Wait(Box::new(session))
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
    stream_id: u32,
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
        udx: Some(UdxInfo { features: FEATURE_REVISION_1, id: stream_id, seq: 0 }),
        secret_stream: true,
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
        return Plan::Open(Path { socket: client.socket, remote: client.address });
    }
    if payload.firewall == Firewall::Open {
        return Plan::Open(Path { socket: base.io.net.socket(), remote: client.address });
    }
    if policy.share_local_address && shares_network(cx, base, client, payload) {
        return Plan::PunchBeside;
    }
    if base.io.net.remote_address().is_some() || !policy.holepunch {
        return Plan::Wait;
    }
    Plan::Punch
}

/// True if client and server are behind the same address, and one of its private addresses looks
/// like one of ours.
fn shares_network(
    cx: &mut Cx<'_>,
    base: &mut Base<'_>,
    client: Client,
    payload: &NoisePayload,
) -> bool {
    if *client.address.ip() != client.our_host {
        return false;
    }
    let theirs: Vec<_> = payload
        .addresses4
        .iter()
        .take(MAX_ADDRESSES)
        .filter(|address| is_private(*address.ip()))
        .copied()
        .collect();
    match_address(&base.io.local.valid(cx), &theirs).is_some()
}
