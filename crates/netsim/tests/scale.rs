//! A thousand nodes settle, and find what others announce while hosts come and go.
//!
//! `cargo test --release -p netsim -- --include-ignored --nocapture` runs the large worlds as well,
//! here and in the other files, and prints what they found.
#![cfg(test)]

mod crowd;

use std::time::Duration;

use crowd::{Churn, Crowd};

#[test]
fn a_hundred_nodes_find_each_other_under_churn() {
    let churn = Churn { duration: HOUR, lookups: 1000, departures: 20, ..Churn::default() };
    find_each_other(Crowd::new(1), 100, 30, churn);
}

#[test]
#[ignore = "large: a minute in release"]
fn a_thousand_nodes_find_each_other_under_churn() {
    let churn = Churn { duration: HOUR, lookups: 10_000, departures: 200, ..Churn::default() };
    find_each_other(Crowd::new(2), 1000, 300, churn);
}

#[test]
fn the_same_seed_gives_the_same_churn() {
    assert_eq!(replay(3, 60), replay(3, 60));
    assert_ne!(replay(3, 60), replay(4, 60));
}

#[test]
#[ignore = "large: half a minute in release"]
fn the_same_seed_gives_the_same_thousand_nodes() {
    assert_eq!(replay(5, 1000), replay(5, 1000));
}

fn find_each_other(mut crowd: Crowd, nodes: usize, topics: usize, churn: Churn) {
    crowd.grow(nodes, Duration::from_secs(60));
    assert!(crowd.precision(100) > 950);
    crowd.add_topics(topics, topics / 10);

    crowd.live(churn);

    let score = crowd.take_score();
    println!("{nodes} nodes: {score:?}");
    assert_eq!(score.found + score.missed + score.abandoned, churn.lookups);
    assert!(score.missed * 1000 <= score.found, "{score:?}");
    assert_eq!(score.failed, 0, "{score:?}");
    assert!(crowd.precision(100) > 950);
}

/// A quarter of an hour with every kind of event.
fn replay(seed: u64, nodes: usize) -> (u64, u64) {
    let mut crowd = Crowd::exactly(seed);
    crowd.world.link.damage_per_mille = 5;
    crowd.world.link.cut_per_mille = 5;
    crowd.grow(nodes, Duration::from_secs(30));
    crowd.add_topics(10, 5);
    let churn = Churn { lookups: 50, departures: 10, naps: 5, connections: 10, ..Churn::default() };
    crowd.live(Churn { duration: HOUR / 12, ..churn });
    let island: Vec<_> = crowd.world.hosts().step_by(2).collect();
    crowd.world.cut(island);
    crowd.live(Churn { duration: HOUR / 12, ..churn });
    crowd.world.heal();
    crowd.live(Churn { duration: HOUR / 12, ..churn });
    (crowd.world.trace(), crowd.world.steps())
}

const HOUR: Duration = Duration::from_secs(3600);
