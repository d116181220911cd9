//! The node's ticks of 5 s each, and the tasks that become due in them (PROTOCOL B.8).

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::contacts::OLD_NODE;
use super::table::K;
use crate::timers::NetTimer;
use crate::{Cx, Timer};

/// The tick counter and its countdowns.
#[derive(Debug)]
pub(super) struct Clock {
    tick: u64,
    /// Ticks until the table is refreshed.
    refresh_in: u64,
    /// Ticks until the next query from the bootstrap nodes, which finds nodes that the table has
    /// lost.
    rejoin_in: u64,
    /// Ticks until we may become persistent.
    stable_in: u64,
    /// Our host at the latest attempt to become persistent.
    last_host: Option<Ipv4Addr>,
    last: Instant,
}

impl Clock {
    /// Starts at random values, so that nodes do not run their tasks in synchrony.
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

    /// The number of the current tick.
    pub(super) fn tick(&self) -> u64 {
        self.tick
    }

    /// Sets the timer of the next tick.
    pub(super) fn start(&self, cx: &mut Cx<'_>) {
        cx.wake_at(Timer::Net(NetTimer::Tick), cx.now + TICK);
    }

    /// Starts anew after a suspension. The time since the last tick does not count as sleep of the
    /// machine.
    pub(super) fn restart(&mut self, cx: &mut Cx<'_>) {
        self.last = cx.now;
        self.start(cx);
    }

    /// Handles a due tick. True if the machine has slept since the last one.
    pub(super) fn take_sleep(&mut self, now: Instant) -> bool {
        let slept = now.saturating_duration_since(self.last) > SLEEP;
        self.last = now;
        slept
    }

    /// Counts a tick.
    pub(super) fn advance(&mut self) {
        self.tick += 1;
    }

    /// Makes all nodes look old after a sleep, because the network may have changed.
    pub(super) fn handle_wakeup(&mut self) {
        self.tick += 2 * OLD_NODE;
        // Nodes are pinged in the second tick from here.
        self.tick = (self.tick | PING_MASK) - 1;
        self.stable_in = MORE_STABLE_TICKS;
        self.refresh_in = 1;
        self.rejoin_in = 1;
        self.last_host = None;
    }

    /// Puts off the next refresh, because a query has the same effect.
    pub(super) fn handle_query(&mut self) {
        self.refresh_in = REFRESH_TICKS;
    }

    /// Counts down to the next refresh; true if it is due. `table` is the number of nodes in the
    /// table. `alone`: there is no bootstrap node.
    pub(super) fn take_refresh(&mut self, table: usize, alone: bool) -> bool {
        self.refresh_in = self.refresh_in.saturating_sub(1);
        let few = match table {
            0 if alone => return false,
            // No node has answered so far. Try often, because the network may be back.
            0 => LONELY_MASK,
            n if n < K => FEW_MASK,
            _ => return self.refresh_in == 0,
        };
        self.refresh_in == 0 || self.tick & few == 0
    }

    /// Counts down to the next query from the bootstrap nodes; true if it is due.
    pub(super) fn take_rejoin(&mut self) -> bool {
        self.rejoin_in = self.rejoin_in.saturating_sub(1);
        let is_due = self.rejoin_in == 0;
        if is_due {
            self.rejoin_in = REJOIN_TICKS;
        }
        is_due
    }

    /// Counts down to the attempt to become persistent; true if it is due.
    pub(super) fn take_stable(&mut self) -> bool {
        self.stable_in = self.stable_in.saturating_sub(1);
        self.stable_in == 0
    }

    /// True if the latest attempt failed with this host. The next attempt is then put off.
    pub(super) fn take_unfit(&mut self, host: Option<Ipv4Addr>) -> bool {
        let is_unfit = self.last_host == host;
        if is_unfit {
            self.stable_in = MORE_STABLE_TICKS;
        }
        is_unfit
    }

    /// Notes an attempt to become persistent with this host, and when to try again.
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

/// If this much time has passed since the last tick, the machine slept.
const SLEEP: Duration = Duration::from_secs(15);

/// About 5 minutes, counted from the latest query.
const REFRESH_TICKS: u64 = 60;

/// About 30 minutes. In this time each bootstrap node receives one such request from each node.
const REJOIN_TICKS: u64 = 360;

/// About 20 minutes. A node that has run for so long is likely to stay.
const STABLE_TICKS: u64 = 240;

/// About 60 minutes, after a check that failed, or a sleep.
const MORE_STABLE_TICKS: u64 = 3 * STABLE_TICKS;

/// About a minute, for a node that is configured to be persistent.
const RETRY_TICKS: u64 = 12;

/// Some nodes are pinged every 8 ticks.
const PING_MASK: u64 = 7;

/// A table that is not full is refreshed every 64 ticks.
const FEW_MASK: u64 = 63;

/// An empty table is refreshed every other tick.
const LONELY_MASK: u64 = 1;
