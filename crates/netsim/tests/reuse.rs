//! Connections that share the path and the socket of an earlier one.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one event among many")]
#![cfg(test)]

use std::time::Duration;

use netsim::{HostId, Link, World};
use proto::noise::{KeyPair, PublicKey};
use proto::{Command, ConnId, ConnectOptions, Event, PunchKind, ServerId, ServerOptions, SocketId};

#[test]
fn two_hundred_connections_share_one_socket() {
    let mut pair = Pair::new(true);
    let first = pair.connect(0);
    assert!(first.0 >= SocketId::FIRST_POOL, "it was punched");
    assert_eq!(pair.punch(0), Some(PunchKind::Consistent));
    for conn in 1..200 {
        assert_eq!(pair.connect(conn), first);
        assert_eq!(pair.punch(conn), None);
    }
    let (client, server) = (pair.client, pair.server);
    for host in [client, server] {
        let live = pair.world.get(host).node.live();
        assert_eq!((live.connections, live.pool_sockets), (200, 1));
    }
}

#[test]
fn each_end_has_to_want_it() {
    for (of_server, of_client) in [(false, true), (true, false)] {
        let mut pair = Pair::new(of_server);
        pair.reusable = of_client;
        let sockets: Vec<SocketId> = (0..3).map(|conn| pair.connect(conn)).collect();
        assert_ne!(sockets[0], sockets[1]);
        assert_ne!(sockets[1], sockets[2]);
        assert_eq!(pair.world.get(pair.client).node.sizes().routes, 0);
    }
}

#[test]
fn a_socket_waits_three_seconds_for_the_next_connection() {
    let mut pair = Pair::new(true);
    let first = pair.connect(0);
    pair.destroy(0);
    pair.world.run_for(Duration::from_secs(2));
    assert_eq!(pair.connect(1), first);
    pair.destroy(1);
    pair.world.run_for(Duration::from_secs(30));
    for host in [pair.client, pair.server] {
        assert_eq!(pair.world.get(host).node.live().pool_sockets, 0);
        assert_eq!(pair.world.get(host).node.sizes().routes, 0);
    }
    assert_ne!(pair.connect(2), first);
}

#[test]
fn a_server_connects_back_over_the_path_of_its_client() {
    let mut pair = Pair::new(true);
    let key = KeyPair::from_seed([9; 32]);
    let options = ServerOptions {
        key_pair: Some(key.clone()),
        reusable_socket: true,
        ..ServerOptions::default()
    };
    pair.world.command(pair.client, Command::Listen { server: ServerId(1), options });
    pair.world.wait_listening(pair.client, ServerId(1));
    pair.key_pair = Some(key.clone());
    pair.connect(0);

    let options = ConnectOptions { reusable_socket: true, ..ConnectOptions::default() };
    pair.world.connect_with(pair.server, ConnId(50), key.public(), options);
    pair.world.wait_opened(pair.server);
    let live = pair.world.get(pair.server).node.live();
    assert_eq!((live.connections, live.pool_sockets), (2, 1));
}

#[test]
fn a_route_that_leads_nowhere_costs_a_round_trip() {
    let mut pair = Pair::new(true);
    let first = pair.connect(0);
    // The peer is gone before the client can know it: its socket has closed.
    let server = pair.server;
    pair.world.command(server, Command::Suspend);
    pair.world.wait_for(server, |event| matches!(event, Event::Suspended));
    pair.world.command(server, Command::Resume);
    pair.world.wait_for(server, |event| matches!(event, Event::Resumed { .. }));
    pair.world.run_for(Duration::from_secs(2));
    let before = pair.world.elapsed();
    assert_ne!(pair.connect(1), first);
    let took = pair.world.elapsed() - before;
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[test]
fn a_peer_that_falls_silent_is_searched_for_again() {
    let mut pair = Pair::new(true);
    pair.connect(0);
    let conn = ConnId(0);
    pair.world.crash(pair.server);
    let data = proto::Message::from(b"lost");
    pair.world.command(pair.client, Command::Write { conn, data });
    pair.world.wait_for(
        pair.client,
        |event| matches!(event, Event::Closed(closed) if closed.conn == conn),
    );
    let node = &pair.world.get(pair.client).node;
    assert_eq!((node.sizes().routes, node.live().connections), (0, 0));
    pair.world.run_for(Duration::from_secs(10));
    assert_eq!(pair.world.get(pair.client).node.live().pool_sockets, 0);
}

/// A client and a server behind firewalls.
struct Pair {
    world: World,
    server: HostId,
    client: HostId,
    remote: PublicKey,
    reusable: bool,
    key_pair: Option<KeyPair>,
}

impl Pair {
    fn new(reusable: bool) -> Self {
        let link = Link { delay: Duration::from_millis(20), ..Link::default() };
        let mut world = World::testnet(7, 4, link);
        let hosts = [(); 2].map(|()| world.firewalled_host(world.config()));
        let [server, client] = hosts;
        for host in hosts {
            world.wait_for(host, |event| matches!(event, Event::Ready));
        }
        let key_pair = KeyPair::from_seed([1; 32]);
        let remote = key_pair.public();
        let options = ServerOptions {
            key_pair: Some(key_pair),
            reusable_socket: reusable,
            ..ServerOptions::default()
        };
        world.command(server, Command::Listen { server: ServerId(0), options });
        world.wait_listening(server, ServerId(0));
        Self { world, server, client, remote, reusable: true, key_pair: None }
    }

    /// Connects, and returns the client's socket.
    fn connect(&mut self, conn: u32) -> SocketId {
        let options = ConnectOptions {
            reusable_socket: self.reusable,
            key_pair: self.key_pair.clone(),
            ..ConnectOptions::default()
        };
        let conn = ConnId(conn);
        self.world.connect_with(self.client, conn, self.remote, options);
        let is_opened =
            |event: &Event| matches!(event, Event::Opened(opened) if opened.conn == conn);
        self.world.wait_for(self.client, is_opened);
        self.world.run_for(Duration::from_millis(200));
        self.world.get(self.client).node.conn_path(conn).expect("a path").socket
    }

    fn punch(&self, conn: u32) -> Option<PunchKind> {
        self.world.get(self.client).node.path_info(ConnId(conn)).expect("a path").punch
    }

    fn destroy(&mut self, conn: u32) {
        self.world.command(self.client, Command::DestroyConn { conn: ConnId(conn) });
    }
}
