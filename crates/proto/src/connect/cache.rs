//! The nodes that led to a server in an earlier connection.

use std::collections::HashMap;
use std::net::SocketAddrV4;

use crate::noise::PublicKey;

/// Relay addresses by public key, in two generations: when the younger generation is full, the
/// older one is dropped.
#[derive(Debug, Default)]
pub(super) struct RelayCache {
    young: HashMap<PublicKey, Vec<SocketAddrV4>>,
    old: HashMap<PublicKey, Vec<SocketAddrV4>>,
}

/// What an attempt has shown about the nodes that lead to its server.
#[derive(Debug)]
pub(super) enum Lesson {
    /// These nodes led to the server.
    PathPlan(Vec<SocketAddrV4>),
    /// The remembered nodes do not lead to the server.
    NoWay,
    Nothing,
}

impl RelayCache {
    pub(super) fn get(&self, key: &PublicKey) -> &[SocketAddrV4] {
        self.young.get(key).or_else(|| self.old.get(key)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    pub(super) fn learn(&mut self, key: PublicKey, lesson: Lesson) {
        match lesson {
            Lesson::PathPlan(addresses) => self.insert(key, addresses),
            Lesson::NoWay => {
                self.young.remove(&key);
                self.old.remove(&key);
            }
            Lesson::Nothing => {}
        }
    }

    fn insert(&mut self, key: PublicKey, addresses: Vec<SocketAddrV4>) {
        if self.young.len() >= MAX_KEYS && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, addresses);
    }
}

/// The size of each generation, as in the reference.
const MAX_KEYS: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_that_leads_nowhere_is_in_neither_generation() {
        let mut cache = RelayCache::default();
        let (key, address): (_, SocketAddrV4) = ([1; 32], "1.2.3.4:5".parse().unwrap());
        cache.insert(key, vec![address]);
        cache.old = cache.young.clone();
        cache.learn(key, Lesson::NoWay);
        assert!(cache.get(&key).is_empty());
    }

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
