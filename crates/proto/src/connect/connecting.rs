//! An attempt after the handshake: it has the keys and looks for a path.

use std::time::Duration;

use super::cache::KnownWay;
use super::decide::{Decision, decide};
use super::hello::HandshakeDone;
use super::requests::PendingRequests;
use super::rounds::{Choices, RemoteServer, Rounds};
use crate::conn::FoundPath;
use crate::noise::Finished;
use crate::punch::{Base, open_own_nat};
use crate::streams::{Path, RemoteStream};
use crate::{AskId, ConnId, ConnectReason, Cx, PathOrigin, SocketId, Timer};

/// The handshake is done, and the attempt takes the first path that works.
#[derive(Debug)]
pub(super) struct Connecting {
    pub(super) keys: Finished,
    /// The server's stream id.
    pub(super) remote_stream: RemoteStream,
    /// What the next attempt tries first.
    pub(super) way: KnownWay,
    pub(super) plan: PathPlan,
    /// The connection is open, and moves to the path that is found.
    pub(super) is_open: bool,
}

#[derive(Debug)]
pub(super) enum PathPlan {
    /// The path is known, and the connection opens at once.
    Known(Path),
    /// The client waits for the server to send.
    Passive,
    /// A ping in the local network. If it fails, the attempt fails with this reason.
    Lan { otherwise: ConnectReason },
    /// There is no path but the one through the blind relay. If the relay fails, the attempt fails.
    Relay,
    /// Rounds and probes, perhaps beside a ping in the local network.
    Punching(Box<Rounds>),
}

impl Connecting {
    /// Opens the connection on a path, or moves it there. False if the path's socket is gone.
    pub(super) fn open(
        &self,
        cx: &mut Cx<'_>,
        base: &mut Base<'_>,
        conn: ConnId,
        path: Path,
    ) -> bool {
        let found = FoundPath { path, origin: self.origin(base, path.socket) };
        if self.is_open {
            base.io.change_path(cx, conn, found, Some(self.remote_stream.id))
        } else {
            base.io.open(cx, conn, found, self.remote_stream, self.keys.clone())
        }
    }

    /// How a path from this socket was found.
    pub(super) fn origin(&self, base: &Base<'_>, socket: SocketId) -> PathOrigin {
        let PathPlan::Punching(rounds) = &self.plan else { return PathOrigin::default() };
        let punch = base.punchers.kind(rounds.punch(), socket);
        PathOrigin { punch, relay: None }
    }

    /// The question that the application has not answered yet.
    pub(super) fn question(&self) -> Option<AskId> {
        match &self.plan {
            PathPlan::Punching(rounds) => rounds.question(),
            PathPlan::Known(_) | PathPlan::Passive | PathPlan::Lan { .. } | PathPlan::Relay => None,
        }
    }

    /// The rounds, if we punch.
    pub(super) fn rounds(&mut self) -> Option<&mut Rounds> {
        match &mut self.plan {
            PathPlan::Punching(rounds) => Some(rounds),
            PathPlan::Known(_) | PathPlan::Passive | PathPlan::Lan { .. } | PathPlan::Relay => None,
        }
    }
}

/// Chooses a plan from the server's answer, and starts it.
pub(super) fn choose(
    cx: &mut Cx<'_>,
    base: &mut Base<'_>,
    requests: &mut PendingRequests,
    conn: ConnId,
    choices: Choices,
    done: &HandshakeDone,
) -> Result<PathPlan, ConnectReason> {
    if let Some(path) = done.early.filter(|path| base.io.is_open(path.socket)) {
        return Ok(PathPlan::Known(path));
    }
    let HandshakeDone { keys, route, payload, firewall, .. } = done;
    let local = choices.local.then(|| base.io.local.all());
    let decision = decide(*route, payload, *firewall, local.as_deref());
    tracing::debug!(?conn, ?route, ?decision, "server answered");
    let known = done.socket.filter(|socket| base.io.is_open(*socket));
    let socket = base.io.net.socket();
    match decision {
        Decision::Direct => {
            let socket = known.unwrap_or(socket);
            Ok(PathPlan::Known(Path::to_peer(socket, route.node)))
        }
        Decision::Open(remote) => {
            cx.stats.punches_open += 1;
            Ok(PathPlan::Known(Path::to_peer(socket, remote)))
        }
        Decision::Passive => {
            // A firewall may let in only whom we have sent to.
            open_own_nat(cx, socket, route.server);
            cx.wake_at(Timer::Connect(conn), cx.now + PASSIVE_WAIT);
            Ok(PathPlan::Passive)
        }
        Decision::Nowhere => Err(ConnectReason::NoWay),
        Decision::Try { lan, punch } => {
            if let Some(address) = lan {
                requests.ping(cx, &mut base.io, address);
            }
            if !punch {
                return Ok(PathPlan::Lan { otherwise: ConnectReason::LanSilent });
            }
            let info = payload.holepunch.as_ref().ok_or(ConnectReason::NoWay)?;
            let server = RemoteServer {
                route: *route,
                info,
                firewall: payload.firewall,
                answers_repeats: RemoteStream::from(payload.udx).revision_1,
                round_trip: done.round_trip,
            };
            Rounds::start(cx, base, conn, keys, server, choices, done.puncher)
                .map(|rounds| PathPlan::Punching(Box::new(rounds)))
                .ok_or(ConnectReason::NoWay)
        }
    }
}

/// How long a client that is not firewalled waits for the server to send.
const PASSIVE_WAIT: Duration = Duration::from_secs(10);
