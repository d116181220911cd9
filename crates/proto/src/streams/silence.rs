//! How long the peers of connections may be silent.

use std::time::{Duration, Instant};

use super::{StreamOwner, Streams};

/// How long the peers of streams that are [connected](Streams::connect) later may be silent.
#[derive(Debug, Default)]
pub(super) struct Silence {
    max_timeouts: u32,
}

impl Silence {
    pub(super) fn config(&self) -> udx::Config {
        let max_timeouts = self.max_timeouts;
        udx::Config { probes_early: true, max_timeouts, ..udx::Config::default() }
    }
}

impl Streams {
    /// Without streams. `user_timeout` is how long the peers of connections may be silent.
    pub(crate) fn new(user_timeout: Duration) -> Self {
        let max_timeouts = udx::Config::timeouts_in(user_timeout);
        Self { silence: Silence { max_timeouts }, ..Self::default() }
    }

    /// The host has no network, so that no peer can answer. Open connections wait for longer.
    pub(crate) fn handle_no_network(&mut self, now: Instant) {
        for transport in self.table.all_connected_mut() {
            if matches!(transport.owner, StreamOwner::Conn(_)) {
                transport.udx.keep_until(now + WITHOUT_NETWORK);
            }
        }
    }
}

/// How long the host may be without a network.
const WITHOUT_NETWORK: Duration = Duration::from_secs(30);
