//! Days in the life of a small network: nothing in a node grows without bound.
#![cfg(test)]

mod crowd;

use std::time::Duration;

use crowd::{Churn, Crowd};
use netsim::HostId;
use proto::{Command, Live, Sizes, Stored};

#[test]
fn six_hours_leave_every_cache_inside_its_bounds() {
    live_for(Crowd::new(1), 20, 6);
}

#[test]
#[ignore = "large: a minute in release"]
fn two_days_leave_every_cache_inside_its_bounds() {
    live_for(Crowd::new(2), 50, 48);
}

/// Every day has an hour in which the network is cut in two, and one of bad links.
fn live_for(mut crowd: Crowd, nodes: usize, hours: usize) {
    crowd.grow(nodes, Duration::from_secs(30));
    crowd.add_topics(TOPICS, SERVERS);
    let churn =
        Churn { duration: HOUR, lookups: 60, departures: nodes / 10, naps: 2, connections: 20 };
    for hour in 0..hours {
        let is_bad = matches!(hour % 24, 2 | 4);
        if hour % 24 == 2 {
            let half: Vec<HostId> = crowd.world.hosts().step_by(2).collect();
            crowd.world.cut(half);
        }
        crowd.world.link.damage_per_mille = if hour % 24 == 4 { 50 } else { 0 };
        // Connections across a cut cannot open, so they would show nothing.
        let connections = if hour % 24 == 2 { 0 } else { churn.connections };
        crowd.live(Churn { connections, ..churn });
        crowd.world.heal();
        let score = crowd.take_score();
        let after_a_cut = hour % 24 == 3;
        assert!(is_bad || after_a_cut || score.missed == 0, "hour {hour}: {score:?}");
        for host in crowd.world.hosts().filter(|host| crowd.world.get(*host).is_on()) {
            assert_inside_bounds(&crowd, host, hour);
        }
    }
    let connected = crowd.app.connected;
    assert!(connected.opened * 100 > connected.asked * 90, "{connected:?}");
    assert_all_given_back(&mut crowd);
}

/// The bounds of [`Sizes`], or the most that this network can fill, if that is less.
fn assert_inside_bounds(crowd: &Crowd, host: HostId, hour: usize) {
    let node = &crowd.world.get(host).node;
    let (sizes, live) = (node.sizes(), node.live());
    let hosts = crowd.world.hosts().count();
    let Live { connections, streams, servers, handshakes, punchers, queries, requests, .. } = live;
    let objects = connections + streams + servers + handshakes + punchers + queries;
    let bounds = Sizes {
        table: hosts,
        table_rows: 20,
        table_row: 20,
        nat_counters: 34,
        strangers: 3,
        request_index: requests,
        waiting: 100,
        checks: 10 + 3 + 5,
        delayed_pings: 0,
        stored: Stored { servers: 2 * SERVERS, records: 2 * TOPICS, ..Stored::default() },
        relay_cache: SERVERS + hour * SERVERS,
        routes: 0,
        slots: 64,
        sources: hosts,
        stream_index: streams,
        sending: 64 * 1024 * streams,
        timers: 5 + 2 * objects + sizes.slots,
        pairings: 0,
        outbox: 0,
        reports: 0,
    };
    let fits = within(&sizes, &bounds) && requests < 200 && objects < 100;
    assert!(fits, "hour {hour}, {host:?}: {sizes:?} of {bounds:?}, {live:?}");
}

fn within(sizes: &Sizes, bounds: &Sizes) -> bool {
    let of = |sizes: &Sizes| {
        let Stored { servers, records, bumps, refreshes, mutables, immutables } = sizes.stored;
        [
            [sizes.table, sizes.table_rows, sizes.table_row, sizes.nat_counters, sizes.strangers],
            [sizes.request_index, sizes.waiting, sizes.checks, sizes.delayed_pings, servers],
            [records, bumps, refreshes, mutables, immutables],
            [sizes.relay_cache, sizes.slots, sizes.sources, sizes.stream_index, sizes.timers],
            [sizes.outbox, sizes.reports, sizes.sending, sizes.pairings, sizes.routes],
        ]
    };
    let (sizes, bounds) = (of(sizes), of(bounds));
    sizes.as_flattened().iter().zip(bounds.as_flattened()).all(|(size, bound)| size <= bound)
}

/// Idle nodes have nothing in flight, and nodes that end leave nothing.
fn assert_all_given_back(crowd: &mut Crowd) {
    crowd.run(Duration::from_secs(120));
    for host in crowd.world.hosts().filter(|host| crowd.world.get(*host).is_on()) {
        let live = crowd.world.get(host).node.live();
        let Live { connections, streams, handshakes, punchers, pool_sockets, .. } = live;
        let sum = connections + streams + handshakes + punchers + pool_sockets;
        assert_eq!(sum, 0, "{host:?}: {live:?}");
        assert_eq!(crowd.world.get(host).node.sizes().waiting, 0, "{host:?}");
    }
    for host in crowd.app.ready.clone() {
        crowd.world.command(host, Command::Destroy { force: true });
        assert_eq!(crowd.world.get(host).node.live(), Live::default(), "{host:?}");
    }
}

const TOPICS: usize = 20;

const SERVERS: usize = 5;

const HOUR: Duration = Duration::from_secs(3600);
