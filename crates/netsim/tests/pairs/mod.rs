//! Pairs of hosts that are connected and talk.

use std::collections::BTreeMap;
use std::time::Duration;

use netsim::{HostId, World};
use proto::noise::{KeyPair, PublicKey};
use proto::{Command, ConnError, ConnId, Event, ServerId};

/// Servers on the first hosts, clients on the last.
pub(crate) struct Pairs {
    /// Every connection that ended with an error, in that order.
    pub(crate) errors: Vec<ConnError>,
    ends: BTreeMap<HostId, Vec<ConnError>>,
    keys: Vec<PublicKey>,
    servers: Vec<HostId>,
    clients: Vec<HostId>,
    conn: ConnId,
    opened: usize,
    accepted: usize,
    sent: usize,
    /// By receiver.
    received: BTreeMap<(HostId, ConnId), usize>,
    conns: Vec<(HostId, ConnId)>,
}

impl Pairs {
    /// Starts the servers. `id` distinguishes several `Pairs` of one world.
    pub(crate) fn listen(world: &mut World, count: usize, id: u32) -> Self {
        let servers: Vec<HostId> = world.hosts().take(count).collect();
        let clients = world.hosts().collect::<Vec<_>>().into_iter().rev().take(count).collect();
        let mut keys = Vec::new();
        for &host in &servers {
            let key_pair = KeyPair::from_seed([host.0 as u8 + 50 * id as u8; 32]);
            keys.push(world.start_server(host, ServerId(id), key_pair));
        }
        servers.iter().for_each(|host| world.wait_listening(*host, ServerId(id)));
        Self {
            errors: Vec::new(),
            ends: BTreeMap::new(),
            keys,
            servers,
            clients,
            conn: ConnId(id),
            opened: 0,
            accepted: 0,
            sent: 0,
            received: BTreeMap::new(),
            conns: Vec::new(),
        }
    }

    /// Starts the servers and connects a client to each.
    pub(crate) fn open(world: &mut World, count: usize, id: u32) -> Self {
        let mut pairs = Self::listen(world, count, id);
        pairs.connect(world);
        pairs.wait(world);
        pairs
    }

    /// Starts to connect the clients.
    pub(crate) fn connect(&mut self, world: &mut World) {
        for (&host, &remote) in self.clients.iter().zip(&self.keys) {
            world.connect(host, self.conn, remote);
        }
    }

    /// Waits until all are connected.
    pub(crate) fn wait(&mut self, world: &mut World) {
        for _ in 0..600 {
            self.take_events(world);
            if self.opened == self.clients.len() && self.accepted >= self.opened {
                return;
            }
            world.run_for(Duration::from_millis(50));
        }
        panic!("{} of {} pairs have connected", self.opened, self.clients.len());
    }

    /// Every client writes a message.
    pub(crate) fn write(&mut self, world: &mut World) {
        for &host in &self.clients {
            let data = (&[PATTERN; MESSAGE]).into();
            world.command(host, Command::Write { conn: self.conn, data });
        }
        self.sent += MESSAGE;
    }

    /// Takes all events, and asserts that the data is what was sent.
    pub(crate) fn take_events(&mut self, world: &mut World) {
        for host in world.hosts() {
            for event in world.take_events(host) {
                self.handle(world, host, event);
            }
        }
    }

    /// Tears every connection down.
    pub(crate) fn destroy(&mut self, world: &mut World) {
        for (host, conn) in std::mem::take(&mut self.conns) {
            world.command(host, Command::DestroyConn { conn });
        }
    }

    /// Asserts that all data has arrived.
    pub(crate) fn assert_all_arrived(&self) {
        let whole = self.received.values().filter(|bytes| **bytes == self.sent).count();
        assert_eq!(whole, self.clients.len(), "{} {:?}", self.sent, self.received);
    }

    pub(crate) fn servers(&self) -> &[HostId] {
        &self.servers
    }

    pub(crate) fn clients(&self) -> &[HostId] {
        &self.clients
    }

    /// Connections that servers accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted
    }

    /// The errors with which connections of a host have ended.
    pub(crate) fn errors_of(&self, host: HostId) -> Vec<ConnError> {
        self.ends.get(&host).cloned().unwrap_or_default()
    }

    fn handle(&mut self, world: &mut World, host: HostId, event: Event) {
        if let Event::Connection(info) = event {
            self.accepted += 1;
            self.conns.push((host, info.opened.conn));
        } else if let Event::Opened(opened) = event {
            self.opened += 1;
            self.conns.push((host, opened.conn));
        } else if let Event::Data { conn, data } = event {
            assert!(data.len() == MESSAGE && data.iter().all(|byte| *byte == PATTERN));
            *self.received.entry((host, conn)).or_default() += data.len();
            world.command(host, Command::Consumed { conn, bytes: data.len() });
        } else if let Event::Closed(closed) = event {
            // A repeated handshake opens a connection whose client does not exist.
            let talked = self.received.contains_key(&(host, closed.conn));
            if talked || closed.conn == self.conn {
                self.end(host, closed.error);
            }
        }
    }

    fn end(&mut self, host: HostId, error: Option<ConnError>) {
        self.errors.extend(error);
        self.ends.entry(host).or_default().extend(error);
    }
}

const PATTERN: u8 = 0xa5;

/// Takes more than one packet.
const MESSAGE: usize = 3000;
