//! The path that packets take, and the paths that earlier packets took.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::mtu::BASE_MTU;
use crate::seq::Number;

/// One path to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) remote_id: u32,
    pub(crate) remote: SocketAddr,
}

/// The current path, and each older path until its packets are acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    /// Each with its index and the number of the first packet that was sent over a later path.
    old: VecDeque<(u32, Number, Path)>,
    index: u32,
    current: Option<Path>,
    /// Set until the current path is validated. The first path needs no validation: the initial
    /// window bounds what is sent over it until something is acknowledged.
    validation: Option<Box<Validation>>,
}

/// The validation of a path. UDX has no PATH_CHALLENGE. Instead, the acknowledgement of a packet
/// that was never sent over an older path validates the new one (compare RFC 9000, section 8.2).
#[derive(Debug)]
struct Validation {
    /// The first packet that was never sent over an older path.
    first: Number,
    /// Bytes of IP packets sent over the path since the change, or since the last timeout.
    sent: u64,
    /// Timeouts after something was sent over the path.
    timeouts: u32,
    /// The last path that was validated.
    fallback: Path,
}

impl Paths {
    pub(crate) fn current(&self) -> Option<Path> {
        self.current
    }

    /// The index that new packets remember.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// The path with that index; the current one if the index is gone.
    pub(crate) fn get(&self, index: u32) -> Option<Path> {
        if index == self.index {
            return self.current;
        }
        let old = self.old.iter().find(|(old, _, _)| *old == index);
        old.map(|(_, _, path)| *path).or(self.current)
    }

    /// The same index, or the current one if its path is gone.
    pub(crate) fn resolve(&self, index: u32) -> u32 {
        let is_old = self.old.iter().any(|(old, _, _)| *old == index);
        if is_old { index } else { self.index }
    }

    /// Packets from `next` on take the new path. It has to be validated unless it is the first.
    pub(crate) fn change(&mut self, path: Path, next: Number) {
        if let Some(current) = self.current.replace(path) {
            let fallback =
                self.validation.as_ref().map_or(current, |validation| validation.fallback);
            let validation = Validation { first: next, sent: 0, timeouts: 0, fallback };
            self.validation = Some(Box::new(validation));
            self.old.push_back((self.index, next, current));
            self.index = self.index.wrapping_add(1);
        }
        if self.old.len() > MAX_OLD {
            self.old.pop_front();
        }
    }

    /// Everything below `una` is acknowledged. Returns whether that includes all packets of older
    /// paths.
    pub(crate) fn handle_acknowledged(&mut self, una: Number) -> bool {
        let changing = !self.old.is_empty();
        while self.old.front().is_some_and(|(_, until, _)| *until <= una) {
            self.old.pop_front();
        }
        changing && self.old.is_empty()
    }

    /// Whether the current path has not been validated yet.
    pub(crate) fn is_validating(&self) -> bool {
        self.validation.is_some()
    }

    /// Whether a packet may leave over the path with that index. A path that is not validated may
    /// carry the initial window, and as much again after each timeout and when nothing is in flight.
    pub(crate) fn may_send(&self, index: u32) -> bool {
        let sent = self.validation.as_ref().map_or(0, |validation| validation.sent);
        index != self.index || sent < UNVALIDATED
    }

    /// An IP packet of this many bytes leaves over the path with that index.
    pub(crate) fn handle_sent(&mut self, index: u32, bytes: u64) {
        if let Some(validation) = &mut self.validation
            && index == self.index
        {
            validation.sent += bytes;
        }
    }

    /// The peer has received this packet. Returns whether that validates the current path.
    pub(crate) fn handle_delivered(&mut self, number: Number) -> bool {
        let validation = self.validation.as_ref();
        let is_proof = validation.is_some_and(|validation| number >= validation.first);
        if is_proof {
            self.validation = None;
        }
        is_proof
    }

    /// Everything that was sent has arrived, over whichever path, so no timeout follows that would
    /// let a path that is not validated carry more. It may carry the next packets, which prove it.
    pub(crate) fn handle_all_arrived(&mut self) {
        if let Some(validation) = &mut self.validation {
            validation.sent = 0;
        }
    }

    /// The current path was validated by other means, and nothing takes an older one any more.
    /// Returns whether it was not validated yet.
    pub(crate) fn prove(&mut self) -> bool {
        self.old.clear();
        self.validation.take().is_some()
    }

    /// Whether packets that were sent over an older path are not acknowledged yet.
    pub(crate) fn is_changing(&self) -> bool {
        !self.old.is_empty()
    }

    /// Handles the retransmission timeout. Returns true if the current path did not answer and was
    /// replaced by the last validated one.
    pub(crate) fn handle_timeout(&mut self) -> bool {
        let Some(validation) = &mut self.validation else { return false };
        if validation.sent == 0 {
            return false;
        }
        validation.sent = 0;
        validation.timeouts += 1;
        if validation.timeouts < TIMEOUTS_UNTIL_FAILED {
            return false;
        }
        // The packets of the failed path take the fallback, because their index no longer names a
        // path.
        self.current = Some(validation.fallback);
        self.index = self.index.wrapping_add(1);
        self.validation = None;
        true
    }
}

/// What an unvalidated path may carry, in bytes of IP packets: the initial congestion window.
const UNVALIDATED: u64 = 10 * BASE_MTU as u64;

/// Timeouts after which a path that has not answered fails: 3 s after its first packet, well before
/// the peer's own limit of 13 s.
const TIMEOUTS_UNTIL_FAILED: u32 = 2;

/// Packets of older paths than these are sent over the current one.
const MAX_OLD: usize = 8;
