//! Queries: walks towards a target that gather replies.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::registry::Registry;
use crate::unread::Unread;
use crate::{Command, QueryError, QueryId, QueryReply, Steer};

/// A running query. Dropping it ends it early.
///
/// It pauses when 16 replies wait for [`Query::next`], and goes on when all of them were read.
#[derive(Debug)]
pub struct Query {
    query: QueryId,
    replies: mpsc::UnboundedReceiver<QueryReply>,
    unread: Arc<Unread>,
    done: oneshot::Receiver<Result<Vec<QueryReply>, QueryError>>,
    registry: Arc<Registry>,
}

impl Query {
    pub(crate) fn new(
        query: QueryId,
        replies: mpsc::UnboundedReceiver<QueryReply>,
        unread: Arc<Unread>,
        done: oneshot::Receiver<Result<Vec<QueryReply>, QueryError>>,
        registry: Arc<Registry>,
    ) -> Self {
        Self { query, replies, unread, done, registry }
    }

    /// The next reply; `None` when the query has ended.
    pub async fn next(&mut self) -> Option<QueryReply> {
        let reply = self.replies.recv().await?;
        if self.unread.take() {
            self.registry.steer_query(self.query, Steer::GoOn);
        }
        Some(reply)
    }

    /// Runs the query to its end, and gives the replies of the nodes that are closest to the
    /// target.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn finish(mut self) -> Result<Vec<QueryReply>, QueryError> {
        self.replies.close();
        if self.unread.discard() {
            self.registry.steer_query(self.query, Steer::GoOn);
        }
        (&mut self.done).await.unwrap_or_else(|_| {
            Err(self.registry.gone(QueryError::NodeDestroyed, QueryError::NodeFailed))
        })
    }
}

impl Drop for Query {
    fn drop(&mut self) {
        if self.registry.remove_query(self.query) {
            self.registry.handle().command(Command::CancelQuery { query: self.query });
        }
    }
}
