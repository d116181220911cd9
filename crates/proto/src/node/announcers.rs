//! The announcers of a node's servers, and which of them may have outputs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;

use crate::ServerId;
use crate::announce::{AnnounceOutput, Announcer};
use crate::base::Announced;
use crate::wire::Relay;

/// Only an announcer that was called can have outputs. So what an input costs does not grow with
/// the number of servers that it does not concern.
#[derive(Debug, Default)]
pub(super) struct Announcers {
    by_id: BTreeMap<ServerId, Announcer>,
    /// The servers whose announcer was called since its outputs were taken.
    called: BTreeSet<ServerId>,
}

impl Announcers {
    pub(super) fn insert(&mut self, server: ServerId, announcer: Announcer) {
        self.by_id.insert(server, announcer);
        self.called.insert(server);
    }

    /// The announcer of a server, to be called.
    pub(super) fn get_mut(&mut self, server: ServerId) -> Option<&mut Announcer> {
        let announcer = self.by_id.get_mut(&server)?;
        self.called.insert(server);
        Some(announcer)
    }

    /// All of them, to be called.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Announcer> {
        self.called.extend(self.by_id.keys());
        self.by_id.values_mut()
    }

    /// Takes the next output of any announcer.
    pub(super) fn poll_output(&mut self) -> Option<(ServerId, AnnounceOutput)> {
        while let Some(&server) = self.called.first() {
            let output = self.by_id.get_mut(&server).and_then(Announcer::poll_output);
            if let Some(output) = output {
                return Some((server, output));
            }
            self.called.pop_first();
        }
        None
    }

    pub(super) fn remove(&mut self, server: ServerId) {
        self.by_id.remove(&server);
    }

    pub(super) fn contains(&self, server: ServerId) -> bool {
        self.by_id.contains_key(&server)
    }

    pub(super) fn are_suspended(&self) -> bool {
        self.by_id.values().all(Announcer::is_suspended)
    }

    pub(super) fn servers(&self) -> Vec<ServerId> {
        self.by_id.keys().copied().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }
}

impl Announced for Announcers {
    fn relays(&self, server: ServerId) -> Vec<Relay> {
        self.by_id.get(&server).map(Announcer::relays).unwrap_or_default()
    }

    fn relay_addresses(&self, server: ServerId) -> Vec<SocketAddrV4> {
        self.by_id.get(&server).map(Announcer::relay_addresses).unwrap_or_default()
    }

    fn is_relay(&self, server: ServerId, address: SocketAddrV4) -> bool {
        self.by_id.get(&server).is_some_and(|announcer| announcer.is_relay(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use crate::announce::Signer;
    use crate::net::Net;
    use crate::noise::KeyPair;
    use crate::tests::bench::Bench;

    #[test]
    fn only_those_that_were_called_are_asked_for_news() {
        let mut bench = Bench::new();
        let mut net = Net::new(&Config::default(), &mut bench.cx());
        let mut announcers = Announcers::default();
        for id in 0..3 {
            let signer = Signer::KeyPair(KeyPair::from_seed([id; 32]));
            let server = ServerId(id.into());
            announcers.insert(server, Announcer::new(server, signer));
        }
        assert_eq!(announcers.poll_output(), None);
        assert!(announcers.called.is_empty());

        let announcer = announcers.get_mut(ServerId(1)).unwrap();
        announcer.suspend(&mut bench.cx(), &mut net);

        assert!(announcers.called.iter().eq([&ServerId(1)]));
        let news = [AnnounceOutput::Announced, AnnounceOutput::Suspended];
        for output in news {
            assert_eq!(announcers.poll_output(), Some((ServerId(1), output)));
        }
        assert_eq!(announcers.poll_output(), None);
        assert!(announcers.called.is_empty());

        assert_eq!(announcers.all_mut().count(), 3);
        assert_eq!(announcers.called.len(), 3);
    }
}
