//! The driver and the Rust API.
#![forbid(unsafe_code)]

mod engine;

pub use proto as core;

pub use engine::{DEFAULT_PORT, Engine, Handle, OpenOptions, Ports, Wake};
