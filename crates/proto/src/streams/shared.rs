//! What the streams of a node have in common.

use std::collections::VecDeque;

use super::budget::{self, Budget};
use super::path_index::PathIndex;
use super::path_load::{PathLoads, Room};
use super::relays::RelayLinks;
use super::socket_use::SocketUse;
use super::transport::Transport;
use super::{Path, StreamOwner};
use crate::StreamId;

/// What the streams of a node have in common.
#[derive(Debug)]
pub(super) struct Shared {
    /// Streams that may have something to send, each once.
    pub(super) ready: VecDeque<StreamId>,
    pub(super) sockets: SocketUse,
    pub(super) paths: PathIndex,
    /// Bytes in flight, over the streams of each path.
    pub(super) loads: PathLoads,
    pub(super) relays: RelayLinks,
    /// Bytes kept for retransmission, over all streams.
    pub(super) sending: Budget,
    /// Bytes that wait to be forwarded, over all streams.
    pub(super) forwarding: Budget,
    /// How many timeouts in a row the application's connections survive.
    pub(super) max_timeouts: u32,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            ready: VecDeque::new(),
            sockets: SocketUse::default(),
            paths: PathIndex::default(),
            loads: PathLoads::default(),
            relays: RelayLinks::default(),
            sending: Budget::new(budget::SENDING),
            forwarding: Budget::new(budget::FORWARDING),
            max_timeouts: 0,
        }
    }
}

impl Shared {
    /// Takes what a stream keeps out of the budgets.
    pub(super) fn count(&mut self, transport: &mut Transport) {
        let (held, waiting) = (transport.held(), transport.waiting());
        self.sending.set(&mut transport.sending, held);
        self.forwarding.set(&mut transport.forwarded, waiting);
        let (in_flight, round_trip) = (transport.udx.in_flight(), transport.udx.min_round_trip());
        self.loads.set(&mut transport.load, in_flight, round_trip);
    }

    /// What a stream may have sent without an answer.
    pub(super) fn room(&self, transport: &Transport) -> Room {
        Room { held: self.sending.room(), in_flight: self.loads.room(&transport.load) }
    }

    /// Notes which path a stream takes.
    pub(super) fn note_path(&mut self, transport: &mut Transport) {
        let path = (transport.owner != StreamOwner::Nobody).then(|| transport.path());
        self.set_path(transport, path);
    }

    fn set_path(&mut self, transport: &mut Transport, path: Option<Path>) {
        if transport.noted_path != path {
            let before = std::mem::replace(&mut transport.noted_path, path);
            self.paths.update(transport.id, transport.owner, before, path);
        }
        // Behind a relay, each peer has a receive buffer of its own.
        let loaded = path.filter(|_| !transport.is_on_interim());
        self.loads.change(&mut transport.load, loaded);
    }

    /// A stream is gone, and gives back what it has taken of the budgets.
    pub(super) fn forget(&mut self, transport: &mut Transport) {
        self.set_path(transport, None);
        self.sending.set(&mut transport.sending, 0);
        self.forwarding.set(&mut transport.forwarded, 0);
    }

    /// Lets a stream send.
    pub(super) fn enqueue(&mut self, transport: &mut Transport) {
        if !transport.ready {
            transport.ready = true;
            self.ready.push_back(transport.id);
        }
    }
}
