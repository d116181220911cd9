//! A connection before it has a path and keys.

use std::collections::VecDeque;
use std::mem::discriminant;

use bytes::Bytes;

use super::keep_alive::KeepAlive;
use crate::{Cx, Question, secret};

/// What has been asked for and what has arrived so far.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) writes: VecDeque<Write>,
    pub(super) keep_alive: KeepAlive,
    /// What the application was not asked about the client: one question of each kind.
    pub(super) unasked: Vec<Question>,
    parked: Vec<Vec<u8>>,
    parked_bytes: usize,
}

/// A call of the application, in order.
#[derive(Debug)]
pub(super) enum Write {
    Frame(secret::Message),
    Message(Bytes),
    Flush(u32),
    End,
}

impl Waiting {
    pub(super) fn new(keep_alive: KeepAlive) -> Self {
        Self { keep_alive, ..Self::default() }
    }

    /// Keeps a packet that came early. A peer may only be ahead by the time of a round trip, so
    /// little is kept; what is dropped, it sends again.
    pub(super) fn park(&mut self, cx: &mut Cx<'_>, data: &[u8]) {
        if self.parked.len() >= MAX_PARKED || self.parked_bytes + data.len() > MAX_PARKED_BYTES {
            cx.stats.dropped.udx += 1;
            return;
        }
        self.parked_bytes += data.len();
        self.parked.push(data.to_vec());
    }

    /// A question that comes again takes the place of the first one.
    pub(super) fn leave_unasked(&mut self, question: Question) {
        self.unasked.retain(|other| discriminant(other) != discriminant(&question));
        self.unasked.push(question);
    }

    pub(super) fn take_parked(&mut self) -> Vec<Vec<u8>> {
        self.parked_bytes = 0;
        std::mem::take(&mut self.parked)
    }
}

/// Enough for the peer's header and the first writes behind it.
const MAX_PARKED: usize = 64;

/// The same in bytes.
const MAX_PARKED_BYTES: usize = 64 * 1024;
