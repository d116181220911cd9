//! What happens every 5 s: the routing table is kept alive, and sleep is noticed (PROTOCOL B.8).

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::Output;
use super::firewall::{Caller, Scope};
use super::machine::Net;
use super::table::K;
use crate::timers::NetTimer;
use crate::wire::NodeId;
use crate::{Config, Cx, Event, Timer};

/// Ticks, and what is counted in them.
#[derive(Debug)]
pub(super) struct Clock {
    pub(super) tick: u64,
    /// Ticks until the table is refreshed.
    pub(super) refresh_in: u64,
    /// Ticks until we look for nodes that the table has lost sight of.
    reunite_in: u64,
    /// Ticks until we may become persistent.
    pub(super) stable_in: u64,
    /// The host that was found not to be fit for it.
    pub(super) last_host: Option<Ipv4Addr>,
    last: Instant,
}

/// Requests of the node's own, which are few at a time.
#[derive(Debug)]
pub(super) struct Upkeep {
    /// Nodes that are being pinged.
    pub(super) checks: usize,
    /// Nodes of full rows that are being pinged.
    pub(super) swaps: usize,
    /// Down hints sent in this tick.
    hints: usize,
    /// How many a tick may have.
    max_hints: usize,
}

impl Upkeep {
    pub(super) fn new(config: &Config) -> Self {
        let max_hints = config.down_hints_rate_limit.unwrap_or(usize::MAX);
        let max_hints = if config.send_down_hints { max_hints } else { 0 };
        Self { checks: 0, swaps: 0, hints: 0, max_hints }
    }

    /// Nothing is under way any more.
    pub(super) fn clear(&mut self) {
        *self = Self { max_hints: self.max_hints, checks: 0, swaps: 0, hints: 0 };
    }

    /// True if one more hint may be sent.
    pub(super) fn take_hint(&mut self) -> bool {
        let may = self.hints < self.max_hints;
        self.hints += usize::from(may);
        may
    }
}

impl Clock {
    /// At a random offset, so that no two nodes march in step.
    pub(super) fn new(cx: &mut Cx<'_>) -> Self {
        Self {
            tick: 100 - cx.rng.below(50),
            refresh_in: REFRESH_TICKS - cx.rng.below(REFRESH_TICKS / 2),
            reunite_in: REUNITE_TICKS - cx.rng.below(REUNITE_TICKS / 2),
            stable_in: STABLE_TICKS,
            last_host: None,
            last: cx.now,
        }
    }
}

impl Upkeep {
    /// Nodes that are being pinged.
    pub(super) fn len(&self) -> usize {
        self.checks + self.swaps
    }
}

impl Net {
    pub(super) fn start_clock(&mut self, cx: &mut Cx<'_>) {
        cx.wake_at(Timer::Net(NetTimer::Tick), cx.now + TICK);
    }

    /// The time that has passed since the last tick was no sleep.
    pub(super) fn restart_clock(&mut self, cx: &mut Cx<'_>) {
        self.clock.last = cx.now;
        self.start_clock(cx);
    }

    pub(super) fn handle_tick(&mut self, cx: &mut Cx<'_>) {
        let slept = cx.now.saturating_duration_since(self.clock.last) > SLEEP;
        self.clock.last = cx.now;
        if slept {
            self.handle_wakeup(cx);
        } else {
            self.clock.tick += 1;
        }
        self.start_clock(cx);
        self.handle_resolve_tick(cx);
        if !self.bootstrapped() {
            return;
        }
        self.age_role(cx);
        self.ping_some(cx);
        self.clock.refresh_in = self.clock.refresh_in.saturating_sub(1);
        if self.is_refresh_due() && !self.is_refreshing() {
            self.refresh(cx);
        }
        self.reunite(cx);
        self.upkeep.hints = 0;
        let old = self.health.state();
        self.health.handle_tick(cx.stats);
        self.report_health(cx, old);
    }

    /// Walks to a random node of the table, to meet others.
    pub(super) fn refresh(&mut self, cx: &mut Cx<'_>) {
        let random = self.table.random(cx.rng).map(|node| node.id);
        self.start_refresh(cx, random.unwrap_or(self.table.id()));
    }

    fn reunite(&mut self, cx: &mut Cx<'_>) {
        self.clock.reunite_in = self.clock.reunite_in.saturating_sub(1);
        if self.clock.reunite_in == 0 {
            self.clock.reunite_in = REUNITE_TICKS;
            if self.bootstrap.len() > 0 {
                self.start_reunion(cx);
            }
        }
    }

    /// Everything looks old after a sleep, and the network may be another one.
    pub(super) fn handle_wakeup(&mut self, cx: &mut Cx<'_>) {
        let clock = &mut self.clock;
        clock.tick += 2 * OLD_NODE;
        // The second tick from here is one of those that ping.
        clock.tick = (clock.tick | PING_MASK) - 1;
        clock.stable_in = MORE_STABLE_TICKS;
        clock.refresh_in = 1;
        clock.reunite_in = 1;
        clock.last_host = None;
        let old = self.health.state();
        self.health = super::health::Health::new(cx.stats);
        self.report_health(cx, old);
        self.become_ephemeral(cx);
        cx.emit(Event::Wakeup);
        self.outputs.push_back(Output::Wakeup);
    }

    /// A node that has been up for long may become persistent.
    fn age_role(&mut self, cx: &mut Cx<'_>) {
        if !self.role.wants_persistence() {
            return;
        }
        self.clock.stable_in = self.clock.stable_in.saturating_sub(1);
        if self.clock.stable_in > 0 {
            return;
        }
        if self.role.adaptive && self.clock.last_host == self.nat.address().0 {
            self.clock.stable_in = MORE_STABLE_TICKS;
            return;
        }
        self.start_update(cx, Scope::Full, Caller::Tick);
    }

    fn ping_some(&mut self, cx: &mut Cx<'_>) {
        let tick = self.clock.tick;
        if tick & PING_MASK != 0 {
            return;
        }
        let Some(oldest) = self.table.oldest().next() else {
            return;
        };
        let count = match self.requests.len() {
            _ if tick - oldest.pinged < RECENT_NODE => 2,
            0..=2 => 5,
            _ => 3,
        };
        let due = self.table.oldest().take(count).filter(|node| node.pinged != tick);
        let due: Vec<NodeId> = due.map(|node| node.id).collect();
        for id in due {
            self.check(cx, &id);
        }
    }

    fn is_refresh_due(&self) -> bool {
        let few = match self.table.len() {
            0 if self.bootstrap.len() == 0 => return false,
            // Nobody answered so far: the network may be back.
            0 => LONELY_MASK,
            n if n < K => FEW_MASK,
            _ => return self.clock.refresh_in == 0,
        };
        self.clock.refresh_in == 0 || self.clock.tick & few == 0
    }
}

/// One tick.
const TICK: Duration = Duration::from_secs(5);

/// A tick that comes this late means that the machine slept.
const SLEEP: Duration = Duration::from_secs(15);

/// About 5 minutes, counted from the latest query.
pub(super) const REFRESH_TICKS: u64 = 60;

/// About 30 minutes. It costs each bootstrap node one request of each node in that time.
const REUNITE_TICKS: u64 = 360;

/// About 20 minutes: such a node is likely to stay.
const STABLE_TICKS: u64 = 240;

/// About 60 minutes, after a check that failed, or a sleep.
pub(super) const MORE_STABLE_TICKS: u64 = 3 * STABLE_TICKS;

/// About a minute.
pub(super) const RECENT_NODE: u64 = 12;

/// About 30 minutes.
pub(super) const OLD_NODE: u64 = 360;

/// Some nodes are pinged every 8 ticks.
const PING_MASK: u64 = 7;

/// A table that is not full is refreshed every 64 ticks.
const FEW_MASK: u64 = 63;

/// An empty table is refreshed every other tick.
const LONELY_MASK: u64 = 1;
