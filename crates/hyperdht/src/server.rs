//! Servers: a key pair that others can connect to.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::registry::Registry;
use crate::{Command, Connection, PublicKey, ServerId};

/// Accepts connections to a key pair. Dropping the server closes it: accepted connections stay, and
/// those that still wait to be accepted are destroyed.
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

    pub(crate) fn id(&self) -> ServerId {
        self.server
    }

    /// The public key that clients connect to.
    pub fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// The next connection; `None` once the node has been destroyed or has failed.
    pub async fn accept(&mut self) -> Option<Connection> {
        self.backlog.recv().await
    }

    /// Takes the announcement back, and waits until that is done.
    pub async fn close(self) {
        let Some(closed) = self.registry.watch_closing(self.server) else {
            return;
        };
        self.registry.handle().command(Command::CloseServer { server: self.server });
        // An error means that the node has ended, and the server with it.
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
