//! The network falls apart into two halves that forget each other, and heals.
#![cfg(test)]

mod crowd;

use std::time::Duration;

use crowd::{Churn, Crowd};
use netsim::HostId;

#[test]
fn two_halves_of_a_hundred_nodes_come_together_again() {
    come_together(Crowd::new(1), 100);
}

#[test]
#[ignore = "large: a minute in release"]
fn two_halves_of_a_thousand_nodes_come_together_again() {
    come_together(Crowd::new(2), 1000);
}

fn come_together(mut crowd: Crowd, nodes: usize) {
    crowd.grow(nodes, Duration::from_secs(60));
    crowd.add_topics(nodes / 5, nodes / 50);
    let calm = Churn { lookups: nodes, ..Churn::default() };

    let hosts = crowd.world.hosts();
    crowd.world.cut(hosts.filter(is_islander));
    crowd.live(Churn { duration: Duration::from_secs(3600), ..calm });
    assert_eq!(acquaintances(&crowd), 0, "the halves have forgotten each other");
    assert!(crowd.precision(50) < 600);
    crowd.take_score();

    crowd.world.heal();
    // Meanwhile every node has looked for others, and everything was announced again.
    crowd.live(Churn { duration: Duration::from_secs(40 * 60), ..calm });
    crowd.take_score();
    for _ in 0..nodes {
        let host = crowd.anybody();
        let is_far = move |other| is_islander(&host) != is_islander(&other);
        crowd.look_up(host, is_far);
        crowd.run(Duration::from_millis(100));
    }
    let score = crowd.take_score();
    assert!(score.missed * 1000 <= score.found, "{score:?}");
    assert!(acquaintances(&crowd) > nodes);
    assert!(crowd.precision(100) > 950);
}

/// All bootstrap nodes are in the other half.
fn is_islander(host: &HostId) -> bool {
    host.0 > 2 && host.0 % 2 == 1
}

/// Nodes in routing tables that are in the other half.
fn acquaintances(crowd: &Crowd) -> usize {
    let world = &crowd.world;
    let of = |host: HostId| {
        let nodes = world.get(host).node.nodes(usize::MAX).into_iter();
        let others = nodes.filter_map(|address| world.find(*address.ip()));
        others.filter(|other| is_islander(other) != is_islander(&host)).count()
    };
    world.hosts().map(of).sum()
}
