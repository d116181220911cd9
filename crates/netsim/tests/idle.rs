//! What an idle connection sends, on virtual time.
#![cfg(test)]

use std::time::Duration;

use netsim::{HostId, Link, World};
use proto::noise::KeyPair;
use proto::{ConnId, ConnectOptions, Event, ServerId};

/// The keep-alives of both ends, each with its acknowledgement, are four packets in five seconds.
#[test]
fn an_idle_connection_sends_no_more_than_one_of_the_reference() {
    let mut world = World::testnet(1, 4, Link::default());
    let remote = world.listen(SERVER, ServerId(0), KeyPair::from_seed([1; 32]));
    world.connect_with(CLIENT, ConnId(0), remote, ConnectOptions::default());
    world.wait_opened(CLIENT);
    world.wait_for(SERVER, |event| matches!(event, Event::Connection(_)));
    world.run_for(Duration::from_secs(30));

    world.start_tap();
    world.run_for(Duration::from_secs(60));
    let packets = world.take_tap().iter().filter(|one| one.data.starts_with(&[0xff, 1])).count();
    assert!(packets <= 48, "{packets}");
}

const CLIENT: HostId = HostId(3);
const SERVER: HostId = HostId(1);
