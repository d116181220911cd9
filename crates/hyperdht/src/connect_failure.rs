//! The error of an attempt to connect.

use thiserror::Error;

use crate::{ConnectError, ConnectReason, ConnectTrace};

/// Why `connect` failed, and what it did until then.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{error}")]
pub struct ConnectFailure {
    /// The error, with the code of the reference.
    #[source]
    pub error: ConnectError,
    /// What the attempt did: its steps, both NATs, the relay, and the precise reason.
    pub trace: Box<ConnectTrace>,
}

impl ConnectFailure {
    /// The failure of an attempt that was refused, or that the end of the node has cut short.
    pub(crate) fn refused(reason: ConnectReason) -> Self {
        Self::from(Box::new(ConnectTrace::refused(reason)))
    }
}

impl From<Box<ConnectTrace>> for ConnectFailure {
    fn from(trace: Box<ConnectTrace>) -> Self {
        Self { error: trace.error(), trace }
    }
}
