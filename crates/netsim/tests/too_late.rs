//! A server that ends after its answer to a handshake and before the client's first packet.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one event among many")]
#![cfg(test)]

use std::time::Duration;

use netsim::{HostId, Link, World};
use proto::noise::KeyPair;
use proto::{Closed, Command, ConnError, ConnId, Event, ServerId, StreamError};

#[test]
fn a_client_that_has_opened_reaches_a_server_that_closes() {
    let events = end(Command::CloseServer { server: ServerId(0) }, server_closed);
    assert!(comes_before(&events, connection, server_closed));
}

#[test]
fn a_client_that_has_opened_reaches_a_server_that_suspends() {
    let events = end(Command::SuspendServer { server: ServerId(0) }, server_suspended);
    assert!(comes_before(&events, connection, server_suspended));
}

#[test]
fn a_client_that_has_opened_reaches_a_node_that_suspends() {
    let events = end(Command::Suspend, |event| matches!(event, Event::Suspended));
    assert!(comes_before(&events, connection, server_suspended));
}

#[test]
fn a_client_that_has_opened_reaches_a_node_that_is_destroyed() {
    let destroy = Command::Destroy { force: false };
    let events = end(destroy, |event| matches!(event, Event::Destroyed));
    assert!(comes_before(&events, connection, server_closed));
}

#[test]
fn a_client_that_comes_too_late_hears_so() {
    let mut world = World::testnet(1, 6, link());
    let client = start(&mut world);
    world.run_until(PATIENCE, |world| world.get(SERVER).node.live().handshakes > 0);
    // The client's first packet is lost, and so is the probe. The next one comes after a second.
    world.cut([SERVER]);
    world.wait_opened(client);
    world.run_for(Duration::from_millis(500));
    world.heal();
    let begun = world.elapsed();

    world.command(SERVER, Command::CloseServer { server: ServerId(0) });
    world.wait_for(SERVER, server_closed);
    assert_eq!(world.get(SERVER).node.live().connections, 0);
    world.wait_for(client, |event| closed(event).is_some());
    let reason = world.take_events(client).iter().find_map(closed);
    assert_eq!(reason, Some(RESET));
    assert!(world.elapsed() - begun < Duration::from_secs(2), "{:?}", world.elapsed() - begun);
}

/// Gives the command as soon as a client has opened a connection to the server. Returns the
/// server's events up to the one that is waited for.
fn end(command: Command, last: impl Fn(&Event) -> bool) -> Vec<Event> {
    let mut world = World::testnet(1, 6, link());
    open(&mut world);
    world.command(SERVER, command);
    world.wait_for(SERVER, &last);
    world.take_events(SERVER)
}

/// Opens a connection on the client's side. The server waits for the client's first packet, which
/// is on its way.
fn open(world: &mut World) -> HostId {
    let client = start(world);
    world.wait_opened(client);
    client
}

fn start(world: &mut World) -> HostId {
    let client = world.firewalled_host(world.config());
    world.wait_for(client, |event| matches!(event, Event::Ready));
    let remote = world.listen(SERVER, ServerId(0), KeyPair::from_seed([1; 32]));
    world.take_events(SERVER);
    world.connect(client, ConnId(0), remote);
    client
}

fn comes_before(
    events: &[Event],
    first: impl Fn(&Event) -> bool,
    second: impl Fn(&Event) -> bool,
) -> bool {
    let first = events.iter().position(first);
    first.is_some_and(|first| events.iter().skip(first).any(second))
}

fn connection(event: &Event) -> bool {
    matches!(event, Event::Connection(_))
}

fn server_closed(event: &Event) -> bool {
    matches!(event, Event::ServerClosed { .. })
}

fn server_suspended(event: &Event) -> bool {
    matches!(event, Event::ServerSuspended { .. })
}

fn link() -> Link {
    Link { delay: Duration::from_millis(50), ..Link::default() }
}

fn closed(event: &Event) -> Option<Option<ConnError>> {
    match event {
        Event::Closed(Closed { error, .. }) => Some(*error),
        _ => None,
    }
}

const SERVER: HostId = HostId(1);

const RESET: Option<ConnError> = Some(ConnError::Stream(StreamError::Reset));

const PATIENCE: Duration = Duration::from_secs(60);
