//! DOWN_HINTs: tell nodes that a node that they named is down.

use bytes::Bytes;

use super::RequestSpec;
use super::exchange::{Out, Purpose};
use super::query::Down;
use crate::wire::{Writer, command};
use crate::{Config, Cx};

/// The budget of hints per tick.
#[derive(Debug)]
pub(super) struct Hints {
    sent: usize,
    max: usize,
}

impl Hints {
    pub(super) fn new(config: &Config) -> Self {
        let max = config.down_hints_rate_limit.unwrap_or(usize::MAX);
        Self { sent: 0, max: if config.send_down_hints { max } else { 0 } }
    }

    /// Begins a new tick.
    pub(super) fn handle_tick(&mut self) {
        self.sent = 0;
    }

    /// Sends hints, up to the limit per tick. A suspended node sends none, because its requests are
    /// not transmitted.
    pub(super) fn send(&mut self, cx: &mut Cx<'_>, out: &mut Out<'_>, down: &[Down]) {
        if out.exchange.requests.is_muted() {
            return;
        }
        for Down { referrer, node } in down {
            if self.sent >= self.max {
                return;
            }
            self.sent += 1;
            let mut value = Writer::new();
            value.addr4(*node);
            let value = Some(Bytes::from(value.finish()));
            let spec =
                RequestSpec { value, ..RequestSpec::internal(*referrer, command::DOWN_HINT) };
            out.send(cx, spec, Purpose::Hint);
        }
    }
}
