//! Values that the nodes of the DHT keep for everybody.

use bytes::Bytes;

use crate::wire::{MutableGetReply, MutablePut, Target, Writer, command, hash, mutable_signable};
use crate::{Dht, KeyPair, PublicKey, Query, QueryError, QueryKind, QueryOptions, UserCommit};

/// A value that the owner of a key pair has signed.
///
/// At the nodes that keep it, a record with a higher number replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MutableRecord {
    public_key: PublicKey,
    seq: u64,
    value: Bytes,
    signature: [u8; 64],
}

/// Options of [`Dht::mutable_get`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MutableGet {
    /// The lowest number to accept. Default 0.
    pub seq: u64,
    /// Ask all nodes that may have a record, and return the one with the highest number. If false,
    /// return the first record that is found. Default true.
    pub latest: bool,
}

impl Default for MutableGet {
    fn default() -> Self {
        Self { seq: 0, latest: true }
    }
}

impl Dht {
    /// Stores a value at the nodes that are closest to its hash, for two days, and returns the
    /// hash. The value has to fit into one datagram with its headers: 1800 bytes fit, and up to
    /// 1000 bytes reach every node without fragmentation.
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

    /// Signs a value, and stores it at the nodes that are closest to the hash of the public key,
    /// for two days.
    ///
    /// `seq` is the number of the record, at most 2^53 - 1. A node that has a higher number, or
    /// another value with the same number, keeps what it has; that is not an error. The value has
    /// to fit into one datagram with its headers: 1700 bytes fit.
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

    /// Stores a signed record at the nodes that are closest to the hash of its key. This needs no
    /// secret key, so that anybody can keep a record alive.
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

    /// Queries for a value near a target, and stores `put` at the closest nodes.
    fn values(
        &self,
        target: Target,
        command: u64,
        value: Option<Bytes>,
        put: Option<Put>,
    ) -> Query {
        let brief = put.is_some();
        let commit = put.map_or(UserCommit::None, |Put { command, value }| UserCommit::Send {
            command,
            value: Some(value),
        });
        let options = QueryOptions { only_values: true, brief, ..QueryOptions::default() };
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

    /// The number of the record.
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

    /// Decodes the record in a reply; `None` if its number is too low or its signature is bad.
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

/// What is sent to the closest nodes.
struct Put {
    command: u64,
    value: Bytes,
}

/// The value of a `MUTABLE_GET` request: the lowest number to return.
fn least(seq: u64) -> Bytes {
    let mut w = Writer::new();
    w.uint(seq);
    w.finish().into()
}
