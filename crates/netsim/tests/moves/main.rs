//! Live connections whose ends get other addresses, on virtual time. `MOVES_SEEDS` says how many
//! seeds each scene runs with.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for few events among many")]
#![cfg(test)]

mod attackers;
mod beside;
mod cuts;
mod scene;

use std::time::Duration;

use netsim::{NatKind, Ports};
use scene::{End, Scene, Site};

/// A NAT whose ports change when it forgets its mappings.
const HOME: Site = Site::Behind(NatKind { ports: Ports::Random, ..NatKind::HOME });

/// The same, and it lets everybody in.
const FULL: Site = Site::Behind(NatKind { ports: Ports::Random, ..NatKind::FULL });

/// The client, the server, and the end whose address changes.
const PLACES: [(Site, Site, End); 11] = [
    (HOME, Site::Public, End::Client),
    (FULL, Site::Public, End::Client),
    (HOME, FULL, End::Client),
    (Site::Public, Site::Public, End::Client),
    (Site::Public, HOME, End::Server),
    (FULL, HOME, End::Server),
    (Site::Public, Site::Public, End::Server),
    // Here the other end has to send first, which it learns by way of the server's relays.
    (HOME, HOME, End::Client),
    (Site::Public, HOME, End::Client),
    (HOME, HOME, End::Server),
    (HOME, Site::Public, End::Server),
];

#[test]
fn a_host_that_changes_its_network_goes_on_within_a_second() {
    every(0, |scene, end| {
        scene.roam(end);
        scene.world.run_for(Duration::from_millis(300));
        scene.tell(end);
        Duration::from_secs(1)
    });
}

#[test]
fn a_change_that_nobody_tells_of_is_noticed_within_six_seconds() {
    every(0, |scene, end| {
        if !scene.rebind(end) {
            scene.roam(end);
        }
        Duration::from_secs(6)
    });
}

#[test]
fn a_way_out_that_comes_back_is_used_at_once() {
    for seed in 1..=seeds() {
        for (client, server, end) in PLACES {
            for tenths in (5..90).step_by(9) {
                let mut scene = Scene::new(seed, client, server, 0);
                scene.run(Duration::from_secs(1), &End::BOTH);
                scene.world.cut([scene.host(end)]);
                scene.routes(end);
                scene.run(Duration::from_millis(tenths * 100), &End::BOTH);
                scene.world.heal();
                scene.routes(end);
                scene.run(Duration::from_secs(3), &End::BOTH);
                scene.assert_complete(Duration::from_millis(400));
            }
        }
    }
}

#[test]
fn changes_are_survived_at_5_percent_loss() {
    every(50, |scene, end| {
        if !scene.rebind(end) {
            scene.roam(end);
            scene.tell(end);
        }
        // A server's relays show it its new address every 3 s, and pings get lost.
        Duration::from_secs(8)
    });
}

#[test]
fn a_host_may_change_its_network_again_and_again() {
    for seed in 1..=seeds() {
        let mut scene = Scene::new(seed, HOME, Site::Public, 20);
        for _ in 0..5 {
            scene.run(Duration::from_secs(3), &End::BOTH);
            scene.roam(End::Client);
            scene.tell(End::Client);
        }
        scene.assert_complete(Duration::from_secs(3));
    }
}

#[test]
fn an_idle_connection_is_found_again_too() {
    for seed in 1..=seeds() {
        let mut scene = Scene::new(seed, HOME, Site::Public, 0);
        scene.run(Duration::from_secs(1), &End::BOTH);
        scene.world.run_for(Duration::from_secs(20));
        assert!(scene.rebind(End::Client));
        scene.world.run_for(Duration::from_secs(20));
        scene.forget_gaps();
        scene.run(Duration::from_secs(1), &[End::Server]);
        scene.assert_complete(Duration::from_secs(1));
    }
}

#[test]
fn what_was_in_flight_arrives_once() {
    for seed in 1..=seeds() {
        for (client, server, end) in PLACES {
            let mut scene = Scene::new(seed, client, server, 0);
            scene.write_much();
            scene.world.run_for(Duration::from_millis(150));
            scene.roam(end);
            scene.tell(end);
            scene.assert_complete(Duration::from_secs(60));
        }
    }
}

#[test]
fn the_application_is_told_where_the_peer_has_gone() {
    let mut scene = Scene::new(1, Site::Public, Site::Public, 0);
    scene.run(Duration::from_secs(1), &End::BOTH);
    scene.roam(End::Client);
    scene.tell(End::Client);
    scene.run(Duration::from_secs(1), &End::BOTH);
    let address = scene.world.get(scene.host(End::Client)).address;
    let [told] = scene.paths_told(End::Server)[..] else { panic!("not one change of path") };
    assert_eq!(told.remote.ip(), address);
    assert_eq!(scene.path(End::Server), Some((told.remote, true)));
    assert!(scene.paths_told(End::Client).is_empty(), "the server has stayed where it was");
}

/// Runs every place with every seed: both ends write all the time, and `disturb` returns the
/// longest gap that it may cause.
fn every(loss: u32, disturb: impl Fn(&mut Scene, End) -> Duration) {
    let mut worst = Duration::ZERO;
    for seed in 1..=seeds() {
        for (client, server, end) in PLACES {
            for writers in [&End::BOTH[..], &[End::Client], &[End::Server]] {
                let mut scene = Scene::new(seed, client, server, loss);
                scene.run(Duration::from_secs(2), writers);
                let longest = disturb(&mut scene, end);
                scene.run(Duration::from_secs(8), writers);
                let gap = scene.assert_complete(longest);
                worst = worst.max(gap);
            }
        }
    }
    println!("{loss} per mille lost: the longest gap is {worst:?}");
}

fn seeds() -> u64 {
    std::env::var("MOVES_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(2)
}
