//! Attempts that go on after the connection has opened, to find a better path.

mod later;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::world::{NatKind, World};
use super::{SECOND, accepted, assert_idle, failure, opened, received};
use crate::{Command, ConnId, ConnPath, Event, SocketId};

#[test]
fn a_connection_moves_to_the_path_that_is_punched() {
    let mut world = World::testnet();
    let (server, client) = (world.behind(NatKind::Consistent), world.behind(NatKind::Consistent));
    begin(&mut world, client, server, (SocketId::CLIENT, NOWHERE));
    say(&mut world, client, b"ping");
    world.run(SECOND * 5);

    let first = opened(&world, client).expect("a connection");
    assert_eq!((first.socket, first.remote), (SocketId::CLIENT, NOWHERE.into()));
    let path = path(&world, client).expect("a path");
    assert!(path.validated && path.socket.0 >= SocketId::FIRST_POOL, "{path:?}");
    assert_talk(&mut world, client, server);
}

#[test]
fn a_connection_moves_to_the_path_in_its_own_network() {
    let mut world = World::testnet();
    let nat = world.nat(NatKind::Consistent);
    let (server, client) = (world.on(nat), world.on(nat));
    let lan = SocketAddrV4::new(world.hosts[server].address, 49737);
    begin(&mut world, client, server, (SocketId::CLIENT, lan));
    say(&mut world, client, b"ping");
    world.run(SECOND * 5);

    let first = opened(&world, client).expect("a connection");
    assert_eq!((first.socket, first.remote), (SocketId::CLIENT, lan.into()));
    let moved =
        ConnPath { socket: SocketId::SERVER, remote: lan.into(), validated: true, relay: None };
    assert_eq!(path(&world, client), Some(moved));
    assert_talk(&mut world, client, server);
}

#[test]
fn a_connection_stays_when_the_attempt_finds_nothing_better() {
    let mut world = World::testnet();
    let (server, client) = (world.behind(NatKind::Random), world.behind(NatKind::Random));
    begin(&mut world, client, server, (SocketId::CLIENT, NOWHERE));
    world.run(SECOND * 9);
    assert_eq!(world.hosts[client].node.live().punchers, 0, "the attempt is over");
    let stays =
        ConnPath { socket: SocketId::CLIENT, remote: NOWHERE.into(), validated: true, relay: None };
    assert_eq!((path(&world, client), failure(&world, client)), (Some(stays), None));

    // The path does not work; the stream finds that out by its timeout.
    world.run(SECOND * 30);
    assert!(world.hosts[client].events.iter().any(|event| matches!(event, Event::Closed(_))));
    assert_idle(&mut world, client);
    assert_idle(&mut world, server);
}

#[test]
fn an_attempt_ends_with_its_connection() {
    let mut world = World::testnet();
    let (server, client) = (world.behind(NatKind::Consistent), world.behind(NatKind::Consistent));
    begin(&mut world, client, server, (SocketId::CLIENT, NOWHERE));
    while opened(&world, client).is_none() {
        world.run(Duration::from_millis(1));
    }
    assert_eq!(world.hosts[client].node.live().punchers, 1);
    world.command(client, Command::DestroyConn { conn: ConnId(1) });
    assert_eq!(world.hosts[client].node.live().punchers, 0);
    world.run(SECOND * 60);
    assert_idle(&mut world, client);
    assert_idle(&mut world, server);
}

#[test]
fn only_a_connection_that_is_being_made_opens_on_a_path() {
    let mut world = World::testnet();
    let (server, client) = (world.open(), world.open());
    world.open_on(client, SocketId::CLIENT, NOWHERE);
    let remote = world.listen(server);
    world.connect(client, remote);
    world.run(SECOND);
    let before = path(&world, client);
    world.open_on(client, SocketId::CLIENT, NOWHERE);
    world.open_on(client, SocketId(77), NOWHERE);
    world.run(SECOND);
    assert_eq!(path(&world, client), before);
}

/// The client connects, and opens the connection on this path first.
fn begin(world: &mut World, client: usize, server: usize, path: (SocketId, SocketAddrV4)) {
    let remote = world.listen(server);
    world.connect(client, remote);
    world.open_on(client, path.0, path.1);
}

fn path(world: &World, host: usize) -> Option<ConnPath> {
    world.hosts[host].node.conn_path(ConnId(1))
}

fn say(world: &mut World, host: usize, text: &[u8]) {
    world.command(host, Command::Write { conn: ConnId(1), data: text.into() });
}

/// Asserts that data written before the connection moved has arrived, and that later data arrives.
fn assert_talk(world: &mut World, client: usize, server: usize) {
    let [conn] = accepted(world, server)[..] else { panic!("not one connection") };
    world.command(server, Command::Write { conn, data: b"pong".into() });
    say(world, client, b", again");
    world.run(SECOND * 5);
    assert_eq!(received(world, server), b"ping, again");
    assert_eq!(received(world, client), b"pong");
    world.command(client, Command::DestroyConn { conn: ConnId(1) });
    world.run(SECOND * 60);
    assert_idle(world, client);
    assert_idle(world, server);
}

const NOWHERE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(9, 9, 9, 9), 9);
