//! Medians over many seeds, beside what they may be at most.

use crate::trial::Outcome;

/// One line of the table.
pub(crate) struct Row<'a> {
    name: &'a str,
    limits: Limits,
    trial: Box<dyn Fn(u64, usize) -> Outcome + 'a>,
}

/// Round trips of a network of [`NODES`]; one of [`MANY_NODES`] may take one more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The median may not be above it.
    most: f64,
    /// What the reference needs.
    reference: f64,
}

impl<'a> Row<'a> {
    pub(crate) fn new(
        name: &'a str,
        limits: Limits,
        trial: impl Fn(u64, usize) -> Outcome + 'a,
    ) -> Self {
        Self { name, limits, trial: Box::new(trial) }
    }
}

impl Limits {
    pub(crate) fn of(most: f64, reference: f64) -> Self {
        Self { most, reference }
    }
}

/// Prints the table, and fails if a row is above its limit.
pub(crate) fn check(title: &str, rows: &[Row<'_>]) {
    let mut failed = Vec::new();
    println!(
        "\n| {title} | median | 95 % | most allowed | reference | sent | {MANY_NODES} nodes | sent |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for row in rows {
        let few = Summary::of(row, NODES, seeds());
        let many = Summary::of(row, MANY_NODES, seeds().div_ceil(2));
        let Limits { most, reference } = row.limits;
        println!(
            "| {} | {:.1} | {:.1} | {most:.1} | {reference:.1} | {} | {:.1} | {} |",
            row.name, few.median, few.late, few.sent, many.median, many.sent
        );
        if few.median > most || many.median > most + 1.0 {
            failed.push(row.name);
        }
    }
    assert!(failed.is_empty(), "above the limit: {failed:?}");
}

struct Summary {
    median: f64,
    /// 95 of 100 trials are over by then.
    late: f64,
    sent: usize,
}

impl Summary {
    fn of(row: &Row<'_>, nodes: usize, seeds: u64) -> Self {
        let outcomes: Vec<Outcome> = (1..=seeds).map(|seed| (row.trial)(seed, nodes)).collect();
        let mut times: Vec<f64> = outcomes.iter().map(|outcome| outcome.time).collect();
        times.sort_by(f64::total_cmp);
        let mut sent: Vec<usize> = outcomes.iter().map(|outcome| outcome.sent).collect();
        sent.sort_unstable();
        Self {
            median: times[times.len() / 2],
            late: times[times.len() * 95 / 100],
            sent: sent[sent.len() / 2],
        }
    }
}

/// How many networks are tried.
pub(crate) fn seeds() -> u64 {
    std::env::var("ROUNDS_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(10)
}

/// As in the measurements of the reference.
const NODES: usize = 24;

/// More than a routing table holds.
const MANY_NODES: usize = 200;
