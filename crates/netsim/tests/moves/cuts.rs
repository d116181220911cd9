//! A path that carries nothing for a while, and no other one.

use std::time::Duration;

use crate::scene::{End, Scene};
use crate::{HOME, seeds};

#[test]
fn a_cut_lasts_as_long_as_both_ends_are_patient() {
    for seed in 1..=seeds() {
        let patience = Duration::from_secs(30);
        let mut scene = Scene::with(seed, HOME, HOME, 0, patience);
        scene.run(Duration::from_secs(1), &End::BOTH);
        scene.world.cut([scene.host(End::Client)]);
        scene.run(Duration::from_secs(25), &End::BOTH);
        scene.world.heal();
        scene.run(Duration::from_secs(3), &End::BOTH);
        scene.assert_complete(Duration::from_secs(26));
    }
}

/// An end keeps its connection for half a minute if it knows that the host has no network, and 13 s
/// otherwise.
#[test]
fn a_host_without_a_network_is_patient() {
    for (is_told, lasts) in [(false, 13..15), (true, 30..33)] {
        let mut scene = Scene::new(1, HOME, HOME, 0);
        scene.run(Duration::from_secs(1), &End::BOTH);
        scene.world.cut([scene.host(End::Client)]);
        if is_told {
            scene.tell_no_network(End::Client);
        }
        scene.write(End::Client, 500);
        let since = scene.world.elapsed();
        while scene.path(End::Client).is_some() {
            scene.world.run_for(Duration::from_secs(1));
        }
        let took = (scene.world.elapsed() - since).as_secs();
        assert!(lasts.contains(&took), "{took} s");
    }
}
