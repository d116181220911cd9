//! Our public address, from samples of how other nodes see it. Reference: nat-sampler 1.0.1.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

/// Takes the latest 16 samples of our address. Nearly all of them have to agree.
#[derive(Clone, Debug, Default)]
pub(super) struct NatSampler {
    host: Option<Ipv4Addr>,
    port: u16,
    /// Samples seen, up to 16.
    size: usize,
    /// For each sample, the entry of its host and port, and the entry of its host alone (port 0).
    ring: Vec<CounterId>,
    top: usize,
    counters: BTreeMap<CounterId, Counter>,
    next: CounterId,
    best_address: Option<CounterId>,
    best_host: Option<CounterId>,
}

type CounterId = u32;

#[derive(Clone, Debug)]
struct Counter {
    host: Ipv4Addr,
    port: u16,
    hits: usize,
}

impl NatSampler {
    /// The address on which the samples agree. The port is 0 if they agree on the host only.
    pub(super) fn address(&self) -> (Option<Ipv4Addr>, u16) {
        (self.host, self.port)
    }

    /// The number of counters.
    pub(super) fn len(&self) -> usize {
        self.counters.len()
    }

    /// Counts a sample.
    pub(super) fn add(&mut self, seen: SocketAddrV4) {
        let address = self.bump(*seen.ip(), seen.port(), 2);
        let host = self.bump(*seen.ip(), 0, 1);
        self.push(address, host);
        self.best_address = Some(self.better(self.best_address, address));
        self.best_host = Some(self.better(self.best_host, host));
        self.decide();
        self.forget();
    }

    /// Increments the counter of an address if it is among the latest four samples, or creates one.
    fn bump(&mut self, host: Ipv4Addr, port: u16, offset: usize) -> CounterId {
        for back in 0..4 {
            let at = (self.top + RING - offset - 2 * back) % RING;
            let Some(id) = self.ring.get(at) else {
                break;
            };
            let Some(counter) = self.counters.get_mut(id) else {
                break;
            };
            if counter.host == host && counter.port == port {
                counter.hits += 1;
                return *id;
            }
        }
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        self.counters.insert(id, Counter { host, port, hits: 1 });
        id
    }

    fn push(&mut self, address: CounterId, host: CounterId) {
        if self.ring.len() < RING {
            self.size += 1;
            self.ring.extend([address, host]);
            self.top += 2;
            return;
        }
        self.top %= RING;
        for id in [address, host] {
            let old = std::mem::replace(&mut self.ring[self.top], id);
            if let Some(counter) = self.counters.get_mut(&old) {
                counter.hits = counter.hits.saturating_sub(1);
            }
            self.top += 1;
        }
    }

    fn better(&self, best: Option<CounterId>, other: CounterId) -> CounterId {
        match best {
            Some(best) if self.hits(best) >= self.hits(other) => best,
            _ => other,
        }
    }

    fn decide(&mut self) {
        let threshold = self.threshold();
        let winner = [self.best_address, self.best_host]
            .into_iter()
            .flatten()
            .filter_map(|id| self.counters.get(&id))
            .find(|counter| counter.hits >= threshold);
        (self.host, self.port) = match winner {
            Some(counter) => (Some(counter.host), counter.port),
            None => (None, 0),
        };
    }

    /// How many samples must agree. With more samples, more may differ: one in four, at most three.
    fn threshold(&self) -> usize {
        self.size
            - match self.size {
                0..4 => 0,
                4..8 => 1,
                8..12 => 2,
                _ => 3,
            }
    }

    fn hits(&self, id: CounterId) -> usize {
        self.counters.get(&id).map_or(0, |counter| counter.hits)
    }

    /// Drops the counters that no sample refers to.
    fn forget(&mut self) {
        let (ring, best) = (&self.ring, [self.best_address, self.best_host]);
        self.counters.retain(|id, _| ring.contains(id) || best.contains(&Some(*id)));
    }
}

/// 16 samples with two counters each.
const RING: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_judged_as_in_the_reference() {
        let text = include_str!("../../tests/vectors/B_dht_rpc.json");
        let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
        for case in vectors["nat_sampler"].as_array().unwrap() {
            let mut sampler = NatSampler::default();
            for step in case["steps"].as_array().unwrap() {
                sampler.add(step["add"].as_str().unwrap().parse().unwrap());
                let host = step["host"].as_str().map(|host| host.parse().unwrap());
                let port = step["port"].as_u64().unwrap() as u16;
                assert_eq!(sampler.address(), (host, port), "{} {step}", case["name"]);
                assert_eq!(sampler.threshold() as u64, step["threshold"].as_u64().unwrap());
            }
        }
    }

    #[test]
    fn counters_stay_bounded() {
        let mut sampler = NatSampler::default();
        for n in 0..1000u32 {
            sampler.add(SocketAddrV4::new(Ipv4Addr::from(n), n as u16));
            assert!(sampler.counters.len() <= RING + 2);
        }
    }
}
