//! Sequence numbers: 32 bits and wrapping on the wire, 64 bits and growing inside.

/// A UDX sequence number as it stands on the wire: it counts packets, wraps, and is compared by
/// signed distance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seq(pub u32);

/// A packet's number without wrapping. The state machine uses only these, so that plain comparison
/// and subtraction are correct.
pub(crate) type Number = u64;

impl Seq {
    /// The wire form of a number.
    pub(crate) fn of(number: Number) -> Self {
        // The low 32 bits are the wire form.
        Self(number as u32)
    }

    /// How far `self` is ahead of `other`; negative if behind.
    pub fn distance(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }

    /// The number nearest to `near` with this wire form; `None` if it would lie before zero.
    pub(crate) fn expand(self, near: Number) -> Option<Number> {
        near.checked_add_signed(i64::from(self.distance(Self::of(near))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_wraps() {
        assert_eq!(Seq(1).distance(Seq(u32::MAX)), 2);
        assert_eq!(Seq(u32::MAX).distance(Seq(1)), -2);
    }

    #[test]
    fn expands_to_the_nearest_number() {
        let near = (1 << 32) + 5;
        assert_eq!(Seq(u32::MAX).expand(near), Some((1 << 32) - 1));
        assert_eq!(Seq(7).expand(near), Some((1 << 32) + 7));
        assert_eq!(Seq(u32::MAX).expand(3), None);
    }
}
