//! The records and values that a persistent node stores for others, and its answers to requests for
//! them (PROTOCOL C.1, C.4).
//!
//! Reference: hyperdht 6.34.0, lib/persistent.js.

mod records;
mod time;
mod values;
mod verify;

use std::time::{Duration, Instant};

use bytes::Bytes;

use self::records::{Record, Records};
use self::time::{Age, WallClock};
use self::values::{Outdated, Values};
use self::verify::{
    AnnouncedRecord, StoreRefusal, VerifiedAnnounce, VerifiedImmutable, VerifiedMutable,
    VerifiedUnannounce,
};
use crate::cache::{Cache, Limits};
use crate::net::{Answering, Incoming, Net};
use crate::noise::PublicKey;
use crate::router::Router;
use crate::timers::StoreTimer;
use crate::wire::{Announce, LookupReply, NodeId, Peer, Reader, Target, command, error_code, hash};
use crate::{Config, Cx, Rng, Stored};

/// The records of a node.
#[derive(Debug)]
pub(crate) struct Store {
    /// Servers that announced themselves, and our own.
    pub(crate) router: Router,
    records: Records,
    bumps: Cache<Target, u64>,
    refreshes: Cache<[u8; 32], AnnouncedRecord>,
    values: Values,
    announced_age: Age,
    values_age: Age,
    clock: WallClock,
}

/// Why a request gets no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Silence {
    /// The request does not decode, or lacks a field that its command requires.
    Malformed,
    /// A wrong signature or target, or an unknown refresh token.
    Refused,
}

impl Store {
    /// An empty store.
    pub(crate) fn new(config: &Config, now: Instant) -> Self {
        let limits = Limits::of(config.max_size);
        let announced_age = config.max_age.unwrap_or(ANNOUNCED_AGE);
        let values_age = config.max_age.unwrap_or(VALUES_AGE);
        Self {
            router: Router::new(limits),
            records: Records::new(limits),
            bumps: Cache::new(limits),
            refreshes: Cache::new(limits),
            values: Values::new(Limits::of(config.max_size / 2)),
            announced_age: Age::new(StoreTimer::Announced, announced_age),
            values_age: Age::new(StoreTimer::Values, values_age),
            clock: WallClock::new(now, config.unix_time),
        }
    }

    /// The wall clock was set.
    pub(crate) fn set_clock(&mut self, now: Instant, unix_time: Duration) {
        self.clock = WallClock::new(now, unix_time);
    }

    /// Adds the record of a server of our own. While the node is persistent, FIND_PEER and LOOKUP
    /// of the target return it.
    pub(crate) fn serve(&mut self, target: Target, record: &Peer) {
        self.router.serve(target, record);
    }

    /// Removes the record of a server of our own.
    pub(crate) fn unserve(&mut self, target: &Target) {
        self.router.unserve(target);
    }

    /// Answers a request. False if it is a routed message, which the router or a server has to
    /// handle.
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

    /// Ages a part of the store by one generation.
    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>, timer: StoreTimer) {
        match timer {
            StoreTimer::Announced => {
                self.announced_age.handle_timeout();
                self.router.age();
                self.records.age();
                self.bumps.age();
                self.refreshes.age();
            }
            StoreTimer::Values => {
                self.values_age.handle_timeout();
                self.values.age();
            }
        }
        self.watch_age(cx);
    }

    /// The number of entries of each kind.
    pub(crate) fn stored(&self) -> Stored {
        let (mutables, immutables) = self.values.len();
        Stored {
            servers: self.router.len(),
            records: self.records.len(),
            bumps: self.bumps.len(),
            refreshes: self.refreshes.len(),
            mutables,
            immutables,
        }
    }

    /// Removes the record of a key, as a verified UNANNOUNCE does. Also serves our own
    /// unannouncements.
    pub(crate) fn unannounce(&mut self, target: &Target, public_key: &PublicKey) {
        if hash(&[public_key]) == *target {
            self.router.remove(target);
        }
        self.records.remove(target, public_key);
    }

    fn answer(
        &mut self,
        cx: &mut Cx<'_>,
        id: Option<NodeId>,
        incoming: &Incoming,
    ) -> Result<Answering, Silence> {
        let Some(id) = id else {
            return Ok(failed(error_code::UNKNOWN_COMMAND));
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
            command::ANNOUNCE => self.announce(cx, &id, incoming),
            command::UNANNOUNCE => {
                let announce = decode(incoming)?;
                let verified = VerifiedUnannounce::verify(incoming, &announce, &id)?;
                self.unannounce(&verified.target, &verified.public_key);
                Ok(Answering::default())
            }
            command::MUTABLE_PUT => self.put_mutable(cx, incoming),
            command::MUTABLE_GET => self.get_mutable(incoming),
            command::IMMUTABLE_PUT => {
                let verified = VerifiedImmutable::verify(incoming)?;
                let displaced = self.values.put_immutable(verified, *incoming.from.ip());
                count(cx, displaced);
                Ok(found(None))
            }
            command::IMMUTABLE_GET => {
                let target = incoming.target.ok_or(Silence::Malformed)?;
                Ok(found(self.values.immutable(&target)))
            }
            _ => Ok(failed(error_code::UNKNOWN_COMMAND)),
        }
    }

    fn lookup(&mut self, target: &Target, rng: &mut Rng) -> Option<Bytes> {
        // Also read if there are no records, because a read keeps the bump fresh.
        let bump = self.bumps.get(target).copied().unwrap_or(0);
        let mut records = self.records.sample(target, MAX_RECORDS, rng);
        if records.len() < MAX_RECORDS {
            records.extend(self.router.record(target));
        }
        if records.is_empty() {
            return None;
        }
        Some(LookupReply::encode_raw(&records, bump).into())
    }

    fn announce(
        &mut self,
        cx: &mut Cx<'_>,
        id: &NodeId,
        incoming: &Incoming,
    ) -> Result<Answering, Silence> {
        let announce = decode(incoming)?;
        if announce.peer.is_none() {
            return self.refresh(cx, incoming, &announce);
        }
        let verified = VerifiedAnnounce::verify(incoming, &announce, id)?;
        let (entry, refresh, bump) = verified.into_parts();
        if !entry.announces_self {
            self.bump(cx, incoming, entry.target, bump);
        }
        self.insert(cx, &entry, incoming);
        if let Some(link) = refresh {
            self.remember(cx, link, entry, incoming);
        }
        Ok(Answering::default())
    }

    /// Stores a remembered announcement again. The owner authenticates itself with the preimage of
    /// its last token: the next link of a hash chain, whose first token was signed.
    fn refresh(
        &mut self,
        cx: &mut Cx<'_>,
        incoming: &Incoming,
        announce: &Announce,
    ) -> Result<Answering, Silence> {
        let (Some(link), Some(_), Some(_)) = (announce.refresh, incoming.target, incoming.token)
        else {
            return Err(Silence::Malformed);
        };
        let entry = self.refreshes.remove(&hash(&[&link])).ok_or(Silence::Refused)?;
        self.insert(cx, &entry, incoming);
        self.remember(cx, link, entry, incoming);
        Ok(Answering::default())
    }

    fn remember(
        &mut self,
        cx: &mut Cx<'_>,
        link: [u8; 32],
        entry: AnnouncedRecord,
        incoming: &Incoming,
    ) {
        let displaced = self.refreshes.insert(link, entry, *incoming.from.ip());
        count(cx, displaced.is_some());
    }

    fn insert(&mut self, cx: &mut Cx<'_>, entry: &AnnouncedRecord, incoming: &Incoming) {
        let bytes = entry.record.clone();
        let displaced = if entry.announces_self {
            self.records.remove(&entry.target, &entry.public_key);
            self.router.insert(entry.target, incoming.from, bytes)
        } else {
            let source = *incoming.from.ip();
            let record = Record { public_key: entry.public_key, bytes, source };
            self.records.add(entry.target, record)
        };
        count(cx, displaced);
    }

    /// Stores the bump of a topic. Bumps are not signed, so they may only grow and may not run
    /// ahead of the clock.
    fn bump(&mut self, cx: &mut Cx<'_>, incoming: &Incoming, target: Target, bump: u64) {
        let current = self.bumps.get(&target).copied().unwrap_or(0);
        if bump > current && bump <= self.clock.unix_ms(cx.now + MAX_BUMP_DRIFT) {
            let displaced = self.bumps.insert(target, bump, *incoming.from.ip());
            count(cx, displaced.is_some());
        }
    }

    fn put_mutable(&mut self, cx: &mut Cx<'_>, incoming: &Incoming) -> Result<Answering, Silence> {
        let verified = VerifiedMutable::verify(incoming)?;
        Ok(match self.values.put_mutable(&verified, *incoming.from.ip()) {
            Ok(displaced) => {
                count(cx, displaced);
                found(None)
            }
            Err(Outdated::SeqReused) => failed(error_code::SEQ_REUSED),
            Err(Outdated::SeqTooLow) => failed(error_code::SEQ_TOO_LOW),
        })
    }

    fn get_mutable(&mut self, incoming: &Incoming) -> Result<Answering, Silence> {
        let (Some(target), Some(value)) = (incoming.target, &incoming.value) else {
            return Err(Silence::Malformed);
        };
        let least_seq = Reader::new(value).uint().map_err(|_| Silence::Malformed)?;
        Ok(found(self.values.mutable(&target, least_seq)))
    }

    /// Sets the timers if there are entries that age.
    fn watch_age(&mut self, cx: &mut Cx<'_>) {
        let Stored { servers, records, bumps, refreshes, mutables, immutables } = self.stored();
        self.announced_age.watch(cx, servers + records + bumps + refreshes);
        self.values_age.watch(cx, mutables + immutables);
    }
}

impl From<StoreRefusal> for Silence {
    fn from(refused: StoreRefusal) -> Self {
        match refused {
            StoreRefusal::Incomplete => Self::Malformed,
            StoreRefusal::Signature | StoreRefusal::Target => Self::Refused,
        }
    }
}

fn decode(incoming: &Incoming) -> Result<Announce, Silence> {
    let value = incoming.value.as_ref().ok_or(Silence::Malformed)?;
    Announce::decode(value).map_err(|_| Silence::Malformed)
}

/// Counts an entry that was evicted to make room for another.
fn count(cx: &mut Cx<'_>, displaced: bool) {
    cx.stats.dropped.store += u64::from(displaced);
}

/// The reply to a successful request: to a read, whether a value was found or not, and to a write.
fn found(value: Option<Bytes>) -> Answering {
    Answering { value, token: true, closer_nodes: true, ..Answering::default() }
}

/// A reply with an error. Without it, the requester would have to wait for timeouts.
fn failed(error: u64) -> Answering {
    Answering { error, closer_nodes: true, ..Answering::default() }
}

/// Maximum records in one reply. This many fit into a datagram.
const MAX_RECORDS: usize = 20;

/// Announcements are repeated every few minutes.
const ANNOUNCED_AGE: Duration = Duration::from_secs(20 * 60);

/// Programs put the values that they still need again at least daily.
const VALUES_AGE: Duration = Duration::from_secs(48 * 3600);

/// The tolerated difference between the clocks of nodes.
const MAX_BUMP_DRIFT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
