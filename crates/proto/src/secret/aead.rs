//! ChaCha20-Poly1305 of somebody else, for long messages.
//!
//! ring has no code for AVX-512. A host may have some: a library that is in the process already. It
//! offers it with [`install`].

use std::sync::OnceLock;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

/// ChaCha20-Poly1305 (RFC 8439) without additional data.
///
/// `None` means that it cannot do that now, and then the text must be unchanged.
pub trait Aead: Sync {
    /// Encrypts the text in place, and returns its MAC.
    fn seal(&self, key: &[u8; 32], nonce: &[u8; 12], text: &mut [u8]) -> Option<[u8; MAC_LEN]>;

    /// Decrypts the text in place. Returns whether the MAC is right; after a wrong one the text may
    /// be anything.
    fn open(
        &self,
        key: &[u8; 32],
        nonce: &[u8; 12],
        text: &mut [u8],
        mac: &[u8; MAC_LEN],
    ) -> Option<bool>;
}

/// Uses this one for long messages from now on, in the whole process. Returns `false`, and does not
/// use it, if its results differ from those of ring, or if another one is used already.
pub fn install(aead: &'static dyn Aead) -> bool {
    agrees_with_ring(aead) && INSTALLED.set(aead).is_ok()
}

/// The one for messages of that many bytes.
pub(super) fn installed_for(len: usize) -> Option<&'static dyn Aead> {
    if len < LONG { None } else { INSTALLED.get().copied() }
}

/// ring's, with this key.
pub(super) fn ring_key(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).expect("a key of 32 bytes"))
}

/// Whether another one gives the results of ring, and notices a forgery.
fn agrees_with_ring(other: &dyn Aead) -> bool {
    let (key, nonce) = ([0x5a; 32], [0xa5; 12]);
    let plain: Vec<u8> = (0..TRIED).map(|at| at as u8).collect();
    let (mut ours, mut theirs) = (plain.clone(), plain.clone());
    let sealing = Nonce::assume_unique_for_key(nonce);
    let sealed = ring_key(&key).seal_in_place_separate_tag(sealing, Aad::empty(), &mut ours);
    let (Ok(sealed), Some(mac)) = (sealed, other.seal(&key, &nonce, &mut theirs)) else {
        return false;
    };
    if mac != sealed.as_ref() || theirs != ours {
        return false;
    }
    ours[0] ^= 1;
    let notices = other.open(&key, &nonce, &mut ours, &mac) == Some(false);
    notices && other.open(&key, &nonce, &mut theirs, &mac) == Some(true) && theirs == plain
}

static INSTALLED: OnceLock<&'static dyn Aead> = OnceLock::new();

/// In bytes. With OpenSSL 3, which takes longer to begin, messages of 1 KiB cost 1.4 times the CPU
/// time, and messages of 64 KiB 0.85 times (measured).
const LONG: usize = 16 * 1024;

/// Bytes of a MAC.
pub(super) const MAC_LEN: usize = 16;

/// Bytes that another one is tried with: a multiple of no vector's width.
const TRIED: usize = 4096 + 200;
