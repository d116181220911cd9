//! Helpers for the tests of several modules.

pub(crate) mod bench;
pub(crate) mod testnet;
