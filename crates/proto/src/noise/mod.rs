//! Noise IK over Ed25519, key pairs, and what is derived from a handshake (PROTOCOL D.2, D.7).

/// An Ed25519 public key.
pub type PublicKey = [u8; 32];

/// An Ed25519 key pair: seed and public key.
#[derive(Clone)]
pub struct KeyPair {
    seed: [u8; 32],
    public: PublicKey,
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPair").field("public", &self.public).finish_non_exhaustive()
    }
}
