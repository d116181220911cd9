//! One packet of a hundred is flipped or cut on its way.
#![cfg(test)]

mod crowd;

use std::time::Duration;

use crowd::{Churn, Crowd};
use proto::Dropped;

#[test]
fn damaged_packets_change_nothing_but_counters() {
    let mut crowd = Crowd::new(1);
    crowd.world.link.damage_per_mille = 5;
    crowd.world.link.cut_per_mille = 5;
    crowd.grow(100, Duration::from_secs(60));
    crowd.add_topics(30, 10);
    let connections = 100;
    let churn = Churn { lookups: 1000, connections, ..Churn::default() };
    crowd.live(Churn { duration: Duration::from_secs(3600), ..churn });

    let score = crowd.take_score();
    assert_eq!((score.found, score.missed, score.failed), (1000, 0, 0));
    assert_eq!(crowd.app.connected.opened, connections);
    assert!(crowd.precision(100) > 950);
    // A key in a damaged reply does not spread to other nodes.
    let strange = &crowd.app.topics.strange;
    assert!(strange.values().all(|times| *times == 1), "{strange:?}");
    let mut all = (0, 0);
    for host in crowd.world.hosts() {
        let node = &crowd.world.get(host).node;
        let all_known = node.nodes(usize::MAX).iter().all(|address| {
            let other = crowd.world.find(*address.ip());
            other.is_some_and(|other| crowd.world.get(other).server_address() == *address)
        });
        assert!(all_known, "{host:?} has nodes that do not exist");
        let Dropped { malformed, unexpected, .. } = node.stats().dropped;
        assert!(malformed + unexpected > 0, "{host:?}");
        all = (all.0 + malformed, all.1 + unexpected);
    }
    assert!(all.0 > 0 && all.1 > 0, "{all:?}");
}
