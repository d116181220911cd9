//! What needs no node: key pairs and hashes.

use hyperdht::{KeyPair, PublicKey};
use napi::bindgen_prelude::*;
use napi_derive::napi;

/// Writes the public key and the secret key of a 32-byte seed: 96 bytes.
#[napi]
pub fn key_pair(seed: &[u8], mut out: Uint8ArraySlice<'_>) -> Result<()> {
    let seed: [u8; 32] = seed.try_into().map_err(|_| Error::from_reason("seed is not 32 bytes"))?;
    write_key_pair(&KeyPair::from_seed(seed), &mut out)
}

/// The same for a seed of the system's randomness.
#[napi]
pub fn random_key_pair(out: Uint8ArraySlice<'_>) -> Result<()> {
    let mut out = out;
    let key_pair = hyperdht::generate_key_pair().map_err(|e| Error::from_reason(e.to_string()))?;
    write_key_pair(&key_pair, &mut out)
}

/// Writes the BLAKE2b-256 of the data.
#[napi]
pub fn hash(data: &[u8], mut out: Uint8ArraySlice<'_>) -> Result<()> {
    write(&mut out, &hyperdht::hash(&[data]))
}

fn write_key_pair(key_pair: &KeyPair, out: &mut Uint8ArraySlice<'_>) -> Result<()> {
    let public: PublicKey = key_pair.public();
    let mut both = [0; 96];
    both[..32].copy_from_slice(&public);
    both[32..].copy_from_slice(&key_pair.secret_key());
    write(out, &both)
}

fn write(out: &mut Uint8ArraySlice<'_>, bytes: &[u8]) -> Result<()> {
    // SAFETY: JavaScript waits for this call and lib/ made the array for it alone.
    let out = unsafe { out.as_mut() };
    let room = out.get_mut(..bytes.len()).ok_or_else(|| Error::from_reason("no room"))?;
    room.copy_from_slice(bytes);
    Ok(())
}
