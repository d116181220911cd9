//! Connections through a blind relay.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one event among many")]
#![cfg(test)]

mod hostile;
mod steps;

use std::time::Duration;

use netsim::Link;
use proto::{Command, ConnectError, ConnectOptions, Event, RelayLimits, ServerOptions};

use steps::*;

#[test]
fn peers_that_cannot_punch_talk_through_the_clients_relay() {
    let mut scene = Scene::new(1, apart(), RelayLimits::default());
    scene.connect(through(&scene));
    scene.exchange(0..100);
    assert!(scene.is_relayed(CLIENT) && scene.is_relayed(SERVER));
    let stats = scene.relay_stats();
    assert_eq!((stats.pairings_active, stats.sessions_active, stats.pairings_pending), (1, 2, 0));
    assert!(stats.bytes > 200 * MESSAGE as u64, "{stats:?}");
    let counted = scene.world.get(SERVER).node.stats();
    assert_eq!((counted.relaying_attempts, counted.relaying_successes), (1, 1));
    scene.close();
}

#[test]
fn peers_that_cannot_punch_talk_through_the_servers_relay() {
    let options = |relay| ServerOptions { relay_through: vec![relay], ..apart() };
    let mut scene = Scene::with(2, RelayLimits::default(), Link::default(), options);
    scene.connect(ConnectOptions::default());
    scene.exchange(0..100);
    assert!(scene.is_relayed(CLIENT) && scene.is_relayed(SERVER));
    scene.close();
}

/// The stream through the relay has no keys there: it follows the connection to the relay.
#[test]
fn a_relayed_connection_survives_that_an_end_moves() {
    for seed in 0..5 {
        for host in [CLIENT, SERVER] {
            let link = Link { loss_per_mille: 10, ..Link::default() };
            let mut scene = Scene::with(seed, RelayLimits::default(), link, |_| apart());
            scene.connect(through(&scene));
            scene.exchange(0..100);
            scene.write(100..300);
            scene.world.run_for(Duration::from_millis(100));
            scene.world.roam(host, None);
            scene.world.tell_interfaces(host);
            let moved = scene.world.elapsed();
            scene.assert_all_arrive(300);
            let took = scene.world.elapsed() - moved;
            assert!(took < Duration::from_secs(5), "seed {seed}, {host:?}: {took:?}");
            assert!(scene.is_relayed(CLIENT) && scene.is_relayed(SERVER));
            scene.write(300..301);
            scene.assert_all_arrive(301);
        }
    }
}

#[test]
fn the_servers_relay_takes_precedence() {
    let options = |relay| ServerOptions { relay_through: vec![relay], ..apart() };
    let mut scene = Scene::with(3, RelayLimits::default(), Link::default(), options);
    let nobody = ConnectOptions { relay_through: vec![[9; 32]], ..ConnectOptions::default() };
    scene.connect(nobody);
    scene.exchange(0..10);
    assert!(scene.is_relayed(CLIENT));
    scene.close();
}

#[test]
fn a_relayed_connection_moves_to_the_path_that_is_punched_and_loses_no_byte() {
    for seed in 0..50 {
        let link = Link { loss_per_mille: 10, ..Link::default() };
        let mut scene =
            Scene::with(seed, RelayLimits::default(), link, |_| ServerOptions::default());
        let options = ConnectOptions { ask_holepunch: true, fast_open: false, ..through(&scene) };
        scene.connect(options);
        assert!(scene.is_relayed(CLIENT), "seed {seed}");
        scene.write(0..200);
        scene.accept_punch();
        for part in 1..10 {
            scene.world.run_for(Duration::from_millis(200));
            scene.write(part * 200..(part + 1) * 200);
        }
        scene.assert_all_arrive(2000);
        scene
            .world
            .run_until(WITHIN, |world| !is_relayed(world, CLIENT) && !is_relayed(world, SERVER));
        scene.world.run_until(WITHIN, is_idle);
        scene.write(2000..2100);
        scene.assert_all_arrive(2100);
        assert!(!scene.is_relayed(CLIENT) && !scene.is_relayed(SERVER), "seed {seed}");
        scene.close();
    }
}

#[test]
fn the_connections_of_two_nodes_share_their_connections_to_the_relay() {
    let mut scene = Scene::new(4, apart(), RelayLimits::default());
    for _ in 0..5 {
        scene.connect(through(&scene));
    }
    let stats = scene.relay_stats();
    assert_eq!((stats.pairings_active, stats.sessions_active), (5, 2));
    scene.world.command(CLIENT, Command::DestroyConn { conn: scene.conns[0] });
    scene.world.run_for(Duration::from_secs(2));
    let stats = scene.relay_stats();
    assert_eq!((stats.pairings_active, stats.sessions_active), (4, 2));
    scene.close();
}

#[test]
fn a_relay_that_does_not_exist_is_given_up() {
    let mut scene = Scene::new(5, apart(), RelayLimits::default());
    let options = ConnectOptions { relay_through: vec![[9; 32]], ..ConnectOptions::default() };
    scene.begin(options);
    scene.world.wait_for(CLIENT, |event| matches!(event, Event::Closed(_)));
    let error = scene.failure();
    let fits = matches!(error, Some(ConnectError::HolepunchAborted | ConnectError::RelayAborted));
    assert!(fits, "{error:?}");
    scene.world.run_for(Duration::from_secs(30));
    assert_eq!(scene.world.get(SERVER).node.stats().relaying_aborts, 1);
    assert!(is_idle(&scene.world));
}

#[test]
fn a_server_that_does_not_ask_for_a_pairing_costs_15_seconds() {
    let mut scene = Scene::new(6, apart(), RelayLimits::default());
    // Its relay has no room.
    let full = RelayLimits { max_pairings: 0, ..RelayLimits::default() };
    let relay = scene.start_relay(full);
    scene.begin(ConnectOptions { relay_through: vec![relay], ..ConnectOptions::default() });
    let before = scene.world.elapsed();
    scene.world.wait_for(CLIENT, |event| matches!(event, Event::Closed(_)));
    assert_eq!(scene.failure(), Some(ConnectError::RelayAborted));
    assert!((15..17).contains(&(scene.world.elapsed() - before).as_secs()));
}

#[test]
fn a_pair_that_is_idle_ends() {
    let limits = RelayLimits { idle_timeout: Duration::from_secs(8), ..RelayLimits::default() };
    let mut scene = Scene::new(7, apart(), limits);
    let keep_alive = Some(Duration::from_secs(60));
    scene.connect(ConnectOptions { keep_alive, ..through(&scene) });
    // The keep-alive of the server keeps the pair, until the host is gone.
    scene.world.run_for(Duration::from_secs(30));
    assert_eq!(scene.relay_stats().pairings_active, 1);
    scene.world.crash(SERVER);
    scene.world.crash(CLIENT);
    scene.world.run_for(Duration::from_secs(15));
    assert_eq!(scene.relay_stats().pairings_active, 0);
}

#[test]
fn a_pair_does_not_exceed_its_rate() {
    let limits = RelayLimits { max_rate: Some(200_000), ..RelayLimits::default() };
    let mut scene = Scene::new(8, apart(), limits);
    scene.connect(through(&scene));
    let before = (scene.relay_stats().bytes, scene.world.elapsed());
    scene.write(0..400);
    scene.assert_all_arrive(400);
    let (bytes, elapsed) = (scene.relay_stats().bytes - before.0, scene.world.elapsed() - before.1);
    // In both directions.
    let per_second = bytes as f64 / elapsed.as_secs_f64() / 2.0;
    assert!(per_second < 220_000.0 && scene.relay_stats().throttled > 0, "{per_second}");
}

#[test]
fn a_relay_that_closes_ends_its_pairs() {
    let mut scene = Scene::new(9, apart(), RelayLimits::default());
    scene.connect(through(&scene));
    scene.world.command(RELAY, Command::CloseServer { server: RELAYING });
    scene.world.wait_for(RELAY, |event| matches!(event, Event::ServerClosed { .. }));
    assert_eq!(scene.world.get(RELAY).node.relay_stats(RELAYING), None);
    scene.world.run_for(Duration::from_secs(60));
    assert!(is_idle(&scene.world));
}
