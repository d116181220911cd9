//! Topics with one announcer each, and lookups that have to find it.

use std::collections::BTreeMap;
use std::time::Duration;

use netsim::HostId;
use proto::noise::{KeyPair, PublicKey};
use proto::{PeerRecord, QueryKind, QueryReply};

use super::{Crowd, Running};

/// Who announces what, and what the lookups say.
#[derive(Default)]
pub(crate) struct Topics {
    list: Vec<Topic>,
    announcing: BTreeMap<Running, usize>,
    looking: BTreeMap<Running, Lookup>,
    pub(crate) score: Score,
}

/// How the lookups ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Score {
    pub(crate) found: usize,
    pub(crate) missed: usize,
    /// The asker went away.
    pub(crate) abandoned: usize,
    /// Records of keys that nobody has.
    pub(crate) forged: usize,
    pub(crate) announced: usize,
    pub(crate) failed: usize,
}

struct Topic {
    target: [u8; 32],
    announcer: HostId,
    key_pair: KeyPair,
    /// The announcer's first announcement is done.
    announced: bool,
}

struct Lookup {
    topic: usize,
    expected: PublicKey,
    found: bool,
}

impl Topics {
    pub(super) fn handle_reply(&mut self, name: Running, reply: &QueryReply) {
        let Some(lookup) = self.looking.get_mut(&name) else { return };
        let Some(PeerRecord::Peers { peers, .. }) = &reply.record else { return };
        lookup.found |= peers.iter().any(|peer| peer.public_key == lookup.expected);
    }

    pub(super) fn handle_done(&mut self, name: Running, well: bool) {
        if let Some(topic) = self.announcing.remove(&name) {
            let topic = &mut self.list[topic];
            topic.announced |= well && topic.announcer == name.0;
            *if well { &mut self.score.announced } else { &mut self.score.failed } += 1;
        } else if let Some(lookup) = self.looking.remove(&name) {
            *if lookup.found { &mut self.score.found } else { &mut self.score.missed } += 1;
        }
    }

    /// A host is gone, and what it asked with it.
    pub(super) fn forget(&mut self, host: HostId) -> Vec<usize> {
        self.announcing.retain(|name, _| name.0 != host);
        let before = self.looking.len();
        self.looking.retain(|name, _| name.0 != host);
        self.score.abandoned += before - self.looking.len();
        let topics = self.list.iter().enumerate();
        topics.filter(|(_, topic)| topic.announcer == host).map(|(at, _)| at).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Who announces a topic.
    pub(crate) fn announcer(&self, topic: usize) -> HostId {
        self.list[topic].announcer
    }
}

impl Crowd {
    /// Adds a topic that a host announces.
    pub(crate) fn add_topic(&mut self, announcer: HostId) {
        let target = self.world.rng().bytes();
        let key_pair = KeyPair::from_seed(self.world.rng().bytes());
        self.app.topics.list.push(Topic { target, announcer, key_pair, announced: false });
        self.announce(self.app.topics.len() - 1);
    }

    /// Its announcer announces a topic, again or for the first time.
    pub(crate) fn announce(&mut self, topic: usize) {
        let Topic { target, announcer, key_pair, .. } = &self.app.topics.list[topic];
        let (target, announcer, key_pair) = (*target, *announcer, key_pair.clone());
        let kind = QueryKind::Announce { key_pair, relay_addresses: Vec::new(), bump: 0 };
        let name = self.query(announcer, target, kind);
        self.app.topics.announcing.insert(name, topic);
    }

    /// Somebody else takes a topic over.
    pub(crate) fn hand_over(&mut self, topic: usize) {
        let announcer = self.anybody();
        let key_pair = KeyPair::from_seed(self.world.rng().bytes());
        let topic_ = &mut self.app.topics.list[topic];
        *topic_ = Topic { announcer, key_pair, announced: false, ..*topic_ };
        self.announce(topic);
    }

    /// A host looks up any topic that is announced.
    pub(crate) fn look_up_any(&mut self, host: HostId) {
        let topics = &self.app.topics.list;
        let announced: Vec<usize> = (0..topics.len()).filter(|at| topics[*at].announced).collect();
        let topic = announced[self.world.rng().below(announced.len() as u64) as usize];
        self.look_up(host, topic);
    }

    /// A host looks up a topic.
    pub(crate) fn look_up(&mut self, host: HostId, topic: usize) {
        let Topic { target, key_pair, .. } = &self.app.topics.list[topic];
        let (target, expected) = (*target, key_pair.public());
        let name = self.query(host, target, QueryKind::Lookup);
        self.app.topics.looking.insert(name, Lookup { topic, expected, found: false });
    }

    /// Waits for the lookups that run; gives the score, and begins another.
    pub(crate) fn take_score(&mut self) -> Score {
        for _ in 0..120 {
            if self.app.topics.looking.is_empty() {
                break;
            }
            self.run(Duration::from_secs(1));
        }
        let hanging = self.app.topics.looking.len();
        assert_eq!(hanging, 0, "seed {}: lookups hang", self.world.seed());
        std::mem::take(&mut self.app.topics.score)
    }
}
