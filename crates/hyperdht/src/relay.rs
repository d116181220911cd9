//! Blind relays: servers that pass on the packets of peers that cannot reach each other.

use crate::{Handle, PublicKey, RelayStats, Server};

/// A blind relay: peers that name its public key in `relay_through` reach each other through it.
/// It cannot read what it passes on. Dropping it ends it.
#[derive(Debug)]
pub struct Relay {
    server: Server,
    handle: Handle,
}

impl Relay {
    pub(crate) fn new(server: Server, handle: Handle) -> Self {
        Self { server, handle }
    }

    /// The public key by which peers name the relay.
    pub fn public_key(&self) -> PublicKey {
        self.server.public_key()
    }

    /// What the relay has counted; `None` once its node is gone.
    pub fn stats(&self) -> Option<RelayStats> {
        let server = self.server.id();
        self.handle.read(|node| node.relay_stats(server)).flatten()
    }

    /// Takes the announcement back, and ends all connections and pairs.
    pub async fn close(self) {
        self.server.close().await;
    }
}
