//! Tokens prove that a requester receives at its address (PROTOCOL B.4).

use std::net::Ipv4Addr;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::Rng;
use crate::wire::{hash, token};

/// Issues and checks tokens. A token is valid for 7.5 to 15 s.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    secrets: Option<Secrets>,
}

struct Secrets {
    old: Zeroizing<[u8; 32]>,
    new: Zeroizing<[u8; 32]>,
    /// Slots until the next rotation.
    slots: u32,
    /// Rotations since the last token was issued.
    unused: u32,
}

impl Tokens {
    /// The token of a host.
    pub(crate) fn issue(&mut self, rng: &mut Rng, host: Ipv4Addr) -> [u8; 32] {
        let secrets = self.secrets.get_or_insert_with(|| Secrets::random(rng));
        secrets.unused = 0;
        token(host, &secrets.new)
    }

    /// True if the token was issued to this host and has not expired.
    pub(crate) fn verify(&self, host: Ipv4Addr, given: &[u8; 32]) -> bool {
        let Some(secrets) = &self.secrets else {
            return false;
        };
        let new = token(host, &secrets.new).ct_eq(given);
        let old = token(host, &secrets.old).ct_eq(given);
        bool::from(new | old)
    }

    /// Ends a slot of 750 ms.
    pub(crate) fn handle_slot(&mut self) {
        let Some(secrets) = &mut self.secrets else {
            return;
        };
        secrets.slots -= 1;
        if secrets.slots > 0 {
            return;
        }
        secrets.rotate();
        // All issued tokens have expired. An idle node keeps no secrets and needs no timer.
        if secrets.unused >= 2 {
            self.secrets = None;
        }
    }

    /// True while slots have to be counted.
    pub(crate) fn is_active(&self) -> bool {
        self.secrets.is_some()
    }
}

impl Secrets {
    fn random(rng: &mut Rng) -> Self {
        let (old, new) = (Zeroizing::new(rng.bytes()), Zeroizing::new(rng.bytes()));
        Self { old, new, slots: ROTATION_SLOTS, unused: 0 }
    }

    fn rotate(&mut self) {
        let next = Zeroizing::new(hash(&[self.old.as_slice()]));
        self.old = std::mem::replace(&mut self.new, next);
        self.slots = ROTATION_SLOTS;
        self.unused += 1;
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").field("slots", &self.slots).finish_non_exhaustive()
    }
}

/// 10 slots of 750 ms: 7.5 s.
const ROTATION_SLOTS: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: Ipv4Addr = Ipv4Addr::new(1, 2, 3, 4);

    #[test]
    fn tokens_are_those_of_the_reference() {
        for case in vectors()["tokens"].as_array().unwrap() {
            let host = case["host"].as_str().unwrap().parse().unwrap();
            assert_eq!(token(host, &key(&case["secret"])), key(&case["token"]));
        }
    }

    #[test]
    fn secrets_rotate_as_in_the_reference() {
        let rotation = &vectors()["secret_rotation"];
        let mut secrets = Secrets {
            old: Zeroizing::new(key(&rotation["before"][0])),
            new: Zeroizing::new(key(&rotation["before"][1])),
            slots: 1,
            unused: 0,
        };
        secrets.rotate();
        assert_eq!(*secrets.old, key(&rotation["after"][0]));
        assert_eq!(*secrets.new, key(&rotation["after"][1]));
    }

    #[test]
    fn a_token_survives_one_rotation_and_not_two() {
        let mut rng = Rng::from_seed([1; 32]);
        let mut tokens = Tokens::default();
        let given = tokens.issue(&mut rng, HOST);
        for _ in 0..19 {
            tokens.handle_slot();
            tokens.issue(&mut rng, Ipv4Addr::LOCALHOST);
            assert!(tokens.verify(HOST, &given));
        }
        tokens.handle_slot();
        assert!(!tokens.verify(HOST, &given));
    }

    #[test]
    fn secrets_that_nobody_needs_are_dropped() {
        let mut tokens = Tokens::default();
        tokens.issue(&mut Rng::from_seed([1; 32]), HOST);
        (0..20).for_each(|_| tokens.handle_slot());
        assert!(!tokens.is_active());
    }

    fn vectors() -> serde_json::Value {
        serde_json::from_str(include_str!("../../tests/vectors/B_dht_rpc.json")).unwrap()
    }

    fn key(value: &serde_json::Value) -> [u8; 32] {
        hex::decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
    }
}
