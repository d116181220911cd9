//! Connections between all kinds of NAT, on virtual time. `NATS_SEEDS` says how many seeds each pair
//! runs with.
#![cfg(test)]

mod changes;
mod counting;
mod open;
mod trial;

use std::time::Duration;

use netsim::NatKind;
use proto::{ConnError, ConnectError, ConnectReason, ConnectStep, NatClass};
use trial::{Outcome, Shared, Site, connect, connect_again, connect_together};

#[test]
fn all_possible_pairs_connect() {
    let tally = Tally::over(0, is_possible);
    tally.print("no loss");
    assert!(tally.failed.is_empty());
    // the goals of docs/CONNECTIVITY.md
    for (pair, after) in tally.opened {
        let is_random = pair.contains("random") && !pair.contains("open");
        assert!(
            after < Duration::from_millis(if is_random { 6000 } else { 400 }),
            "{pair}: {after:?}"
        );
    }
}

/// Both ends send from other sockets than the first time.
#[test]
fn pairs_that_need_no_guess_connect_again() {
    let mut slowest = Duration::ZERO;
    for (client_name, client) in SITES {
        for (server_name, server) in SITES {
            if client.is_symmetric() || server.is_symmetric() {
                continue;
            }
            for (seed, loss) in (1..=seeds()).flat_map(|seed| [(seed, 0), (seed, 100)]) {
                let outcome = connect_again(seed, client, server, loss);
                let limit = if loss == 0 { 400 } else { 6000 };
                let pair = format!("{client_name}, {server_name}, seed {seed}, {loss} ‰ lost");
                assert!(outcome.opened_within(limit), "{pair}: {outcome}");
                if let (Outcome::Opened { after }, 0) = (outcome, loss) {
                    slowest = slowest.max(after);
                }
            }
        }
    }
    println!("again, no loss: {} ms at most", slowest.as_millis());
}

#[test]
fn most_connect_at_5_percent_loss() {
    let tally = Tally::over(50, is_possible);
    tally.print("5 % loss");
    assert!(tally.failed_per_mille() <= 1);
}

#[test]
fn most_connect_at_10_percent_loss() {
    let tally = Tally::over(100, is_possible);
    tally.print("10 % loss");
    assert!(tally.failed_per_mille() <= 5);
}

/// What a NAT looks like is known only when several nodes have said what they see.
#[test]
fn a_lost_sample_costs_less_than_a_second() {
    let home = Site::Nat(NatKind::HOME);
    let is_slow = |seed: &u64| !connect(*seed, home, home, 100).opened_within(900);
    let slow: Vec<u64> = (1..=60).filter(is_slow).collect();
    assert!(slow.len() <= 2, "seeds {slow:?}");
}

#[test]
fn impossible_pairs_end_soon_with_the_reason() {
    let is_impossible = |client, server| !is_possible(client, server) && !can_guess(client, server);
    let tally = Tally::over(0, is_impossible);
    assert!(tally.opened.is_empty());
    for (pair, outcome) in tally.failed {
        let Outcome::Failed { after, error, trace } = outcome else { unreachable!() };
        let expected = Some(ConnError::Connect(ConnectError::HolepunchDoubleRandomizedNats));
        assert_eq!(error, expected, "{pair}");
        assert_eq!(trace.reason, ConnectReason::RandomNats, "{pair}");
        let nats = (trace.local_nat, trace.remote_nat);
        assert_eq!(nats, (NatClass::Random, NatClass::Random), "{pair}");
        let last = trace.steps.last().expect("a step");
        assert_eq!((last.step, last.after), (ConnectStep::Failed, after), "{pair}");
        assert!(after < Duration::from_millis(600), "{pair}: {after:?}");
    }
}

#[test]
fn hosts_behind_one_nat_find_the_short_way() {
    let isolated = NatKind { isolated: true, ..NatKind::HOME };
    let carrier = NatKind { isolated: false, ..NatKind::HOME };
    for kind in [NatKind::HOME, NatKind::HOME.with_hairpin()] {
        for firewalls in [false, true] {
            let shared = Shared { kind, firewalls, carrier: false };
            check_together(shared, |outcome| outcome.opened_within(350));
        }
    }
    for (kind, carrier) in [(isolated, false), (carrier, true)] {
        let shared = Shared { kind: kind.with_hairpin(), firewalls: false, carrier };
        check_together(shared, |outcome| outcome.opened_within(350));
        let shared = Shared { kind, ..shared };
        check_together(shared, |outcome| {
            outcome.failed_within(4000) && outcome.reason() == Some(ConnectReason::ProbesLost)
        });
    }
}

fn check_together(shared: Shared, is_good: impl Fn(&Outcome) -> bool) {
    for seed in 1..=seeds() {
        let outcome = connect_together(seed, shared);
        assert!(is_good(&outcome), "{shared:?}, seed {seed}: {outcome}");
    }
}

fn seeds() -> u64 {
    std::env::var("NATS_SEEDS").map_or(3, |seeds| seeds.parse().expect("a number"))
}

/// The outcomes of many connects.
#[derive(Default)]
struct Tally {
    opened: Vec<(String, Duration)>,
    failed: Vec<(String, Outcome)>,
}

impl Tally {
    fn over(loss_per_mille: u32, which: impl Fn(Site, Site) -> bool) -> Self {
        let mut tally = Self::default();
        for (client_name, client) in SITES {
            for (server_name, server) in SITES {
                if which(client, server) {
                    let pair = format!("{client_name}, {server_name}");
                    tally.add(&pair, (client, server), loss_per_mille);
                }
            }
        }
        tally
    }

    fn add(&mut self, pair: &str, (client, server): (Site, Site), loss: u32) {
        let mut times = Vec::new();
        for seed in 1..=seeds() {
            match connect(seed, client, server, loss) {
                Outcome::Opened { after } => {
                    times.push(after.as_millis());
                    self.opened.push((pair.to_string(), after));
                }
                failed => self.failed.push((format!("{pair}, seed {seed}"), failed)),
            }
        }
        times.sort_unstable();
        if let (Some(middle), Some(last)) = (times.get(times.len() / 2), times.last()) {
            println!("{pair:>30} {:>4} {middle:>6} {last:>6}", times.len());
        }
    }

    /// Two failures in a few hundred tries say nothing.
    fn failed_per_mille(&self) -> usize {
        let failed = self.failed.len();
        if failed <= 2 { 0 } else { 1000 * failed / (self.opened.len() + failed) }
    }

    fn print(&self, title: &str) {
        println!("{title}: {} opened, {} failed", self.opened.len(), self.failed.len());
        for (pair, outcome) in &self.failed {
            println!("  {pair}: {outcome}");
        }
    }
}

/// Two NATs that both take another port for each endpoint cannot learn each other's.
fn is_possible(client: Site, server: Site) -> bool {
    !(client.is_symmetric() && server.is_symmetric())
}

/// Each can guess what the other one's NAT does next.
fn can_guess(client: Site, server: Site) -> bool {
    let counting = Site::Nat(NatKind::SEQUENTIAL);
    client == counting && server == counting
}

const SITES: [(&str, Site); 9] = [
    ("open", Site::Open),
    ("firewall", Site::Firewall),
    ("full", Site::Nat(NatKind::FULL)),
    ("address", Site::Nat(NatKind::ADDRESS)),
    ("home", Site::Nat(NatKind::HOME)),
    ("carrier", Site::Carrier(NatKind::HOME)),
    ("sequential", Site::Nat(NatKind::SEQUENTIAL)),
    ("random", Site::Nat(NatKind::RANDOM)),
    ("carrier random", Site::Carrier(NatKind::RANDOM)),
];
