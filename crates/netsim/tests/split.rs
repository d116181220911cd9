//! The network falls apart, and heals.
#![cfg(test)]

mod crowd;

use std::time::{Duration, Instant};

use crowd::{Churn, Crowd};
use netsim::HostId;

#[test]
#[ignore = "long"]
fn halves() {
    let nodes: usize = std::env::var("NODES").map_or(200, |n| n.parse().unwrap());
    let minutes: u64 = std::env::var("MINUTES").map_or(60, |n| n.parse().unwrap());
    let real = Instant::now();
    let mut crowd = Crowd::new(1);
    crowd.grow(nodes, Duration::from_secs(60));
    crowd.run(Duration::from_secs(600));
    eprintln!("precision {}", crowd.precision(200));
    crowd.add_topics(100, 10);
    for _ in 0..0 {
        let host = crowd.anybody();
        let _ = host;
    }
    crowd.run(Duration::from_secs(30));
    let topics = 100; let _ = topics;
    let island: Vec<HostId> =
        crowd.world.hosts().filter(|host| host.0 % 2 == 1 && host.0 > 2).collect();
    crowd.world.cut(island.iter().copied());
    crowd.live(Churn { duration: Duration::from_secs(60 * minutes), lookups: 1000, ..Churn::default() }, 100);
    eprintln!("{:?}", crowd.take_score());
    eprintln!("precision {}", crowd.precision(200));
    crowd.world.heal();
    let healed = crowd.world.elapsed();
    for _ in 0..20 {
        crowd.live(Churn { duration: Duration::from_secs(300), lookups: 1000, ..Churn::default() }, 100);
        eprintln!("{:?} {:?}", crowd.world.elapsed() - healed, crowd.take_score());
        eprintln!("precision {}", crowd.precision(200));
        let (mut other, mut all) = (0, 0);
        for host in crowd.world.hosts() {
            let nodes = crowd.world.get(host).node.nodes(1000);
            let is_odd = |h: HostId| h.0 % 2 == 1 && h.0 > 2;
            all += nodes.len();
            other += nodes
                .iter()
                .filter(|a| is_odd(crowd.world.find(*a.ip()).unwrap()) != is_odd(host))
                .count();
        }
        eprintln!("mixed {other} of {all}");
    }
    eprintln!("{:?} {:?} {}", real.elapsed(), crowd.world.elapsed(), crowd.world.steps());
}
