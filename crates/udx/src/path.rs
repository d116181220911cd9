//! Where packets go, and where those sent earlier went.

use std::collections::VecDeque;
use std::net::SocketAddrV4;

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
}

impl Paths {
    pub(crate) fn current(&self) -> Option<Path> {
        self.current
    }

    /// The index that new packets remember.
    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// The path of that index; the current one if it is long gone.
    pub(crate) fn get(&self, index: u32) -> Option<Path> {
        if index == self.index {
            return self.current;
        }
        let old = self.old.iter().find(|(old, _, _)| *old == index);
        old.map(|(_, _, path)| *path).or(self.current)
    }

    /// Packets from `next` on take the new path.
    pub(crate) fn change(&mut self, path: Path, next: Number) {
        if let Some(current) = self.current.replace(path) {
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
}

/// Packets of paths older than this go over the current one.
const MAX_OLD: usize = 8;
