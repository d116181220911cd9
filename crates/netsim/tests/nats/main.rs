//! Connections between all kinds of NAT.
#![cfg(test)]

mod trial;

use netsim::NatKind;
use trial::{Outcome, Site, connect};

#[test]
fn explore() {
    let sites = [
        ("open", Site::Open),
        ("fw", Site::Firewall),
        ("full", Site::Nat(NatKind::FULL)),
        ("adf", Site::Nat(NatKind::ADDRESS)),
        ("home", Site::Nat(NatKind::HOME)),
        ("cgnat", Site::Carrier(NatKind::HOME)),
        ("seq", Site::Nat(NatKind::SEQUENTIAL)),
        ("random", Site::Nat(NatKind::RANDOM)),
        ("cgrandom", Site::Carrier(NatKind::RANDOM)),
    ];
    for (name, client) in sites {
        for (other, server) in sites {
            let mut times = Vec::new();
            let mut errors = Vec::new();
            for seed in 1..=5 {
                match connect(seed, client, server, 0) {
                    Outcome::Opened { after, .. } => times.push(after.as_millis()),
                    failed => errors.push(failed.to_string()),
                }
            }
            times.sort();
            println!("{name:>9} {other:>9} {times:?} {errors:?}");
        }
    }
}
