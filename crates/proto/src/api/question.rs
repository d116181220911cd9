//! The questions to the application, and its answers.

use std::net::{SocketAddr, SocketAddrV4};

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::noise::{Finished, PublicKey, Secrets};
use crate::wire::NodeId;
use crate::{ConnId, Foreign, ServerId, SocketId};

/// A decision that the application makes. The enum is exhaustive on purpose: every application has
/// to handle a new kind of question, so the compiler should point it out.
#[derive(Clone, Debug)]
pub enum Question {
    /// May this client connect?
    Firewall {
        /// The server that is asked.
        server: ServerId,
        /// The client's public key, which the handshake has proven.
        remote_public_key: PublicKey,
        /// The client's handshake payload: an encoded [`crate::wire::NoisePayload`].
        payload: Bytes,
        /// The client's address, as far as it is known.
        address: SocketAddrV4,
    },
    /// What does a handshake message with this payload look like? The answer is [`Answer::Wrote`].
    WriteHandshake {
        /// The server, or `None` on the connecting side.
        server: Option<ServerId>,
        /// The connection. A connection of a server is known by its question
        /// [`Self::ReadHandshake`], and ends with [`crate::Event::Closed`] if it does not open.
        conn: ConnId,
        /// The payload: an encoded [`crate::wire::NoisePayload`].
        payload: Bytes,
    },
    /// What does this handshake message of the peer say? The answer is [`Answer::Read`].
    ReadHandshake {
        /// The server, or `None` on the connecting side.
        server: Option<ServerId>,
        /// The connection.
        conn: ConnId,
        /// The message.
        message: Bytes,
        /// The client's address, as far as it is known. `None` on the connecting side.
        address: Option<SocketAddrV4>,
    },
    /// May a raw stream take packets that have arrived on another socket than its own?
    StreamFirewall {
        /// The raw stream.
        conn: ConnId,
        /// The socket on which they have arrived.
        socket: SocketId,
        /// Their source, which may be forged.
        from: SocketAddr,
    },
    /// May this node enter the routing table?
    Node {
        /// Its id.
        id: NodeId,
        /// Its address.
        address: SocketAddrV4,
    },
    /// Shall we punch?
    Holepunch {
        /// The server, or `None` on the connecting side.
        server: Option<ServerId>,
        /// The connection; `None` on the server's side.
        conn: Option<ConnId>,
        /// The class of the peer's NAT, as the wire has it: [`crate::wire::Firewall`].
        remote_firewall: u8,
        /// The class of our NAT, likewise.
        local_firewall: u8,
        /// The addresses at which the peer wants to be probed.
        remote_addresses: Vec<RemoteAddress>,
        /// Our own addresses; `None` while our NAT is not known.
        local_addresses: Option<Vec<LocalAddress>>,
    },
}

/// An address at which the peer of a punch wants to be probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteAddress {
    /// The address.
    pub address: SocketAddrV4,
    /// Whether the peer has shown that it receives packets on this host.
    pub verified: bool,
}

/// An address at which the peer of a punch is asked to probe us. The port is 0 behind a NAT that
/// takes random ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalAddress {
    /// The address.
    pub address: SocketAddrV4,
    /// How many nodes saw us at this address.
    pub hits: u32,
}

/// Answers to a [`Question`].
#[derive(Clone, Debug)]
pub enum Answer {
    /// Continue.
    Accept,
    /// Refuse.
    Reject,
    /// Continue, and offer the client this blind relay.
    AcceptThrough(PublicKey),
    /// The message of [`Question::WriteHandshake`].
    Wrote(Box<WrittenHandshake>),
    /// The payload of [`Question::ReadHandshake`]. A server lets the client in.
    Read(Box<ReadHandshake>),
}

/// A handshake message that the application has made.
#[derive(Clone, Debug)]
pub struct WrittenHandshake {
    /// The message.
    pub message: Bytes,
    /// The result of the handshake: a server has it after its message.
    pub keys: Option<ForeignKeys>,
}

/// A handshake message that the application has read.
#[derive(Clone, Debug)]
pub struct ReadHandshake {
    /// The payload: an encoded [`crate::wire::NoisePayload`].
    pub payload: Bytes,
    /// The peer's public key. `None` if the handshake does not prove one.
    pub remote_public_key: Option<PublicKey>,
    /// The blind relay that the client is offered; `None` for one of the server's.
    pub relay: Option<PublicKey>,
    /// The result of the handshake: a client has it after the message of the server.
    pub keys: Option<ForeignKeys>,
    /// What the application makes for this client of a server. A client has said so in its options.
    pub foreign: Foreign,
}

/// The result of a handshake that the application has made. If it makes the secret stream too, only
/// `holepunch_secret` is read.
#[derive(Clone)]
pub struct ForeignKeys {
    /// See [`crate::noise::Finished::hash`].
    pub hash: Zeroizing<[u8; 64]>,
    /// The key of the stream that this side receives.
    pub rx: Zeroizing<[u8; 32]>,
    /// The key of the stream that this side sends.
    pub tx: Zeroizing<[u8; 32]>,
    /// The key of the holepunch payloads of both sides.
    pub holepunch_secret: Zeroizing<[u8; 32]>,
}

impl ForeignKeys {
    /// The keys as those of a handshake of the node.
    pub(crate) fn finish(
        &self,
        is_initiator: bool,
        public_key: PublicKey,
        remote_public_key: PublicKey,
    ) -> Finished {
        let Self { hash, rx, tx, holepunch_secret: holepunch } = self;
        let secrets = Secrets { hash, tx, rx, holepunch };
        Finished::elsewhere(is_initiator, public_key, remote_public_key, &secrets)
    }
}

/// Whether a handshake message of the application can be sent.
pub(crate) fn is_sendable(message: &[u8]) -> bool {
    (1..=MAX_MESSAGE).contains(&message.len())
}

/// The longest message. The reference receives at most 2048 bytes of a datagram. A request takes 78
/// bytes beside its value, and PEER_HANDSHAKE 17 beside its message: flags, mode, length and two
/// addresses.
const MAX_MESSAGE: usize = 2048 - 78 - 17;

impl std::fmt::Debug for ForeignKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ForeignKeys").finish_non_exhaustive()
    }
}
