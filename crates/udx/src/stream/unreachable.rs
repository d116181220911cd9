//! Doubt whether the peer is still there, when the network says that nobody receives at its address.
//! Anybody can forge such a report, so the peer is asked.

use std::time::{Duration, Instant};

use super::Stream;
use crate::time::{MILLISECOND, Micros};

#[derive(Clone, Copy, Debug)]
pub(super) struct Doubt {
    /// The packets that had come when the doubt arose.
    heard: u64,
    /// When to ask again.
    pub(super) next: Micros,
    until: Micros,
}

impl Stream {
    /// The network has reported that nobody receives what goes to the peer's address. Asks the peer,
    /// and closes the stream if nothing comes for that long. A peer that was never heard is not in
    /// doubt: it may come yet. From a new path that fails the stream returns to the old one.
    pub fn handle_unreachable(&mut self, now: Instant, patience: Duration) {
        let now = self.clock.micros(now);
        let was_heard = self.stats.packets_rx > 0;
        let is_asked = self.doubt.is_some() || self.paths.is_validating();
        if !self.is_connected() || self.is_relay || !was_heard || is_asked {
            return;
        }
        let patience = Micros::try_from(patience.as_micros()).unwrap_or(Micros::MAX / 2);
        let (next, until) = (now + ASK_INTERVAL, now + patience);
        self.doubt = Some(Doubt { heard: self.stats.packets_rx, next, until });
        self.keep_alive.demand();
    }

    /// Handles the deadline of a doubt. False if the stream has closed.
    pub(super) fn handle_doubt(&mut self, now: Micros) -> bool {
        let Some(doubt) = self.doubt.as_mut().filter(|doubt| doubt.next <= now) else {
            return true;
        };
        if self.stats.packets_rx > doubt.heard {
            self.doubt = None;
            return true;
        }
        if now >= doubt.until {
            self.give_up(now);
            return false;
        }
        doubt.next = (now + ASK_INTERVAL).min(doubt.until);
        self.keep_alive.demand();
        true
    }
}

/// So that a lost question or answer does not matter.
const ASK_INTERVAL: Micros = 500 * MILLISECOND;
