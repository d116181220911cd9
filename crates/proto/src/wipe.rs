//! Secrets that do not outlive their use.

use zeroize::optimization_barrier;

/// Overwrites a secret. The compiler cannot remove the write, although the value is never read
/// again. Serves types that cannot wipe themselves, and arrays, for which it is faster than the
/// byte-wise [`zeroize::Zeroize`].
pub(crate) fn wipe<T>(secret: &mut T, blank: T) {
    *secret = blank;
    optimization_barrier(secret);
}

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    use crate::noise::{Finished, KeyPair};
    use crate::secret::{Datagrams, PunchBox};

    #[test]
    fn what_is_wiped_is_blank() {
        let mut secret = [7; 32];
        super::wipe(&mut secret, [0; 32]);
        assert_eq!(secret, [0; 32]);
    }

    /// The test passes if it compiles.
    #[test]
    fn keys_are_wiped_when_they_are_dropped() {
        is_wiped::<KeyPair>();
        is_wiped::<Finished>();
        is_wiped::<Datagrams>();
        is_wiped::<PunchBox>();
        is_wiped::<crate::Rng>();
        is_wiped::<salsa20::XSalsa20>();
        is_wiped::<chacha20::ChaCha20>();
        is_wiped::<ed25519_dalek::SigningKey>();
    }

    fn is_wiped<T: ZeroizeOnDrop>() {}
}
