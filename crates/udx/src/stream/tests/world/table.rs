//! The tables of the world, which a change has to justify. `WORLD=write cargo test --release -p
//! hyperdht-udx world -- --include-ignored` writes them anew.

use std::fmt::Write;
use std::path::Path;

use super::Line;
use super::cells::{Cell, Roles};
use super::shares::{Rival, share};

#[test]
#[ignore = "a minute"]
fn ours_to_ours() {
    compare("ours", &cells(Roles::Ours, &[25, 100, 800]));
}

#[test]
#[ignore = "a minute"]
fn ours_to_the_reference() {
    compare("to-reference", &cells(Roles::ToReference, &[25, 100, 800]));
}

#[test]
#[ignore = "a minute"]
fn the_reference_to_ours() {
    compare("from-reference", &cells(Roles::FromReference, &[25, 100, 800]));
}

#[test]
#[ignore = "a minute"]
fn the_reference_to_itself() {
    compare("reference", &cells(Roles::Reference, &[100]));
}

#[test]
#[ignore = "a minute"]
fn two_flows_on_one_link() {
    let mut table = String::from("mbit  rtt queue | ours other drop | beside\n");
    for rival in [Rival::Ours, Rival::Cubic, Rival::Reference] {
        for (mbit, rtt, queue) in SHARED {
            let ([ours, other], drop) = share(rival, Line::new(mbit, rtt, 0, queue));
            let _ = writeln!(
                table,
                "{mbit:4} {rtt:4} {queue:5} | {ours:4.1} {other:4.1} {drop:5.2} | {rival:?}"
            );
        }
    }
    compare("shares", &table);
}

/// One cell of each table, so that a change shows soon.
#[test]
fn a_part_of_the_tables_is_up_to_date() {
    for (name, roles) in [("ours", Roles::Ours), ("to-reference", Roles::ToReference)] {
        let line = cell(Cell { roles, mbit: 20, rtt: 100, loss: 10, queue: 25 });
        assert!(read(name).contains(&line), "{name}.txt is out of date: {line}");
    }
}

fn cells(roles: Roles, queues: &[u64]) -> String {
    let mut table = String::from(HEAD);
    for (mbit, rtt) in LINKS {
        for loss in [0, 1, 10, 30] {
            for &queue in queues {
                table.push_str(&cell(Cell { roles, mbit, rtt, loss, queue }));
            }
        }
    }
    table
}

fn cell(cell: Cell) -> String {
    let Cell { mbit, rtt, loss, queue, .. } = cell;
    let loss = loss as f64 / 10.0;
    format!("{mbit:4} {rtt:4} {loss:4.1} {queue:5} | {}\n", cell.run())
}

/// Compares with the file, and prints what differs.
fn compare(name: &str, table: &str) {
    println!("{name}\n{table}");
    if std::env::var("WORLD").is_ok_and(|mode| mode == "write") {
        std::fs::write(path(name), table).unwrap();
    }
    let expected = read(name);
    let differs = |(line, old): &(&str, &str)| line != old;
    let first = table.lines().zip(expected.lines()).find(differs);
    assert!(table == expected, "{name}.txt is out of date: {first:?}");
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

fn path(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/stream/tests/world/tables");
    folder.join(name).with_extension("txt")
}

const HEAD: &str = "mbit  rtt loss queue | link  drop again | wait  95 % | rise acks   mtu\n";

/// Megabits per second, and the round trip in milliseconds.
const LINKS: [(u64, u64); 10] = [
    (20, 10),
    (20, 40),
    (20, 100),
    (20, 300),
    (100, 10),
    (100, 40),
    (100, 100),
    (100, 300),
    (1000, 10),
    (1000, 40),
];

/// The same, and the queue in percent of the bandwidth-delay product.
const SHARED: [(u64, u64, u64); 7] = [
    (20, 10, 100),
    (20, 40, 100),
    (20, 100, 100),
    (100, 10, 100),
    (100, 40, 100),
    (20, 40, 400),
    (100, 40, 400),
];
