//! Which nodes led to a server last time.

use std::collections::HashMap;
use std::net::SocketAddrV4;

use crate::noise::PublicKey;

/// Relay addresses by public key, in two generations: the older one is forgotten when the younger
/// one is full.
#[derive(Debug, Default)]
pub(super) struct RelayCache {
    young: HashMap<PublicKey, Vec<SocketAddrV4>>,
    old: HashMap<PublicKey, Vec<SocketAddrV4>>,
}

impl RelayCache {
    pub(super) fn get(&self, key: &PublicKey) -> &[SocketAddrV4] {
        self.young.get(key).or_else(|| self.old.get(key)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    pub(super) fn insert(&mut self, key: PublicKey, addresses: Vec<SocketAddrV4>) {
        if self.young.len() >= MAX_KEYS && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, addresses);
    }
}

/// Per generation, as in the reference.
const MAX_KEYS: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_generations_are_kept() {
        let mut cache = RelayCache::default();
        let key = |n: usize| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&n.to_le_bytes());
            key
        };
        let address: SocketAddrV4 = "1.2.3.4:5".parse().unwrap();
        for n in 0..=2 * MAX_KEYS {
            cache.insert(key(n), vec![address]);
        }
        assert!(cache.get(&key(0)).is_empty());
        assert_eq!(cache.get(&key(MAX_KEYS)), [address]);
        assert_eq!(cache.get(&key(2 * MAX_KEYS)), [address]);
    }
}
