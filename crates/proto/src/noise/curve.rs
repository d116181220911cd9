//! Edwards points as Diffie-Hellman keys.

use std::sync::OnceLock;

use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::traits::IsIdentity;
use curve25519_dalek::{EdwardsPoint, Scalar};

use super::PublicKey;

/// The two remote public keys of a handshake. Each takes part in two Diffie-Hellman exchanges, and
/// is decoded and checked only once.
#[derive(Default)]
pub(super) struct RemotePoints([OnceLock<(PublicKey, EdwardsPoint)>; 2]);

impl RemotePoints {
    /// The point of a public key; `None` if the key is not acceptable.
    pub(super) fn get(&self, public: &PublicKey) -> Option<EdwardsPoint> {
        for slot in &self.0 {
            match slot.get() {
                Some((known, point)) if known == public => return Some(*point),
                Some(_) => {}
                None => {
                    let point = decode_for_exchange(public)?;
                    // If another thread fills the slot first, this point is not cached, which does
                    // no harm.
                    let _ = slot.set((*public, point));
                    return Some(point);
                }
            }
        }
        // Both slots are taken. An initiator gets here if its first reply was forged, because the
        // next reply brings a third key.
        decode_for_exchange(public)
    }
}

/// Computes the shared point. The scalar is clamped here. A clamped scalar is no multiple of the
/// group order, so the result is never the identity.
pub(super) fn exchange(scalar: [u8; 32], point: &EdwardsPoint) -> [u8; 32] {
    point.mul_clamped(scalar).compress().0
}

/// Decodes a public key under the conditions of libsodium's `crypto_scalarmult_ed25519_noclamp`:
/// canonical, on the curve, in the group of prime order, not the identity.
fn decode_for_exchange(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    if !is_canonical(bytes) {
        return None;
    }
    let point = CompressedEdwardsY(*bytes).decompress()?;
    (!point.is_identity() && is_torsion_free(&point)).then_some(point)
}

/// Whether the point is in the group of prime order ℓ, by (ℓ − 1)·P = −P. The point is public, so
/// the variable-time multiplication is safe. It is a little cheaper than an exchange.
fn is_torsion_free(point: &EdwardsPoint) -> bool {
    EdwardsPoint::vartime_double_scalar_mul_basepoint(&-Scalar::ONE, point, &Scalar::ZERO) == -point
}

/// Whether y < 2^255 − 19.
pub(super) fn is_canonical(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    high & 0x7f != 0x7f || middle.iter().any(|byte| *byte != 0xff) || *low < 0xed
}
