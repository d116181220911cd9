//! Poly1305 in 64-bit limbs, for short messages.
//!
//! The vector code of RustCrypto needs a microsecond to start, in which this code processes 2 KiB.
//! The arithmetic is that of poly1305-donna: numbers modulo 2^130 − 5 in limbs of 44, 44 and 42
//! bits, no branch and no index that depends on a secret.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A one-time authenticator. Its key is wiped on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Poly1305 {
    r: [u64; 3],
    /// The upper limbs of r, times what 2^132 is modulo the prime.
    r20: [u64; 2],
    pad: u128,
    h: [u64; 3],
}

impl Poly1305 {
    /// An authenticator with a key that must serve for one message only.
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let (r, pad) = key.split_at(16);
        let r = little_endian(r) & 0x0fff_fffc_0fff_fffc_0fff_fffc_0fff_ffff;
        let r = limbs(r);
        Self { r, r20: [r[1] * 20, r[2] * 20], pad: little_endian(pad), h: [0; 3] }
    }

    /// Processes whole blocks. Bytes after the last multiple of 16 are ignored.
    pub(super) fn update_blocks(&mut self, data: &[u8]) {
        for block in data.chunks_exact(BLOCK) {
            let mut limbs = limbs(little_endian(block));
            limbs[2] |= 1 << 40;
            self.step(limbs);
        }
    }

    /// Processes the rest of the message and returns the tag.
    pub(super) fn finish(mut self, data: &[u8]) -> [u8; 16] {
        self.update_blocks(data);
        let rest = data.chunks_exact(BLOCK).remainder();
        if !rest.is_empty() {
            self.step(limbs(little_endian(rest) | 1 << (8 * rest.len())));
        }
        self.reduced().wrapping_add(self.pad).to_le_bytes()
    }

    /// h = (h + block) · r, partially reduced.
    fn step(&mut self, block: [u64; 3]) {
        let [r0, r1, r2] = self.r.map(u128::from);
        let [s1, s2] = self.r20.map(u128::from);
        let [h0, h1, h2]: [u128; 3] = std::array::from_fn(|at| u128::from(self.h[at] + block[at]));

        let d0 = h0 * r0 + h1 * s2 + h2 * s1;
        let d1 = h0 * r1 + h1 * r0 + h2 * s2 + (d0 >> 44);
        let d2 = h0 * r2 + h1 * r1 + h2 * r0 + (d1 >> 44);
        let h0 = (d0 as u64 & MASK_44) + 5 * (d2 >> 42) as u64;
        self.h = [h0 & MASK_44, (d1 as u64 & MASK_44) + (h0 >> 44), d2 as u64 & MASK_42];
    }

    /// The low 128 bits of h, reduced fully.
    fn reduced(&self) -> u128 {
        let [mut h0, mut h1, mut h2] = self.h;
        // The first round may leave a carry for the second, and the second leaves none.
        for _ in 0..2 {
            h2 += h1 >> 44;
            h1 &= MASK_44;
            h0 += 5 * (h2 >> 42);
            h2 &= MASK_42;
            h1 += h0 >> 44;
            h0 &= MASK_44;
        }
        h2 += h1 >> 44;
        h1 &= MASK_44;

        // g = h − p = h + 5 − 2^130. If g is not negative it is the reduced value, otherwise h is.
        let g0 = h0 + 5;
        let g1 = h1 + (g0 >> 44);
        let g2 = h2.wrapping_add(g1 >> 44).wrapping_sub(1 << 42);
        let keep_h = (g2 >> 63).wrapping_neg();
        let pick = |h: u64, g: u64| u128::from((h & keep_h) | (g & !keep_h));
        let (n0, n1, n2) = (pick(h0, g0 & MASK_44), pick(h1, g1 & MASK_44), pick(h2, g2));
        n0 | n1 << 44 | n2 << 88
    }
}

fn limbs(value: u128) -> [u64; 3] {
    [value as u64 & MASK_44, (value >> 44) as u64 & MASK_44, (value >> 88) as u64]
}

/// At most 16 bytes as a number.
fn little_endian(bytes: &[u8]) -> u128 {
    let mut padded = [0; BLOCK];
    padded[..bytes.len()].copy_from_slice(bytes);
    u128::from_le_bytes(padded)
}

/// Bytes of a block.
const BLOCK: usize = 16;

const MASK_44: u64 = (1 << 44) - 1;

const MASK_42: u64 = (1 << 42) - 1;

#[cfg(test)]
mod tests {
    use ::poly1305::universal_hash::KeyInit;

    use super::*;
    use crate::Rng;

    #[test]
    fn tags_are_those_of_rustcrypto() {
        let mut rng = Rng::from_seed([1; 32]);
        let keys = [[0; 32], [0xff; 32], rng.bytes(), rng.bytes(), rng.bytes()];
        let fills: [&dyn Fn(&mut Rng) -> u8; 4] =
            [&|_| 0, &|_| 0xff, &|rng| rng.u32() as u8, &|rng| {
                [0, 0xff, 0xfb][rng.below(3) as usize]
            }];
        for key in &keys {
            for fill in fills {
                for len in 0..200 {
                    let data: Vec<u8> = (0..len).map(|_| fill(&mut rng)).collect();
                    assert_same(key, &data);
                }
            }
        }
    }

    #[test]
    fn values_around_the_prime_are_reduced() {
        // r = 1 makes h the plain sum of the blocks.
        let mut key = [0; 32];
        key[0] = 1;
        for top in 0..=0xff {
            for count in 1..6 {
                let mut data = vec![0xff; 16 * count];
                data[0] = top;
                assert_same(&key, &data);
                data[16 * count - 16] = top;
                assert_same(&key, &data);
            }
        }
    }

    #[test]
    fn a_wiped_one_has_forgotten_its_key() {
        let mut mac = Poly1305::new(&[0xa5; 32]);
        mac.update_blocks(&[7; 32]);
        mac.zeroize();
        assert_eq!(mac.finish(&[7; 16]), [0; 16]);
    }

    #[test]
    fn blocks_may_come_in_parts() {
        let data: Vec<u8> = (0..100).collect();
        let key = [0xa5; 32];
        let mut parts = Poly1305::new(&key);
        parts.update_blocks(&data[..64]);
        assert_eq!(parts.finish(&data[64..]), Poly1305::new(&key).finish(&data));
    }

    fn assert_same(key: &[u8; 32], data: &[u8]) {
        let expected = ::poly1305::Poly1305::new(key.into()).compute_unpadded(data);
        assert_eq!(Poly1305::new(key).finish(data), *expected, "{key:?} {data:?}");
    }
}
