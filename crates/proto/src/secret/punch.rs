//! Holepunch payloads. They pass through relays, which must not be able to read them (PROTOCOL
//! D.7).
//!
//! Reference: hyperdht 6.34.0 `lib/secure-payload.js`.

use std::net::Ipv4Addr;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::secretbox::{self, MAC_LEN, NONCE_LEN};
use crate::wire;

/// Encrypts and decrypts the payloads of one handshake, and creates its address tokens.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct PunchBox {
    shared: [u8; 32],
    local: [u8; 32],
}

impl PunchBox {
    /// `holepunch_secret` is the handshake's, `local_secret` is 32 fresh random bytes for the
    /// tokens.
    pub fn new(holepunch_secret: &[u8; 32], local_secret: &[u8; 32]) -> Self {
        Self { shared: *holepunch_secret, local: *local_secret }
    }

    /// Encrypts a payload: the result is the nonce and the box. The nonce must be fresh and random.
    pub fn seal(&self, plaintext: &[u8], nonce: [u8; 24]) -> Vec<u8> {
        let mut out = Vec::with_capacity(NONCE_LEN + MAC_LEN + plaintext.len());
        out.extend_from_slice(&nonce);
        secretbox::seal(&self.shared, &nonce, plaintext, &mut out);
        out
    }

    /// Decrypts a payload; `None` for a forgery, and for an empty plaintext.
    pub fn open(&self, payload: &[u8]) -> Option<Vec<u8>> {
        let (nonce, boxed) = payload.split_first_chunk::<NONCE_LEN>()?;
        if boxed.len() <= MAC_LEN {
            return None;
        }
        secretbox::open(&self.shared, nonce, boxed)
    }

    /// The address token of a host. Only a peer that receives packets there can return it.
    pub fn token(&self, host: Ipv4Addr) -> [u8; 32] {
        wire::token(host, &self.local)
    }
}

impl std::fmt::Debug for PunchBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PunchBox").finish_non_exhaustive()
    }
}
