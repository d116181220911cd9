//! News of one connection that concern other streams.

use crate::streams::Path;

/// What a connection has proven about its path, for the other streams that take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathNews {
    /// The peer was on the path `from`, and is on `to`.
    PeerMoved { from: Path, to: Path },
    /// Our own end of the path is at another address.
    WeMoved { path: Path },
}

impl PathNews {
    /// The path of the streams that it concerns.
    pub(crate) fn path(self) -> Path {
        match self {
            Self::PeerMoved { from: path, .. } | Self::WeMoved { path } => path,
        }
    }
}
