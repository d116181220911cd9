//! Random values for the tests of both sides.

/// A small pseudo-random generator: the same seed gives the same values.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    pub fn from_seed(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A random integer of 1 to 53 bits, which JavaScript holds exactly.
    pub(crate) fn number(&mut self) -> u64 {
        let bits = 1 + self.below(53);
        self.next() >> (64 - bits)
    }

    pub(crate) fn id(&mut self) -> u32 {
        self.next() as u32
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }

    pub(crate) fn bytes(&mut self) -> Vec<u8> {
        (0..self.below(300)).map(|_| self.next() as u8).collect()
    }

    pub(crate) fn text(&mut self) -> String {
        (0..self.below(20)).map(|_| self.pick(&['a', 'Z', ' ', 'é', '語', '🦀'])).collect()
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
