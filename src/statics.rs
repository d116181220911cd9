//! Functions that need no node: key pairs, hashes, signatures; errors for the runtime.

use hyperdht::{KeyPair, PublicKey, PunchBox, system_rng};
use napi::bindgen_prelude::*;
use napi::{JsValue, sys};
use napi_derive::napi;
use zeroize::Zeroizing;

use crate::openssl;

/// Writes the public key and the secret key of a 32-byte seed: 96 bytes.
#[napi]
pub fn key_pair(seed: &[u8], mut out: Uint8ArraySlice<'_>) -> Result<()> {
    let seed: &[u8; 32] =
        seed.try_into().map_err(|_| Error::from_reason("seed is not 32 bytes"))?;
    write_key_pair(&KeyPair::from_seed(*seed), &mut out)
}

/// The same for a seed of the system's randomness.
#[napi]
pub fn random_key_pair(out: Uint8ArraySlice<'_>) -> Result<()> {
    let mut out = out;
    let key_pair = hyperdht::generate_key_pair().map_err(|e| Error::from_reason(e.to_string()))?;
    write_key_pair(&key_pair, &mut out)
}

/// Whether long frames are encrypted by the runtime's OpenSSL. It is looked for when a node starts.
#[napi]
pub fn uses_openssl() -> bool {
    openssl::is_used()
}

/// Writes the BLAKE2b-256 of the data.
#[napi]
pub fn hash(data: &[u8], mut out: Uint8ArraySlice<'_>) -> Result<()> {
    write(&mut out, &hyperdht::hash(&[data]))
}

/// Writes the BLAKE2b-256 of the data with a key of at most 64 bytes.
#[napi]
pub fn keyed_hash(key: &[u8], data: &[u8], mut out: Uint8ArraySlice<'_>) -> Result<()> {
    if key.len() > 64 {
        return Err(Error::from_reason("the key is longer than 64 bytes"));
    }
    write(&mut out, &hyperdht::wire::keyed_hash(key, &[data]))
}

/// Writes the detached signature of a message: 64 bytes.
#[napi]
pub fn sign(secret_key: &[u8], message: &[u8], mut out: Uint8ArraySlice<'_>) -> Result<()> {
    let key_pair = secret_key.try_into().ok().and_then(KeyPair::from_secret_key);
    let key_pair = key_pair.ok_or_else(|| Error::from_reason("secretKey is no secret key"))?;
    write(&mut out, &key_pair.sign(message))
}

/// Whether the detached signature of a message is good.
#[napi]
pub fn verify(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(public_key), Ok(signature)) = (public_key.try_into(), signature.try_into()) else {
        return false;
    };
    hyperdht::verify(public_key, message, signature)
}

/// Encrypts a plaintext with a secret of 32 bytes. Writes a random nonce and the secretbox: 40
/// bytes more.
#[napi]
pub fn seal(secret: &[u8], plaintext: &[u8], mut out: Uint8ArraySlice<'_>) -> Result<()> {
    let mut rng = system_rng().map_err(|error| Error::from_reason(error.to_string()))?;
    let sealed = sealing(secret)?.seal(plaintext, rng.bytes());
    write(&mut out, &sealed)
}

/// Writes the plaintext of what `seal` has written. False for anything else.
#[napi]
pub fn open_sealed(secret: &[u8], sealed: &[u8], mut out: Uint8ArraySlice<'_>) -> Result<bool> {
    let Some(plaintext) = sealing(secret)?.open(sealed) else { return Ok(false) };
    write(&mut out, &plaintext)?;
    Ok(true)
}

fn sealing(secret: &[u8]) -> Result<PunchBox> {
    let secret = secret.try_into();
    let secret = secret.map_err(|_| Error::from_reason("the secret is not 32 bytes"))?;
    // The second secret is for tokens.
    Ok(PunchBox::new(secret, &[0; 32]))
}

fn write_key_pair(key_pair: &KeyPair, out: &mut Uint8ArraySlice<'_>) -> Result<()> {
    let public: PublicKey = key_pair.public();
    let mut both = Zeroizing::new([0; 96]);
    both[..32].copy_from_slice(&public);
    both[32..].copy_from_slice(&*key_pair.secret_key());
    write(out, &*both)
}

fn write(out: &mut Uint8ArraySlice<'_>, bytes: &[u8]) -> Result<()> {
    // SAFETY: JavaScript waits for this call and lib/ made the array for it alone.
    let out = unsafe { out.as_mut() };
    let room = out.get_mut(..bytes.len()).ok_or_else(|| Error::from_reason("no room"))?;
    room.copy_from_slice(bytes);
    Ok(())
}

/// Hands an exception that JavaScript has caught to the runtime, as one that nobody has caught.
#[napi]
pub fn report_uncaught(env: Env, exception: Unknown<'_>) {
    // SAFETY: JavaScript calls this, so its environment is alive and a handle scope is open.
    unsafe {
        sys::napi_fatal_exception(env.raw(), exception.raw());
    }
}
