//! A connection to a blind relay, and what is paired there.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::Token;
use super::channel::{CHANNEL, RelayChannel};
use crate::base::{Io, Party};
use crate::conn::{Call, ConnOwner, FoundPath};
use crate::noise::PublicKey;
use crate::wire::{RelayPair, RelayThrough};
use crate::{ConnId, Cx, MachineId, StreamId};

/// Identifies a connection to a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ControlId(pub(super) u32);

/// A connection to a relay.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) key: PublicKey,
    /// `None` until the node has dialled.
    pub(super) conn: Option<ConnId>,
    pub(super) channel: RelayChannel,
    pub(super) by_token: BTreeMap<Token, ConnId>,
    pub(super) keep_alive: Duration,
}

/// A connection that is paired, or waits for that.
#[derive(Debug)]
pub(super) struct Pairing {
    pub(super) relay: ControlId,
    pub(super) key: PublicKey,
    pub(super) token: Token,
    pub(super) is_initiator: bool,
    pub(super) stream: StreamId,
    pub(super) party: Party,
    pub(super) stage: PairingStage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PairingStage {
    /// The relay has not answered.
    Waiting,
    /// The relay forwards packets to and from this address.
    Paired(SocketAddr),
    /// The connection has moved to a direct path, and the relay may still be needed.
    Leaving(SocketAddr),
}

/// What to pair.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PairingRequest {
    pub(crate) conn: ConnId,
    /// The stream of the connection.
    pub(crate) stream: StreamId,
    pub(crate) through: RelayThrough,
    /// True if the relay was our choice.
    pub(crate) is_initiator: bool,
    pub(crate) keep_alive: Duration,
    pub(crate) party: Party,
}

/// The relay has answered, or cannot help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PairingReport {
    pub(crate) conn: ConnId,
    pub(crate) outcome: PairingOutcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PairingOutcome {
    /// The relay forwards what is sent on this path to this stream of its own.
    Paired(FoundPath, u32),
    Failed,
}

/// A relay that the node has to dial.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ControlDial {
    pub(crate) relay: ControlId,
    pub(crate) key: PublicKey,
    pub(crate) keep_alive: Duration,
}

impl Control {
    pub(super) fn write(&self, cx: &mut Cx<'_>, io: &mut Io<'_>, message: &[u8]) {
        self.call(cx, io, Call::Write(message.into()));
    }

    pub(super) fn call(&self, cx: &mut Cx<'_>, io: &mut Io<'_>, call: Call) {
        if let Some(conn) = self.conn {
            io.conns.call(cx, io.streams, conn, OWNER, call);
        }
    }
}

impl Pairing {
    pub(super) fn request(&self) -> Vec<u8> {
        let Self { is_initiator, token, stream, .. } = *self;
        RelayPair { is_initiator, token, id: stream.0, seq: 0 }.frame(CHANNEL)
    }
}

/// The owner of the connections to relays.
pub(super) const OWNER: ConnOwner = ConnOwner::Machine(MachineId::PAIRINGS);
