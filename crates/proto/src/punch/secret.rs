//! The encryption and the tokens of a punch, which only its two peers know (PROTOCOL D.7).

use std::net::Ipv4Addr;

use subtle::ConstantTimeEq;

use crate::Rng;
use crate::noise::Finished;
use crate::secret::PunchBox;
use crate::wire::HolepunchPayload;
use zeroize::Zeroizing;

/// Seals and opens the payloads of a handshake's rounds, and makes the tokens that we give out.
#[derive(Debug)]
pub(crate) struct PunchSecret(PunchBox);

impl PunchSecret {
    /// The secret of a finished handshake.
    pub(crate) fn new(keys: &Finished, rng: &mut Rng) -> Self {
        let local = Zeroizing::new(rng.bytes());
        Self(PunchBox::new(&keys.holepunch_secret(), &local))
    }

    /// Encodes and encrypts a payload.
    pub(crate) fn seal(&self, rng: &mut Rng, payload: &HolepunchPayload) -> Vec<u8> {
        self.0.seal(&payload.encode(), rng.bytes())
    }

    /// Decrypts and decodes a payload; `None` if it was forged or damaged.
    pub(crate) fn open(&self, sealed: &[u8]) -> Option<HolepunchPayload> {
        HolepunchPayload::decode(&self.0.open(sealed)?).ok()
    }

    /// The token for a host. A peer that echoes it has proven that it receives at that host.
    pub(crate) fn token(&self, host: Ipv4Addr) -> [u8; 32] {
        self.0.token(host)
    }

    /// True if the peer echoed the token of a host.
    pub(crate) fn is_echo(&self, host: Ipv4Addr, echo: Option<&[u8; 32]>) -> bool {
        echo.is_some_and(|echo| bool::from(echo.ct_eq(&self.token(host))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_of_that_host_is_an_echo() {
        let secret = PunchSecret(PunchBox::new(&[1; 32], &[2; 32]));
        let host = Ipv4Addr::new(9, 9, 9, 9);
        let token = secret.token(host);
        assert!(secret.is_echo(host, Some(&token)));
        assert!(!secret.is_echo(Ipv4Addr::LOCALHOST, Some(&token)));
        assert!(!secret.is_echo(host, None));
    }

    #[test]
    fn damage_and_truncation_open_nothing() {
        let secret = PunchSecret(PunchBox::new(&[1; 32], &[2; 32]));
        let mut sealed = secret.seal(&mut Rng::from_seed([3; 32]), &HolepunchPayload::default());
        assert!(secret.open(&sealed).is_some());
        for len in 0..sealed.len() {
            assert_eq!(secret.open(&sealed[..len]), None);
        }
        sealed[30] ^= 1;
        assert_eq!(secret.open(&sealed), None);
    }
}
