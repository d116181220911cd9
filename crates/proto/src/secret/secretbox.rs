//! XSalsa20-Poly1305, the secretbox of libsodium.

use salsa20::XSalsa20;
use salsa20::cipher::{KeyIvInit, StreamCipher};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::poly1305::Poly1305;

/// The keystream of one box.
pub(super) trait Keystream {
    /// Its first bytes.
    fn mac_key(&self) -> &[u8; 32];

    /// Encrypts or decrypts with the bytes after these. Called once.
    fn apply(&mut self, data: &mut [u8]);
}

/// Appends the box of a plaintext: MAC, then ciphertext.
pub(super) fn seal(key: &[u8; 32], nonce: &[u8; NONCE_LEN], plaintext: &[u8], out: &mut Vec<u8>) {
    seal_with(Single::new(key, nonce), plaintext, out);
}

/// Decrypts a box; `None` if it is a forgery.
pub(super) fn open(key: &[u8; 32], nonce: &[u8; NONCE_LEN], boxed: &[u8]) -> Option<Vec<u8>> {
    open_with(Single::new(key, nonce), boxed)
}

/// The same as [`seal`] with a keystream.
pub(super) fn seal_with(mut stream: impl Keystream, plaintext: &[u8], out: &mut Vec<u8>) {
    let at = out.len();
    out.extend_from_slice(&[0; MAC_LEN]);
    out.extend_from_slice(plaintext);
    let (mac, ciphertext) = out[at..].split_at_mut(MAC_LEN);
    stream.apply(ciphertext);
    mac.copy_from_slice(&Poly1305::new(stream.mac_key()).finish(ciphertext));
}

/// The same as [`open`] with a keystream.
pub(super) fn open_with(mut stream: impl Keystream, boxed: &[u8]) -> Option<Vec<u8>> {
    let (mac, ciphertext) = boxed.split_first_chunk::<MAC_LEN>()?;
    let expected = Poly1305::new(stream.mac_key()).finish(ciphertext);
    if !bool::from(expected.ct_eq(mac)) {
        return None;
    }
    let mut plaintext = ciphertext.to_vec();
    stream.apply(&mut plaintext);
    Some(plaintext)
}

/// The keystream of any nonce.
struct Single {
    mac_key: Zeroizing<[u8; 32]>,
    rest: XSalsa20,
}

impl Single {
    fn new(key: &[u8; 32], nonce: &[u8; NONCE_LEN]) -> Self {
        let mut rest = XSalsa20::new(key.into(), nonce.into());
        let mut mac_key = Zeroizing::new([0; 32]);
        rest.apply_keystream(&mut *mac_key);
        Self { mac_key, rest }
    }
}

impl Keystream for Single {
    fn mac_key(&self) -> &[u8; 32] {
        &self.mac_key
    }

    fn apply(&mut self, data: &mut [u8]) {
        self.rest.apply_keystream(data);
    }
}

/// Bytes of a nonce.
pub(super) const NONCE_LEN: usize = 24;

/// Bytes of a MAC.
pub(super) const MAC_LEN: usize = 16;
