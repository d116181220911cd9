//! Hosts that believe that strangers reach them, behind a firewall that lets in whom they have sent
//! to.

use std::time::Duration;

use netsim::{HostId, Link, World};
use proto::noise::KeyPair;
use proto::{ConnId, Event, ServerId};

#[test]
fn a_server_that_is_wrongly_open_is_reached() {
    let mut world = network();
    let (server, client) = (wrongly_open(&mut world), firewalled(&mut world));
    connect(&mut world, client, server);
}

#[test]
fn a_client_that_is_wrongly_open_is_reached() {
    let mut world = network();
    let (server, client) = (firewalled(&mut world), wrongly_open(&mut world));
    connect(&mut world, client, server);
}

#[test]
fn two_hosts_that_are_wrongly_open_reach_each_other() {
    let mut world = network();
    let (server, client) = (wrongly_open(&mut world), wrongly_open(&mut world));
    connect(&mut world, client, server);
}

fn connect(world: &mut World, client: HostId, server: HostId) {
    let remote = world.listen(server, ServerId(0), KeyPair::from_seed([7; 32]));
    world.run_for(Duration::from_secs(2));
    world.connect(client, ConnId(0), remote);
    // The server's first packet comes before the firewall of such a client is open.
    world.run_until(Duration::from_millis(350), |world| {
        world.saw(server, |event| matches!(event, Event::Connection(_)))
            && world.saw(client, |event| matches!(event, Event::Opened(_)))
    });
    let stats = [client, server].map(|host| world.act(host, |node, _| node.stats()));
    assert!(stats.iter().any(|stats| stats.punches_open > 0), "nobody believed to be open");
}

fn network() -> World {
    let link = Link { delay: Duration::from_millis(20), hops: 12, ..Link::default() };
    let mut world = World::with_bootstraps(3, 3, link);
    for _ in 3..24 {
        world.join(world.persistent());
    }
    world
}

fn wrongly_open(world: &mut World) -> HostId {
    let config = world.persistent();
    ready(world, config)
}

fn firewalled(world: &mut World) -> HostId {
    let config = world.config();
    ready(world, config)
}

fn ready(world: &mut World, config: proto::Config) -> HostId {
    let host = world.firewalled_host(config);
    world.wait_for(host, |event| matches!(event, Event::Ready));
    host
}
