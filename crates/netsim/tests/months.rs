//! Two days in the life of a small network.
#![cfg(test)]

mod crowd;

use std::time::{Duration, Instant};

use crowd::{Churn, Crowd};

#[test]
#[ignore = "long"]
fn two_days() {
    let hours: usize = std::env::var("HOURS").map_or(48, |n| n.parse().unwrap());
    let real = Instant::now();
    let mut crowd = Crowd::new(1);
    crowd.grow(50, Duration::from_secs(10));
    crowd.add_topics(20, 5);
    for hour in 0..hours {
        crowd.live(Churn { duration: HOUR, lookups: 60, departures: 4, naps: 2, connections: 10 }, 20);
        let score = crowd.take_score();
        let rss = std::fs::read_to_string("/proc/self/statm").unwrap();
        eprintln!("{hour} {score:?} {:?} {:?} {rss}", crowd.app.connected, real.elapsed());
        let mut max = proto::Sizes::default();
        for host in crowd.world.hosts() {
            let s = crowd.world.get(host).node.sizes();
            if !crowd.world.get(host).is_on() { continue }
            max.table = max.table.max(s.table);
            max.table_rows = max.table_rows.max(s.table_rows);
            max.table_row = max.table_row.max(s.table_row);
            max.nat_counters = max.nat_counters.max(s.nat_counters);
            max.strangers = max.strangers.max(s.strangers);
            max.request_index = max.request_index.max(s.request_index);
            max.waiting = max.waiting.max(s.waiting);
            max.checks = max.checks.max(s.checks);
            max.delayed_pings = max.delayed_pings.max(s.delayed_pings);
            max.forwards = max.forwards.max(s.forwards);
            max.records = max.records.max(s.records);
            max.bumps = max.bumps.max(s.bumps);
            max.refreshes = max.refreshes.max(s.refreshes);
            max.relay_cache = max.relay_cache.max(s.relay_cache);
            max.slots = max.slots.max(s.slots);
            max.sources = max.sources.max(s.sources);
            max.stream_index = max.stream_index.max(s.stream_index);
            max.timers = max.timers.max(s.timers);
            max.outbox = max.outbox.max(s.outbox);
            max.reports = max.reports.max(s.reports);
        }
        eprintln!("{max:?}");
    }
}

const HOUR: Duration = Duration::from_secs(3600);
