//! What the closest nodes are sent once they are known, and what becomes of it.

use std::collections::BTreeSet;
use std::net::SocketAddrV4;

use super::{Query, Stage};
use crate::QueryError;
use crate::net::{Reply, RequestKey};

/// The commits of a query.
#[derive(Debug, Default)]
pub(super) struct Commits {
    pending: BTreeSet<RequestKey>,
    /// So many the owner has still to make: the first as one, and then each that was refused.
    awaited: usize,
    /// Nodes that have refused a token. Each may do so once.
    refused_by: BTreeSet<SocketAddrV4>,
    successes: usize,
}

impl Query {
    /// True while it waits for the owner's commits.
    pub(in crate::net) fn awaits_commits(&self) -> bool {
        match &self.stage {
            Stage::Asking => false,
            Stage::Closing => true,
            Stage::Committing(commits) => commits.awaited > 0,
        }
    }

    /// The commits are on their way: all of them, or the one that the owner has made again.
    /// Returns the outcome if no commit is left.
    pub(in crate::net) fn handle_commits(
        &mut self,
        requests: Vec<RequestKey>,
    ) -> Option<Result<(), QueryError>> {
        if let Stage::Closing = self.stage {
            self.stage = Stage::Committing(Commits { awaited: 1, ..Commits::default() });
        }
        let Stage::Committing(commits) = &mut self.stage else {
            return None;
        };
        commits.awaited = commits.awaited.saturating_sub(1);
        commits.pending.extend(requests);
        commits.outcome(Err(QueryError::NoToken))
    }

    /// True if the owner has to make a commit again: a walk that waits for silent nodes takes
    /// longer than a token lives.
    pub(in crate::net) fn handle_refusal(&mut self, request: RequestKey, reply: &Reply) -> bool {
        let Stage::Committing(commits) = &mut self.stage else {
            return false;
        };
        if !reply.renews_token() || !commits.refused_by.insert(reply.from) {
            return false;
        }
        commits.awaited += usize::from(commits.pending.remove(&request));
        true
    }

    /// A commit has ended: one that was stored is a success. Returns the outcome of the last one.
    pub(in crate::net) fn handle_commit(
        &mut self,
        request: RequestKey,
        result: Result<(), QueryError>,
    ) -> Option<Result<(), QueryError>> {
        let Stage::Committing(commits) = &mut self.stage else {
            return None;
        };
        commits.pending.remove(&request);
        commits.successes += usize::from(result.is_ok());
        commits.outcome(result)
    }

    /// True if a commit was stored.
    pub(in crate::net) fn has_committed(&self) -> bool {
        matches!(&self.stage, Stage::Committing(commits) if commits.successes > 0)
    }
}

impl Commits {
    /// Those that are on their way.
    pub(super) fn pending(&self) -> &BTreeSet<RequestKey> {
        &self.pending
    }

    /// The outcome when none is left: `last` if none was stored.
    fn outcome(&self, last: Result<(), QueryError>) -> Option<Result<(), QueryError>> {
        let is_over = self.pending.is_empty() && self.awaited == 0;
        is_over.then_some(if self.successes > 0 { Ok(()) } else { last })
    }
}
