//! Which streams take which path.

use std::collections::BTreeSet;

use super::{Path, StreamOwner};
use crate::StreamId;

/// The current path of each connected stream that has an owner.
#[derive(Debug, Default)]
pub(super) struct PathIndex {
    entries: BTreeSet<(Path, StreamId)>,
    /// Paths to which a stream has come that cannot prove by itself where its peer is.
    joined: BTreeSet<Path>,
}

impl PathIndex {
    /// A stream has left the path `before`, and takes the path `now`.
    pub(super) fn update(
        &mut self,
        stream: StreamId,
        owner: StreamOwner,
        before: Option<Path>,
        now: Option<Path>,
    ) {
        if let Some(path) = before {
            self.entries.remove(&(path, stream));
        }
        let Some(path) = now else { return };
        self.entries.insert((path, stream));
        match owner {
            StreamOwner::Raw(_) | StreamOwner::Relay => {
                self.joined.insert(path);
            }
            StreamOwner::Conn(_) | StreamOwner::Nobody => {}
        }
    }

    /// The streams that take a path.
    pub(super) fn on(&self, path: Path) -> Vec<StreamId> {
        let all = (path, StreamId(0))..=(path, StreamId(u32::MAX));
        self.entries.range(all).map(|(_, stream)| *stream).collect()
    }

    pub(super) fn has_joined(&self) -> bool {
        !self.joined.is_empty()
    }

    pub(super) fn take_joined(&mut self) -> BTreeSet<Path> {
        std::mem::take(&mut self.joined)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len().max(self.joined.len())
    }
}
