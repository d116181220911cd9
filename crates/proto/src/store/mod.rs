//! What a persistent node keeps for others, and how it answers for it (PROTOCOL C.1, C.4).
//!
//! Reference: hyperdht 6.34.0, lib/persistent.js.

mod cache;
mod records;
mod router;
mod verify;

use std::time::{Duration, Instant};

use bytes::Bytes;

pub(crate) use self::router::Router;

use self::cache::{Cache, Limits, OverBudget};
use self::records::{Record, Records};
use self::verify::{Entry, Refused, VerifiedAnnounce, VerifiedUnannounce};
use crate::net::{Answering, Incoming, Net};
use crate::noise::PublicKey;
use crate::wire::{Announce, LookupReply, NodeId, Peer, Target, command, error_code, hash};
use crate::{Config, Cx, Rng, Timer};

/// The records of a node.
#[derive(Debug)]
pub(crate) struct Store {
    /// Servers that announced themselves, and our own.
    pub(crate) router: Router,
    records: Records,
    bumps: Cache<Target, u64>,
    refreshes: Cache<[u8; 32], Entry>,
    max_age: Duration,
    clock: WallClock,
    /// True while `Timer::Store` is set.
    ageing: bool,
}

/// Why nothing is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Silence {
    /// The request does not decode, or lacks what its command needs.
    Malformed,
    /// A wrong signature, an unknown refresh token, or a source without budget.
    Refused,
}

impl Store {
    /// An empty store.
    pub(crate) fn new(config: &Config, now: Instant) -> Self {
        let limits = Limits::of(config.max_size);
        Self {
            router: Router::new(limits),
            records: Records::new(limits),
            bumps: Cache::new(limits),
            refreshes: Cache::new(limits),
            max_age: config.max_age,
            clock: WallClock { at: now, unix_time: config.unix_time },
            ageing: false,
        }
    }

    /// Answers for the key of a server of ours: FIND_PEER and LOOKUP of the target give this
    /// record while the node is persistent.
    pub(crate) fn serve(&mut self, target: Target, record: &Peer) {
        self.router.serve(target, record);
    }

    /// Answers for it no longer.
    pub(crate) fn unserve(&mut self, target: &Target) {
        self.router.unserve(target);
    }

    /// Answers a request. False: it is a routed message, for the router or a server.
    pub(crate) fn handle_request(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        incoming: &Incoming,
    ) -> bool {
        if matches!(incoming.command, command::PEER_HANDSHAKE | command::PEER_HOLEPUNCH) {
            return false;
        }
        match self.answer(cx, net.id(), incoming) {
            Ok(answering) => net.respond(cx, incoming, answering),
            Err(Silence::Malformed) => cx.stats.dropped.malformed += 1,
            Err(Silence::Refused) => cx.stats.dropped.store += 1,
        }
        self.watch_age(cx);
        true
    }

    /// Ages everything by one generation.
    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>) {
        self.ageing = false;
        self.router.age();
        self.records.age();
        self.bumps.age();
        self.refreshes.age();
        self.watch_age(cx);
    }

    /// Removes the record of a key, as a verified UNANNOUNCE does; for our own unannouncements.
    pub(crate) fn unannounce(&mut self, target: &Target, public_key: &PublicKey) {
        if hash(&[public_key]) == *target {
            self.router.remove(target);
        }
        self.records.remove(target, public_key);
    }

    /// How many announced records there are.
    pub(crate) fn records(&self) -> usize {
        self.records.len()
    }

    fn answer(
        &mut self,
        cx: &mut Cx<'_>,
        id: Option<NodeId>,
        incoming: &Incoming,
    ) -> Result<Answering, Silence> {
        let Some(id) = id else {
            return Ok(unknown_command());
        };
        match incoming.command {
            command::FIND_PEER => {
                let target = incoming.target.ok_or(Silence::Malformed)?;
                Ok(found(self.router.record(&target)))
            }
            command::LOOKUP => {
                let target = incoming.target.ok_or(Silence::Malformed)?;
                Ok(found(self.lookup(&target, cx.rng)))
            }
            command::ANNOUNCE => self.announce(cx.now, &id, incoming),
            command::UNANNOUNCE => {
                let announce = decode(incoming)?;
                let verified = VerifiedUnannounce::verify(incoming, &announce, &id)?;
                self.unannounce(&verified.target, &verified.public_key);
                Ok(stored())
            }
            _ => Ok(unknown_command()),
        }
    }

    fn lookup(&mut self, target: &Target, rng: &mut Rng) -> Option<Bytes> {
        let mut records = self.records.sample(target, MAX_RECORDS, rng);
        if records.len() < MAX_RECORDS {
            records.extend(self.router.record(target));
        }
        if records.is_empty() {
            return None;
        }
        let bump = self.bumps.get(target).copied().unwrap_or(0);
        Some(LookupReply::encode_raw(&records, bump).into())
    }

    fn announce(
        &mut self,
        now: Instant,
        id: &NodeId,
        incoming: &Incoming,
    ) -> Result<Answering, Silence> {
        let announce = decode(incoming)?;
        if announce.peer.is_none() {
            return self.refresh(incoming, &announce);
        }
        let verified = VerifiedAnnounce::verify(incoming, &announce, id)?;
        let (entry, refresh, bump) = verified.into_parts();
        self.insert(&entry, incoming)?;
        if !entry.announces_self {
            self.bump(now, incoming, entry.target, bump);
        }
        if let Some(link) = refresh {
            self.remember(link, entry, incoming);
        }
        Ok(stored())
    }

    /// Stores a remembered announcement again. Its owner proves itself by the next link of a hash
    /// chain whose last link was signed.
    fn refresh(&mut self, incoming: &Incoming, announce: &Announce) -> Result<Answering, Silence> {
        let (Some(link), Some(_), Some(_)) = (announce.refresh, incoming.target, incoming.token)
        else {
            return Err(Silence::Malformed);
        };
        let known = hash(&[&link]);
        let entry = self.refreshes.get(&known).cloned().ok_or(Silence::Refused)?;
        self.insert(&entry, incoming)?;
        self.refreshes.remove(&known);
        self.remember(link, entry, incoming);
        Ok(stored())
    }

    /// A source without room has its record all the same; it cannot refresh it without signing.
    fn remember(&mut self, link: [u8; 32], entry: Entry, incoming: &Incoming) {
        let _ = self.refreshes.insert(link, entry, *incoming.from.ip());
    }

    fn insert(&mut self, entry: &Entry, incoming: &Incoming) -> Result<(), OverBudget> {
        if entry.announces_self {
            self.router.insert(entry.target, incoming.from, entry.record.clone())?;
            self.records.remove(&entry.target, &entry.public_key);
            return Ok(());
        }
        let record = Record {
            public_key: entry.public_key,
            bytes: entry.record.clone(),
            source: *incoming.from.ip(),
        };
        self.records.add(entry.target, record)
    }

    /// A bump only grows, and does not run ahead of the clock. It is not signed and not needed:
    /// one that finds no room is left out.
    fn bump(&mut self, now: Instant, incoming: &Incoming, target: Target, bump: u64) {
        let current = self.bumps.get(&target).copied().unwrap_or(0);
        if bump > current && bump <= self.clock.unix_ms(now + MAX_BUMP_DRIFT) {
            let _ = self.bumps.insert(target, bump, *incoming.from.ip());
        }
    }

    /// Sets the timer while there is something that ages.
    fn watch_age(&mut self, cx: &mut Cx<'_>) {
        let kept = self.router.len() + self.records.len() + self.bumps.len() + self.refreshes.len();
        if self.ageing || kept == 0 || self.max_age.is_zero() {
            return;
        }
        self.ageing = true;
        // Two thirds let an entry live between 0.66 and 1.33 times its age.
        cx.wake_at(Timer::Store, cx.now + self.max_age * 2 / 3);
    }
}

/// Tells Unix time from the time that the driver hands down.
#[derive(Clone, Copy, Debug)]
struct WallClock {
    at: Instant,
    unix_time: Duration,
}

impl WallClock {
    fn unix_ms(&self, now: Instant) -> u64 {
        let time = self.unix_time + now.saturating_duration_since(self.at);
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
    }
}

impl From<Refused> for Silence {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Incomplete => Self::Malformed,
            Refused::Signature => Self::Refused,
        }
    }
}

impl From<OverBudget> for Silence {
    fn from(OverBudget: OverBudget) -> Self {
        Self::Refused
    }
}

fn decode(incoming: &Incoming) -> Result<Announce, Silence> {
    let value = incoming.value.as_ref().ok_or(Silence::Malformed)?;
    Announce::decode(value).map_err(|_| Silence::Malformed)
}

/// The answer to a question, whether something was found or not.
fn found(value: Option<Bytes>) -> Answering {
    Answering {
        value,
        error: error_code::NONE,
        token: true,
        closer_nodes: true,
        to: None,
        socket: None,
    }
}

/// The answer to an announcement and to its end.
fn stored() -> Answering {
    Answering {
        value: None,
        error: error_code::NONE,
        token: false,
        closer_nodes: false,
        to: None,
        socket: None,
    }
}

/// The answer to what this node does not serve. Silence would cost the asker its timeouts.
fn unknown_command() -> Answering {
    Answering {
        value: None,
        error: error_code::UNKNOWN_COMMAND,
        token: false,
        closer_nodes: true,
        to: None,
        socket: None,
    }
}

/// Records in one reply: so many fit into a datagram.
const MAX_RECORDS: usize = 20;

/// Clocks differ by this much.
const MAX_BUMP_DRIFT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
