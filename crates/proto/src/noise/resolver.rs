//! The primitives of `Noise_IK_Ed25519_ChaChaPoly_BLAKE2b`, as implementations of snow's traits.

use std::sync::Arc;

use blake2::{Blake2b512, Digest};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use snow::Error;
use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::CryptoResolver;
use snow::types::{Cipher, Dh, Hash, Random};
use zeroize::{Zeroizing, optimization_barrier};

use super::curve::{self, RemotePoints};
use super::{KeyPair, PublicKey};

/// Provides the primitives of one handshake.
pub(super) struct Resolver {
    static_pair: KeyPair,
    ephemeral_seed: Zeroizing<[u8; 32]>,
    remote: Arc<RemotePoints>,
}

impl Resolver {
    /// A resolver for one handshake of this key pair. The seed must be fresh and random.
    pub(super) fn new(static_pair: &KeyPair, ephemeral_seed: [u8; 32]) -> Self {
        Self {
            static_pair: static_pair.clone(),
            ephemeral_seed: Zeroizing::new(ephemeral_seed),
            remote: Arc::default(),
        }
    }
}

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(EphemeralSeed(self.ephemeral_seed.clone())))
    }

    fn resolve_dh(&self, _: &DHChoice) -> Option<Box<dyn Dh>> {
        Some(Box::new(Ed25519Dh::new(self.static_pair.clone(), Arc::clone(&self.remote))))
    }

    fn resolve_hash(&self, _: &HashChoice) -> Option<Box<dyn Hash>> {
        Some(Box::new(Blake2bHash::default()))
    }

    fn resolve_cipher(&self, _: &CipherChoice) -> Option<Box<dyn Cipher>> {
        Some(Box::new(ChaChaPoly::default()))
    }
}

/// A random source that yields one seed. The ephemeral key pair is the only random input of a
/// handshake.
struct EphemeralSeed(Zeroizing<[u8; 32]>);

impl Random for EphemeralSeed {
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Error> {
        if dest.len() != self.0.len() {
            return Err(Error::Rng);
        }
        dest.copy_from_slice(&*self.0);
        Ok(())
    }
}

/// A local key pair: the static one, until snow generates an ephemeral one in its place.
struct Ed25519Dh {
    pair: KeyPair,
    public: PublicKey,
    scalar: Zeroizing<[u8; 32]>,
    remote: Arc<RemotePoints>,
}

impl Ed25519Dh {
    fn new(pair: KeyPair, remote: Arc<RemotePoints>) -> Self {
        let public = pair.public();
        let scalar = pair.scalar_bytes();
        Self { pair, public, scalar, remote }
    }

    fn install(&mut self, pair: KeyPair) {
        self.public = pair.public();
        self.scalar = pair.scalar_bytes();
        self.pair = pair;
    }
}

impl Dh for Ed25519Dh {
    fn name(&self) -> &'static str {
        "Ed25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, _: &[u8]) {
        // Nothing to do: `new` has received the static key already.
    }

    fn generate(&mut self, rng: &mut dyn Random) -> Result<(), Error> {
        let mut seed = Zeroizing::new([0; 32]);
        rng.try_fill_bytes(&mut *seed)?;
        self.install(KeyPair::from_seed(*seed));
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public
    }

    fn privkey(&self) -> &[u8] {
        &*self.scalar
    }

    fn dh(&self, pubkey: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let public = pubkey.first_chunk::<32>().ok_or(Error::Dh)?;
        let out = out.first_chunk_mut::<32>().ok_or(Error::Dh)?;
        let point = self.remote.get(public).ok_or(Error::Dh)?;
        *out = curve::exchange(*self.scalar, &point);
        Ok(())
    }
}

/// BLAKE2b with 64 bytes of digest.
#[derive(Default)]
struct Blake2bHash(Blake2b512);

impl Hash for Blake2bHash {
    fn name(&self) -> &'static str {
        "BLAKE2b"
    }

    fn block_len(&self) -> usize {
        128
    }

    fn hash_len(&self) -> usize {
        64
    }

    fn reset(&mut self) {
        self.0 = Blake2b512::default();
    }

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(&mut self, out: &mut [u8]) {
        let digest = self.0.finalize_reset();
        if let Some(out) = out.first_chunk_mut::<64>() {
            *out = digest.into();
        }
    }
}

/// ChaCha20-Poly1305 with Noise's nonce.
#[derive(Default)]
struct ChaChaPoly(Option<LessSafeKey>);

impl ChaChaPoly {
    fn nonce(counter: u64) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        nonce[4..].copy_from_slice(&counter.to_le_bytes());
        Nonce::assume_unique_for_key(nonce)
    }
}

// ring does not wipe its keys, so a key of zeros overwrites the last one.
impl Drop for ChaChaPoly {
    fn drop(&mut self) {
        if self.0.is_some() {
            self.set(&[0; 32]);
            optimization_barrier(self);
        }
    }
}

impl Cipher for ChaChaPoly {
    fn name(&self) -> &'static str {
        "ChaChaPoly"
    }

    fn set(&mut self, key: &[u8; 32]) {
        self.0 = UnboundKey::new(&CHACHA20_POLY1305, key).ok().map(LessSafeKey::new);
    }

    fn encrypt(&self, counter: u64, ad: &[u8], plaintext: &[u8], out: &mut [u8]) -> usize {
        let (ciphertext, rest) = out.split_at_mut(plaintext.len());
        ciphertext.copy_from_slice(plaintext);
        let sealed = self.0.as_ref().and_then(|key| {
            let nonce = Self::nonce(counter);
            key.seal_in_place_separate_tag(nonce, Aad::from(ad), ciphertext).ok()
        });
        let Some(tag) = sealed else {
            // This happens only without a key and for lengths above 256 GiB. snow excludes both.
            ciphertext.fill(0);
            return 0;
        };
        rest[..TAG_LEN].copy_from_slice(tag.as_ref());
        plaintext.len() + TAG_LEN
    }

    fn decrypt(
        &self,
        counter: u64,
        ad: &[u8],
        ciphertext: &[u8],
        out: &mut [u8],
    ) -> Result<usize, Error> {
        let key = self.0.as_ref().ok_or(Error::Decrypt)?;
        let (body, tag) = ciphertext.split_last_chunk::<TAG_LEN>().ok_or(Error::Decrypt)?;
        let out = out.get_mut(..body.len()).ok_or(Error::Decrypt)?;
        out.copy_from_slice(body);
        key.open_in_place_separate_tag(
            Self::nonce(counter),
            Aad::from(ad),
            (*tag).into(),
            out,
            0..,
        )
        .map_err(|_| Error::Decrypt)?;
        Ok(body.len())
    }
}

/// Bytes of the Poly1305 tag.
const TAG_LEN: usize = 16;
