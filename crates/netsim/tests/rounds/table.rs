//! Medians over many seeds, compared with their limits.

use crate::trial::Outcome;

/// One line of a table.
pub(crate) struct Row<'a> {
    name: &'a str,
    counts: Counts,
    trial: Box<dyn Fn(u64, usize) -> Outcome + 'a>,
}

/// Round trips, as medians.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    /// The limit with [`NODES`]; with [`MANY_NODES`] it is one higher.
    pub(crate) most: f64,
    /// The medians with [`NODES`] and [`MANY_NODES`], over [`ALL_SEEDS`]. A change of these numbers
    /// needs a reason.
    pub(crate) ours: [f64; 2],
    /// What `reference.mjs` prints for them; `None` where it measures nothing.
    pub(crate) reference: Option<[f64; 2]>,
}

impl<'a> Row<'a> {
    pub(crate) fn new(
        name: &'a str,
        counts: Counts,
        trial: impl Fn(u64, usize) -> Outcome + 'a,
    ) -> Self {
        Self { name, counts, trial: Box::new(trial) }
    }
}

/// Prints the table, and fails if a row is above its limit or has changed.
pub(crate) fn check(title: &str, rows: &[Row<'_>]) {
    let mut wrong = Vec::new();
    println!("\n| {title} | 24 nodes | 95 % | reference | sent | 200 nodes | reference | sent |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for Row { name, counts, trial } in rows {
        let Counts { most, ours, reference } = counts;
        let [few_there, many_there] = reference.map_or(["–".into(), "–".into()], |reference| {
            reference.map(|count| format!("{count:.1}"))
        });
        let few = Summary::of(trial, NODES);
        let Summary { median, late, sent } = few;
        print!("| {name} | {median:.1} | {late:.1} | {few_there} | {sent} |");
        if median > *most {
            wrong.push(format!("{name}: {median} round trips"));
        }
        if tenths(median) != tenths(ours[0]) {
            wrong.push(format!("{name}: {median}, not {}", ours[0]));
        }
        if !is_full() {
            println!(" – | {many_there} | – |");
            continue;
        }
        let many = Summary::of(trial, MANY_NODES);
        println!(" {:.1} | {many_there} | {} |", many.median, many.sent);
        if many.median > most + 1.0 {
            wrong.push(format!("{name}, {MANY_NODES} nodes: {} round trips", many.median));
        }
        if tenths(many.median) != tenths(ours[1]) {
            wrong.push(format!("{name}, {MANY_NODES} nodes: {}, not {}", many.median, ours[1]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

struct Summary {
    median: f64,
    /// The time within which 95 of 100 trials end.
    late: f64,
    /// Datagrams that the measured node has sent.
    sent: usize,
}

impl Summary {
    fn of(trial: &dyn Fn(u64, usize) -> Outcome, nodes: usize) -> Self {
        let outcomes: Vec<Outcome> = (1..=SEEDS).map(|seed| trial(seed, nodes)).collect();
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

/// Whether to measure large networks as well, which takes most of a minute in release.
fn is_full() -> bool {
    std::env::var_os("ROUNDS_FULL").is_some()
}

fn tenths(count: f64) -> u64 {
    (count * 10.0).round() as u64
}

/// The number of nodes in the measurements of the reference.
const NODES: usize = 24;

/// More than a routing table holds.
const MANY_NODES: usize = 200;

/// Networks for each row: enough for medians that mean something.
pub(crate) const SEEDS: u64 = 50;
