//! Holepunch payloads, which pass through relays that must not read them (PROTOCOL D.7).
//!
//! Reference: hyperdht 6.34.0 `lib/secure-payload.js`.

use std::net::Ipv4Addr;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::secretbox::{self, MAC_LEN, NONCE_LEN};
use crate::wire;

/// Seals and opens the payloads of one handshake, and makes its address tokens.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct PunchBox {
    shared: [u8; 32],
    local: [u8; 32],
}

impl PunchBox {
    /// With the handshake's holepunch secret, and 32 fresh random bytes for the tokens.
    pub fn new(holepunch_secret: &[u8; 32], local_secret: &[u8; 32]) -> Self {
        Self { shared: *holepunch_secret, local: *local_secret }
    }

    /// The payload as it travels: the nonce, which must be fresh and random, and the box.
    pub fn seal(&self, plaintext: &[u8], nonce: [u8; 24]) -> Vec<u8> {
        let mut out = Vec::with_capacity(NONCE_LEN + MAC_LEN + plaintext.len());
        out.extend_from_slice(&nonce);
        secretbox::seal(&self.shared, &nonce, plaintext, &mut out);
        out
    }

    /// The plaintext of a payload; `None` for a forgery and for an empty one.
    pub fn open(&self, payload: &[u8]) -> Option<Vec<u8>> {
        let (nonce, boxed) = payload.split_first_chunk::<NONCE_LEN>()?;
        if boxed.len() <= MAC_LEN {
            return None;
        }
        secretbox::open(&self.shared, nonce, boxed)
    }

    /// What a peer that receives on this host can repeat, and nobody else.
    pub fn token(&self, host: Ipv4Addr) -> [u8; 32] {
        wire::token(host, &self.local)
    }
}

impl std::fmt::Debug for PunchBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PunchBox").finish_non_exhaustive()
    }
}
