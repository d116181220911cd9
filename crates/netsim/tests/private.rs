//! A network of private addresses only, such as one on a single machine.

#![cfg(test)]

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::rc::Rc;
use std::time::Duration;

use netsim::{HostId, NatKind, World};
use proto::noise::KeyPair;
use proto::{Config, ConnId, ConnPath, Event, ServerId, SocketId};

/// Message 2 tells no public address, so that the client sends to where its relay sees the server:
/// to the socket from which the server announced before it knew that strangers reach it. The
/// server's own packets come too late to show another one.
#[test]
fn a_server_sends_from_the_socket_that_its_client_sends_to() {
    let mut world = World::seeded(1);
    let nat = world.nat(NatKind::HOME, None);
    for _ in 0..4 {
        let first = world.hosts().next().is_none().then_some(FIRST);
        let config = Config { public_address: first, ..world.persistent() };
        let host = world.host_behind(nat, config);
        world.wait_for(host, |event| matches!(event, Event::Ready));
    }
    let [server, client] = [(); 2].map(|()| world.host_behind(nat, world.config()));
    let remote = world.start_server(server, ServerId(0), KeyPair::from_seed([1; 32]));
    world.wait_listening(server, ServerId(0));
    world.run_until(WITHIN, |world| {
        [server, client].iter().all(|host| world.get(*host).node.remote_address().is_some())
    });

    let is_open = Rc::new(Cell::new(false));
    let withheld = is_open.clone();
    let from = world.get(server).address;
    let to = world.get(client).address;
    world.withhold(move |flight| {
        let is_to_client = *flight.from.ip() == from && *flight.to.ip() == to;
        is_to_client && flight.data.first() == Some(&0xff) && !withheld.get()
    });
    world.connect(client, CONN, remote);
    world.wait_opened(client);
    is_open.set(true);
    world.wait_for(server, |event| accepted(event).is_some());
    let conn = world.get(server).events.iter().find_map(accepted).expect("a connection");

    let (near, far) = (path(&world, client, CONN), path(&world, server, conn));
    assert_eq!(near.remote, address(&world, server, far.socket));
    assert_eq!(far.remote, address(&world, client, near.socket));
}

fn accepted(event: &Event) -> Option<ConnId> {
    let Event::Connection(info) = event else { return None };
    Some(info.opened.conn)
}

fn path(world: &World, host: HostId, conn: ConnId) -> ConnPath {
    world.get(host).node.conn_path(conn).expect("an open connection")
}

/// The address of one of the two main sockets.
fn address(world: &World, host: HostId, socket: SocketId) -> SocketAddr {
    let host = world.get(host);
    let is_server = socket == SocketId::SERVER;
    SocketAddr::V4(if is_server { host.server_address() } else { host.client_address() })
}

const CONN: ConnId = ConnId(1);

/// Of the first host in a private network.
const FIRST: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 168, 0, 1), 49737);

/// Nodes learn within this time that strangers reach them.
const WITHIN: Duration = Duration::from_secs(60);
