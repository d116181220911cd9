//! A connection that ends on one side before the first packet of the other side has arrived.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one event among many")]
#![cfg(test)]

use std::time::Duration;

use netsim::{HostId, Link, World};
use proto::noise::KeyPair;
use proto::{Closed, Command, ConnError, ConnId, Event, ServerId, StreamError};

#[test]
fn a_client_of_a_server_that_has_just_closed_hears_so() {
    let mut world = World::testnet(1, 6, slow());
    let client = firewalled(&mut world);
    let remote = world.listen(SERVER, ServerId(0), KeyPair::from_seed([1; 32]));
    world.connect(client, ConnId(0), remote);
    world.wait_opened(client);
    let begun = world.elapsed();

    // The server waits for the client's first packet, which is on its way.
    world.command(SERVER, Command::CloseServer { server: ServerId(0) });
    world.wait_for(client, |event| closed(event).is_some());
    let reason = world.take_events(client).iter().find_map(closed);
    assert_eq!(reason, Some(RESET));
    assert!(world.elapsed() - begun < 2 * ROUND_TRIP, "{:?}", world.elapsed() - begun);
    assert_eq!(world.get(SERVER).node.live().connections, 0);
}

fn firewalled(world: &mut World) -> HostId {
    let host = world.firewalled_host(world.config());
    world.wait_for(host, |event| matches!(event, Event::Ready));
    host
}

fn slow() -> Link {
    Link { delay: ROUND_TRIP / 2, ..Link::default() }
}

fn closed(event: &Event) -> Option<Option<ConnError>> {
    match event {
        Event::Closed(Closed { error, .. }) => Some(*error),
        _ => None,
    }
}

const SERVER: HostId = HostId(1);

const RESET: Option<ConnError> = Some(ConnError::Stream(StreamError::Reset));

const ROUND_TRIP: Duration = Duration::from_millis(100);
