//! The deadline queue. Every wake-up has a name.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Instant;

use crate::{AskId, ConnId, ServerId, SocketId, StreamId};

/// Why a node wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// dht-rpc: requests, ticks, token rotation.
    Net(NetTimer),
    /// A UDX stream: RTO, TLP, reorder, pacing, keep-alive.
    Stream(StreamId),
    /// The secret stream's keep-alive.
    KeepAlive(ConnId),
    /// A connection looks for its peer on a path that may have changed.
    PathCheck(ConnId),
    /// A connecting machine's next step.
    Connect(ConnId),
    /// A server handshake: passive connect, abort, clearing.
    Handshake(ServerId, u32),
    /// The next step of a puncher.
    Punch(u32),
    /// A socket that nobody uses waits for a connection.
    Linger(SocketId),
    /// A server's announcer.
    Announce(ServerId),
    /// A connection waits to be paired at a blind relay, or to leave it.
    Pairing(ConnId),
    /// A blind relay looks for pairings that are overdue or idle.
    Relay(ServerId),
    /// Records or values in the store age.
    Store(StoreTimer),
    /// The application has not answered a question in time.
    Ask(AskId),
}

/// Wake-ups of dht-rpc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetTimer {
    /// The earliest deadline of a request in flight.
    Requests,
    /// A slot of 750 ms ends: the congestion window and the tokens advance.
    Drain,
    /// The tick, every 5 s.
    Tick,
    /// A DELAYED_PING is due.
    DelayedPing,
}

/// Wake-ups of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StoreTimer {
    /// Announcements and the entries that belong to them age.
    Announced,
    /// Mutable and immutable values age.
    Values,
}

/// Deadlines by name. A name has at most one deadline.
#[derive(Debug)]
pub struct Timers<K = Timer> {
    order: BTreeSet<(Instant, K)>,
    by_name: HashMap<K, Instant>,
}

impl<K: Copy + Ord + Hash> Timers<K> {
    /// No deadlines.
    pub fn new() -> Self {
        Self { order: BTreeSet::new(), by_name: HashMap::new() }
    }

    /// Sets or moves a deadline.
    pub fn set(&mut self, name: K, at: Instant) {
        match self.by_name.insert(name, at) {
            Some(old) if old == at => return,
            Some(old) => {
                self.order.remove(&(old, name));
            }
            None => {}
        }
        self.order.insert((at, name));
    }

    /// Removes a deadline, if there is one.
    pub fn cancel(&mut self, name: K) {
        if let Some(at) = self.by_name.remove(&name) {
            self.order.remove(&(at, name));
        }
    }

    /// The next deadline and its name.
    pub fn next(&self) -> Option<(Instant, K)> {
        self.order.first().copied()
    }

    /// Takes the earliest deadline that is due.
    pub fn pop_due(&mut self, now: Instant) -> Option<K> {
        let (at, name) = self.next()?;
        if at > now {
            return None;
        }
        self.cancel(name);
        Some(name)
    }

    /// Removes all deadlines.
    pub fn clear(&mut self) {
        self.order.clear();
        self.by_name.clear();
    }

    /// How many deadlines are set.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// True if no deadline is set.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

impl<K: Copy + Ord + Hash> Default for Timers<K> {
    fn default() -> Self {
        Self::new()
    }
}
