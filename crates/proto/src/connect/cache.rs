//! How servers were reached in earlier connections.

use std::collections::HashMap;
use std::net::SocketAddrV4;
use std::time::Duration;

use crate::noise::PublicKey;

/// The latest way to each server by its public key, in two generations: when the younger generation
/// is full, the older one is dropped.
#[derive(Debug, Default)]
pub(super) struct RelayCache {
    young: HashMap<PublicKey, KnownWay>,
    old: HashMap<PublicKey, KnownWay>,
}

/// How a server was reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KnownWay {
    /// The nodes that lead to the server, in the order in which to ask them.
    pub(super) relays: Vec<SocketAddrV4>,
    /// The time between message 1 and message 2.
    pub(super) round_trip: Duration,
    /// Both ends had to punch, and both NATs keep their ports.
    pub(super) punched: bool,
}

/// What an attempt has shown about the nodes that lead to its server.
#[derive(Debug)]
pub(super) enum Lesson {
    /// The server was reached.
    Way(KnownWay),
    /// The remembered nodes do not lead to the server.
    NoWay,
    Nothing,
}

impl RelayCache {
    pub(super) fn get(&self, key: &PublicKey) -> Option<&KnownWay> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    pub(super) fn learn(&mut self, key: PublicKey, lesson: Lesson) {
        match lesson {
            Lesson::Way(way) if way.relays.is_empty() => {}
            Lesson::Way(way) => self.insert(key, way),
            Lesson::NoWay => {
                self.young.remove(&key);
                self.old.remove(&key);
            }
            Lesson::Nothing => {}
        }
    }

    fn insert(&mut self, key: PublicKey, way: KnownWay) {
        if self.young.len() >= MAX_KEYS && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, way);
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
        let key = [1; 32];
        cache.insert(key, way());
        cache.old = cache.young.clone();
        cache.learn(key, Lesson::NoWay);
        assert_eq!(cache.get(&key), None);
    }

    #[test]
    fn two_generations_are_kept() {
        let mut cache = RelayCache::default();
        let key = |n: usize| {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&n.to_le_bytes());
            key
        };
        for n in 0..=2 * MAX_KEYS {
            cache.insert(key(n), way());
        }
        assert_eq!(cache.get(&key(0)), None);
        assert_eq!(cache.get(&key(MAX_KEYS)), Some(&way()));
        assert_eq!(cache.get(&key(2 * MAX_KEYS)), Some(&way()));
    }

    #[test]
    fn a_server_that_names_no_relay_is_not_remembered() {
        let mut cache = RelayCache::default();
        cache.learn([1; 32], Lesson::Way(KnownWay::default()));
        assert_eq!(cache.len(), 0);
    }

    fn way() -> KnownWay {
        let relays = vec!["1.2.3.4:5".parse().unwrap()];
        KnownWay { relays, ..KnownWay::default() }
    }
}
