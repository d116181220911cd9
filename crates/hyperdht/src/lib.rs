//! The driver and the Rust API.
