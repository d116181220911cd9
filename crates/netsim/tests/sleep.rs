//! Hosts sleep: their clocks stop, and then jump ahead.
#![cfg(test)]

mod crowd;

use std::time::Duration;

use crowd::Crowd;
use netsim::HostId;

#[test]
fn hosts_that_slept_find_and_are_found_within_a_minute() {
    let mut crowd = Crowd::new(1);
    crowd.grow(100, Duration::from_secs(30));
    crowd.add_topics(0, 20);
    for nap in [20, 120, 3600] {
        let sleepers: Vec<HostId> = crowd.world.hosts().filter(sleeps).collect();
        for host in &sleepers {
            crowd.world.sleep(*host, Duration::from_secs(nap));
        }
        let wakeups = crowd.app.wakeups;
        crowd.run(Duration::from_secs(nap + 60));
        assert_eq!(crowd.app.wakeups - wakeups, sleepers.len(), "{nap} s");

        for _ in 0..50 {
            let (sleeper, other) = (crowd.anybody_of(|host| sleeps(&host)), crowd.anybody());
            crowd.look_up(sleeper, |_| true);
            crowd.look_up(other, |host| sleeps(&host));
            crowd.run(Duration::from_millis(100));
        }
        let score = crowd.take_score();
        assert_eq!((score.found, score.missed), (100, 0), "{nap} s");
    }
}

fn sleeps(host: &HostId) -> bool {
    host.0.is_multiple_of(3) && host.0 > 2
}
