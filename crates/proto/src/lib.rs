//! Every protocol of hyperdht above UDX, as sans-IO state machines.
//!
//! [`Node`] takes datagrams, commands and the time, and gives datagrams to send, actions for the
//! driver, and events for the application. It owns no socket, no clock, no task and no lock.

#![warn(missing_docs)]
#![forbid(unsafe_code)]

mod api;
mod cx;
mod rng;
mod sources;
mod timers;
mod wipe;

pub mod noise;
pub mod secret;
pub mod wire;

mod announce;
mod base;
mod cache;
mod conn;
mod connect;
mod net;
mod node;
mod ops;
mod punch;
mod raw;
mod relay;
mod router;
mod rpc;
mod serve;
mod store;
mod streams;

#[cfg(test)]
mod tests;

pub use api::*;
pub use cx::{Cx, Outbox};
pub use node::{Machine, MachineIo, Node};
pub use rng::Rng;
pub use secret::{Message, Messages, SPARE_CAPACITY, Spares};
pub use timers::{Timer, Timers};
