//! A client of a blind relay of this node.

use std::collections::BTreeSet;

use super::Token;
use super::channel::RelayChannel;
use crate::base::Io;
use crate::conn::{Call, ConnOwner};
use crate::noise::PublicKey;
use crate::{ConnId, Cx, MachineId};

/// The connection of one client.
#[derive(Debug)]
pub(super) struct RelayClient {
    conn: ConnId,
    pub(super) channel: RelayChannel,
    /// The requests and the pairs of the client.
    pub(super) tokens: BTreeSet<Token>,
    /// Answers that the client has not acknowledged.
    unacknowledged: usize,
}

impl RelayClient {
    pub(super) fn new(conn: ConnId, client: PublicKey) -> Self {
        let channel = RelayChannel::new(client);
        Self { conn, channel, tokens: BTreeSet::new(), unacknowledged: 0 }
    }

    /// Sends an answer. False if the client does not read its answers.
    pub(super) fn write(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, message: &[u8]) -> bool {
        self.unacknowledged += 1;
        for call in [Call::Write(message.into()), Call::Flush(0)] {
            io.conns.call(cx, io.streams, self.conn, OWNER, call);
        }
        self.unacknowledged <= MAX_UNACKNOWLEDGED
    }

    /// The client has acknowledged an answer.
    pub(super) fn handle_flushed(&mut self) {
        self.unacknowledged = self.unacknowledged.saturating_sub(1);
    }
}

/// The owner of the connections of clients.
pub(super) const OWNER: ConnOwner = ConnOwner::Machine(MachineId::RELAYS);

/// A client that reads has at most a round trip of answers outstanding.
const MAX_UNACKNOWLEDGED: usize = 1024;
