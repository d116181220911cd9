//! The node's ticks, of 5 s each, and what becomes due in them (PROTOCOL B.8).

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::contacts::OLD_NODE;
use super::table::K;
use crate::timers::NetTimer;
use crate::{Cx, Timer};

/// Counts ticks.
#[derive(Debug)]
pub(super) struct Clock {
    tick: u64,
    /// Ticks until the table is refreshed.
    refresh_in: u64,
    /// Ticks until we look for nodes that the table has lost sight of.
    rejoin_in: u64,
    /// Ticks until we may become persistent.
    stable_in: u64,
    /// The host that was found not to be fit for it.
    last_host: Option<Ipv4Addr>,
    last: Instant,
}

impl Clock {
    /// At a random offset, so that no two nodes march in step.
    pub(super) fn new(cx: &mut Cx<'_>) -> Self {
        Self {
            tick: 100 - cx.rng.below(50),
            refresh_in: REFRESH_TICKS - cx.rng.below(REFRESH_TICKS / 2),
            rejoin_in: REJOIN_TICKS - cx.rng.below(REJOIN_TICKS / 2),
            stable_in: STABLE_TICKS,
            last_host: None,
            last: cx.now,
        }
    }

    /// The number of the present tick.
    pub(super) fn tick(&self) -> u64 {
        self.tick
    }

    /// Waits for the next tick.
    pub(super) fn start(&self, cx: &mut Cx<'_>) {
        cx.wake_at(Timer::Net(NetTimer::Tick), cx.now + TICK);
    }

    /// The time that has passed since the last tick was no sleep.
    pub(super) fn restart(&mut self, cx: &mut Cx<'_>) {
        self.last = cx.now;
        self.start(cx);
    }

    /// A tick is due. True if the machine has slept since the last one.
    pub(super) fn take_sleep(&mut self, now: Instant) -> bool {
        let slept = now.saturating_duration_since(self.last) > SLEEP;
        self.last = now;
        slept
    }

    /// One more tick.
    pub(super) fn advance(&mut self) {
        self.tick += 1;
    }

    /// Everything looks old after a sleep, and the network may be another one.
    pub(super) fn handle_wakeup(&mut self) {
        self.tick += 2 * OLD_NODE;
        // The second tick from here is one of those that ping.
        self.tick = (self.tick | PING_MASK) - 1;
        self.stable_in = MORE_STABLE_TICKS;
        self.refresh_in = 1;
        self.rejoin_in = 1;
        self.last_host = None;
    }

    /// A query has begun: that does for a refresh.
    pub(super) fn handle_query(&mut self) {
        self.refresh_in = REFRESH_TICKS;
    }

    /// Counts towards the next refresh of a table of this size. `alone`: there is no bootstrap
    /// node.
    pub(super) fn take_refresh(&mut self, table: usize, alone: bool) -> bool {
        self.refresh_in = self.refresh_in.saturating_sub(1);
        let few = match table {
            0 if alone => return false,
            // Nobody answered so far: the network may be back.
            0 => LONELY_MASK,
            n if n < K => FEW_MASK,
            _ => return self.refresh_in == 0,
        };
        self.refresh_in == 0 || self.tick & few == 0
    }

    /// Counts towards the next walk from the bootstrap nodes.
    pub(super) fn take_rejoin(&mut self) -> bool {
        self.rejoin_in = self.rejoin_in.saturating_sub(1);
        let is_due = self.rejoin_in == 0;
        if is_due {
            self.rejoin_in = REJOIN_TICKS;
        }
        is_due
    }

    /// Counts towards the time at which we may become persistent; true if it has come.
    pub(super) fn take_stable(&mut self) -> bool {
        self.stable_in = self.stable_in.saturating_sub(1);
        self.stable_in == 0
    }

    /// True for the host that was not fit for persistence; it is tried later then.
    pub(super) fn take_unfit(&mut self, host: Option<Ipv4Addr>) -> bool {
        let is_unfit = self.last_host == host;
        if is_unfit {
            self.stable_in = MORE_STABLE_TICKS;
        }
        is_unfit
    }

    /// This host is tried now, and again after a while.
    pub(super) fn handle_attempt(&mut self, host: Option<Ipv4Addr>, forced: bool) {
        self.stable_in = if forced { RETRY_TICKS } else { MORE_STABLE_TICKS };
        self.last_host = host;
    }

    /// True in the ticks in which some nodes are pinged.
    pub(super) fn pings(&self) -> bool {
        self.tick & PING_MASK == 0
    }
}

/// One tick.
const TICK: Duration = Duration::from_secs(5);

/// A tick that comes this late means that the machine slept.
const SLEEP: Duration = Duration::from_secs(15);

/// About 5 minutes, counted from the latest query.
const REFRESH_TICKS: u64 = 60;

/// About 30 minutes. It costs each bootstrap node one request of each node in that time.
const REJOIN_TICKS: u64 = 360;

/// About 20 minutes: such a node is likely to stay.
const STABLE_TICKS: u64 = 240;

/// About 60 minutes, after a check that failed, or a sleep.
const MORE_STABLE_TICKS: u64 = 3 * STABLE_TICKS;

/// About a minute: a node that has to be persistent does not give up.
const RETRY_TICKS: u64 = 12;

/// Some nodes are pinged every 8 ticks.
const PING_MASK: u64 = 7;

/// A table that is not full is refreshed every 64 ticks.
const FEW_MASK: u64 = 63;

/// An empty table is refreshed every other tick.
const LONELY_MASK: u64 = 1;
