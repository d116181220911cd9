//! Noise IK over Ed25519, key pairs, and the result of a handshake (PROTOCOL D.2).
//!
//! Reference: hyperdht 6.34.0 `lib/noise-wrap.js`, noise-handshake, noise-curve-ed.

mod curve;
mod ik;
mod keys;
mod resolver;

pub(crate) use ik::Secrets;
pub use ik::{Finished, HandshakeFailed, Initiator, Responder};
pub use keys::{KeyPair, verify};

pub use crate::wire::PublicKey;

#[cfg(test)]
mod tests;
