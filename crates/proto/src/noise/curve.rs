//! Edwards points as Diffie-Hellman keys.

use std::sync::OnceLock;

use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::traits::IsIdentity;
use curve25519_dalek::{EdwardsPoint, Scalar};

use super::PublicKey;

/// The two remote keys of a handshake. Each takes part in two Diffie-Hellmans and is decoded and
/// checked for the first only.
#[derive(Default)]
pub(super) struct RemotePoints([OnceLock<(PublicKey, EdwardsPoint)>; 2]);

impl RemotePoints {
    /// The point of a key, if it may be used at all.
    pub(super) fn get(&self, public: &PublicKey) -> Option<EdwardsPoint> {
        for slot in &self.0 {
            match slot.get() {
                Some((known, point)) if known == public => return Some(*point),
                Some(_) => {}
                None => {
                    let point = decode_for_exchange(public)?;
                    // A lost race costs the memory of one decoding, nothing else.
                    let _ = slot.set((*public, point));
                    return Some(point);
                }
            }
        }
        // Two keys are known, and an initiator whose first reply was forged tries a third.
        decode_for_exchange(public)
    }
}

/// The shared point. The scalar is clamped here; the clamped scalar is no multiple of the group
/// order, so the result is never the identity.
pub(super) fn exchange(scalar: [u8; 32], point: &EdwardsPoint) -> [u8; 32] {
    point.mul_clamped(scalar).compress().0
}

/// What `crypto_scalarmult_ed25519_noclamp` of libsodium accepts: canonical, on the curve, in the
/// group of prime order, not the identity.
fn decode_for_exchange(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    if !is_canonical(bytes) {
        return None;
    }
    let point = CompressedEdwardsY(*bytes).decompress()?;
    (!point.is_identity() && is_torsion_free(&point)).then_some(point)
}

/// Whether the point is in the group of prime order ℓ, by (ℓ − 1)·P = −P. The point is public, so
/// the time may vary, which makes this a little cheaper than an exchange.
fn is_torsion_free(point: &EdwardsPoint) -> bool {
    EdwardsPoint::vartime_double_scalar_mul_basepoint(&-Scalar::ONE, point, &Scalar::ZERO) == -point
}

/// Whether y < 2^255 − 19.
pub(super) fn is_canonical(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    high & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff) || *low < 0xed
}
