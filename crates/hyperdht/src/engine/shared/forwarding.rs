//! What the driver sends from the buffer in which it has received.

use std::time::Instant;

use proto::{Run, TransmitBuf};

use super::{Holder, Shared};
use crate::engine::state::State;

impl Shared {
    /// Hands datagrams to the node, and sends those on that it forwards.
    pub(super) fn handle_run(&self, state: &mut State, now: Instant, run: &mut Run<'_>) {
        let max_segments = if state.blocked.is_some() { 0 } else { state.buf.max_segments };
        let Some(transmit) = state.core.handle_run(now, run, max_segments) else { return };
        let TransmitBuf { data, max_segments } = &mut state.buf;
        if self.transmit(max_segments, &transmit, run.data, Holder::Driver).is_err() {
            // The receive buffer is needed again.
            data.clear();
            data.extend_from_slice(run.data);
            state.blocked = Some(transmit);
        }
    }
}
