//! What an attempt to connect did until it failed.

use std::net::SocketAddrV4;
use std::time::Duration;

use super::error::ConnectError;
use crate::wire::{Firewall, PublicKey};

/// Why an attempt to connect failed, and what it did until then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectTrace {
    /// Why the attempt failed. More precise than its error.
    pub reason: ConnectReason,
    /// Why no direct path was found, if a blind relay was waited for after that.
    pub direct: Option<ConnectReason>,
    /// The steps that the attempt reached, each once, in the order in which it reached them. The
    /// last one is [`ConnectStep::Failed`].
    pub steps: Vec<TracedStep>,
    /// The node of the DHT that led to the server. It is the server's own address if the server
    /// answered itself.
    pub node: Option<SocketAddrV4>,
    /// The server's address, as that node sees it.
    pub server: Option<SocketAddrV4>,
    /// The public key of the blind relay.
    pub relay: Option<PublicKey>,
    /// Our own NAT: that of the socket for punching, or else that of the node.
    pub local_nat: NatClass,
    /// The server's NAT, as the server has told.
    pub remote_nat: NatClass,
    /// How many nodes have answered the search for the server.
    pub nodes: u32,
    /// How many times message 1 went to another node, or directly to the server.
    pub handshakes: u32,
    /// How many punching rounds were sent. A round that was sent again counts once.
    pub rounds: u32,
    /// How many probes were sent.
    pub probes: u32,
}

/// A step of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TracedStep {
    /// The step.
    pub step: ConnectStep,
    /// The time from the call to this step, in whole milliseconds.
    pub after: Duration,
}

/// What an attempt can reach on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectStep {
    /// It searches the DHT for nodes that know the server.
    Search,
    /// A node knows the server.
    Found,
    /// The handshake was sent.
    Handshake,
    /// The server has answered the handshake.
    Answered,
    /// The server was pinged at its local address.
    Lan,
    /// A blind relay was asked to pair the two ends.
    Relay,
    /// The first punching round was sent.
    Round,
    /// Both ends have told what they know of their NATs.
    Analyzed,
    /// The server was asked to punch.
    Agree,
    /// Both ends send probes.
    Punch,
    /// The attempt has failed.
    Failed,
}

impl ConnectStep {
    /// All steps, in the order of the variants.
    pub const ALL: [Self; 11] = [
        Self::Search,
        Self::Found,
        Self::Handshake,
        Self::Answered,
        Self::Lan,
        Self::Relay,
        Self::Round,
        Self::Analyzed,
        Self::Agree,
        Self::Punch,
        Self::Failed,
    ];
}

/// How the NAT of one end maps ports, in the words of the reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NatClass {
    /// Not known.
    #[default]
    Unknown,
    /// Packets of strangers arrive.
    Open,
    /// All destinations see the same port.
    Consistent,
    /// Each destination sees another port.
    Random,
}

impl From<Firewall> for NatClass {
    fn from(firewall: Firewall) -> Self {
        match firewall {
            Firewall::Unknown => Self::Unknown,
            Firewall::Open => Self::Open,
            Firewall::Consistent => Self::Consistent,
            // All versions treat a number that they do not know as RANDOM.
            Firewall::Random | Firewall::Other(_) => Self::Random,
        }
    }
}

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectReason {
    /// No node of the DHT has answered the search: there is no network, or it lets no UDP through.
    NoAnswer,
    /// Nodes have answered, but none of them knows the server.
    NotAnnounced,
    /// Nodes know the server, but the handshake came back through none of them.
    NotReached,
    /// The server's handshake cannot be decoded.
    HandshakeInvalid,
    /// The server uses another protocol version.
    ServerIncompatible,
    /// The server has answered with an error.
    ServerError,
    /// The server offers no transport that we know.
    ServerWithoutUdx,
    /// The server offers no way to punch, and no address.
    NoWay,
    /// The server has sent nothing to our address, at which strangers reach us.
    ServerSilent,
    /// The server did not answer at its local address, and offers no way to punch.
    LanSilent,
    /// The server has not answered a punching round, or not in a readable way.
    RoundSilent,
    /// The server has stopped the punch.
    ServerAborted,
    /// The server's budget for random punches is spent, and this attempt ends before a part comes back.
    TryLater,
    /// This node's budget for random punches is spent, and this attempt ends before a part comes back.
    Throttled,
    /// One end could not find out how its NAT maps ports.
    NatUnknown,
    /// Both NATs take another port for each destination.
    RandomNats,
    /// The server was asked to punch, and does not.
    ServerNotPunching,
    /// The server has told no address that can be punched.
    NoStrategy,
    /// Both ends have punched, and no probe has arrived.
    ProbesLost,
    /// No socket could be bound, or it was closed.
    NoSocket,
    /// The application's hook has refused to punch.
    Vetoed,
    /// The blind relay cannot be reached, or has not paired the two ends in time.
    RelayFailed,
    /// The node is suspended, or is suspending.
    Suspended,
    /// The node is destroyed, or is being destroyed.
    NodeDestroyed,
    /// A panic has ended the node.
    NodeFailed,
}

impl ConnectReason {
    /// The error that an attempt fails with for this reason. Several reasons share an error where
    /// the reference does not tell them apart, since programs such as hyperswarm use a relay after
    /// certain errors only.
    pub fn error(self) -> ConnectError {
        match self {
            Self::NoAnswer | Self::NotAnnounced => ConnectError::PeerNotFound,
            Self::NotReached => ConnectError::PeerConnectionFailed,
            Self::HandshakeInvalid => ConnectError::HandshakeInvalid,
            Self::ServerIncompatible => ConnectError::ServerIncompatible,
            Self::ServerError => ConnectError::ServerError,
            Self::ServerWithoutUdx => ConnectError::ServerWithoutUdx,
            Self::NoWay => ConnectError::CannotHolepunch,
            Self::RandomNats => ConnectError::HolepunchDoubleRandomizedNats,
            Self::NoStrategy => ConnectError::RemoteNotHolepunchable,
            Self::Vetoed => ConnectError::ClientAbortedHolepunch,
            Self::RelayFailed => ConnectError::RelayAborted,
            Self::Suspended => ConnectError::Suspended,
            Self::NodeDestroyed => ConnectError::NodeDestroyed,
            Self::NodeFailed => ConnectError::NodeFailed,
            Self::ServerSilent
            | Self::LanSilent
            | Self::RoundSilent
            | Self::ServerAborted
            | Self::TryLater
            | Self::Throttled
            | Self::NatUnknown
            | Self::ServerNotPunching
            | Self::ProbesLost
            | Self::NoSocket => ConnectError::HolepunchAborted,
        }
    }
}

impl ConnectTrace {
    /// The trace of an attempt that was refused at once.
    pub fn refused(reason: ConnectReason) -> Self {
        Self {
            reason,
            direct: None,
            steps: vec![TracedStep { step: ConnectStep::Failed, after: Duration::ZERO }],
            node: None,
            server: None,
            relay: None,
            local_nat: NatClass::Unknown,
            remote_nat: NatClass::Unknown,
            nodes: 0,
            handshakes: 0,
            rounds: 0,
            probes: 0,
        }
    }

    /// The error that the attempt failed with.
    pub fn error(&self) -> ConnectError {
        self.reason.error()
    }
}
