//! What a connection does when the path below it may have changed.

use std::net::SocketAddrV4;
use std::time::Instant;

use super::fuse::{Fuse, FuseStep};
use super::prover::{Cause, Proof, Prover, Relays};
use crate::noise::Finished;
use crate::streams::{Path, StreamMut};
use crate::{ConnId, Cx, Timer};

/// A connection between two of ours goes on over the new path. Any other ends soon.
#[derive(Debug)]
pub(super) enum Migration {
    Proving(Box<Prover>),
    Ending(Fuse),
}

/// What has become of the local addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetworkChange {
    /// An address that the host had is gone, or datagrams leave from another one.
    Lost,
    /// The host has further addresses, or another way to the internet.
    Other,
    /// A relay says that the public address has changed.
    Public,
}

impl Migration {
    /// `has_frames`: both ends exchange frames about the path.
    pub(super) fn new(conn: ConnId, keys: &Finished, has_frames: bool, now: Instant) -> Self {
        match has_frames {
            true => Self::Proving(Box::new(Prover::new(conn, keys, now))),
            false => Self::Ending(Fuse::new(now)),
        }
    }

    /// A packet of the stream has come. `has_worked`: from where the stream sends to.
    pub(super) fn handle_packet(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        payload: usize,
        has_worked: bool,
    ) {
        match self {
            Self::Proving(prover) => {
                if prover.handle_packet(cx.now, has_worked) {
                    self.set_timer(cx, conn);
                }
            }
            Self::Ending(fuse) => fuse.handle_packet(cx.now),
        }
        if payload > KEEP_ALIVE_LEN {
            self.handle_data(cx, conn);
        }
    }

    /// Data goes to the peer, or has come from it.
    pub(super) fn handle_data(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        if let Self::Proving(prover) = self
            && prover.handle_data(cx.now)
        {
            self.set_timer(cx, conn);
        }
    }

    pub(super) fn handle_frame(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        stream: &StreamMut<'_>,
        (at, data): (Path, &[u8]),
    ) -> Proof {
        let Self::Proving(prover) = self else {
            cx.stats.dropped.frame += 1;
            return Proof::Nothing;
        };
        let proof = prover.handle_frame(cx, stream, at, data);
        self.set_timer(cx, conn);
        proof
    }

    /// Nodes that forward handshakes to the peer, a server.
    pub(super) fn set_relays(&mut self, relays: Relays) {
        if let Self::Proving(prover) = self {
            prover.set_relays(relays);
        }
    }

    /// A frame has come by way of a relay. Returns the packet that the relay returns.
    pub(super) fn handle_detour(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        stream: &StreamMut<'_>,
        (peer, data): (SocketAddrV4, &[u8]),
    ) -> Option<Vec<u8>> {
        let Self::Proving(prover) = self else { return None };
        let answer = prover.handle_detour(cx, stream, peer, data);
        self.set_timer(cx, conn);
        answer
    }

    /// A relay has returned a frame.
    pub(super) fn handle_detour_reply(
        &mut self,
        cx: &mut Cx<'_>,
        stream: &StreamMut<'_>,
        (peer, data): (SocketAddrV4, &[u8]),
    ) {
        if let Self::Proving(prover) = self {
            prover.handle_detour_reply(cx, stream, peer, data);
        }
    }

    /// Other streams take the path, and follow the peer if it proves that it is there.
    pub(super) fn prove(&mut self, cx: &mut Cx<'_>, conn: ConnId, stream: &StreamMut<'_>) {
        if let Self::Proving(prover) = self {
            prover.prove(cx, stream);
            self.set_timer(cx, conn);
        }
    }

    /// The peer has not answered in time.
    pub(super) fn handle_silence(&mut self, cx: &mut Cx<'_>, conn: ConnId, stream: &StreamMut<'_>) {
        if let Self::Proving(prover) = self {
            prover.start(cx, stream, Cause::Silence);
            self.set_timer(cx, conn);
        }
    }

    pub(super) fn handle_network_change(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        stream: &mut StreamMut<'_>,
        change: NetworkChange,
    ) {
        match self {
            Self::Proving(prover) => {
                let is_public = change == NetworkChange::Public;
                let cause = if is_public { Cause::Public } else { Cause::Local };
                prover.start(cx, stream, cause);
            }
            Self::Ending(fuse) if change == NetworkChange::Lost => {
                fuse.handle_lost_address(cx.now);
                stream.ask();
            }
            Self::Ending(_) => {}
        }
        self.set_timer(cx, conn);
    }

    /// Handles `Timer::PathCheck`. False if the connection ends.
    pub(super) fn handle_timeout(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        stream: &mut StreamMut<'_>,
    ) -> bool {
        let step = match self {
            Self::Proving(prover) => {
                prover.handle_timeout(cx, stream);
                FuseStep::Nothing
            }
            Self::Ending(fuse) => fuse.handle_timeout(cx.now),
        };
        if step == FuseStep::Ask {
            stream.ask();
        }
        self.set_timer(cx, conn);
        step != FuseStep::End
    }

    fn set_timer(&self, cx: &mut Cx<'_>, conn: ConnId) {
        let at = match self {
            Self::Proving(prover) => prover.poll_timeout(),
            Self::Ending(fuse) => fuse.poll_timeout(),
        };
        match at {
            Some(at) => cx.timers.set(Timer::PathCheck(conn), at),
            None => cx.timers.cancel(Timer::PathCheck(conn)),
        }
    }
}

/// The frame of an empty message.
const KEEP_ALIVE_LEN: usize = 20;
