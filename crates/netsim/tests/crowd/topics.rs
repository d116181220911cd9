//! Topics with one announcer each, servers, and lookups that have to find them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use netsim::HostId;
use proto::noise::{KeyPair, PublicKey};
use proto::wire::{Peer, hash};
use proto::{QueryKind, QueryReply, ServerId};

use super::{Crowd, Running};

/// What each host announces, and what the lookups find.
#[derive(Default)]
pub(crate) struct Topics {
    list: Vec<Topic>,
    announcing: BTreeMap<Running, usize>,
    looking: BTreeMap<Running, Lookup>,
    pub(crate) score: Score,
    /// Every key that was ever announced.
    keys: BTreeSet<PublicKey>,
    /// Keys in replies that were never announced, with how often each appeared.
    pub(crate) strange: BTreeMap<PublicKey, usize>,
}

/// How the lookups and announcements ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Score {
    pub(crate) found: usize,
    pub(crate) missed: usize,
    /// Lookups whose host went away.
    pub(crate) abandoned: usize,
    pub(crate) announced: usize,
    /// Announcements that no node has stored.
    pub(crate) failed: usize,
}

#[derive(Clone)]
struct Topic {
    target: [u8; 32],
    announcer: HostId,
    key_pair: KeyPair,
    kind: Kind,
    /// The announcer's first announcement is done.
    announced: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The application repeats the announcement.
    Topic,
    /// The node repeats it.
    Server,
}

#[derive(Debug)]
struct Lookup {
    begun: Duration,
    announcer: HostId,
    kind: Kind,
    expected: PublicKey,
    /// Replies with records.
    replies: usize,
    found: bool,
}

impl Topic {
    fn new(kind: Kind, target: [u8; 32], announcer: HostId, key_pair: KeyPair) -> Self {
        let target = if kind == Kind::Server { hash(&[&key_pair.public()]) } else { target };
        Self { target, announcer, key_pair, kind, announced: false }
    }
}

impl Topics {
    pub(super) fn handle_reply(&mut self, name: Running, reply: &QueryReply) {
        let Some(lookup) = self.looking.get_mut(&name) else { return };
        lookup.replies += 1;
        for peer in peers(reply) {
            lookup.found |= peer.public_key == lookup.expected;
            if !self.keys.contains(&peer.public_key) {
                *self.strange.entry(peer.public_key).or_default() += 1;
            }
        }
    }

    pub(super) fn handle_done(&mut self, name: Running, well: bool) {
        if let Some(topic) = self.announcing.remove(&name) {
            let topic = &mut self.list[topic];
            topic.announced |= well && topic.announcer == name.0;
            *if well { &mut self.score.announced } else { &mut self.score.failed } += 1;
        } else if let Some(lookup) = self.looking.remove(&name) {
            *if lookup.found { &mut self.score.found } else { &mut self.score.missed } += 1;
            if !lookup.found {
                eprintln!("{name:?} did not find {lookup:?}");
            }
        }
    }

    pub(super) fn handle_listening(&mut self, host: HostId, server: ServerId) {
        let topic = &mut self.list[server.0 as usize];
        topic.announced |= topic.announcer == host;
    }

    /// Removes a host and its queries. Returns the topics that it announced.
    pub(super) fn forget(&mut self, host: HostId) -> Vec<usize> {
        self.announcing.retain(|name, _| name.0 != host);
        let before = self.looking.len();
        self.looking.retain(|name, _| name.0 != host);
        self.score.abandoned += before - self.looking.len();
        self.find(|topic| topic.announcer == host)
    }

    /// How many topics the application announces.
    pub(super) fn len(&self) -> usize {
        self.find(|topic| topic.kind == Kind::Topic).len()
    }

    fn find(&self, fits: impl Fn(&Topic) -> bool) -> Vec<usize> {
        (0..self.list.len()).filter(|at| fits(&self.list[*at])).collect()
    }
}

impl Crowd {
    /// Adds a number of topics and servers, and waits until all are announced.
    pub(crate) fn add_topics(&mut self, topics: usize, servers: usize) {
        let kinds = [(Kind::Topic, topics), (Kind::Server, servers)];
        for (kind, count) in kinds {
            for _ in 0..count {
                let topic = self.new_topic(kind, [0; 32]);
                self.app.topics.list.push(topic);
                self.announce(self.app.topics.list.len() - 1);
            }
        }
        self.run(Duration::from_secs(30));
        let silent = self.app.topics.find(|topic| !topic.announced);
        assert_eq!(silent.len(), 0, "not announced");
    }

    /// The next topic is announced again by its announcer. Servers announce themselves.
    pub(crate) fn announce_next(&mut self) {
        let topics = self.app.topics.find(|topic| topic.kind == Kind::Topic);
        self.turn += 1;
        self.announce(topics[self.turn % topics.len()]);
    }

    /// Another host takes a topic over; a server comes back under another key.
    pub(crate) fn hand_over(&mut self, topic: usize) {
        let Topic { kind, target, .. } = self.app.topics.list[topic];
        self.app.topics.list[topic] = self.new_topic(kind, target);
        self.announce(topic);
    }

    /// The host looks up any announced topic whose announcer fits.
    pub(crate) fn look_up(&mut self, host: HostId, fits: impl Fn(HostId) -> bool) {
        let topics = self.app.topics.find(|topic| topic.announced && fits(topic.announcer));
        let topic = topics[self.world.rng().below(topics.len() as u64) as usize];
        let Topic { target, announcer, key_pair, kind, .. } = self.app.topics.list[topic].clone();
        let (begun, expected) = (self.world.elapsed(), key_pair.public());
        let query = if kind == Kind::Server { QueryKind::FindPeer } else { QueryKind::Lookup };
        let name = self.query(host, target, query);
        let lookup = Lookup { begun, announcer, kind, expected, replies: 0, found: false };
        self.app.topics.looking.insert(name, lookup);
    }

    /// The key of any server that listens.
    pub(crate) fn any_server(&mut self) -> Option<PublicKey> {
        let fits = |topic: &Topic| topic.announced && topic.kind == Kind::Server;
        let servers = self.app.topics.find(fits);
        let at = self.world.rng().below(servers.len() as u64) as usize;
        Some(self.app.topics.list[*servers.get(at)?].key_pair.public())
    }

    /// Waits for the running lookups, and returns the score, which starts again from zero.
    pub(crate) fn take_score(&mut self) -> Score {
        for _ in 0..120 {
            if self.app.topics.looking.is_empty() {
                break;
            }
            self.run(Duration::from_secs(1));
        }
        let hanging = self.app.topics.looking.len();
        assert_eq!(hanging, 0, "lookups hang");
        std::mem::take(&mut self.app.topics.score)
    }

    fn new_topic(&mut self, kind: Kind, target: [u8; 32]) -> Topic {
        let rng = self.world.rng();
        let target = if target == [0; 32] { rng.bytes() } else { target };
        let key_pair = KeyPair::from_seed(rng.bytes());
        self.app.topics.keys.insert(key_pair.public());
        Topic::new(kind, target, self.anybody(), key_pair)
    }

    fn announce(&mut self, topic: usize) {
        let Topic { target, announcer, key_pair, kind, .. } = self.app.topics.list[topic].clone();
        if kind == Kind::Server {
            self.world.start_server(announcer, ServerId(topic as u32), key_pair);
            return;
        }
        let kind =
            QueryKind::Announce { key_pair, relay_addresses: Vec::new(), bump: 0, clear: false };
        let name = self.query(announcer, target, kind);
        self.app.topics.announcing.insert(name, topic);
    }
}

/// The peers in a reply to a lookup, or the one in a reply about a server.
fn peers(reply: &QueryReply) -> Vec<Peer> {
    match reply.peers() {
        Some(found) => found.peers,
        None => reply.peer().into_iter().collect(),
    }
}
