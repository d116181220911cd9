//! How long the peers of connections may be silent.

use std::time::{Duration, Instant};

use super::{StreamOwner, Streams};

impl Streams {
    /// Without streams. `user_timeout` is how long the peers of the application's connections may be
    /// silent, ten minutes at most.
    pub(crate) fn new(user_timeout: Duration) -> Self {
        let mut streams = Self::default();
        let patience = user_timeout.min(MAX_USER_TIMEOUT);
        streams.shared.max_timeouts = udx::Config::timeouts_in(patience);
        streams
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

/// What a peer that is gone has not acknowledged takes memory, and packets are sent to it.
const MAX_USER_TIMEOUT: Duration = Duration::from_secs(600);

/// How long the host may be without a network.
const WITHOUT_NETWORK: Duration = Duration::from_secs(30);
