//! XSalsa20-Poly1305, the secretbox of libsodium.

use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit, StreamCipher};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::poly1305::Poly1305;

/// Appends the box of a plaintext: MAC, then ciphertext.
pub(super) fn seal(key: &[u8; 32], nonce: &[u8; NONCE_LEN], plaintext: &[u8], out: &mut Vec<u8>) {
    let (mac_key, mut stream) = begin(key, nonce);
    let at = out.len();
    out.extend_from_slice(&[0; MAC_LEN]);
    out.extend_from_slice(plaintext);
    let (mac, ciphertext) = out[at..].split_at_mut(MAC_LEN);
    stream.apply_keystream(ciphertext);
    mac.copy_from_slice(&Poly1305::new(&mac_key).finish(ciphertext));
}

/// Decrypts a box; `None` if it is a forgery.
pub(super) fn open(key: &[u8; 32], nonce: &[u8; NONCE_LEN], boxed: &[u8]) -> Option<Vec<u8>> {
    let (mac, ciphertext) = boxed.split_first_chunk::<MAC_LEN>()?;
    let (mac_key, mut stream) = begin(key, nonce);
    let expected = Poly1305::new(&mac_key).finish(ciphertext);
    if !bool::from(expected.ct_eq(mac)) {
        return None;
    }
    let mut plaintext = ciphertext.to_vec();
    stream.apply_keystream(&mut plaintext);
    Some(plaintext)
}

fn begin(key: &[u8; 32], nonce: &[u8; NONCE_LEN]) -> (Zeroizing<[u8; 32]>, XSalsa20) {
    let mut stream = XSalsa20::new(key.into(), nonce.into());
    let mut mac_key = Zeroizing::new([0; 32]);
    stream.apply_keystream(&mut *mac_key);
    (mac_key, stream)
}

/// Bytes of a nonce.
pub(super) const NONCE_LEN: usize = 24;

/// Bytes of a MAC.
pub(super) const MAC_LEN: usize = 16;
