//! Where packets go, and where those sent earlier went.

use std::collections::VecDeque;
use std::net::SocketAddrV4;

use crate::mtu::BASE_MTU;
use crate::seq::Number;

/// One way to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) remote_id: u32,
    pub(crate) remote: SocketAddrV4,
}

/// The current path, and the older ones as long as packets sent over them are not acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    /// Each with its index and the number of the first packet that was *not* sent over it.
    old: VecDeque<(u32, Number, Path)>,
    index: u32,
    current: Option<Path>,
    /// While nothing shows that packets arrive over the current path. The first path is never
    /// doubted: the initial window bounds what is sent over it until something is acknowledged.
    validation: Option<Validation>,
}

/// The doubt about a path. UDX has no PATH_CHALLENGE: the acknowledgement of a packet that was
/// never sent over an older path shows that the new one works (compare RFC 9000, section 8.2).
#[derive(Clone, Copy, Debug)]
struct Validation {
    /// The first packet that was never sent over an older path.
    first: Number,
    /// Bytes of IP packets sent over the path since the change, or since the last timeout.
    sent: u64,
    /// Timeouts after something was sent over it.
    timeouts: u32,
    /// The last path that was known to work.
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

    /// The path of that index.
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

    /// Packets from `next` on take the new path, which is in doubt unless it is the first.
    pub(crate) fn change(&mut self, path: Path, next: Number) {
        if let Some(current) = self.current.replace(path) {
            let fallback = self.validation.map_or(current, |validation| validation.fallback);
            self.validation = Some(Validation { first: next, sent: 0, timeouts: 0, fallback });
            self.old.push_back((self.index, next, current));
            self.index = self.index.wrapping_add(1);
        }
        if self.old.len() > MAX_OLD {
            self.old.pop_front();
        }
    }

    /// Everything below `una` is acknowledged. Returns whether that was all that older paths had.
    pub(crate) fn handle_acknowledged(&mut self, una: Number) -> bool {
        let changing = !self.old.is_empty();
        while self.old.front().is_some_and(|(_, until, _)| *until <= una) {
            self.old.pop_front();
        }
        changing && self.old.is_empty()
    }

    /// Whether nothing shows yet that the current path works.
    pub(crate) fn is_validating(&self) -> bool {
        self.validation.is_some()
    }

    /// Whether a packet may leave over the path of that index. A path in doubt gets the initial
    /// window, and as much again after each timeout.
    pub(crate) fn may_send(&self, index: u32) -> bool {
        let sent = self.validation.map_or(0, |validation| validation.sent);
        index != self.index || sent < UNVALIDATED
    }

    /// An IP packet of so many bytes leaves over the path of that index.
    pub(crate) fn handle_sent(&mut self, index: u32, bytes: u64) {
        if let Some(validation) = &mut self.validation
            && index == self.index
        {
            validation.sent += bytes;
        }
    }

    /// The peer has this packet. Returns whether that shows that the current path works.
    pub(crate) fn handle_delivered(&mut self, number: Number) -> bool {
        let is_proof = self.validation.is_some_and(|validation| number >= validation.first);
        if is_proof {
            self.validation = None;
        }
        is_proof
    }

    /// The retransmission timeout fired. A path that answers nothing is given up for the last one
    /// that worked; returns whether it was.
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
        // The packets of the failed path take the fallback: their index names no path any more.
        self.current = Some(validation.fallback);
        self.index = self.index.wrapping_add(1);
        self.validation = None;
        true
    }
}

/// What a path in doubt may be sent, in bytes of IP packets: the initial congestion window.
const UNVALIDATED: u64 = 10 * BASE_MTU as u64;

/// Timeouts after which a path that has answered nothing is given up: 3 s after the first packet,
/// while the peer waits 13 s for one.
const TIMEOUTS_UNTIL_FAILED: u32 = 2;

/// Packets of paths older than this go over the current one.
const MAX_OLD: usize = 8;
