//! Connections that move to another path while they carry data.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one event among many")]
#![cfg(test)]

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use netsim::{HostId, Link, World};
use proto::noise::KeyPair;
use proto::{Command, ConnId, ConnPath, Event, PathKind, PunchKind, ServerId, SocketId};

#[test]
fn a_live_connection_moves_to_another_path_and_loses_no_byte() {
    let mut world = connected(1, Link { delay: DELAY, ..Link::default() });
    write(&mut world, 0..200);
    world.run_for(DELAY * 5);

    let to = world.get(SERVER).client_address();
    world.start_tap();
    world.change_path(CLIENT, CONN, SocketId::SERVER, to);
    let remote = to.into();
    let moved =
        |validated| Some(ConnPath { socket: SocketId::SERVER, remote, validated, relay: None });
    assert_eq!(path(&world), moved(false));
    world.run_for(DELAY);
    let sent = sent_to(&mut world, to);
    assert!(sent > 0 && sent <= INITIAL_WINDOW, "{sent} bytes before anything is acknowledged");

    world.run_until(WITHIN, |world| path(world) == moved(true));
    write(&mut world, 200..400);
    assert_all_arrive(&mut world, 400);
    assert!(sent_to(&mut world, to) > INITIAL_WINDOW);
    assert_eq!(told(&world), [(PathKind::Direct, remote)]);
}

#[test]
fn both_ends_and_both_sockets_can_move_at_any_loss() {
    for seed in 1..5 {
        let mut world = connected(seed, Link { delay: DELAY, ..Link::default() });
        world.link.loss_per_mille = 20;
        write(&mut world, 0..100);
        world.run_for(DELAY * 3);
        let (near, far) = (world.get(CLIENT).client_address(), world.get(SERVER).client_address());
        let conn = accepted(&mut world);
        world.change_path(CLIENT, CONN, SocketId::CLIENT, far);
        world.run_for(DELAY);
        world.change_path(SERVER, conn, SocketId::CLIENT, near);
        write(&mut world, 100..200);
        assert_all_arrive(&mut world, 200);
        let moved =
            ConnPath { socket: SocketId::CLIENT, remote: far.into(), validated: true, relay: None };
        assert_eq!(path(&world), Some(moved), "seed {seed}");
    }
}

#[test]
fn a_path_that_leads_nowhere_is_left_again_and_no_byte_is_lost() {
    let mut world = connected(1, Link { delay: DELAY, ..Link::default() });
    write(&mut world, 0..200);
    world.run_for(DELAY * 5);
    let before = path(&world);
    let known = world.get(CLIENT).node.path_info(CONN);
    world.start_tap();
    world.change_path(CLIENT, CONN, SocketId::SERVER, NOWHERE);
    world.run_until(WITHIN, |world| path(world) == before);
    let back = before.expect("a path").remote;
    assert_eq!(told(&world), [(PathKind::Direct, NOWHERE.into()), (PathKind::Direct, back)]);
    assert_eq!(world.get(CLIENT).node.path_info(CONN), known);
    let sent = sent_to(&mut world, NOWHERE);
    assert!(sent > 0 && sent <= 2 * INITIAL_WINDOW, "{sent} bytes");
    write(&mut world, 200..400);
    assert_all_arrive(&mut world, 400);
}

#[test]
fn a_packet_from_elsewhere_moves_nothing() {
    let mut world = connected(1, Link { delay: DELAY, ..Link::default() });
    let conn = accepted(&mut world);
    let before = world.get(SERVER).node.conn_path(conn);
    let to = world.get(SERVER).client_address();
    world.change_path(CLIENT, CONN, SocketId::CLIENT, to);
    write(&mut world, 0..50);
    assert_all_arrive(&mut world, 50);
    assert_eq!(world.get(SERVER).node.conn_path(conn), before);
}

#[test]
fn an_attempt_outlives_the_opening_of_its_connection_and_betters_its_path() {
    let mut world = World::testnet(5, 4, Link { delay: DELAY, ..Link::default() });
    let hosts = [(); 2].map(|()| world.firewalled_host(world.config()));
    let [server, client] = hosts;
    for host in hosts {
        world.wait_for(host, |event| matches!(event, Event::Ready));
    }
    let remote = world.listen(server, ServerId(0), KeyPair::from_seed([1; 32]));
    world.connect(client, CONN, remote);
    world.open_on(client, CONN, SocketId::CLIENT, NOWHERE);
    let data = proto::Message::from(b"written before there was a way");
    world.command(client, Command::Write { conn: CONN, data });

    world.wait_opened(client);
    let path = |world: &World| world.get(client).node.conn_path(CONN).expect("a path");
    assert_eq!((path(&world).remote, world.get(client).node.live().punchers), (NOWHERE.into(), 1));
    world.run_until(WITHIN, |world| path(world).remote != NOWHERE.into() && path(world).validated);
    assert_eq!(path(&world).remote.ip(), world.get(server).address);
    let punched = world.get(client).node.path_info(CONN).expect("a path");
    assert_eq!((punched.relay, punched.punch), (None, Some(PunchKind::Consistent)));
    world.wait_for(server, |event| matches!(event, Event::Data { data, .. } if data.len() == 30));
    assert_eq!(world.get(client).node.live().punchers, 0);
}

/// A client with an open connection to a server.
fn connected(seed: u64, link: Link) -> World {
    let mut world = World::testnet(seed, 4, link);
    let remote = world.listen(SERVER, ServerId(0), KeyPair::from_seed([1; 32]));
    world.connect(CLIENT, CONN, remote);
    world.wait_opened(CLIENT);
    world.wait_for(SERVER, |event| matches!(event, Event::Connection(_)));
    world
}

fn path(world: &World) -> Option<ConnPath> {
    world.get(CLIENT).node.conn_path(CONN)
}

/// The paths that the client's application was told of.
fn told(world: &World) -> Vec<(PathKind, SocketAddr)> {
    let change = |event: &Event| match event {
        Event::PathChanged { conn: CONN, path } => Some((path.kind, path.remote)),
        _ => None,
    };
    world.get(CLIENT).events.iter().filter_map(change).collect()
}

/// The server's id of the connection.
fn accepted(world: &mut World) -> ConnId {
    let conn = |event: &Event| match event {
        Event::Connection(info) => Some(info.opened.conn),
        _ => None,
    };
    world.get(SERVER).events.iter().find_map(conn).expect("a connection")
}

/// The client writes these messages. Each begins with its number.
fn write(world: &mut World, numbers: std::ops::Range<u32>) {
    for number in numbers {
        let mut data = vec![0; MESSAGE];
        data[..4].copy_from_slice(&number.to_le_bytes());
        let data = proto::Message::from(&data[..]);
        world.command(CLIENT, Command::Write { conn: CONN, data });
    }
}

/// Runs until the server has `count` messages, and asserts that they are complete and in order.
fn assert_all_arrive(world: &mut World, count: u32) {
    let number = |event: &Event| match event {
        Event::Data { data, .. } if data.len() == MESSAGE => {
            Some(u32::from_le_bytes([data[0], data[1], data[2], data[3]]))
        }
        _ => None,
    };
    let numbers = |world: &World| world.get(SERVER).events.iter().filter_map(number).count();
    world.run_until(WITHIN, |world| numbers(world) >= count as usize);
    let arrived: Vec<u32> = world.get(SERVER).events.iter().filter_map(number).collect();
    assert_eq!(arrived, (0..count).collect::<Vec<_>>());
}

/// Bytes of UDX packets that have been sent to an address since the tap was emptied.
fn sent_to(world: &mut World, to: SocketAddrV4) -> usize {
    let flights = world.take_tap();
    let packets = flights.iter().filter(|flight| flight.to == to && flight.data[..2] == [0xff, 1]);
    packets.map(|flight| flight.data.len()).sum()
}

const SERVER: HostId = HostId(1);
const CLIENT: HostId = HostId(2);
const CONN: ConnId = ConnId(0);

const DELAY: Duration = Duration::from_millis(20);
const MESSAGE: usize = 5000;

/// Ten packets.
const INITIAL_WINDOW: usize = 12_000;

const NOWHERE: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(9, 9, 9, 9), 9);

/// A path is given up after 3 s. The data that the window has held back follows soon.
const WITHIN: Duration = Duration::from_secs(30);
