//! How many round trips a task takes, at a round trip of 100 ms, on virtual time.
//!
//! `cargo test -p netsim --test rounds -- --nocapture` prints the tables; with `--release` and
//! `ROUNDS_FULL=1` they are those of docs/BENCHMARKS.md. `reference.mjs` measures the reference
//! in the same networks; its figures here are medians over 9 seeds, and 5 of 200 nodes.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one event among many")]
#![cfg(test)]

mod connecting;
mod table;
mod trial;

use std::time::Duration;

use table::{Counts, Row};
use trial::{Start, Task, Timers, Trial};

#[test]
fn bootstrapping() {
    let row = |name, start, counts| {
        Row::new(name, counts, move |seed, nodes| Trial::new(seed, nodes, 0).bootstrap(start))
    };
    table::check(
        "bootstrapped",
        &[
            row("open address", Start::Open, counts(3.2, [3.0, 4.0], Some([4.0, 6.0]))),
            row(
                "default options, open address",
                Start::Default,
                counts(4.5, [4.0, 5.0], Some([9.0, 13.0])),
            ),
            row(
                "default options, behind a firewall",
                Start::Firewalled,
                counts(3.5, [3.0, 4.0], Some([9.0, 16.0])),
            ),
        ],
    );
}

#[test]
fn operations() {
    let row = |name, task, loss, counts| {
        Row::new(name, counts, move |seed, nodes| Trial::new(seed, nodes, loss).run(task))
    };
    table::check(
        "operations",
        &[
            row("listen", Task::Listen, 0, counts(3.2, [3.0, 4.0], None)),
            row("lookup", Task::Lookup, 0, counts(2.2, [2.0, 3.0], Some([3.0, 7.0]))),
            row("lookup, 1 % lost", Task::Lookup, 10, counts(3.5, [2.0, 4.0], Some([3.0, 13.0]))),
            row("lookup, 3 % lost", Task::Lookup, 30, counts(4.5, [3.0, 4.0], Some([10.0, 18.0]))),
            row("announce", Task::Announce, 0, counts(3.2, [3.0, 4.0], Some([4.0, 7.0]))),
            row(
                "announce, 1 % lost",
                Task::Announce,
                10,
                counts(5.0, [4.0, 5.0], Some([4.0, 18.0])),
            ),
            row(
                "announce, 3 % lost",
                Task::Announce,
                30,
                counts(6.5, [6.0, 7.0], Some([14.0, 27.0])),
            ),
        ],
    );
}

/// The cost of repeating requests early, on paths with loss and on paths with jitter.
#[test]
fn early_tries_cost_few_packets() {
    println!("\n| path | packets, as the reference repeats | measured timers | |");
    println!("| --- | --- | --- | --- |");
    for (loss, jitter) in [(0, 0), (10, 0), (30, 0), (100, 0), (0, 100), (0, 300), (10, 800)] {
        let sent = |timers| -> usize {
            let jitter = Duration::from_millis(jitter);
            let trial = |seed| Trial::new(seed, 24, loss).with(timers, jitter);
            (1..=table::SEEDS).map(|seed| trial(seed).run(Task::Announce).sent).sum()
        };
        let (flat, measured) = (sent(Timers::Flat), sent(Timers::Measured));
        let ratio = measured as f64 / flat as f64;
        let loss = f64::from(loss) / 10.0;
        println!("| {loss} % lost, {jitter} ms jitter | {flat} | {measured} | {ratio:.3} |");
        assert!(ratio <= 1.1, "{loss} % lost, {jitter} ms jitter: {flat} to {measured}");
    }
}

fn counts(most: f64, ours: [f64; 2], reference: Option<[f64; 2]>) -> Counts {
    Counts { most, ours, reference }
}
