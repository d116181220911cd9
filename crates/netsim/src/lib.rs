//! A virtual network for tests: hosts with a node each, links with delay and loss, one clock and
//! one seed. Nothing sleeps; the same seed gives the same trace.
//!
//! Hosts come, leave, crash, sleep and come back; the network falls apart and heals. Hosts may be
//! behind NATs, and NATs behind NATs.
#![forbid(unsafe_code)]

mod agenda;
mod firewall;
mod host;
mod ids;
mod internet;
mod link;
mod nat;
mod steps;
mod world;

pub use host::Host;
pub use ids::{HostId, NatId};
pub use link::{Flight, Link};
pub use nat::{Dependence, NatKind, Ports};
pub use world::{App, World};
