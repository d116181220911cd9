//! Requests of dht-rpc in flight, their congestion window and retransmission, and tokens.
//! Reference: dht-rpc 6.27.0, lib/io.js.

mod adaptive;
mod congestion;
mod inflight;
mod outgoing;
mod retransmit;
mod rtt_cache;
mod tokens;

use std::time::Duration;

pub(crate) use congestion::Congestion;
pub(crate) use inflight::{Completed, RequestKey, Requests, TimeoutOutcome};
pub(crate) use outgoing::Outgoing;
pub(crate) use retransmit::RetransmitPolicy;
pub(crate) use tokens::Tokens;

/// The timeout of every try in the reference.
const TRY: Duration = Duration::from_millis(1000);
