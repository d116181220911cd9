//! Connections between all kinds of NAT, on virtual time. `NATS_SEEDS` says how many seeds each pair
//! runs with.
#![cfg(test)]

mod trial;

use std::time::Duration;

use netsim::NatKind;
use proto::{ConnError, ConnectError};
use trial::{Outcome, Site, connect};

#[test]
fn all_possible_pairs_connect() {
    let tally = Tally::over(0, |client, server| is_possible(client, server));
    tally.print("no loss");
    assert!(tally.failed.is_empty());
}

#[test]
fn most_connect_at_5_percent_loss() {
    let tally = Tally::over(50, |client, server| is_possible(client, server));
    tally.print("5 % loss");
    assert!(tally.share() >= 0.999);
}

#[test]
fn most_connect_at_10_percent_loss() {
    let tally = Tally::over(100, |client, server| is_possible(client, server));
    tally.print("10 % loss");
    assert!(tally.share() >= 0.995);
}

#[test]
fn impossible_pairs_end_soon_with_the_reason() {
    let tally = Tally::over(0, |client, server| !is_possible(client, server));
    assert!(tally.opened.is_empty());
    for (pair, outcome) in tally.failed {
        let Outcome::Failed { after, error } = outcome else { unreachable!() };
        let reason = Some(ConnError::Connect(ConnectError::HolepunchDoubleRandomizedNats));
        assert_eq!(error, reason, "{pair}");
        assert!(after < Duration::from_millis(600), "{pair}: {after:?}");
    }
}

/// The outcomes of many connects.
#[derive(Default)]
struct Tally {
    opened: Vec<(String, Duration)>,
    failed: Vec<(String, Outcome)>,
}

impl Tally {
    fn over(loss_per_mille: u32, which: impl Fn(Site, Site) -> bool) -> Self {
        let seeds = std::env::var("NATS_SEEDS").map_or(3, |seeds| seeds.parse().unwrap());
        let mut tally = Self::default();
        for (client_name, client) in SITES {
            for (server_name, server) in SITES {
                if which(client, server) {
                    let pair = format!("{client_name}, {server_name}");
                    tally.add(&pair, (client, server), loss_per_mille, seeds);
                }
            }
        }
        tally
    }

    fn add(&mut self, pair: &str, (client, server): (Site, Site), loss: u32, seeds: u64) {
        let mut times = Vec::new();
        for seed in 1..=seeds {
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
            println!("{pair:>20} {:>4}/{seeds} {middle:>6} {last:>6}", times.len());
        }
    }

    fn share(&self) -> f64 {
        let opened = self.opened.len();
        opened as f64 / (opened + self.failed.len()) as f64
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
