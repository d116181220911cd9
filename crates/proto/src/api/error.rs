//! Errors for callers, with the codes and texts of the reference (its `lib/errors.js`).

use thiserror::Error;

use crate::secret::FrameError;

/// Why a connection could not be made or has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConnError {
    /// It never opened.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It broke.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

/// Why `connect` failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConnectError {
    #[error("Bad handshake reply")]
    BadHandshakeReply,
    #[error("Bad holepunch reply")]
    BadHolepunchReply,
    #[error("Holepunch aborted")]
    HolepunchAborted,
    #[error("Client aborted holepunch")]
    ClientAbortedHolepunch,
    #[error("Invalid holepunch payload")]
    HolepunchInvalid,
    #[error("Holepunching probe did not finish in time")]
    HolepunchProbeTimeout,
    #[error("Both remote and local NATs are randomized")]
    HolepunchDoubleRandomizedNats,
    #[error("Cannot holepunch to remote")]
    CannotHolepunch,
    #[error("Remote is not holepunching")]
    RemoteNotHolepunching,
    #[error("Remote is not holepunchable")]
    RemoteNotHolepunchable,
    #[error("Remote aborted with error code {0}")]
    RemoteAborted(u64),
    #[error("Received invalid handshake")]
    HandshakeInvalid,
    #[error("Could not connect to peer")]
    PeerConnectionFailed,
    #[error("Peer not found")]
    PeerNotFound,
    #[error("Server is using an incompatible version")]
    ServerIncompatible,
    #[error("Server returned an error")]
    ServerError,
    #[error("Server did not send UDX data")]
    ServerWithoutUdx,
    /// The node sleeps, or falls asleep.
    #[error("Suspended")]
    Suspended,
    /// The reference gives this one no code.
    #[error("Node destroyed")]
    NodeDestroyed,
    /// A panic has ended the node.
    #[error("Node failed")]
    NodeFailed,
}

impl ConnectError {
    /// The `code` that programs match on; `None` where the reference has none.
    pub fn code(self) -> Option<&'static str> {
        Some(match self {
            Self::BadHandshakeReply => "BAD_HANDSHAKE_REPLY",
            Self::BadHolepunchReply => "BAD_HOLEPUNCH_REPLY",
            Self::HolepunchAborted | Self::ClientAbortedHolepunch => "HOLEPUNCH_ABORTED",
            Self::HolepunchInvalid => "HOLEPUNCH_INVALID",
            Self::HolepunchProbeTimeout => "HOLEPUNCH_PROBE_TIMEOUT",
            Self::HolepunchDoubleRandomizedNats => "HOLEPUNCH_DOUBLE_RANDOMIZED_NATS",
            Self::CannotHolepunch => "CANNOT_HOLEPUNCH",
            Self::RemoteNotHolepunching => "REMOTE_NOT_HOLEPUNCHING",
            Self::RemoteNotHolepunchable => "REMOTE_NOT_HOLEPUNCHABLE",
            Self::RemoteAborted(_) => "REMOTE_ABORTED",
            Self::HandshakeInvalid => "HANDSHAKE_INVALID",
            Self::PeerConnectionFailed => "PEER_CONNECTION_FAILED",
            Self::PeerNotFound => "PEER_NOT_FOUND",
            Self::ServerIncompatible => "SERVER_INCOMPATIBLE",
            Self::ServerError | Self::ServerWithoutUdx => "SERVER_ERROR",
            Self::Suspended => "SUSPENDED",
            Self::NodeFailed => NODE_FAILED,
            Self::NodeDestroyed => return None,
        })
    }
}

/// Why an open connection broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The peer destroyed it.
    #[error("connection reset by peer")]
    Reset,
    /// The peer stopped answering.
    #[error("connection timed out")]
    TimedOut,
    /// What arrived is not what the peer of the handshake would send.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl StreamError {
    /// The `code` that programs match on; `None` where the reference has none.
    pub fn code(self) -> Option<&'static str> {
        match self {
            Self::Reset => Some("ECONNRESET"),
            Self::TimedOut => Some("ETIMEDOUT"),
            Self::Frame(_) => None,
        }
    }
}

/// Why `listen` failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ListenError {
    #[error("Already listening")]
    AlreadyListening,
    #[error("Keypair already used")]
    KeypairAlreadyUsed,
    #[error("Node destroyed")]
    NodeDestroyed,
    /// A panic has ended the node.
    #[error("Node failed")]
    NodeFailed,
}

impl ListenError {
    /// The `code` that programs match on.
    pub fn code(self) -> &'static str {
        match self {
            Self::AlreadyListening => "ALREADY_LISTENING",
            Self::KeypairAlreadyUsed => "KEYPAIR_ALREADY_USED",
            Self::NodeDestroyed => "NODE_DESTROYED",
            Self::NodeFailed => NODE_FAILED,
        }
    }
}

/// Why a query failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QueryError {
    #[error("Too few nodes responded")]
    TooFewNodes,
    #[error("No token received for closest node")]
    NoToken,
    #[error(transparent)]
    Commit(#[from] RequestError),
    #[error("Node was destroyed")]
    NodeDestroyed,
    /// A panic has ended the node.
    #[error("Node failed")]
    NodeFailed,
}

impl QueryError {
    /// The `code` that programs match on; `None` where the reference has none.
    pub fn code(self) -> Option<&'static str> {
        match self {
            Self::Commit(error) => error.code(),
            Self::NodeFailed => Some(NODE_FAILED),
            Self::TooFewNodes | Self::NoToken | Self::NodeDestroyed => None,
        }
    }
}

/// Why a request had no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    #[error("Request timed out")]
    Timeout,
    #[error("Request destroyed")]
    Destroyed,
    #[error("I/O suspended")]
    Suspended,
    #[error("Node destroyed")]
    NodeDestroyed,
    /// A panic has ended the node.
    #[error("Node failed")]
    NodeFailed,
}

impl RequestError {
    /// The `code` that programs match on; `None` where the reference has none.
    pub fn code(self) -> Option<&'static str> {
        match self {
            Self::Timeout => Some("REQUEST_TIMEOUT"),
            Self::Destroyed => Some("REQUEST_DESTROYED"),
            Self::Suspended => Some("IO_SUSPENDED"),
            Self::NodeFailed => Some(NODE_FAILED),
            Self::NodeDestroyed => None,
        }
    }
}

/// The reference has no such code: it has no core that can fail apart from the program.
const NODE_FAILED: &str = "NODE_FAILED";
