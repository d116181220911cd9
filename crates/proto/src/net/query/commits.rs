//! Commits: the requests to the closest nodes once these are known.

use std::collections::BTreeSet;
use std::net::SocketAddrV4;

use super::{Query, Stage};
use crate::QueryError;
use crate::net::{Reply, RequestKey};

/// The commits of a query.
#[derive(Debug, Default)]
pub(super) struct Commits {
    pending: BTreeSet<RequestKey>,
    /// How many times the owner still has to call `Net::commit`: once for the first commits
    /// together, and once for each commit that was refused.
    awaited: usize,
    /// Nodes that have refused a token. Each may refuse only once.
    refused_by: BTreeSet<SocketAddrV4>,
    successes: usize,
}

impl Query {
    /// True while the query waits for commits of the owner.
    pub(in crate::net) fn awaits_commits(&self) -> bool {
        match &self.stage {
            Stage::Asking => false,
            Stage::Closing => true,
            Stage::Committing(commits) => commits.awaited > 0,
        }
    }

    /// Notes that commits were sent: all of them, or one that the owner repeats. Returns the
    /// outcome of the query if no commit is left.
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

    /// Takes a reply to a commit. True if the owner has to repeat the commit with a new token.
    /// Tokens can expire while the query waits for silent nodes.
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

    /// Takes the end of a commit. Returns the outcome of the query if no commit is left: success if
    /// a node has stored one.
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

    /// True if a node has stored a commit.
    pub(in crate::net) fn has_committed(&self) -> bool {
        matches!(&self.stage, Stage::Committing(commits) if commits.successes > 0)
    }
}

impl Commits {
    /// The commits in flight.
    pub(super) fn pending(&self) -> &BTreeSet<RequestKey> {
        &self.pending
    }

    /// The outcome of the query once no commit is left; `last` if no node has stored one.
    fn outcome(&self, last: Result<(), QueryError>) -> Option<Result<(), QueryError>> {
        let is_over = self.pending.is_empty() && self.awaited == 0;
        is_over.then_some(if self.successes > 0 { Ok(()) } else { last })
    }
}
