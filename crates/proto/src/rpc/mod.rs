//! Requests and responses of dht-rpc: what is in flight, how much at once, and tokens.
//! Reference: dht-rpc 6.27.0, lib/io.js.

mod adaptive;
mod congestion;
mod inflight;
mod retransmit;
mod rtt_cache;
mod tokens;

use std::time::Duration;

pub(crate) use congestion::Congestion;
pub(crate) use inflight::{Completed, Outgoing, RequestKey, Requests, TimeoutOutcome};
pub(crate) use retransmit::RetransmitPolicy;
pub(crate) use tokens::Tokens;

/// What the reference gives every try.
const TRY: Duration = Duration::from_millis(1000);
