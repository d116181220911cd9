//! Blind relays (PROTOCOL D.10). A blind relay forwards the packets of two peers that cannot reach
//! each other, without being able to read them. Each peer connects to the relay and asks it to pair
//! the peer's stream with the stream of the other one, by a token that both know.
//!
//! [`Pairings`] is the client's side, for connections of ours: those that we dial and those that a
//! server of ours accepts. [`Relays`] is the relay's side. Both own their connections.
//! Reference: hyperdht 6.34.0 `lib/relay-connection.js`, blind-relay 1.6.1.

mod blind;
mod channel;
mod client;
mod control;
mod pairings;
mod relays;

pub(crate) use control::{PairingOutcome, PairingReport, PairingRequest};
pub(crate) use pairings::Pairings;
pub(crate) use relays::Relays;

/// What the two ends of a pair have in common.
type Token = [u8; 32];
