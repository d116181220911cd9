//! The one source of randomness of a node, seeded by its maker.

use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};

/// A cryptographic generator that replays from its seed.
#[derive(Debug)]
pub struct Rng(ChaCha20Rng);

impl Rng {
    /// Starts the sequence of this seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.0.fill_bytes(&mut out);
        out
    }

    /// 32 random bits.
    pub fn u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// Uniform in `0..bound`; 0 for an empty range.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The bias of the product is below 2^-32 for the small bounds in use.
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A seed for a generator of its own.
    pub fn fork(&mut self) -> Self {
        Self::from_seed(self.bytes())
    }
}
