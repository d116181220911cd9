//! A virtual network for tests: hosts with a node each, links with delay and loss, one clock and
//! one seed. Nothing sleeps; the same seed gives the same trace.
#![forbid(unsafe_code)]

mod firewall;
mod host;
mod link;
mod world;

pub use host::{Host, HostId};
pub use link::Link;
pub use world::{App, Flight, World};
