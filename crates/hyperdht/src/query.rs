//! Queries: walks towards a target that gather replies.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::registry::Registry;
use crate::{Command, QueryError, QueryId, QueryReply};

/// A running query. Dropping it ends it early.
#[derive(Debug)]
pub struct Query {
    query: QueryId,
    replies: mpsc::UnboundedReceiver<QueryReply>,
    done: oneshot::Receiver<Result<Vec<QueryReply>, QueryError>>,
    registry: Arc<Registry>,
}

impl Query {
    pub(crate) fn new(
        query: QueryId,
        replies: mpsc::UnboundedReceiver<QueryReply>,
        done: oneshot::Receiver<Result<Vec<QueryReply>, QueryError>>,
        registry: Arc<Registry>,
    ) -> Self {
        Self { query, replies, done, registry }
    }

    /// The next reply; `None` when the query has ended.
    pub async fn next(&mut self) -> Option<QueryReply> {
        self.replies.recv().await
    }

    /// Runs the query to its end, and gives the replies of the nodes that are closest to the
    /// target.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn finish(mut self) -> Result<Vec<QueryReply>, QueryError> {
        (&mut self.done).await.unwrap_or(Err(QueryError::NodeDestroyed))
    }
}

impl Drop for Query {
    fn drop(&mut self) {
        if self.registry.remove_query(self.query) {
            self.registry.handle().command(Command::CancelQuery { query: self.query });
        }
    }
}
