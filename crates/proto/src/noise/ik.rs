//! The two sides of a Noise IK handshake, and its result.

use snow::params::{
    BaseChoice, CipherChoice, DHChoice, HandshakeChoice, HandshakeModifierList, HandshakePattern,
    HashChoice, NoiseParams,
};
use snow::{Builder, HandshakeState};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::resolver::Resolver;
use super::{KeyPair, PublicKey};
use crate::{Rng, wire};

/// A handshake message was forged, damaged, or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("Noise handshake failed")]
pub struct HandshakeFailed;

impl From<snow::Error> for HandshakeFailed {
    fn from(_: snow::Error) -> Self {
        Self
    }
}

/// The client. It knows the server's public key and sends the first message.
pub struct Initiator(Side);

impl Initiator {
    /// Begins a handshake with the holder of the key `remote`. Draws the ephemeral key.
    pub fn new(
        key_pair: &KeyPair,
        remote: PublicKey,
        rng: &mut Rng,
    ) -> Result<Self, HandshakeFailed> {
        Self::with_ephemeral_seed(key_pair, remote, rng.bytes())
    }

    pub(crate) fn with_ephemeral_seed(
        key_pair: &KeyPair,
        remote: PublicKey,
        seed: [u8; 32],
    ) -> Result<Self, HandshakeFailed> {
        Ok(Self(Side::new(key_pair, Some(remote), seed)?))
    }

    /// Creates message 1; call it only once. Send the same bytes through all relays, because
    /// servers recognize repetitions by them. Fails if `remote` is not a valid point, or if the
    /// message would be longer than 65535 bytes.
    pub fn send(&mut self, payload: &[u8]) -> Result<Vec<u8>, HandshakeFailed> {
        self.0.write(payload, MESSAGE_1_OVERHEAD)
    }

    /// Reads message 2 and returns its payload. An invalid message does not change the handshake,
    /// so the replies of several relays can be tried in turn.
    pub fn recv(&mut self, message: &[u8]) -> Result<Vec<u8>, HandshakeFailed> {
        self.0.read(message, MESSAGE_2_OVERHEAD)
    }

    /// Ends the handshake after `recv` has succeeded.
    pub fn finish(self) -> Finished {
        self.0.finish()
    }
}

/// The server. It learns the client's public key from message 1.
pub struct Responder(Side);

impl Responder {
    /// Begins a handshake of the server with this key pair. Draws the ephemeral key.
    pub fn new(key_pair: &KeyPair, rng: &mut Rng) -> Result<Self, HandshakeFailed> {
        Self::with_ephemeral_seed(key_pair, rng.bytes())
    }

    pub(crate) fn with_ephemeral_seed(
        key_pair: &KeyPair,
        seed: [u8; 32],
    ) -> Result<Self, HandshakeFailed> {
        Ok(Self(Side::new(key_pair, None, seed)?))
    }

    /// Reads message 1. Returns the client's public key and the payload. An invalid message does
    /// not change the handshake.
    pub fn recv(&mut self, message: &[u8]) -> Result<(PublicKey, Vec<u8>), HandshakeFailed> {
        let payload = self.0.read(message, MESSAGE_1_OVERHEAD)?;
        let remote = self.0.remote().ok_or(HandshakeFailed)?;
        Ok((remote, payload))
    }

    /// Creates message 2; call it only once. Fails if the message would be longer than 65535 bytes.
    pub fn send(&mut self, payload: &[u8]) -> Result<Vec<u8>, HandshakeFailed> {
        self.0.write(payload, MESSAGE_2_OVERHEAD)
    }

    /// Ends the handshake after `send` has succeeded.
    pub fn finish(self) -> Finished {
        self.0.finish()
    }
}

/// The result of a handshake. Its secrets are wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Finished {
    /// Whether this side sent the first message.
    #[zeroize(skip)]
    pub is_initiator: bool,
    /// Our identity.
    #[zeroize(skip)]
    pub public_key: PublicKey,
    /// The peer's identity, proven.
    #[zeroize(skip)]
    pub remote_public_key: PublicKey,
    /// The handshake hash. It is a secret: the keys of punch payloads and unordered messages derive
    /// from it.
    pub hash: [u8; 64],
    tx: [u8; 32],
    rx: [u8; 32],
    /// The key of the holepunch payloads, if it does not derive from the hash.
    punch: Option<[u8; 32]>,
}

/// The secrets of a handshake that was made elsewhere.
pub(crate) struct Secrets<'a> {
    pub(crate) hash: &'a [u8; 64],
    pub(crate) tx: &'a [u8; 32],
    pub(crate) rx: &'a [u8; 32],
    pub(crate) holepunch: &'a [u8; 32],
}

impl Finished {
    /// The result of a handshake that was made elsewhere.
    pub(crate) fn elsewhere(
        is_initiator: bool,
        public_key: PublicKey,
        remote_public_key: PublicKey,
        secrets: &Secrets<'_>,
    ) -> Self {
        Self {
            is_initiator,
            public_key,
            remote_public_key,
            hash: *secrets.hash,
            tx: *secrets.tx,
            rx: *secrets.rx,
            punch: Some(*secrets.holepunch),
        }
    }

    /// The key of the stream that this side sends.
    pub fn tx(&self) -> &[u8; 32] {
        &self.tx
    }

    /// The key of the stream that this side receives.
    pub fn rx(&self) -> &[u8; 32] {
        &self.rx
    }

    /// The key of the holepunch payloads of both sides.
    pub fn holepunch_secret(&self) -> Zeroizing<[u8; 32]> {
        let derived = || wire::keyed_hash(&self.hash, &[&wire::ns::PEER_HOLEPUNCH]);
        Zeroizing::new(self.punch.unwrap_or_else(derived))
    }
}

impl std::fmt::Debug for Finished {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Finished")
            .field("is_initiator", &self.is_initiator)
            .field("public_key", &self.public_key)
            .field("remote_public_key", &self.remote_public_key)
            .finish_non_exhaustive()
    }
}

macro_rules! opaque_debug {
    ($name:ident) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}
opaque_debug!(Initiator);
opaque_debug!(Responder);

/// The part that is common to both sides.
struct Side {
    state: HandshakeState,
    public_key: PublicKey,
}

impl Side {
    fn new(
        key_pair: &KeyPair,
        remote: Option<PublicKey>,
        ephemeral_seed: [u8; 32],
    ) -> Result<Self, HandshakeFailed> {
        let public_key = key_pair.public();
        let resolver = Resolver::new(key_pair, ephemeral_seed);
        // The resolver holds the key pair. The builder only requires that some private key is set.
        let builder = Builder::with_resolver(params(), Box::new(resolver))
            .local_private_key(&[])?
            .prologue(&wire::ns::PEER_HANDSHAKE)?;
        let state = match &remote {
            Some(remote) => builder.remote_public_key(remote)?.build_initiator()?,
            None => builder.build_responder()?,
        };
        Ok(Self { state, public_key })
    }

    fn write(&mut self, payload: &[u8], overhead: usize) -> Result<Vec<u8>, HandshakeFailed> {
        let mut message = vec![0; payload.len() + overhead];
        let len = self.state.write_message(payload, &mut message)?;
        debug_assert_eq!(len, message.len(), "overhead of an IK message");
        Ok(message)
    }

    fn read(&mut self, message: &[u8], overhead: usize) -> Result<Vec<u8>, HandshakeFailed> {
        let len = message.len().checked_sub(overhead).ok_or(HandshakeFailed)?;
        let mut payload = vec![0; len];
        self.state.read_message(message, &mut payload)?;
        Ok(payload)
    }

    fn remote(&self) -> Option<PublicKey> {
        self.state.get_remote_static()?.try_into().ok()
    }

    fn finish(mut self) -> Finished {
        debug_assert!(self.state.is_handshake_finished(), "finished before the last message");
        let is_initiator = self.state.is_initiator();
        let (k1, k2) = self.state.dangerously_get_raw_split();
        let (k1, k2) = (Zeroizing::new(k1), Zeroizing::new(k2));
        let (tx, rx) = if is_initiator { (k1, k2) } else { (k2, k1) };
        let mut hash = [0; 64];
        hash.copy_from_slice(self.state.get_handshake_hash());
        Finished {
            is_initiator,
            public_key: self.public_key,
            remote_public_key: self.remote().unwrap_or_default(),
            hash,
            tx: *tx,
            rx: *rx,
            punch: None,
        }
    }
}

/// snow does not know Ed25519 and cannot parse the name. The resolver decides what each choice
/// means.
fn params() -> NoiseParams {
    NoiseParams::new(
        "Noise_IK_Ed25519_ChaChaPoly_BLAKE2b".to_owned(),
        BaseChoice::Noise,
        HandshakeChoice {
            pattern: HandshakePattern::IK,
            modifiers: HandshakeModifierList { list: Vec::new() },
        },
        DHChoice::Curve25519,
        CipherChoice::ChaChaPoly,
        HashChoice::Blake2b,
    )
}

/// Ephemeral key, encrypted static key, tag of the payload, in bytes.
const MESSAGE_1_OVERHEAD: usize = 32 + 48 + 16;

/// Ephemeral key, tag of the payload, in bytes.
const MESSAGE_2_OVERHEAD: usize = 32 + 16;
