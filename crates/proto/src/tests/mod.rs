//! What the tests of several modules run on.

pub(crate) mod bench;
pub(crate) mod testnet;
