//! The last numbers of connections that have closed.

use std::collections::VecDeque;

use crate::{ConnId, ConnStats};

/// The latest connections that have closed. The application may read the numbers of a connection
/// before it has taken the event that tells of its end.
#[derive(Debug, Default)]
pub(super) struct EndedConns {
    /// The oldest first.
    latest: VecDeque<(ConnId, ConnStats)>,
}

impl EndedConns {
    /// Keeps the numbers of a connection, and forgets the oldest if there are too many.
    pub(super) fn push(&mut self, conn: ConnId, stats: ConnStats) {
        if self.latest.len() == MAX_ENDED {
            self.latest.pop_front();
        }
        self.latest.push_back((conn, stats));
    }

    /// The numbers of the latest connection with this id.
    pub(super) fn stats(&self, conn: ConnId) -> Option<ConnStats> {
        self.latest.iter().rev().find(|(id, _)| *id == conn).map(|(_, stats)| *stats)
    }
}

/// More than end within a turn of the application, in all but rare cases. A connection takes about
/// 100 bytes. [`crate::Closed::stats`] has the numbers in any case.
const MAX_ENDED: usize = 256;
