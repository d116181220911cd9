//! Round trips until something works, at a round trip of 100 ms, on virtual time.
//!
//! `cargo test -p netsim --test rounds -- --nocapture` prints the table; with `--release` and
//! `ROUNDS_SEEDS=50` it is the one of docs/BENCHMARKS.md.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one event among many")]
#![cfg(test)]

mod table;
mod trial;

use std::time::Duration;

use table::{Limits, Row};
use trial::{Start, Task, Timers, Trial};

#[test]
fn bootstrapping() {
    let row = |name, start, limits| {
        Row::new(name, limits, move |seed, nodes| Trial::new(seed, nodes, 0).bootstrap(start))
    };
    table::check(
        "bootstrapped",
        &[
            row("open address", Start::Open, Limits::of(3.2, 4.2)),
            row("default options, open address", Start::Default, Limits::of(4.5, 10.0)),
            row("default options, behind a firewall", Start::Firewalled, Limits::of(3.5, 9.3)),
        ],
    );
}

#[test]
fn operations() {
    let row = |name, task, loss, limits| {
        Row::new(name, limits, move |seed, nodes| Trial::new(seed, nodes, loss).run(task))
    };
    table::check(
        "operations",
        &[
            row("listen", Task::Listen, 0, Limits::of(3.2, 4.1)),
            row("lookup", Task::Lookup, 0, Limits::of(2.2, 3.0)),
            row("lookup, 1 % lost", Task::Lookup, 10, Limits::of(3.5, 4.4)),
            row("lookup, 3 % lost", Task::Lookup, 30, Limits::of(4.5, 11.0)),
            row("announce", Task::Announce, 0, Limits::of(3.2, 4.1)),
            row("announce, 1 % lost", Task::Announce, 10, Limits::of(5.0, 12.8)),
            row("announce, 3 % lost", Task::Announce, 30, Limits::of(6.5, 21.5)),
        ],
    );
}

/// The price of repeating requests early, on paths that lose and on paths that delay.
#[test]
fn early_tries_cost_few_packets() {
    println!("\n| path | packets, as the reference repeats | measured timers | |");
    println!("| --- | --- | --- | --- |");
    for (loss, jitter) in [(0, 0), (10, 0), (30, 0), (100, 0), (0, 100), (0, 300), (10, 800)] {
        let sent = |timers| -> usize {
            let jitter = Duration::from_millis(jitter);
            let trial = |seed| Trial::new(seed, 24, loss).with(timers, jitter);
            (1..=table::seeds()).map(|seed| trial(seed).run(Task::Announce).sent).sum()
        };
        let (flat, measured) = (sent(Timers::Flat), sent(Timers::Measured));
        let ratio = measured as f64 / flat as f64;
        let loss = f64::from(loss) / 10.0;
        println!("| {loss} % lost, {jitter} ms jitter | {flat} | {measured} | {ratio:.3} |");
        assert!(ratio <= 1.1, "{loss} % lost, {jitter} ms jitter: {flat} to {measured}");
    }
}
