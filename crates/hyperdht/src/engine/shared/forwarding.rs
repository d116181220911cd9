//! What the driver sends from the buffer in which it has received.

use std::time::Instant;

use proto::Run;

use super::{Holder, Shared};
use crate::engine::state::State;

impl Shared {
    /// Hands datagrams to the node, and sends those on that it forwards.
    pub(super) fn handle_run(&self, state: &mut State, now: Instant, run: &mut Run<'_>) {
        let max_segments = if state.outgoing.is_empty() { state.buf.max_segments } else { 0 };
        let Some(transmit) = state.core.handle_run(now, run, max_segments) else { return };
        let max_segments = &mut state.buf.max_segments;
        if self.transmit(max_segments, &transmit, run.data, Holder::Driver).is_err() {
            // The receive buffer is needed again.
            state.outgoing.push(transmit, run.data);
        }
    }
}
