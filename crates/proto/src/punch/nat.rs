//! The mapping behaviour of a NAT for one socket, inferred from the addresses that other nodes see.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::LocalAddress;
use crate::wire::Firewall;

/// Samples of one socket's public address, and the verdict.
#[derive(Debug)]
pub(super) struct Nat {
    hosts: Vec<Count<Ipv4Addr>>,
    addresses: Vec<Count<SocketAddrV4>>,
    heard: BTreeSet<SocketAddrV4>,
    verdict: Firewall,
    shown: Option<Vec<SocketAddrV4>>,
    frozen: bool,
}

#[derive(Clone, Copy, Debug)]
struct Count<T> {
    what: T,
    hits: u32,
}

impl Nat {
    /// `firewalled`: the node has not yet seen that it can be reached without punching.
    pub(super) fn new(firewalled: bool) -> Self {
        Self {
            hosts: Vec::new(),
            addresses: Vec::new(),
            heard: BTreeSet::new(),
            verdict: if firewalled { Firewall::Unknown } else { Firewall::Open },
            shown: None,
            frozen: false,
        }
    }

    /// Takes one sample; only the first sample of a node counts.
    pub(super) fn add(&mut self, firewalled: bool, sample: SocketAddrV4, from: SocketAddrV4) {
        if self.heard.len() >= MAX_SAMPLES || !self.heard.insert(from) {
            return;
        }
        count(&mut self.hosts, *sample.ip());
        count(&mut self.addresses, sample);
        if !self.frozen && (!firewalled || self.heard.len() >= MIN_SAMPLES) {
            self.judge(firewalled);
        }
    }

    /// Fixes the verdict, whatever further samples say.
    pub(super) fn freeze(&mut self) {
        self.frozen = true;
    }

    pub(super) fn firewall(&self) -> Firewall {
        self.verdict
    }

    /// The addresses that the peer is told to send to; `None` if the peer is told nothing.
    pub(super) fn addresses(&self) -> Option<&[SocketAddrV4]> {
        self.shown.as_deref()
    }

    /// The last port of a NAT that counts, which is likely to give the next ones to the next
    /// sockets. The reference takes no port from a peer with a random NAT.
    pub(super) fn hint(&self) -> Option<SocketAddrV4> {
        let ports = || self.addresses.iter().map(|count| count.what.port());
        let counts = is_random(self.verdict)
            && self.hosts.len() == 1
            && self.addresses.len() >= MIN_SAMPLES
            && ports().max()? - ports().min()? < NEIGHBOURS;
        let last = self.addresses.iter().map(|count| count.what).max_by_key(SocketAddrV4::port);
        last.filter(|_| counts)
    }

    /// The same addresses, with the number of nodes that saw each.
    pub(super) fn counted(&self) -> Option<Vec<LocalAddress>> {
        let counted = |&address: &SocketAddrV4| LocalAddress { address, hits: self.hits(address) };
        self.shown.as_ref().map(|shown| shown.iter().map(counted).collect())
    }

    pub(super) fn samples(&self) -> usize {
        self.heard.len()
    }

    /// True once more samples would not help.
    pub(super) fn is_decided(&self) -> bool {
        is_consistent(self.verdict) || self.heard.len() >= ENOUGH_SAMPLES
    }

    fn judge(&mut self, firewalled: bool) {
        if firewalled && self.verdict == Firewall::Open {
            self.verdict = Firewall::Unknown;
        }
        if let Some(verdict) = self.classify(firewalled) {
            self.verdict = verdict;
        }
        self.shown = match self.verdict {
            Firewall::Unknown => None,
            // The reference tells no addresses here, so a peer that was promised a punch has no
            // address to send to.
            Firewall::Open | Firewall::Consistent => Some(self.most_seen()),
            Firewall::Random | Firewall::Other(_) => {
                self.hosts.first().map(|host| vec![SocketAddrV4::new(host.what, 0)])
            }
        };
    }

    /// Returns `None` to keep the verdict.
    fn classify(&self, firewalled: bool) -> Option<Firewall> {
        if !firewalled {
            return Some(Firewall::Open);
        }
        let hits = |index: usize| self.addresses.get(index).map_or(0, |count| count.hits);
        let samples = self.heard.len();
        match hits(0) {
            _ if samples < MIN_SAMPLES => None,
            3.. if self.is_doubtful(hits(0), hits(1)) => Some(Firewall::Random),
            3.. => Some(Firewall::Consistent),
            ..=1 => Some(Firewall::Random),
            2 if self.hosts.len() == 1 && samples > 3 => Some(Firewall::Random),
            // Two hosts, each with an address that was seen twice: both mappings are consistent.
            2 if self.hosts.len() > 1 && hits(1) > 1 => Some(Firewall::Consistent),
            2 if samples > ENOUGH_SAMPLES => Some(Firewall::Random),
            2 => None,
        }
    }

    /// Whether several nodes disagree with those that see the most usual address, each in its own
    /// way. Nodes that agree on another address have seen the NAT change its mapping.
    fn is_doubtful(&self, most: u32, second: u32) -> bool {
        let others = self.addresses.len() - 1;
        let is_minority = 2 * others <= most as usize;
        self.hosts.len() == 1 && second == 1 && others >= MIN_DOUBTS && !is_minority
    }

    /// An address that no node saw has the hits of its host.
    fn hits(&self, address: SocketAddrV4) -> u32 {
        hits(&self.addresses, address).or(hits(&self.hosts, *address.ip())).unwrap_or(0)
    }

    fn most_seen(&self) -> Vec<SocketAddrV4> {
        let mut shown = Vec::new();
        for count in &self.addresses {
            if count.hits >= 2 || shown.len() < 2 {
                shown.push(count.what);
            }
        }
        shown
    }
}

/// True for a NAT with a mapping that the peer can be told in advance.
pub(crate) fn is_consistent(firewall: Firewall) -> bool {
    matches!(firewall, Firewall::Open | Firewall::Consistent)
}

/// True for a NAT that uses another port for each destination, and for values of later versions.
pub(crate) fn is_random(firewall: Firewall) -> bool {
    matches!(firewall, Firewall::Random | Firewall::Other(_))
}

fn hits<T: PartialEq>(counts: &[Count<T>], what: T) -> Option<u32> {
    counts.iter().find(|count| count.what == what).map(|count| count.hits)
}

/// Counts a value. The list stays sorted by hits, most first; among equals the older one is first.
fn count<T: PartialEq>(counts: &mut Vec<Count<T>>, what: T) {
    let Some(mut at) = counts.iter().position(|count| count.what == what) else {
        counts.push(Count { what, hits: 1 });
        return;
    };
    counts[at].hits += 1;
    while at > 0 && counts[at - 1].hits < counts[at].hits {
        counts.swap(at - 1, at);
        at -= 1;
    }
}

/// Random ports are so close to each other once in 300 000 cases.
const NEIGHBOURS: u16 = 64;

/// Fewer samples do not allow a verdict.
const MIN_SAMPLES: usize = 3;

/// One node that disagrees may be wrong.
const MIN_DOUBTS: usize = 2;

/// The number of samples that an analysis asks for.
pub(super) const ENOUGH_SAMPLES: usize = 4;

/// Bounds the samples when a peer sends its rounds through many nodes.
const MAX_SAMPLES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classifies_as_the_reference_does() {
        let text = include_str!("../../tests/vectors/D_nat_analysis.json");
        let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
        for case in vectors["nat"].as_array().unwrap() {
            let mut nat = Nat::new(true);
            for (index, step) in case["steps"].as_array().unwrap().iter().enumerate() {
                let from = SocketAddrV4::new(Ipv4Addr::new(9, 9, 9, index as u8), 1);
                nat.add(true, address(&step["sample"]), from);

                assert_eq!(name(nat.firewall()), step["firewall"], "{} {index}", case["name"]);
                let expected = step["addresses"]
                    .as_array()
                    .map(|list| list.iter().map(address).collect::<Vec<_>>());
                assert_eq!(nat.addresses(), expected.as_deref(), "{} {index}", case["name"]);
            }
        }
    }

    #[test]
    fn a_node_counts_once() {
        let mut nat = Nat::new(true);
        for _ in 0..5 {
            nat.add(true, "1.1.1.1:5".parse().unwrap(), "2.2.2.2:2".parse().unwrap());
        }
        assert_eq!((nat.samples(), nat.firewall()), (1, Firewall::Unknown));
    }

    #[test]
    fn what_is_shown_tells_how_many_saw_it() {
        let counted = |ports: &[u16]| {
            let mut nat = Nat::new(true);
            for (n, port) in ports.iter().enumerate() {
                let from = SocketAddrV4::new(Ipv4Addr::new(2, 2, 2, 2), n as u16);
                nat.add(true, SocketAddrV4::new(Ipv4Addr::new(1, 1, 1, 1), *port), from);
            }
            nat.counted()
        };
        let local = |address: &str, hits| LocalAddress { address: address.parse().unwrap(), hits };

        assert_eq!(counted(&[5, 5]), None);
        assert_eq!(counted(&[5, 5, 5]), Some(vec![local("1.1.1.1:5", 3)]));
        assert_eq!(counted(&[5, 6, 7, 8]), Some(vec![local("1.1.1.1:0", 4)]));
    }

    #[test]
    fn a_nat_that_counts_gives_a_hint() {
        let hint = |ports: &[u16]| {
            let mut nat = Nat::new(true);
            for (n, port) in ports.iter().enumerate() {
                let from = SocketAddrV4::new(Ipv4Addr::new(2, 2, 2, 2), n as u16);
                nat.add(true, SocketAddrV4::new(Ipv4Addr::new(1, 1, 1, 1), *port), from);
            }
            nat.hint().map(|address| address.port())
        };
        assert_eq!(hint(&[700, 702, 701, 705]), Some(705));
        assert_eq!(hint(&[700, 702, 9000, 705]), None);
        assert_eq!(hint(&[700, 700, 700, 700]), None);
        assert_eq!(hint(&[700, 701]), None);
    }

    #[test]
    fn later_samples_that_disagree_change_the_verdict() {
        let verdict = |ports: &[u16]| {
            let mut nat = Nat::new(true);
            for (n, port) in ports.iter().enumerate() {
                let from = SocketAddrV4::new(Ipv4Addr::new(2, 2, 2, 2), n as u16);
                nat.add(true, SocketAddrV4::new(Ipv4Addr::new(1, 1, 1, 1), *port), from);
            }
            nat.firewall()
        };
        assert_eq!(verdict(&[5, 5, 5]), Firewall::Consistent);
        assert_eq!(verdict(&[5, 5, 5, 6]), Firewall::Consistent, "one node may be wrong");
        assert_eq!(verdict(&[5, 5, 5, 6, 7]), Firewall::Random);
        assert_eq!(verdict(&[5, 5, 5, 6, 6, 6]), Firewall::Consistent, "the mapping has changed");
        assert_eq!(verdict(&[5, 5, 5, 5, 6, 7]), Firewall::Consistent, "most of them agree");
    }

    #[test]
    fn a_frozen_verdict_stays() {
        let mut nat = Nat::new(true);
        for port in 0..3 {
            let from = SocketAddrV4::new(Ipv4Addr::new(2, 2, 2, 2), port);
            nat.add(true, SocketAddrV4::new(Ipv4Addr::new(1, 1, 1, 1), port), from);
        }
        nat.freeze();
        for port in 3..9 {
            let from = SocketAddrV4::new(Ipv4Addr::new(2, 2, 2, 2), port);
            nat.add(true, SocketAddrV4::new(Ipv4Addr::new(1, 1, 1, 1), 7), from);
        }
        assert_eq!(nat.firewall(), Firewall::Random);
    }

    #[test]
    fn an_open_node_shows_its_samples() {
        let mut nat = Nat::new(false);
        nat.add(false, "1.1.1.1:5".parse().unwrap(), "2.2.2.2:2".parse().unwrap());
        assert_eq!(nat.firewall(), Firewall::Open);
        assert_eq!(nat.addresses(), Some(&["1.1.1.1:5".parse().unwrap()][..]));
    }

    fn address(value: &serde_json::Value) -> SocketAddrV4 {
        value.as_str().unwrap().parse().unwrap()
    }

    fn name(firewall: Firewall) -> &'static str {
        match firewall {
            Firewall::Unknown => "UNKNOWN",
            Firewall::Open => "OPEN",
            Firewall::Consistent => "CONSISTENT",
            Firewall::Random => "RANDOM",
            Firewall::Other(_) => "OTHER",
        }
    }
}
