//! A node whose sockets are bound, and that does not run yet.

use std::io;

use proto::{Config, MainSockets};
use tokio::runtime::Handle;

use super::OpenOptions;
use super::bind::{BindRules, Main};
use super::borrowed::BorrowedSocket;
use super::protect::Protect;

/// The bound sockets of a node that [`super::Engine::open_bound`] starts.
#[derive(Debug)]
pub struct Opening {
    pub(super) rules: BindRules,
    /// `None` for a node that does not join the DHT.
    pub(super) main: Option<Main>,
    pub(super) protect: Option<Protect>,
    pub(super) lends: bool,
    pub(super) config: Config,
}

impl Opening {
    pub(super) fn bind(runtime: &Handle, options: OpenOptions) -> io::Result<Self> {
        let OpenOptions { host, dual_stack, ports, any_port, protect, lends, mut config } = options;
        let rules = BindRules { host, dual_stack, ports, any_port };
        let main = config.joins_dht.then(|| rules.bind(runtime, None)).transpose()?;
        if let Some(MainSockets { client, server }) = main.as_ref().map(Main::addresses) {
            (config.client_socket, config.server_socket) = (client, server);
        }
        Ok(Self { rules, main, protect, lends, config })
    }

    /// The sockets.
    pub fn sockets(&self) -> Vec<BorrowedSocket<'_>> {
        self.main.as_ref().map_or_else(Vec::new, |main| main.sockets().to_vec())
    }
}
