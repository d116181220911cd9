//! Two NATs that give each destination the next port, while other hosts take ports, too.

use std::time::Duration;

use netsim::NatKind;
use proto::ConnectReason;

use super::seeds;
use super::trial::{Outcome, Site, connect};

#[test]
fn two_nats_that_count_connect() {
    assert_eq!(share_of([0, 0], 0), 100);
}

#[test]
fn two_nats_that_count_connect_beside_a_few_hosts() {
    for others in [[2, 2], [0, 20], [20, 0], [50, 50]] {
        let share = share_of(others, 0);
        assert!(share >= 80, "{others:?}: {share} %");
    }
}

#[test]
fn two_nats_that_count_and_are_busy_end_soon() {
    share_of([1000, 1000], 0);
}

#[test]
fn two_nats_that_count_connect_over_links_that_lose_packets() {
    let share = share_of([0, 0], 50);
    assert!(share >= 80, "{share} %");
}

/// How many of a hundred connect. The others fail soon, with the reason.
fn share_of(others: [u32; 2], loss: u32) -> usize {
    let [client, server] =
        others.map(|others| Site::Nat(NatKind { others, ..NatKind::SEQUENTIAL }));
    let trials = 4 * seeds();
    let mut times = Vec::new();
    for seed in 1..=trials {
        match connect(seed, client, server, loss) {
            Outcome::Opened { after } => times.push(after),
            Outcome::Failed { after, trace, .. } => {
                let is_soon = loss > 0 || after < Duration::from_millis(1600);
                assert!(is_soon, "{others:?}, seed {seed}: {after:?}");
                assert!(loss > 0 || trace.reason == ConnectReason::RandomNats, "{trace:?}");
            }
        }
    }
    times.sort_unstable();
    let (middle, last) = (times.get(times.len() / 2), times.last());
    println!("{others:?}, {loss} ‰ lost: {} of {trials}, {middle:?} {last:?}", times.len());
    100 * times.len() / trials as usize
}
