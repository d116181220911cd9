//! One connected UDX stream.

use std::time::Instant;

use super::sending::Share;
use super::{Path, RemoteStream, Sent, StreamOwner};
use crate::{Cx, StreamId, Timer, Transmit, TransmitBuf};

/// A UDX stream, its path and its owner.
#[derive(Debug)]
pub(super) struct Transport {
    pub(super) id: StreamId,
    pub(super) owner: StreamOwner,
    pub(super) udx: udx::Stream,
    path: Path,
    /// Queued to transmit.
    pub(super) ready: bool,
    /// Of what the node keeps for peers.
    pub(super) share: Share,
}

impl Transport {
    pub(super) fn connect(
        now: Instant,
        id: StreamId,
        owner: StreamOwner,
        path: Path,
        remote: RemoteStream,
    ) -> Self {
        let mut udx = udx::Stream::new(id.0, udx::Config::default());
        udx.connect(now, remote.id, path.remote);
        udx.set_thin_acks(remote.revision_1);
        Self { id, owner, udx, path, ready: false, share: Share::default() }
    }

    pub(super) fn path(&self) -> Path {
        self.path
    }

    pub(super) fn poll_transmit(
        &mut self,
        now: Instant,
        buf: &mut TransmitBuf,
        max_held: usize,
    ) -> Option<Sent> {
        self.udx.set_max_held(max_held);
        let sent = self.udx.poll_transmit(now, &mut buf.data, buf.max_segments)?;
        let socket = self.path.socket;
        let transmit = Transmit { socket, to: sent.to, ttl: None, segment_size: sent.segment_size };
        Some(Sent { transmit, owner: self.owner, unsent: self.udx.unsent() })
    }

    /// Bytes kept for what the peer has not acknowledged.
    pub(super) fn held(&self) -> usize {
        self.udx.held()
    }

    pub(super) fn set_timer(&self, cx: &mut Cx<'_>) {
        match self.udx.poll_timeout() {
            Some(at) => cx.timers.set(Timer::Stream(self.id), at),
            None => cx.timers.cancel(Timer::Stream(self.id)),
        }
    }

    /// True if nobody owns it, and its peer needs no more answers.
    pub(super) fn is_over(&self) -> bool {
        self.owner == StreamOwner::Nobody && self.udx.is_done()
    }
}
