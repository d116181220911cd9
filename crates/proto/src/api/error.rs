//! Errors for callers, with the codes and texts of the reference (its `lib/errors.js`).

use thiserror::Error;

use crate::secret::FrameError;

/// Why a connection could not be made or has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConnError {
    /// The connection never opened.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The open connection broke.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

/// Why `connect` failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConnectError {
    #[error("Bad handshake reply")]
    /// A relay's answer to a handshake could not be decoded.
    BadHandshakeReply,
    #[error("Bad holepunch reply")]
    /// A relay's answer to a punching round could not be decoded.
    BadHolepunchReply,
    #[error("Holepunch aborted")]
    /// Our side stopped punching: a hook refused, or the NATs do not allow it.
    HolepunchAborted,
    #[error("Client aborted holepunch")]
    /// A hook of the client refused to punch.
    ClientAbortedHolepunch,
    #[error("Invalid holepunch payload")]
    /// A punching round did not decrypt.
    HolepunchInvalid,
    #[error("Holepunching probe did not finish in time")]
    /// The NAT of one side was not known in time.
    HolepunchProbeTimeout,
    #[error("Both remote and local NATs are randomized")]
    /// Both NATs take random ports: no punch can succeed.
    HolepunchDoubleRandomizedNats,
    #[error("Cannot holepunch to remote")]
    /// Our side cannot punch.
    CannotHolepunch,
    #[error("Remote is not holepunching")]
    /// The peer did not begin to punch.
    RemoteNotHolepunching,
    #[error("Remote is not holepunchable")]
    /// The peer does not allow a punch.
    RemoteNotHolepunchable,
    #[error("Remote aborted with error code {0}")]
    /// The peer stopped, with this error of the wire.
    RemoteAborted(u64),
    #[error("Received invalid handshake")]
    /// The server's handshake did not decrypt.
    HandshakeInvalid,
    #[error("Could not connect to peer")]
    /// No relay could reach the server.
    PeerConnectionFailed,
    #[error("Peer not found")]
    /// No node knows the server.
    PeerNotFound,
    #[error("Server is using an incompatible version")]
    /// The server uses another protocol version.
    ServerIncompatible,
    #[error("Server returned an error")]
    /// The server refused with an error.
    ServerError,
    #[error("Server did not send UDX data")]
    /// The server offers no transport that we know.
    ServerWithoutUdx,
    #[error("Relay aborted")]
    /// The blind relay cannot be reached, or has not paired the two ends in time, and no other path
    /// was found.
    RelayAborted,
    /// The node is suspended, or is suspending.
    #[error("Suspended")]
    Suspended,
    /// The node is destroyed, or is being destroyed. The reference has no code for this error.
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
            Self::RelayAborted => "RELAY_ABORTED",
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
    /// Another stream of the node has the id of this raw stream.
    #[error("address already in use")]
    IdInUse,
    /// The stream did not carry valid frames of the peer of the handshake.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl StreamError {
    /// The `code` that programs match on; `None` where the reference has none.
    pub fn code(self) -> Option<&'static str> {
        match self {
            Self::Reset => Some("ECONNRESET"),
            Self::TimedOut => Some("ETIMEDOUT"),
            Self::IdInUse => Some("EADDRINUSE"),
            Self::Frame(_) => None,
        }
    }
}

/// Why `listen` failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ListenError {
    #[error("Already listening")]
    /// The server listens already.
    AlreadyListening,
    #[error("Keypair already used")]
    /// Another server of the node has this key pair.
    KeypairAlreadyUsed,
    #[error("Node destroyed")]
    /// The node is destroyed, or is being destroyed.
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
    /// Fewer nodes answered than a query with a commit needs.
    TooFewNodes,
    #[error("No token received for closest node")]
    /// A node that should store something gave no token.
    NoToken,
    #[error(transparent)]
    /// A request of the commit failed.
    Commit(#[from] RequestError),
    #[error("Node was destroyed")]
    /// The node is destroyed, or is being destroyed.
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
    /// No try was answered.
    Timeout,
    #[error("Request destroyed")]
    /// The request was cancelled.
    Destroyed,
    #[error("I/O suspended")]
    /// The node is suspended.
    Suspended,
    #[error("Node destroyed")]
    /// The node is destroyed, or is being destroyed.
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

/// The reference has no such code, because it has no native core that can fail while the program
/// runs on.
const NODE_FAILED: &str = "NODE_FAILED";
