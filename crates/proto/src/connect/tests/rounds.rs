//! Rounds with a server of the reference that is far away, and over links that lose packets.

use std::time::Duration;

use super::opened;
use super::world::{NatKind, World};

#[test]
fn a_server_of_the_reference_punches_on_however_far_it_is() {
    for (seed, far) in (1..=20).flat_map(|seed| FAR.map(|far| (seed, far))) {
        let trial = punch(seed, far, 0);
        assert_eq!((trial.opened, trial.cut_off), (true, 0), "seed {seed}, {far} ms");
    }
}

#[test]
fn a_lost_round_does_not_end_the_punch_of_the_reference() {
    for loss in [2, 5, 10] {
        let trials = (1..=8).flat_map(|seed| FAR.map(|far| punch(seed, far, loss)));
        let trials: Vec<_> = trials.collect();
        assert!(trials.iter().all(|trial| trial.cut_off == 0), "loss {loss} %");
        // The search, the handshake and the probe round have four tries each.
        let opened = trials.iter().filter(|trial| trial.opened).count();
        assert!(opened * 10 >= trials.len() * 9, "{opened} of {} at {loss} %", trials.len());
    }
}

#[test]
fn a_server_that_is_busy_for_a_while_is_asked_again() {
    let trial = punch_with(1, 80, 0, 2);
    assert!(trial.opened);
    assert!(!punch_with(1, 80, 0, 9).opened, "but not for ever");
}

struct Trial {
    opened: bool,
    cut_off: u32,
}

/// A client behind a random NAT connects to a server at a one-way delay of `far` milliseconds.
fn punch(seed: u8, far: u64, loss: u64) -> Trial {
    punch_with(seed, far, loss, 0)
}

/// The same with a server that answers `busy` rounds with TRY_LATER.
fn punch_with(seed: u8, far: u64, loss: u64, busy: u32) -> Trial {
    let mut world = World::seeded(seed);
    let nat = world.far_nat(NatKind::Consistent, Duration::from_millis(far));
    let server = world.on(nat);
    let client = world.behind(NatKind::Random);
    let remote = world.listen_as_reference(server);
    world.loss = loss;
    if let Some(reference) = &mut world.hosts[server].reference {
        reference.busy = busy;
    }
    world.connect(client, remote);
    world.run(Duration::from_secs(50));
    let reference = world.hosts[server].reference.as_ref();
    let cut_off = reference.map_or(0, |reference| reference.cut_off);
    Trial { opened: opened(&world, client).is_some(), cut_off }
}

/// One-way delays in milliseconds. A round trip through a node crosses the server's link twice; the
/// last one takes longer than the second that the reference waits.
const FAR: [u64; 5] = [80, 160, 250, 400, 700];
