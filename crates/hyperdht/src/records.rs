//! Values that the nodes of the DHT keep for everybody.

use bytes::Bytes;

use crate::wire::{MutableGetReply, MutablePut, Target, Writer, command, hash, mutable_signable};
use crate::{Dht, KeyPair, PublicKey, Query, QueryError, QueryKind, QueryOptions, UserCommit};

/// A value that the owner of a key pair has signed.
///
/// One with a higher number replaces it at the nodes that keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MutableRecord {
    public_key: PublicKey,
    seq: u64,
    value: Bytes,
    signature: [u8; 64],
}

/// What to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MutableGet {
    /// The lowest number that is of interest. Default 0.
    pub seq: u64,
    /// Ask all nodes that may have it, and take the highest number. Otherwise the first record
    /// that is found will do. Default true.
    pub latest: bool,
}

impl Default for MutableGet {
    fn default() -> Self {
        Self { seq: 0, latest: true }
    }
}

impl Dht {
    /// Leaves a value with the nodes that are closest to its hash, for two days, and gives the
    /// hash. It has to fit into a datagram with what surrounds it: 1800 bytes do, and up to 1000
    /// reach everyone without being fragmented.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let testnet = hyperdht::testnet(3).await?;
    /// # let (alice, bob) = (testnet.create_node().await?, testnet.create_node().await?);
    /// let hash = alice.immutable_put("hello").await?;
    /// assert_eq!(hash, hyperdht::hash(&[b"hello"]));
    ///
    /// let value = bob.immutable_get(hash).await?;
    /// assert_eq!(value.as_deref(), Some(&b"hello"[..]));
    /// # testnet.destroy().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When no node has stored it; see [`QueryError`].
    pub async fn immutable_put(&self, value: impl Into<Bytes>) -> Result<Target, QueryError> {
        let value = value.into();
        let target = hash(&[&value]);
        let put = Put { command: command::IMMUTABLE_PUT, value };
        self.values(target, command::IMMUTABLE_GET, None, Some(put)).finish().await?;
        Ok(target)
    }

    /// Finds a value by its hash; `None` if no node has it.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn immutable_get(&self, hash: Target) -> Result<Option<Bytes>, QueryError> {
        let mut query = self.values(hash, command::IMMUTABLE_GET, None, None);
        while let Some(reply) = query.next().await {
            if let Some(value) = reply.value.filter(|value| crate::hash(&[value]) == hash) {
                return Ok(Some(value));
            }
        }
        query.finish().await.map(|_| None)
    }

    /// Signs a value, and leaves it with the nodes that are closest to the hash of the public key,
    /// for two days. `seq` is its number: nodes that have a higher one, or another value with this
    /// one, keep what they have, which is no error. It is at most 2^53 - 1; the value has to fit
    /// into a datagram with what surrounds it, as 1700 bytes do.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let testnet = hyperdht::testnet(3).await?;
    /// # let (alice, bob) = (testnet.create_node().await?, testnet.create_node().await?);
    /// use hyperdht::MutableGet;
    ///
    /// let key_pair = hyperdht::generate_key_pair()?;
    /// alice.mutable_put(&key_pair, "one", 1).await?;
    /// alice.mutable_put(&key_pair, "two", 2).await?;
    ///
    /// let found = bob.mutable_get(key_pair.public(), MutableGet::default()).await?;
    /// let record = found.expect("a record");
    /// assert_eq!((record.seq(), &record.value()[..]), (2, &b"two"[..]));
    /// # testnet.destroy().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When no node has answered; see [`QueryError`].
    pub async fn mutable_put(
        &self,
        key_pair: &KeyPair,
        value: impl Into<Bytes>,
        seq: u64,
    ) -> Result<MutableRecord, QueryError> {
        let record = MutableRecord::sign(key_pair, value, seq);
        self.mutable_refresh(&record).await?;
        Ok(record)
    }

    /// Leaves a record that is signed already with the nodes that are closest to its key: anybody
    /// can keep it alive.
    ///
    /// # Errors
    /// When no node has answered; see [`QueryError`].
    pub async fn mutable_refresh(&self, record: &MutableRecord) -> Result<(), QueryError> {
        let put = Put { command: command::MUTABLE_PUT, value: record.to_put().encode().into() };
        let target = hash(&[&record.public_key]);
        let query = self.values(target, command::MUTABLE_GET, Some(least(0)), Some(put));
        query.finish().await.map(drop)
    }

    /// Finds the record of a public key; `None` if no node has one whose signature is good.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn mutable_get(
        &self,
        public_key: PublicKey,
        get: MutableGet,
    ) -> Result<Option<MutableRecord>, QueryError> {
        let target = hash(&[&public_key]);
        let mut query = self.values(target, command::MUTABLE_GET, Some(least(get.seq)), None);
        let mut best: Option<MutableRecord> = None;
        while let Some(reply) = query.next().await {
            let Some(value) = reply.value else { continue };
            let least_seq = best.as_ref().map_or(get.seq, |best| best.seq + 1);
            let Some(record) = MutableRecord::verified(public_key, &value, least_seq) else {
                continue;
            };
            if !get.latest {
                return Ok(Some(record));
            }
            best = Some(record);
        }
        query.finish().await.map(|_| best)
    }

    /// Walks towards a target by a command that asks for a value, and leaves one there.
    fn values(
        &self,
        target: Target,
        command: u64,
        value: Option<Bytes>,
        put: Option<Put>,
    ) -> Query {
        let commit = put.map_or(UserCommit::None, |Put { command, value }| UserCommit::Send {
            command,
            value: Some(value),
        });
        let options = QueryOptions { only_values: true, ..QueryOptions::default() };
        self.query_with(target, QueryKind::User { command, value, commit }, options)
    }
}

impl MutableRecord {
    /// Signs a value. `seq` is at most 2^53 - 1.
    pub fn sign(key_pair: &KeyPair, value: impl Into<Bytes>, seq: u64) -> Self {
        let value = value.into();
        let signature = key_pair.sign(&mutable_signable(seq, &value));
        Self { public_key: key_pair.public(), seq, value, signature }
    }

    /// The key that signed it.
    pub fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// Its number.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The value.
    pub fn value(&self) -> &Bytes {
        &self.value
    }

    /// The signature of the number and the value.
    pub fn signature(&self) -> [u8; 64] {
        self.signature
    }

    /// The record in the reply of a node, if it is late enough and truly signed by this key.
    fn verified(public_key: PublicKey, reply: &[u8], least_seq: u64) -> Option<Self> {
        let MutableGetReply { seq, value, signature } = MutableGetReply::decode(reply).ok()?;
        if seq < least_seq
            || !crate::verify(&public_key, &mutable_signable(seq, &value), &signature)
        {
            return None;
        }
        Some(Self { public_key, seq, value: value.into(), signature })
    }

    fn to_put(&self) -> MutablePut {
        let Self { public_key, seq, value, signature } = self;
        let value = value.to_vec();
        MutablePut { public_key: *public_key, seq: *seq, value, signature: *signature }
    }
}

/// What the closest nodes are sent.
struct Put {
    command: u64,
    value: Bytes,
}

/// The question for a number, or a higher one.
fn least(seq: u64) -> Bytes {
    let mut w = Writer::new();
    w.uint(seq);
    w.finish().into()
}
