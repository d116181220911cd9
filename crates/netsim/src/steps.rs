//! The first steps of most tests: make a network, wait until a node is ready, start a server,
//! connect a client.

use std::net::SocketAddrV4;
use std::time::Duration;

use proto::noise::{KeyPair, PublicKey};
use proto::{
    Command, Config, ConnId, ConnectOptions, Event, Machine, MachineId, ServerId, ServerOptions,
    SocketId,
};

use crate::{HostId, Link, World};

impl World {
    /// A network of persistent nodes, added in turn. All others bootstrap from the first.
    pub fn testnet(seed: u64, nodes: usize, link: Link) -> Self {
        let mut world = Self::seeded(seed);
        world.link = link;
        for _ in 0..nodes {
            world.join(world.persistent());
        }
        world
    }

    /// Adds a host and waits until its node is ready.
    pub fn join(&mut self, config: Config) -> HostId {
        let host = self.host(config);
        self.wait_for(host, |event| matches!(event, Event::Ready));
        host
    }

    /// Starts a server with this key pair and waits until it is announced. Returns its public key.
    pub fn listen(&mut self, host: HostId, server: ServerId, key_pair: KeyPair) -> PublicKey {
        let remote = self.start_server(host, server, key_pair);
        self.wait_listening(host, server);
        remote
    }

    /// Starts a server with this key pair. Returns its public key.
    pub fn start_server(&mut self, host: HostId, server: ServerId, key_pair: KeyPair) -> PublicKey {
        let remote = key_pair.public();
        let options = ServerOptions { key_pair: Some(key_pair), ..ServerOptions::default() };
        self.command(host, Command::Listen { server, options });
        remote
    }

    /// Waits until a server is announced.
    pub fn wait_listening(&mut self, host: HostId, server: ServerId) {
        self.wait_for(
            host,
            |event| matches!(event, Event::ServerListening { server: id } if *id == server),
        );
    }

    /// Begins to connect with default options.
    pub fn connect(&mut self, host: HostId, conn: ConnId, remote: PublicKey) {
        self.connect_with(host, conn, remote, ConnectOptions::default());
    }

    /// Begins to connect.
    pub fn connect_with(
        &mut self,
        host: HostId,
        conn: ConnId,
        remote: PublicKey,
        options: ConnectOptions,
    ) {
        self.command(host, Command::Connect { conn, remote, options });
    }

    /// Adds a machine to a host's node.
    pub fn add_machine(&mut self, host: HostId, machine: Box<dyn Machine>) -> MachineId {
        self.act(host, |node, now| node.add_machine(now, machine))
    }

    /// Opens a connection on this path, while the node still searches for one.
    pub fn open_on(&mut self, host: HostId, conn: ConnId, socket: SocketId, to: SocketAddrV4) {
        self.act(host, |node, now| node.open_on(now, conn, socket, to));
    }

    /// Moves a connection to another path.
    pub fn change_path(&mut self, host: HostId, conn: ConnId, socket: SocketId, to: SocketAddrV4) {
        self.act(host, |node, now| node.change_path(now, conn, socket, to));
    }

    /// Waits until a connection of a client has opened.
    pub fn wait_opened(&mut self, host: HostId) {
        self.wait_for(host, |event| matches!(event, Event::Opened(_)));
    }

    /// Waits until a host has an event that fits.
    pub fn wait_for(&mut self, host: HostId, which: impl Fn(&Event) -> bool) {
        self.run_until(WITHIN, |world| world.saw(host, &which));
    }
}

/// Each step takes seconds. A step that takes nearly this long has hung.
const WITHIN: Duration = Duration::from_secs(60);
