//! Datagrams for a raw stream that have arrived on another socket than its own.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::streams::Path;
use crate::{AskId, Cx, SocketId};

/// Datagrams that wait until their stream is connected to their socket, or until the application
/// lets them in. A peer is ahead of us by one round trip at most, so the limits are small; the peer
/// repeats what is dropped.
#[derive(Debug, Default)]
pub(super) struct Strays {
    /// In the order of arrival.
    waiting: VecDeque<Stray>,
    bytes: usize,
}

/// One such datagram.
#[derive(Debug)]
pub(super) struct Stray {
    pub(super) socket: SocketId,
    pub(super) from: SocketAddr,
    pub(super) data: Vec<u8>,
    /// The question whose answer lets it in.
    ask: Option<AskId>,
}

impl Strays {
    /// Keeps a datagram, or counts it as dropped. True if it is kept.
    pub(super) fn push(
        &mut self,
        cx: &mut Cx<'_>,
        socket: SocketId,
        from: SocketAddr,
        data: &[u8],
    ) -> bool {
        if self.waiting.len() >= MAX_WAITING || self.bytes + data.len() > MAX_BYTES {
            cx.stats.dropped.udx += 1;
            return false;
        }
        self.bytes += data.len();
        // One question stands for all datagrams of a source on a socket.
        let is_same = |stray: &&Stray| stray.socket == socket && stray.from == from;
        let ask = self.waiting.iter().find(is_same).and_then(|stray| stray.ask);
        self.waiting.push_back(Stray { socket, from, data: data.to_vec(), ask });
        true
    }

    /// The latest datagram, if no question stands for it.
    pub(super) fn unasked(&mut self) -> Option<&mut Stray> {
        self.waiting.back_mut().filter(|stray| stray.ask.is_none())
    }

    /// Takes the datagrams that a stream on this path lets in, the oldest first. Those of other
    /// sockets stay if the application is asked about them.
    pub(super) fn take_of_path(&mut self, path: Path, asks: bool) -> Vec<Stray> {
        self.take(|stray| match asks {
            true => stray.socket == path.socket,
            false => path.lets_in(stray.socket, stray.from),
        })
    }

    /// Takes the datagrams that a question stands for, the oldest first.
    pub(super) fn take_of_ask(&mut self, ask: AskId) -> Vec<Stray> {
        self.take(|stray| stray.ask == Some(ask))
    }

    /// Drops all datagrams.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    fn take(&mut self, which: impl Fn(&Stray) -> bool) -> Vec<Stray> {
        let all = std::mem::take(&mut self.waiting);
        let (taken, left): (Vec<_>, Vec<_>) = all.into_iter().partition(which);
        self.waiting = left.into();
        self.bytes = self.waiting.iter().map(|stray| stray.data.len()).sum();
        taken
    }
}

impl Stray {
    /// Notes the question that stands for it.
    pub(super) fn set_ask(&mut self, ask: AskId) {
        self.ask = Some(ask);
    }
}

/// Enough for a peer's first writes. It also bounds the questions under way.
const MAX_WAITING: usize = 64;

/// The limit in bytes.
const MAX_BYTES: usize = 64 * 1024;
