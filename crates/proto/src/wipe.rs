//! Secrets that do not outlive their use.

use zeroize::optimization_barrier;

/// Overwrites a secret, in a way that the compiler does not leave out although nobody reads the
/// value again. For types that cannot wipe themselves, and for arrays, where it is faster than
/// [`zeroize::Zeroize`], which writes byte by byte.
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

    /// That these compile is the test.
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
