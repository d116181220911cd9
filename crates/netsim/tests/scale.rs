//! A thousand nodes, hours of churn.
#![cfg(test)]

mod crowd;

use std::time::{Duration, Instant};

use crowd::{Churn, Crowd};

#[test]
#[ignore = "long"]
fn a_thousand_nodes_settle_and_find_each_other_under_churn() {
    let real = Instant::now();
    let mut crowd = Crowd::new(1);
    crowd.grow(1000, Duration::from_secs(60));
    eprintln!("{:?} {:?} {}", real.elapsed(), crowd.world.elapsed(), crowd.world.steps());
    eprintln!("precision {}", crowd.precision(200));
    crowd.run(Duration::from_secs(600));
    eprintln!("{:?} {:?} {}", real.elapsed(), crowd.world.elapsed(), crowd.world.steps());
    eprintln!("precision {}", crowd.precision(200));
    crowd.add_topics(300, 20);
    let churn = Churn { duration: HOUR, lookups: 10_000, departures: 200, ..Churn::default() };
    crowd.live(churn, 300);
    eprintln!("{:?}", crowd.take_score());
    eprintln!("precision {}", crowd.precision(200));
    eprintln!("{:?} {:?} {}", real.elapsed(), crowd.world.elapsed(), crowd.world.steps());
}

const HOUR: Duration = Duration::from_secs(3600);
