//! Whether the network answers our requests. Reference: dht-rpc 6.27.0, lib/health.js.

use std::collections::VecDeque;

use crate::{HealthReport, HealthTick, Stats};

/// The verdicts of the latest four ticks.
#[derive(Debug)]
pub(super) struct Health {
    counts: Counts,
    /// The counts of the latest tick.
    latest: Counts,
    window: VecDeque<(Counts, Verdict)>,
    ticks: usize,
    /// Ticks in a row without a single response.
    silent: usize,
    state: HealthState,
}

/// The health as the application sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HealthState {
    pub(super) online: bool,
    pub(super) degraded: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    responses: u64,
    timeouts: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Too little happened to judge.
    Unknown,
    Healthy,
    Degraded,
    Offline,
}

impl Health {
    /// Starts in the state online and not degraded.
    pub(super) fn new(stats: &Stats) -> Self {
        Self {
            counts: Counts::of(stats),
            latest: Counts::default(),
            window: VecDeque::new(),
            ticks: 0,
            silent: 0,
            state: HealthState { online: true, degraded: false },
        }
    }

    /// The last known state.
    pub(super) fn state(&self) -> HealthState {
        self.state
    }

    /// The state and the numbers behind it.
    pub(super) fn report(&self) -> HealthReport {
        let HealthState { online, degraded } = self.state;
        let Counts { responses, timeouts } = self.latest;
        HealthReport { online, degraded, cold: self.ticks < WINDOW, responses, timeouts }
    }

    /// The latest ticks, the oldest first.
    pub(super) fn ticks(&self) -> Vec<HealthTick> {
        let tick = |(counts, verdict): &(Counts, Verdict)| {
            let is_judged = *verdict != Verdict::Unknown;
            HealthTick {
                responses: counts.responses,
                timeouts: counts.timeouts,
                offline: is_judged.then_some(*verdict == Verdict::Offline),
                degraded: is_judged.then_some(*verdict == Verdict::Degraded),
            }
        };
        self.window.iter().map(tick).collect()
    }

    /// Judges the tick that has ended. `lonely`: no node is in the table, so that few requests tell
    /// enough.
    pub(super) fn handle_tick(&mut self, stats: &Stats, lonely: bool) -> HealthState {
        let verdict = self.judge(Counts::of(stats), lonely);
        if self.window.len() >= WINDOW {
            self.window.pop_front();
        }
        self.window.push_back((self.counts, verdict));
        self.silent = match verdict {
            Verdict::Unknown => return self.state,
            Verdict::Offline => self.silent + 1,
            Verdict::Healthy | Verdict::Degraded => 0,
        };
        let all = |wanted| self.window.iter().filter(|(_, v)| *v == wanted).count() == WINDOW;
        if self.silent == 0 {
            self.state.online = true;
        } else if self.silent >= OFFLINE_TICKS {
            self.state.online = false;
        }
        if !self.state.online || all(Verdict::Healthy) {
            self.state.degraded = false;
        } else if all(Verdict::Degraded) {
            self.state.degraded = true;
        }
        self.state
    }

    fn judge(&mut self, counts: Counts, lonely: bool) -> Verdict {
        let old = std::mem::replace(&mut self.counts, counts);
        let responses = counts.responses.saturating_sub(old.responses);
        let timeouts = counts.timeouts.saturating_sub(old.timeouts);
        self.latest = Counts { responses, timeouts };
        self.ticks += 1;
        let least = if lonely || !self.state.online { 1 } else { IDLE };
        if self.ticks < WINDOW || responses + timeouts < least {
            return Verdict::Unknown;
        }
        match responses {
            0 => Verdict::Offline,
            _ if timeouts > responses => Verdict::Degraded,
            _ => Verdict::Healthy,
        }
    }
}

impl Counts {
    fn of(stats: &Stats) -> Self {
        Self { responses: stats.responses, timeouts: stats.timeouts }
    }
}

/// The number of latest ticks that are judged together.
const WINDOW: usize = 4;

/// Silent ticks in a row that mean offline.
const OFFLINE_TICKS: usize = 2;

/// A tick with fewer responses and timeouts than this is not judged, while nodes are known.
const IDLE: u64 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_silent_ticks_are_offline_and_one_answer_is_online() {
        let mut stats = Stats::default();
        let mut health = Health::new(&stats);
        (0..4).for_each(|_| pass(&mut health, &mut stats, 9, 0));
        pass(&mut health, &mut stats, 0, 9);
        assert!(health.state().online);
        pass(&mut health, &mut stats, 0, 9);
        assert!(!health.state().online);
        pass(&mut health, &mut stats, 0, 0);
        assert!(!health.state().online);
        pass(&mut health, &mut stats, 5, 0);
        assert!(health.state().online);
    }

    #[test]
    fn four_bad_ticks_are_degraded() {
        let mut stats = Stats::default();
        let mut health = Health::new(&stats);
        (0..6).for_each(|_| pass(&mut health, &mut stats, 1, 9));
        assert!(!health.state().degraded);
        pass(&mut health, &mut stats, 1, 9);
        assert!(health.state().degraded);
        (0..4).for_each(|_| pass(&mut health, &mut stats, 9, 1));
        assert!(!health.state().degraded);
    }

    #[test]
    fn one_request_a_tick_is_enough_for_a_node_that_knows_nobody() {
        let mut stats = Stats::default();
        let mut health = Health::new(&stats);
        (0..4).for_each(|_| pass(&mut health, &mut stats, 9, 0));
        (0..4).for_each(|_| pass(&mut health, &mut stats, 0, 1));
        assert!(health.state().online);
        for _ in 0..2 {
            stats.timeouts += 1;
            assert!(health.state().online);
            health.handle_tick(&stats, true);
        }
        assert!(!health.state().online);
        pass(&mut health, &mut stats, 1, 0);
        assert!(health.state().online);
    }

    fn pass(health: &mut Health, stats: &mut Stats, responses: u64, timeouts: u64) {
        stats.responses += responses;
        stats.timeouts += timeouts;
        health.handle_tick(stats, false);
    }
}
