//! What an attempt has once the handshake is done: the keys, and a way to a path.

use std::net::SocketAddrV4;

use super::rounds::Rounds;
use crate::noise::Finished;
use crate::streams::{Path, RemoteStream};
use crate::{AskId, ConnectError};

/// The handshake is done, and a path is wanted. Whichever comes first is taken.
#[derive(Debug)]
pub(super) struct Connecting {
    pub(super) keys: Finished,
    /// The server's stream id.
    pub(super) remote_stream: RemoteStream,
    /// What leads to the server next time.
    pub(super) relays: Vec<SocketAddrV4>,
    pub(super) plan: PathPlan,
}

#[derive(Debug)]
pub(super) enum PathPlan {
    /// The path is known: it opens at once.
    Known(Path),
    /// The server sends to us.
    Passive,
    /// A ping in our own network; if it fails, this is why.
    Lan { otherwise: ConnectError },
    /// Rounds and probes, perhaps beside a ping in our own network.
    Punching(Box<Rounds>),
}

impl Connecting {
    /// The question that is open.
    pub(super) fn question(&self) -> Option<AskId> {
        match &self.plan {
            PathPlan::Punching(rounds) => rounds.question(),
            PathPlan::Known(_) | PathPlan::Passive | PathPlan::Lan { .. } => None,
        }
    }

    /// The rounds, if we punch.
    pub(super) fn rounds(&mut self) -> Option<&mut Rounds> {
        match &mut self.plan {
            PathPlan::Punching(rounds) => Some(rounds),
            PathPlan::Known(_) | PathPlan::Passive | PathPlan::Lan { .. } => None,
        }
    }
}
