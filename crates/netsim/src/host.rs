//! A host: one address, one node, and the node's sockets.

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Instant;

use crate::Flight;
use crate::firewall::Firewall;
use crate::ids::Network;
use proto::{Action, Config, Event, HostEvent, Node, SocketId, Transmit, TransmitBuf};

/// One host. Its node's events pile up in `events` until a test takes them.
#[derive(Debug)]
pub struct Host {
    pub node: Node,
    pub address: Ipv4Addr,
    pub events: Vec<Event>,
    pub(crate) power: Power,
    /// Datagrams that arrived while the host was stalled.
    pub(crate) unread: Vec<Flight>,
    /// Where it has its address.
    pub(crate) network: Network,
    /// `None` if strangers reach every socket.
    pub(crate) firewall: Option<Firewall>,
    sockets: BTreeMap<SocketId, u16>,
    by_port: HashMap<u16, SocketId>,
    next_port: u16,
}

/// Whether a host runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    On,
    /// The machine sleeps. It receives nothing and its clock stands still until it wakes.
    Asleep,
    /// The process is not scheduled. Datagrams wait in its sockets meanwhile.
    Stalled,
    /// The host has crashed.
    Off,
}

/// A datagram that a host sends.
#[derive(Debug)]
pub(crate) struct Departure {
    pub(crate) from: SocketAddrV4,
    pub(crate) to: SocketAddrV4,
    /// `None` is enough for any path.
    pub(crate) ttl: Option<u8>,
    pub(crate) data: Vec<u8>,
}

impl Host {
    pub(crate) fn new(address: Ipv4Addr, mut config: Config, seed: [u8; 32], now: Instant) -> Self {
        config.client_socket = any(CLIENT_PORT);
        config.server_socket = any(SERVER_PORT);
        config.interfaces = vec![address];
        let sockets = BTreeMap::from(MAIN_SOCKETS);
        let node = Node::new(config, seed, now);
        Self {
            node,
            address,
            events: Vec::new(),
            power: Power::On,
            unread: Vec::new(),
            by_port: sockets.iter().map(|(socket, port)| (*port, *socket)).collect(),
            network: None,
            firewall: None,
            sockets,
            next_port: FIRST_POOL_PORT,
        }
    }

    /// The address of the node's server socket.
    pub fn server_address(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.address, SERVER_PORT)
    }

    /// The source address of the node's requests while it is firewalled.
    pub fn client_address(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.address, CLIENT_PORT)
    }

    /// True unless it crashed, sleeps or is stalled.
    pub fn is_on(&self) -> bool {
        self.power == Power::On
    }

    /// How many sockets the node has bound.
    pub fn sockets(&self) -> usize {
        self.sockets.len()
    }

    pub(crate) fn socket_at(&self, port: u16) -> Option<SocketId> {
        self.by_port.get(&port).copied()
    }

    /// Takes all datagrams, actions and events from the node after an input.
    pub(crate) fn settle(&mut self, now: Instant, departures: &mut Vec<Departure>) {
        let mut buf = TransmitBuf { data: Vec::new(), max_segments: 16 };
        loop {
            while let Some(transmit) = self.node.poll_transmit(now, &mut buf) {
                self.depart(&transmit, &buf.data, departures);
            }
            let Some(action) = self.node.poll_action() else { break };
            self.act(now, action);
        }
        self.node.drain_events(&mut self.events);
    }

    fn depart(&self, transmit: &Transmit, data: &[u8], departures: &mut Vec<Departure>) {
        let Some(&port) = self.sockets.get(&transmit.socket) else { return };
        // The network has IPv4 only.
        let SocketAddr::V4(to) = transmit.to else { return };
        let from = SocketAddrV4::new(self.address, port);
        let size = transmit.segment_size.unwrap_or(data.len()).max(1);
        departures.extend(data.chunks(size).map(|segment| Departure {
            from,
            to,
            ttl: transmit.ttl,
            data: segment.to_vec(),
        }));
    }

    fn act(&mut self, now: Instant, action: Action) {
        match action {
            Action::Bind { socket, .. } => {
                let port = self.next_port;
                self.next_port = self.next_port.checked_add(1).unwrap_or(FIRST_POOL_PORT);
                self.sockets.insert(socket, port);
                self.by_port.insert(port, socket);
                let local = Some(any(port));
                self.node.handle_host_event(now, HostEvent::Bound { socket, local });
            }
            Action::Close { socket } => {
                if let Some(port) = self.sockets.remove(&socket) {
                    self.by_port.remove(&port);
                }
            }
            Action::CheckLocal { host } => {
                let valid = host == self.address || host.is_loopback();
                self.node.handle_host_event(now, HostEvent::LocalChecked { host, valid });
            }
            Action::CloseMain => {
                // `settle` has sent all datagrams of the node before it acts.
                self.sockets.remove(&SocketId::CLIENT);
                self.sockets.remove(&SocketId::SERVER);
                self.node.handle_host_event(now, HostEvent::MainClosed);
            }
            Action::BindMain => {
                self.sockets.extend(MAIN_SOCKETS);
                let [client, server] = MAIN_SOCKETS.map(|(_, port)| any(port));
                let sockets = Ok(proto::MainSockets { client, server });
                self.node.handle_host_event(now, HostEvent::MainBound { sockets });
            }
            Action::Lookup { lookup, .. } => {
                let address = None;
                self.node.handle_host_event(now, HostEvent::LookedUp { lookup, address });
            }
            Action::Resolve { host } => {
                let addresses = Vec::new();
                self.node.handle_host_event(now, HostEvent::Resolved { host, addresses });
            }
            _ => panic!("the simulation does not know {action:?}"),
        }
    }
}

fn any(port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port)
}

const MAIN_SOCKETS: [(SocketId, u16); 2] =
    [(SocketId::CLIENT, CLIENT_PORT), (SocketId::SERVER, SERVER_PORT)];

/// The reference's default port.
const SERVER_PORT: u16 = 49737;

/// Any port other than [`SERVER_PORT`].
const CLIENT_PORT: u16 = 30000;

/// Pool sockets count up from here.
const FIRST_POOL_PORT: u16 = 31000;
