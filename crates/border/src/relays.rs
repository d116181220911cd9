//! Structs that concern blind relays.

use std::time::Duration;

use hyperdht::wire::{Malformed, Reader, Writer};
use hyperdht::{RelayLimits, RelayStats};

use crate::field::{Decode, Encode, Sample, Shape, camel};
use crate::sample::Random;

record! { RelayLimits {
    max_sessions: usize,
    max_pairings: usize,
    max_pairings_per_client: usize,
    max_rate: Option<u64>,
    idle_timeout: Duration,
} }

record! { RelayStats {
    sessions_accepted: u64,
    sessions_active: u64,
    pairings_requested: u64,
    pairings_matched: u64,
    pairings_cancelled: u64,
    pairings_pending: u64,
    pairings_active: u64,
    refused: u64,
    packets: u64,
    bytes: u64,
    throttled: u64,
} }
