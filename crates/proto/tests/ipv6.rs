//! A node receives datagrams from IPv6 addresses, although the peers of the DHT have IPv4 addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
use std::time::Instant;

use proto::wire::{Request, command};
use proto::{Command, Config, Datagram, Event, Interests, Node, SocketId, TransmitBuf};

#[test]
fn the_dht_does_not_answer_them() {
    let mut host = Host::new();
    host.hear(SocketId::SERVER, &ping());
    host.hear(SocketId::SERVER, &[0]);
    host.hear(SocketId::CLIENT, b"neither");
    assert_eq!((host.sent(), host.node.stats().dropped.malformed), (0, 3));
    assert!(host.node.nodes(10).is_empty());
}

#[test]
fn the_application_gets_copies_of_them() {
    let mut host = Host::new();
    let interests = Interests { copies: true, ..Interests::default() };
    host.node.handle_command(host.now, Command::Subscribe { interests });
    host.hear(SocketId::SERVER, &ping());
    let [Event::CopiedDatagram { from, data, .. }] = &host.events()[..] else {
        panic!("not one copy");
    };
    assert_eq!((*from, &data[..]), (PEER, &ping()[..]));
}

#[test]
fn the_application_gets_those_of_its_own_sockets() {
    let mut host = Host::new();
    host.hear(SocketId(SocketId::FIRST_BOUND), b"");
    let [Event::Datagram { from, data, .. }] = &host.events()[..] else {
        panic!("not one datagram");
    };
    assert_eq!((*from, data.len()), (PEER, 0));
    assert_eq!(host.node.stats().dropped.malformed, 0);
}

struct Host {
    node: Node,
    now: Instant,
}

impl Host {
    fn new() -> Self {
        let now = Instant::now();
        let mut host = Self { node: Node::new(Config::default(), [1; 32], now), now };
        host.sent();
        host.events();
        host
    }

    fn hear(&mut self, socket: SocketId, data: &[u8]) {
        let datagram = Datagram { socket, from: PEER, data: &mut data.to_vec() };
        self.node.handle_datagram(self.now, datagram);
    }

    /// The number of datagrams that the node sends.
    fn sent(&mut self) -> usize {
        let mut buf = TransmitBuf { data: Vec::new(), max_segments: 1 };
        std::iter::from_fn(|| self.node.poll_transmit(self.now, &mut buf)).count()
    }

    fn events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        self.node.drain_events(&mut events);
        events
    }
}

fn ping() -> Vec<u8> {
    let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 5);
    let (command, value) = (command::PING, None);
    Request { tid: 7, to, id: None, token: None, internal: true, command, target: None, value }
        .encode()
}

const PEER: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 9);
