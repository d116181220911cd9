//! Clients of a relay that ask for too much, or for nonsense.

use std::time::Duration;

use netsim::Link;
use proto::noise::KeyPair;
use proto::wire::{MuxFrame, MuxOpen, RelayPair, RelayUnpair};
use proto::{Command, Config, ConnId, ConnectOptions, Event, RelayLimits};

use crate::steps::*;

#[test]
fn requests_for_pairings_are_bounded_and_expire() {
    let limits =
        RelayLimits { max_pairings: 500, max_pairings_per_client: 100, ..RelayLimits::default() };
    let mut scene = Scene::new(21, apart(), limits);
    let flood = dial_relay(&mut scene);
    for number in 0..10_000_u32 {
        say(&mut scene, flood, pair(number, true));
    }
    scene.world.run_for(Duration::from_secs(5));
    let stats = scene.relay_stats();
    assert_eq!((stats.pairings_requested, stats.pairings_pending), (10_000, 100));
    assert_eq!(stats.refused, 9_900);
    assert_eq!(scene.world.get(RELAY).node.stats().dropped.relay, 9_900);

    // Nothing else is disturbed.
    scene.connect(through(&scene));
    scene.exchange(0..50);
    scene.world.run_for(Duration::from_secs(25));
    let stats = scene.relay_stats();
    assert_eq!((stats.pairings_pending, stats.pairings_active), (0, 1));
    scene.world.command(CLIENT, Command::DestroyConn { conn: flood });
    scene.close();
}

#[test]
fn requests_that_are_made_and_taken_back_leave_nothing() {
    let limits = RelayLimits { max_pairings: 50, ..RelayLimits::default() };
    let mut scene = Scene::new(22, apart(), limits);
    let flood = dial_relay(&mut scene);
    for number in 0..1000 {
        say(&mut scene, flood, pair(number, number % 2 == 0));
        say(&mut scene, flood, RelayUnpair { token: token(number) }.frame(1));
    }
    scene.world.run_for(Duration::from_secs(5));
    assert_eq!(scene.relay_stats().pairings_pending, 0);
    assert!(scene.world.get(RELAY).node.sizes().pairings < 200);
    scene.world.run_for(Duration::from_secs(60));
    assert_eq!(scene.world.get(RELAY).node.sizes().pairings, 1, "the session");
}

#[test]
fn one_client_is_not_both_ends_and_ends_no_pair_of_others() {
    let mut scene = Scene::new(23, apart(), RelayLimits::default());
    let (a, b) = (dial_relay(&mut scene), dial_relay(&mut scene));
    for is_initiator in [true, false, true] {
        say(&mut scene, a, pair(1, is_initiator));
    }
    scene.world.run_for(Duration::from_secs(1));
    let stats = scene.relay_stats();
    assert_eq!((stats.pairings_active, stats.pairings_pending, stats.refused), (0, 1, 2));

    say(&mut scene, b, pair(1, false));
    scene.world.run_for(Duration::from_secs(1));
    assert_eq!(scene.relay_stats().pairings_active, 1);
    let c = dial_relay(&mut scene);
    say(&mut scene, c, RelayUnpair { token: token(1) }.frame(1));
    scene.world.run_for(Duration::from_secs(1));
    assert_eq!(scene.relay_stats().pairings_active, 1);
    say(&mut scene, b, RelayUnpair { token: token(1) }.frame(1));
    scene.world.run_for(Duration::from_secs(1));
    assert_eq!(scene.relay_stats().pairings_active, 0);
}

#[test]
fn nonsense_ends_the_connection_that_it_came_on() {
    let mut scene = Scene::new(24, apart(), RelayLimits::default());
    scene.connect(through(&scene));
    let cut = MuxFrame::Message { channel: 1, kind: 0, body: &[1, 2, 3] }.encode();
    for nonsense in [vec![0; 70_000], vec![0xff], cut] {
        let conn = dial_relay(&mut scene);
        say(&mut scene, conn, nonsense);
        scene.world.wait_for(
            CLIENT,
            |event| matches!(event, Event::Closed(closed) if closed.conn == conn),
        );
    }
    assert_eq!(scene.world.get(RELAY).node.stats().dropped.relay, 3);
    scene.exchange(0..50);
    scene.close();
}

#[test]
fn a_relay_has_a_bounded_number_of_clients() {
    let limits = RelayLimits { max_sessions: 3, ..RelayLimits::default() };
    let mut scene = Scene::new(25, apart(), limits);
    for _ in 0..5 {
        dial_relay(&mut scene);
    }
    scene.world.run_for(Duration::from_secs(2));
    let stats = scene.relay_stats();
    assert_eq!((stats.sessions_active, stats.sessions_accepted, stats.refused), (3, 3, 2));
}

#[test]
fn clients_that_name_relays_that_do_not_exist_are_bounded() {
    let mut scene = Scene::with(26, RelayLimits::default(), Link::default(), |_| apart());
    let nowhere = |number| {
        let key_pair = KeyPair::from_seed([number; 32]);
        let relay_through = vec![[7; 32]];
        ConnectOptions { key_pair: Some(key_pair), relay_through, ..ConnectOptions::default() }
    };
    for number in 0..60 {
        scene.begin(nowhere(number));
    }
    scene.world.run_until(WITHIN, |world| world.get(SERVER).node.stats().dropped.admission > 0);
    // Those that wait, and the connection to the relay.
    assert!(scene.world.get(SERVER).node.sizes().pairings <= 17);
    scene.world.run_for(Duration::from_secs(60));
    assert!(is_idle(&scene.world));
}

/// A connection to the relay with an open channel.
fn dial_relay(scene: &mut Scene) -> ConnId {
    let conn = ConnId(scene.dialled);
    scene.dialled += 1;
    let relay = scene.relay;
    scene.world.connect_with(CLIENT, conn, relay, ConnectOptions::default());
    let client = Config::default().key_pair.public();
    let open =
        MuxOpen { id: 1, protocol: RelayPair::PROTOCOL, channel_id: &client, handshake: &[] };
    say(scene, conn, MuxFrame::Open(open).encode());
    scene.world.run_until(WITHIN, |world| world.get(CLIENT).node.conn_path(conn).is_some());
    conn
}

fn say(scene: &mut Scene, conn: ConnId, message: Vec<u8>) {
    let data = proto::Message::from(&message);
    scene.world.command(CLIENT, Command::Write { conn, data });
}

fn pair(number: u32, is_initiator: bool) -> Vec<u8> {
    RelayPair { is_initiator, token: token(number), id: number + 1, seq: 0 }.frame(1)
}

fn token(number: u32) -> [u8; 32] {
    let mut token = [0; 32];
    token[..4].copy_from_slice(&number.to_le_bytes());
    token
}
