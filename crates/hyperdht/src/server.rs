//! Servers: a key pair that others can connect to.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::registry::Registry;
use crate::{Command, Connection, PublicKey, ServerId};

/// Accepts connections to a key pair. Dropping it closes it; connections that were accepted
/// stay, those that still wait are destroyed.
#[derive(Debug)]
pub struct Server {
    server: ServerId,
    public_key: PublicKey,
    backlog: mpsc::Receiver<Connection>,
    registry: Arc<Registry>,
}

impl Server {
    pub(crate) fn new(
        server: ServerId,
        public_key: PublicKey,
        backlog: mpsc::Receiver<Connection>,
        registry: Arc<Registry>,
    ) -> Self {
        Self { server, public_key, backlog, registry }
    }

    /// What clients connect to.
    pub fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// The next connection; `None` once the node is destroyed.
    pub async fn accept(&mut self) -> Option<Connection> {
        self.backlog.recv().await
    }

    /// Takes the announcement back, and waits until that is done.
    pub async fn close(self) {
        let Some(closed) = self.registry.watch_closing(self.server) else {
            return;
        };
        self.registry.handle().command(Command::CloseServer { server: self.server });
        // An error is the end of the node, and of the server with it.
        let _ = closed.await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.registry.remove_server(self.server) {
            self.registry.handle().command(Command::CloseServer { server: self.server });
        }
    }
}
