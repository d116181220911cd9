//! The XSalsa20 keystreams of messages whose nonces are consecutive numbers.
//!
//! A short message needs three blocks of Salsa20 that depend on its nonce. Those of several messages
//! are computed at once, in loops that compilers turn into vector instructions: for four messages
//! they take half as long as one after the other.

use std::array::from_fn;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::secretbox::Keystream;
use crate::wipe::wipe;

/// The keystreams of some consecutive nonces.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Ahead {
    /// The number in the first nonce.
    first: u64,
    subkeys: Words<8>,
    /// The first blocks of each keystream.
    blocks: [[u8; KEPT]; LANES],
}

impl Ahead {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let mut ahead = Self { first: 0, subkeys: [[0; LANES]; 8], blocks: [[0; KEPT]; LANES] };
        ahead.fill(key, 0);
        ahead
    }

    /// The keystream of a nonce that is a number and 16 zeros. Those of the numbers after it are
    /// computed too, if it is not there yet.
    pub(super) fn of(&mut self, key: &[u8; 32], number: u64) -> Stream<'_> {
        if number.wrapping_sub(self.first) >= LANES as u64 {
            self.fill(key, number);
        }
        let lane = number.wrapping_sub(self.first) as usize;
        Stream { subkeys: &self.subkeys, kept: &self.blocks[lane], lane }
    }

    fn fill(&mut self, key: &[u8; 32], first: u64) {
        self.first = first;
        self.subkeys = subkeys(key, from_fn(|lane| first.wrapping_add(lane as u64)));
        for number in 0..KEPT / BLOCK {
            let mut of_all = stream_blocks(&self.subkeys, [number as u64; LANES]);
            for (kept, block) in self.blocks.iter_mut().zip(&of_all) {
                kept[number * BLOCK..][..BLOCK].copy_from_slice(block);
            }
            wipe(&mut of_all, [[0; BLOCK]; LANES]);
        }
    }
}

/// One keystream.
pub(super) struct Stream<'a> {
    subkeys: &'a Words<8>,
    kept: &'a [u8; KEPT],
    lane: usize,
}

impl Keystream for Stream<'_> {
    fn mac_key(&self) -> &[u8; MAC_KEY] {
        self.kept.first_chunk().expect("more is kept")
    }

    fn apply(&mut self, data: &mut [u8]) {
        let kept = &self.kept[MAC_KEY..];
        let (short, long) = data.split_at_mut(data.len().min(kept.len()));
        xor(short, kept);
        if long.is_empty() {
            return;
        }
        let mut subkey = self.subkeys.map(|words| [words[self.lane]; LANES]);
        let mut next = (KEPT / BLOCK) as u64;
        for data in long.chunks_mut(BLOCK * LANES) {
            let mut blocks = stream_blocks(&subkey, from_fn(|lane| next + lane as u64));
            next += LANES as u64;
            data.chunks_mut(BLOCK).zip(&blocks).for_each(|(data, block)| xor(data, block));
            wipe(&mut blocks, [[0; BLOCK]; LANES]);
        }
        wipe(&mut subkey, [[0; LANES]; 8]);
    }
}

fn xor(data: &mut [u8], keystream: &[u8]) {
    data.iter_mut().zip(keystream).for_each(|(byte, key)| *byte ^= key);
}

/// HSalsa20: the keys of Salsa20 for nonces that begin with a number and 8 zeros.
fn subkeys(key: &[u8; 32], numbers: [u64; LANES]) -> Words<8> {
    let key = from_fn(|word| [little_endian(&key[4 * word..]); LANES]);
    let mut state = state(&key, [low(numbers), high(numbers), [0; LANES], [0; LANES]]);
    rounds(&mut state);
    let subkeys = [0, 5, 10, 15, 6, 7, 8, 9].map(|word| state[word]);
    wipe(&mut state, [[0; LANES]; 16]);
    subkeys
}

/// Blocks of Salsa20 with a nonce of zeros, by their numbers in the keystream.
fn stream_blocks(keys: &Words<8>, numbers: [u64; LANES]) -> [[u8; BLOCK]; LANES] {
    let mut first = state(keys, [[0; LANES], [0; LANES], low(numbers), high(numbers)]);
    let mut mixed = first;
    rounds(&mut mixed);
    let mut blocks = [[0; BLOCK]; LANES];
    for (word, (mixed, first)) in mixed.iter().zip(first).enumerate() {
        for (lane, block) in blocks.iter_mut().enumerate() {
            let sum = mixed[lane].wrapping_add(first[lane]);
            block[4 * word..][..4].copy_from_slice(&sum.to_le_bytes());
        }
    }
    wipe(&mut first, [[0; LANES]; 16]);
    wipe(&mut mixed, [[0; LANES]; 16]);
    blocks
}

fn state(key: &Words<8>, input: Words<4>) -> Words<16> {
    let [k0, k1, k2, k3, k4, k5, k6, k7] = *key;
    let [i0, i1, i2, i3] = input;
    let [c0, c1, c2, c3] = CONSTANTS.map(|word| [word; LANES]);
    [c0, k0, k1, k2, k3, c1, i0, i1, i2, i3, c2, k4, k5, k6, k7, c3]
}

fn rounds(state: &mut Words<16>) {
    (0..10).for_each(|_| double_round(state));
}

/// A function of its own, since a compiler that sees the loops around it does not vectorise this one.
#[inline(never)]
fn double_round(state: &mut Words<16>) {
    for lane in 0..LANES {
        let mut x: [u32; 16] = from_fn(|word| state[word][lane]);
        quarter_round(&mut x, 0, 4, 8, 12);
        quarter_round(&mut x, 5, 9, 13, 1);
        quarter_round(&mut x, 10, 14, 2, 6);
        quarter_round(&mut x, 15, 3, 7, 11);

        quarter_round(&mut x, 0, 1, 2, 3);
        quarter_round(&mut x, 5, 6, 7, 4);
        quarter_round(&mut x, 10, 11, 8, 9);
        quarter_round(&mut x, 15, 12, 13, 14);
        state.iter_mut().zip(x).for_each(|(words, word)| words[lane] = word);
    }
}

#[inline(always)]
fn quarter_round(x: &mut [u32; 16], a: usize, b: usize, c: usize, d: usize) {
    x[b] ^= x[a].wrapping_add(x[d]).rotate_left(7);
    x[c] ^= x[b].wrapping_add(x[a]).rotate_left(9);
    x[d] ^= x[c].wrapping_add(x[b]).rotate_left(13);
    x[a] ^= x[d].wrapping_add(x[c]).rotate_left(18);
}

fn low(numbers: [u64; LANES]) -> [u32; LANES] {
    numbers.map(|number| number as u32)
}

fn high(numbers: [u64; LANES]) -> [u32; LANES] {
    numbers.map(|number| (number >> 32) as u32)
}

fn little_endian(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

/// Some words of each state, word by word: the same word of all states is one vector.
type Words<const N: usize> = [[u32; LANES]; N];

/// States at once: four words fill a vector of SSE2 and of NEON.
const LANES: usize = 4;

/// Bytes of a block.
const BLOCK: usize = 64;

/// Bytes of each keystream that are kept: enough for messages of 96 bytes.
const KEPT: usize = 2 * BLOCK;

/// The first bytes of a keystream are the key of the MAC.
const MAC_KEY: usize = 32;

/// "expand 32-byte k"
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];

#[cfg(test)]
mod tests {
    use salsa20::XSalsa20;
    use salsa20::cipher::{KeyIvInit, StreamCipher};

    use super::*;

    #[test]
    fn the_keystreams_are_those_of_xsalsa20() {
        let key: [u8; 32] = from_fn(|at| at as u8 * 7);
        let mut ahead = Ahead::new(&key);
        for number in [0, 1, 3, 4, 2, 0xffff_fffe, 1 << 32, u64::MAX - 1, u64::MAX, 0] {
            for len in [0, 1, 95, 96, 97, 160, 1200] {
                let mut data = vec![0; len];
                let mut stream = ahead.of(&key, number);
                stream.apply(&mut data);
                let found = [&stream.mac_key()[..], &data].concat();
                assert_eq!(found, keystream(&key, number, found.len()), "{number}, {len} bytes");
            }
        }
    }

    fn keystream(key: &[u8; 32], number: u64, len: usize) -> Vec<u8> {
        let mut nonce = [0; 24];
        nonce[..8].copy_from_slice(&number.to_le_bytes());
        let mut bytes = vec![0; len];
        XSalsa20::new(key.into(), &nonce.into()).apply_keystream(&mut bytes);
        bytes
    }
}
