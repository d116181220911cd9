//! The only source of randomness of a node. The creator of the node provides the seed.

use rand_chacha::ChaCha20Rng;
use rand_core::{RngCore, SeedableRng};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::wipe::wipe;

/// A cryptographic generator that replays from its seed. Its state is wiped on drop, because the
/// keys that it produced can be computed from it.
pub struct Rng(ChaCha20Rng);

impl Rng {
    /// Starts the sequence of this seed.
    pub fn from_seed(mut seed: [u8; 32]) -> Self {
        let rng = Self(ChaCha20Rng::from_seed(seed));
        seed.zeroize();
        rng
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

    /// The 32 bits that [`Self::u32`] would give now.
    pub(crate) fn peek_u32(&self) -> u32 {
        self.0.clone().next_u32()
    }

    /// A uniform integer in `0..bound`; 0 if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The bias of the product is below 2^-32 for the small bounds in use.
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// An independent generator, seeded from this one.
    pub fn fork(&mut self) -> Self {
        Self::from_seed(self.bytes())
    }
}

impl Zeroize for Rng {
    fn zeroize(&mut self) {
        wipe(&mut self.0, ChaCha20Rng::from_seed([0; 32]));
    }
}

impl Drop for Rng {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Rng {}

impl std::fmt::Debug for Rng {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rng").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wiped_generator_has_forgotten_its_seed() {
        let mut rng = Rng::from_seed([7; 32]);
        rng.u32();
        rng.zeroize();
        assert_eq!(rng.bytes::<32>(), Rng::from_seed([0; 32]).bytes());
    }
}
