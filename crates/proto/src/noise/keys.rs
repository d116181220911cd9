//! Ed25519 key pairs and signatures.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::curve;
use crate::wire::PublicKey;

/// An Ed25519 key pair. Its secrets are wiped on drop.
#[derive(Clone)]
pub struct KeyPair {
    signing: SigningKey,
}

impl KeyPair {
    /// The key pair of a 32-byte seed.
    pub fn from_seed(mut seed: [u8; 32]) -> Self {
        let signing = SigningKey::from_bytes(&seed);
        seed.zeroize();
        Self { signing }
    }

    /// The key pair of a 64-byte secret key, seed ‖ public key; `None` if the two do not match.
    pub fn from_secret_key(secret_key: &[u8; 64]) -> Option<Self> {
        let signing = SigningKey::from_keypair_bytes(secret_key).ok()?;
        Some(Self { signing })
    }

    /// The public key.
    pub fn public(&self) -> PublicKey {
        self.signing.verifying_key().to_bytes()
    }

    /// The 64-byte secret key, seed ‖ public key, in the format of libsodium and JavaScript.
    pub fn secret_key(&self) -> Zeroizing<[u8; 64]> {
        Zeroizing::new(self.signing.to_keypair_bytes())
    }

    /// A detached signature.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.signing.sign(message).to_bytes()
    }

    /// The scalar for Diffie-Hellman, not clamped.
    pub(super) fn scalar_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.signing.to_scalar_bytes())
    }
}

// `SigningKey` wipes itself.
impl ZeroizeOnDrop for KeyPair {}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPair").field("public", &self.public()).finish_non_exhaustive()
    }
}

/// Whether a detached signature is valid, under the conditions of `crypto_sign_verify_detached` of
/// libsodium 1.0.21: canonical encodings, no points of small order, the equation without the
/// cofactor.
pub fn verify(public: &PublicKey, message: &[u8], signature: &[u8; 64]) -> bool {
    let Ok(key) = VerifyingKey::from_bytes(public) else {
        return false;
    };
    curve::is_canonical(public)
        && key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
}
