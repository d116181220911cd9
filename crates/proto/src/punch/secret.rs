//! The sealed payloads of punch rounds (PROTOCOL D.7).

use std::net::Ipv4Addr;

use subtle::ConstantTimeEq;
use xsalsa20poly1305::aead::{AeadInPlace, KeyInit};
use xsalsa20poly1305::{Nonce, Tag, XSalsa20Poly1305};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::noise::Finished;
use crate::wire::{HolepunchPayload, token};
use crate::Rng;

/// What both ends of a handshake share, and a secret of our own for address tokens.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct PunchSecret {
    shared: [u8; 32],
    local: [u8; 32],
}

impl PunchSecret {
    /// The secret of a finished handshake.
    pub(crate) fn new(keys: &Finished, rng: &mut Rng) -> Self {
        Self { shared: keys.holepunch_secret(), local: rng.bytes() }
    }

    /// Nonce, tag and ciphertext of a payload.
    pub(crate) fn seal(&self, rng: &mut Rng, payload: &HolepunchPayload) -> Vec<u8> {
        self.seal_with(rng.bytes(), payload)
    }

    /// The payload, unless it was forged or damaged.
    pub(crate) fn open(&self, sealed: &[u8]) -> Option<HolepunchPayload> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
        let (tag, ciphertext) = rest.split_at_checked(TAG_LEN)?;
        let mut plaintext = ciphertext.to_vec();
        let cipher = XSalsa20Poly1305::new(&self.shared.into());
        let (nonce, tag) = (Nonce::from_slice(nonce), Tag::from_slice(tag));
        cipher.decrypt_in_place_detached(nonce, &[], &mut plaintext, tag).ok()?;
        HolepunchPayload::decode(&plaintext).ok()
    }

    /// Whoever echoes this receives at that host.
    pub(crate) fn token(&self, host: Ipv4Addr) -> [u8; 32] {
        token(host, &self.local)
    }

    /// True if the peer echoed the token of a host.
    pub(crate) fn is_echo(&self, host: Ipv4Addr, echo: Option<&[u8; 32]>) -> bool {
        echo.is_some_and(|echo| bool::from(echo.ct_eq(&self.token(host))))
    }

    fn seal_with(&self, nonce: [u8; NONCE_LEN], payload: &HolepunchPayload) -> Vec<u8> {
        let mut plaintext = payload.encode();
        let cipher = XSalsa20Poly1305::new(&self.shared.into());
        let tag = cipher
            .encrypt_in_place_detached(Nonce::from_slice(&nonce), &[], &mut plaintext)
            .unwrap_or_default();
        [&nonce[..], tag.as_slice(), &plaintext].concat()
    }
}

impl std::fmt::Debug for PunchSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PunchSecret").finish_non_exhaustive()
    }
}

const NONCE_LEN: usize = 24;

const TAG_LEN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seals_and_opens_as_the_reference_does() {
        let vectors = vectors();
        let secret = secret(&vectors);
        for case in vectors["payloads"].as_array().unwrap() {
            let sealed = bytes(&case["ciphertext"]);
            let plaintext = bytes(&case["plaintext"]);
            let payload = secret.open(&sealed).unwrap();
            assert_eq!(payload.encode(), plaintext, "{}", case["name"]);

            let nonce = bytes(&case["nonce"]).try_into().unwrap();
            assert_eq!(secret.seal_with(nonce, &payload), sealed, "{}", case["name"]);
        }
    }

    #[test]
    fn tokens_are_those_of_the_reference() {
        let vectors = vectors();
        for case in vectors["tokens"].as_array().unwrap() {
            let secret = PunchSecret {
                shared: [0; 32],
                local: bytes(&case["local_secret"]).try_into().unwrap(),
            };
            let host: Ipv4Addr = case["host"].as_str().unwrap().parse().unwrap();
            let token: [u8; 32] = bytes(&case["token"]).try_into().unwrap();
            assert!(secret.is_echo(host, Some(&token)));
            assert!(!secret.is_echo(Ipv4Addr::new(8, 8, 8, 8), Some(&token)));
            assert!(!secret.is_echo(host, None));
        }
    }

    #[test]
    fn damage_and_truncation_open_nothing() {
        let vectors = vectors();
        let secret = secret(&vectors);
        let mut sealed = bytes(&vectors["payloads"][0]["ciphertext"]);
        for len in 0..sealed.len() {
            assert_eq!(secret.open(&sealed[..len]), None);
        }
        sealed[30] ^= 1;
        assert_eq!(secret.open(&sealed), None);
    }

    fn secret(vectors: &serde_json::Value) -> PunchSecret {
        let shared = bytes(&vectors["holepunch_secret"]).try_into().unwrap();
        PunchSecret { shared, local: [0; 32] }
    }

    fn vectors() -> serde_json::Value {
        let text = include_str!("../../tests/vectors/D_holepunch_payload.json");
        serde_json::from_str(text).unwrap()
    }

    fn bytes(value: &serde_json::Value) -> Vec<u8> {
        hex::decode(value.as_str().unwrap()).unwrap()
    }
}
