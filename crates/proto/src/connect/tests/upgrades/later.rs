//! Random punches that have to wait, while the connection is at a blind relay.

use std::time::Duration;

use super::super::world::{NatKind, World};
use super::super::{SECOND, failure, opened};
use super::{assert_talk, path, say};
use crate::{
    Command, Config, ConnId, ConnectError, ConnectOptions, ConnectReason, Event, RelayLimits,
    ServerOptions, Stats,
};

#[test]
fn a_server_that_has_to_wait_keeps_the_punch_of_a_client_with_a_relay() {
    for (servers, clients) in PAIRS {
        let mut world = World::testnet();
        let server = deferred(&mut world, servers, PAUSE);
        let client = world.behind(clients);
        connect_through_relay(&mut world, client, server);
        assert_is_postponed(&world, client);
        let counted = stats(&world, server);
        assert_eq!((counted.punches_try_later, counted.punches_try_later_relayed), (1, 1));

        world.run(PAUSE * 2);
        let counted = stats(&world, server);
        assert_eq!((counted.punches_random, counted.punches_try_later_relayed), (1, 1));
        assert_moves(&mut world, client, server);
    }
}

#[test]
fn a_client_that_has_to_wait_punches_later() {
    for (servers, clients) in PAIRS {
        let mut world = World::testnet();
        let server = world.behind(servers);
        let client = deferred(&mut world, clients, PAUSE);
        connect_through_relay(&mut world, client, server);
        assert_is_postponed(&world, client);
        assert_eq!(world.hosts[server].node.live().punchers, 1, "the server waits");

        world.run(PAUSE * 2);
        assert_eq!(stats(&world, server).punches_try_later, 0);
        assert_moves(&mut world, client, server);
    }
}

/// The server asks to try later until its pause is over.
#[test]
fn without_a_relay_a_client_waits_for_the_turn_of_the_server() {
    for (servers, clients) in PAIRS {
        let mut world = World::testnet();
        let client = world.behind(clients);
        let server = deferred(&mut world, servers, SECOND * 15);
        connect(&mut world, client, server);
        world.run(SECOND * 4);
        assert!(opened(&world, client).is_none() && failure(&world, client).is_none());
        world.run(SECOND * 6);
        assert!(opened(&world, client).is_some());
        let counted = stats(&world, server);
        assert_eq!((counted.punches_try_later, counted.punches_try_later_relayed), (1, 0));
    }
}

#[test]
fn without_a_relay_a_client_waits_for_its_own_turn() {
    for (servers, clients) in PAIRS {
        let mut world = World::testnet();
        let server = world.behind(servers);
        let client = deferred(&mut world, clients, SECOND * 15);
        connect(&mut world, client, server);
        world.run(SECOND * 4);
        assert!(opened(&world, client).is_none() && failure(&world, client).is_none());
        world.run(SECOND * 6);
        assert!(opened(&world, client).is_some());
        assert_eq!(stats(&world, server).punches_try_later, 0);
    }
}

#[test]
fn without_a_relay_nobody_waits_for_long() {
    for (servers, clients) in PAIRS {
        let mut world = World::testnet();
        let server = deferred(&mut world, servers, PAUSE);
        let client = world.behind(clients);
        connect(&mut world, client, server);
        world.run(SECOND * 10);
        assert_eq!(failure(&world, client), Some(ConnectError::HolepunchAborted));
        assert_eq!(reason(&world, client), Some(ConnectReason::TryLater));
        world.run(SECOND * 4);
        assert_eq!(world.hosts[server].node.live().punchers, 0);
    }
}

/// It is known from the start that the turn comes too late.
#[test]
fn without_a_relay_a_client_that_would_wait_in_vain_fails_at_once() {
    for (servers, clients) in PAIRS {
        let mut world = World::testnet();
        let server = world.behind(servers);
        let client = deferred(&mut world, clients, PAUSE);
        connect(&mut world, client, server);
        world.run(SECOND);
        assert_eq!(reason(&world, client), Some(ConnectReason::Throttled));
    }
}

/// A connection is lost again and again, and the client has to punch each time.
#[test]
fn a_node_can_punch_again_at_once() {
    for (servers, clients) in PAIRS {
        let mut world = World::testnet();
        let server = world.behind(servers);
        let client = world.behind(clients);
        let remote = world.listen(server);
        for number in 1..=6 {
            world.connect(client, remote);
            world.run(SECOND * 4);
            assert_eq!(stats(&world, client).punches_random, number);
            let opened = world.hosts[client].events.iter();
            let opened = opened.filter(|event| matches!(event, Event::Opened(_))).count();
            assert_eq!(opened as u64, number, "{servers:?}, {clients:?}");
            world.command(client, Command::DestroyConn { conn: ConnId(1) });
            world.run(SECOND * 5);
        }
    }
}

#[test]
fn a_punch_that_waits_ends_with_its_connection() {
    let mut world = World::testnet();
    let server = deferred(&mut world, NatKind::Consistent, PAUSE * 10);
    let client = world.behind(NatKind::Random);
    connect_through_relay(&mut world, client, server);
    world.run(SECOND * 60);
    assert_is_postponed(&world, client);
    assert!(stats(&world, server).punches_try_later >= 3);
    assert_talk(&mut world, client, server);
}

/// A host behind a NAT of its own that makes no random punch for this long.
fn deferred(world: &mut World, kind: NatKind, pause: Duration) -> usize {
    let config = Config { random_punch_interval: pause, ..world.config() };
    let nat = world.nat(kind);
    let host = world.start_with(nat, Config { defer_random_punch: true, ..config });
    world.run(SECOND * 5);
    host
}

fn connect(world: &mut World, client: usize, server: usize) {
    let remote = world.listen(server);
    world.connect(client, remote);
}

/// Why the connection has failed.
fn reason(world: &World, client: usize) -> Option<ConnectReason> {
    world.hosts[client].events.iter().find_map(|event| {
        let Event::Closed(closed) = event else { return None };
        closed.trace.as_ref().map(|trace| trace.reason)
    })
}

/// Connects, and sends a message through the relay.
fn connect_through_relay(world: &mut World, client: usize, server: usize) {
    let host = world.open();
    let limits = Some(RelayLimits::default());
    let relay =
        world.listen_with(host, ServerOptions { relay: limits, ..ServerOptions::default() });
    let remote = world.listen(server);
    let options = ConnectOptions { relay_through: vec![relay], ..ConnectOptions::default() };
    world.connect_with(client, remote, options);
    say(world, client, b"ping");
    world.run(SECOND * 8);
}

fn assert_is_postponed(world: &World, client: usize) {
    assert!(path(world, client).is_some_and(|path| path.relay.is_some()), "is relayed");
    assert_eq!(stats(world, client).punches_random, 0);
    assert_eq!(world.hosts[client].node.live().punchers, 1);
}

/// Asserts that the connection has a direct path now, and has lost nothing.
fn assert_moves(world: &mut World, client: usize, server: usize) {
    let path = path(world, client).expect("a path");
    assert!(path.relay.is_none() && path.validated, "{path:?}");
    assert_talk(world, client, server);
}

fn stats(world: &World, host: usize) -> Stats {
    world.hosts[host].node.stats()
}

/// The server's NAT and the client's.
const PAIRS: [(NatKind, NatKind); 2] =
    [(NatKind::Consistent, NatKind::Random), (NatKind::Random, NatKind::Consistent)];

const PAUSE: Duration = Duration::from_secs(45);
