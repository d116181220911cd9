//! The secretstream cipher of libsodium, XChaCha20-Poly1305 (PROTOCOL F.3).
//!
//! A frame is almost an IETF ChaCha20-Poly1305 message. The plaintext is a block of the tag and 63
//! zeros, then the message; of the block's ciphertext only the first byte is sent. An old bug of
//! libsodium makes the padding in the MAC differ from the standard, unless the length is a multiple
//! of 8. Messages of such a length can use ring's fused assembly, in a buffer with room for the
//! block before the message. All others take one pass of ChaCha20 and one of Poly1305.

use chacha20::cipher::{KeyIvInit, StreamCipher};
use chacha20::{ChaCha20, R20, hchacha};
use poly1305::universal_hash::{KeyInit, UniversalHash};
use ring::aead::{Aad, LessSafeKey, Nonce};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::aead::{MAC_LEN, installed_for, ring_key};
use super::poly1305::Poly1305;
use crate::wipe::wipe;

/// The sending end.
pub(super) struct Push(State);

impl Push {
    /// Begins the stream of this key and header. The header must be fresh and random.
    pub(super) fn new(key: &[u8; 32], header: &[u8; HEADER_LEN]) -> Self {
        Self(State::new(key, header))
    }

    /// Encrypts the message after the headroom in place. Returns the encrypted tag, which goes
    /// before the ciphertext, and the MAC, which goes after it.
    pub(super) fn seal(&mut self, tag: u8, buf: &mut WithHeadroom<'_>) -> (u8, [u8; MAC_LEN]) {
        self.0.forget_at(buf);
        let (first, mac) = if buf.suits_fused(1) {
            self.0.seal_fused(tag, buf)
        } else {
            self.0.seal_portably(tag, buf.message())
        };
        self.0.advance(&mac, tag);
        (first, mac)
    }
}

/// The receiving end.
pub(super) struct Pull(State);

impl Pull {
    /// Begins the stream of this key and header.
    pub(super) fn new(key: &[u8; 32], header: &[u8; HEADER_LEN]) -> Self {
        Self(State::new(key, header))
    }

    /// Decrypts the message after the headroom in place and returns the tag. A forgery changes the
    /// buffer, but not the state.
    pub(super) fn open(
        &mut self,
        first: u8,
        buf: &mut WithHeadroom<'_>,
        mac: &[u8; MAC_LEN],
    ) -> Option<u8> {
        self.0.forget_at(buf);
        let tag = if buf.suits_fused(OPEN_FUSED_FROM) {
            self.0.open_fused(first, buf, mac)?
        } else {
            self.0.open_portably(first, buf.message(), mac)?
        };
        self.0.advance(mac, tag);
        Some(tag)
    }

    /// The same for a message of at most [`SHORT`] bytes, which needs no headroom.
    pub(super) fn open_short(
        &mut self,
        first: u8,
        message: &mut [u8],
        mac: &[u8; MAC_LEN],
    ) -> Option<u8> {
        let tag = self.0.open_portably(first, message, mac)?;
        self.0.advance(mac, tag);
        Some(tag)
    }
}

/// A message with [`SEAL_HEADROOM`] bytes of scratch before it.
pub(super) struct WithHeadroom<'a> {
    all: &'a mut [u8],
}

impl<'a> WithHeadroom<'a> {
    /// `None` if the buffer is shorter than the headroom.
    pub(super) fn new(all: &'a mut [u8]) -> Option<Self> {
        (all.len() >= SEAL_HEADROOM).then_some(Self { all })
    }

    fn message(&mut self) -> &mut [u8] {
        &mut self.all[SEAL_HEADROOM..]
    }

    fn suits_fused(&self, from: usize) -> bool {
        let len = self.len();
        len >= from && len.is_multiple_of(8)
    }

    fn len(&self) -> usize {
        self.all.len() - SEAL_HEADROOM
    }
}

/// Key and nonce of the next frame.
struct State {
    key: Zeroizing<[u8; 32]>,
    counter: u32,
    inonce: [u8; 8],
    /// Of this key; made when a message needs it.
    fused: Option<Fused>,
}

impl State {
    fn new(key: &[u8; 32], header: &[u8; HEADER_LEN]) -> Self {
        let (input, inonce) = header.split_at(16);
        let input: [u8; 16] = std::array::from_fn(|at| input[at]);
        let inonce = std::array::from_fn(|at| inonce[at]);
        let key = Zeroizing::new(hchacha::<R20>(key.into(), &input.into()).0);
        Self { key, counter: 1, inonce, fused: None }
    }

    /// An empty message is a keep-alive: the stream has been idle for a while, and may stay so.
    /// The fused key takes ten times the memory of the rest, and is made again in no time.
    fn forget_at(&mut self, message: &WithHeadroom<'_>) {
        if message.len() == 0 {
            self.fused = None;
        }
    }

    fn fused(&mut self) -> &LessSafeKey {
        &self.fused.get_or_insert_with(|| Fused::new(&self.key)).0
    }

    fn seal_fused(&mut self, tag: u8, buf: &mut WithHeadroom<'_>) -> (u8, [u8; MAC_LEN]) {
        buf.all[0] = tag;
        buf.all[1..SEAL_HEADROOM].fill(0);
        let aead = installed_for(buf.all.len());
        if let Some(mac) = aead.and_then(|aead| aead.seal(&self.key, &self.nonce(), buf.all)) {
            return (buf.all[0], mac);
        }
        let nonce = Nonce::assume_unique_for_key(self.nonce());
        match self.fused().seal_in_place_separate_tag(nonce, Aad::empty(), buf.all) {
            Ok(mac) => (buf.all[0], std::array::from_fn(|at| mac.as_ref()[at])),
            // ring refuses more than 256 GiB and does not change the buffer.
            Err(_) => self.seal_portably(tag, buf.message()),
        }
    }

    fn open_fused(
        &mut self,
        first: u8,
        buf: &mut WithHeadroom<'_>,
        mac: &[u8; MAC_LEN],
    ) -> Option<u8> {
        let start = Start::new(&mut self.keystream());
        buf.all[..SEAL_HEADROOM].copy_from_slice(&start.block);
        buf.all[0] = first;
        let aead = installed_for(buf.all.len());
        if let Some(is_right) =
            aead.and_then(|aead| aead.open(&self.key, &self.nonce(), buf.all, mac))
        {
            return is_right.then(|| buf.all[0]);
        }
        let nonce = Nonce::assume_unique_for_key(self.nonce());
        let plain = self
            .fused()
            .open_in_place_separate_tag(nonce, Aad::empty(), (*mac).into(), buf.all, 0..)
            .ok()?;
        plain.first().copied()
    }

    fn seal_portably(&self, tag: u8, message: &mut [u8]) -> (u8, [u8; MAC_LEN]) {
        let mut stream = self.keystream();
        let mut start = Start::new(&mut stream);
        start.block[0] ^= tag;
        start.apply(&mut stream, message);
        (start.block[0], start.mac(message))
    }

    fn open_portably(&self, first: u8, message: &mut [u8], mac: &[u8; MAC_LEN]) -> Option<u8> {
        let mut stream = self.keystream();
        let mut start = Start::new(&mut stream);
        let tag = start.block[0] ^ first;
        start.block[0] = first;
        if !bool::from(start.mac(message).ct_eq(mac)) {
            return None;
        }
        start.apply(&mut stream, message);
        Some(tag)
    }

    /// Moves on to the next frame.
    fn advance(&mut self, mac: &[u8; MAC_LEN], tag: u8) {
        for (byte, mac) in self.inonce.iter_mut().zip(mac) {
            *byte ^= mac;
        }
        self.counter = self.counter.wrapping_add(1);
        if self.counter == 0 || tag & TAG_REKEY != 0 {
            self.rekey();
        }
    }

    fn rekey(&mut self) {
        let mut stream = self.keystream();
        stream.apply_keystream(&mut *self.key);
        stream.apply_keystream(&mut self.inonce);
        self.counter = 1;
        self.fused = None;
    }

    fn nonce(&self) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&self.counter.to_le_bytes());
        nonce[4..].copy_from_slice(&self.inonce);
        nonce
    }

    fn keystream(&self) -> ChaCha20 {
        ChaCha20::new((&*self.key).into(), &self.nonce().into())
    }
}

/// The first blocks of keystream: the Poly1305 key, the block of the tag, and the keystream for the
/// first bytes of the message.
struct Start {
    mac_key: [u8; BLOCK],
    block: [u8; BLOCK],
    message: [u8; BATCH - 2 * BLOCK],
}

impl Start {
    fn new(stream: &mut ChaCha20) -> Self {
        let mut bytes = [0; BATCH];
        stream.apply_keystream(&mut bytes);
        let start = Self {
            mac_key: std::array::from_fn(|at| bytes[at]),
            block: std::array::from_fn(|at| bytes[BLOCK + at]),
            message: std::array::from_fn(|at| bytes[2 * BLOCK + at]),
        };
        wipe(&mut bytes, [0; BATCH]);
        start
    }

    fn apply(&self, stream: &mut ChaCha20, message: &mut [u8]) {
        let (near, far) = message.split_at_mut(message.len().min(self.message.len()));
        xor(near, &self.message);
        let (batches, rest) = far.split_at_mut(far.len() - far.len() % BATCH);
        stream.apply_keystream(batches);
        if !rest.is_empty() {
            let mut key = [0; BATCH];
            stream.apply_keystream(&mut key);
            xor(rest, &key);
        }
    }

    fn mac(&self, ciphertext: &[u8]) -> [u8; MAC_LEN] {
        let key: Zeroizing<[u8; 32]> = Zeroizing::new(std::array::from_fn(|at| self.mac_key[at]));
        let (blocks, rest) = ciphertext.split_at(ciphertext.len() & !0xf);
        // libsodium pads with as many bytes as the length modulo 16, not up to the next multiple of
        // 16.
        let mut tail = [0; 48];
        tail[..rest.len()].copy_from_slice(rest);
        let lengths = 2 * rest.len();
        let len = (BLOCK + ciphertext.len()) as u64;
        tail[lengths + 8..lengths + 16].copy_from_slice(&len.to_le_bytes());
        let tail = &tail[..lengths + 16];

        if blocks.len() >= VECTOR_MAC_FROM {
            let mut mac = poly1305::Poly1305::new((&*key).into());
            mac.update_padded(&self.block);
            mac.update_padded(blocks);
            return mac.compute_unpadded(tail).into();
        }
        let mut mac = Poly1305::new(&key);
        mac.update_blocks(&self.block);
        mac.update_blocks(blocks);
        mac.finish(tail)
    }
}

impl Drop for Start {
    fn drop(&mut self) {
        wipe(&mut self.mac_key, [0; BLOCK]);
    }
}

/// The key as ring's fused assembly takes it.
struct Fused(Box<LessSafeKey>);

impl Fused {
    fn new(key: &[u8; 32]) -> Self {
        Self(Box::new(ring_key(key)))
    }
}

// ring does not wipe its keys, so a key of zeros overwrites the last one.
impl Drop for Fused {
    fn drop(&mut self) {
        wipe(&mut *self.0, ring_key(&[0; 32]));
    }
}

fn xor(bytes: &mut [u8], keystream: &[u8]) {
    for (byte, key) in bytes.iter_mut().zip(keystream) {
        *byte ^= key;
    }
}

/// Bytes of scratch that a buffer has before its message.
pub(super) const SEAL_HEADROOM: usize = BLOCK;

/// Bytes of a stream's header: 16 for the key, 8 for the nonce.
pub(super) const HEADER_LEN: usize = 24;

/// The tag bit that asks for a new key; the final tag has it as well.
const TAG_REKEY: u8 = 2;

/// Bytes of a ChaCha20 block.
const BLOCK: usize = 64;

/// Bytes of keystream that the vector units produce at once. A single block takes as long.
const BATCH: usize = 4 * BLOCK;

/// The message length from which decryption with ring is faster, in bytes. ring needs the keystream
/// of the tag's block first, which costs as much as all the keystream of a short message.
const OPEN_FUSED_FROM: usize = SHORT + 1;

/// The longest message that the first keystream suffices for, in bytes.
pub(super) const SHORT: usize = BATCH - 2 * BLOCK;

/// The length from which the vector code for Poly1305 is faster in spite of its startup cost, in
/// bytes; measured.
const VECTOR_MAC_FROM: usize = 4096;

#[cfg(test)]
mod tests;
