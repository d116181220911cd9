//! Moves of a stream to another path, which may not work.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::super::Event;
use super::{Link, MIB, Pair, noise};

#[test]
fn a_stream_moves_to_another_path_without_loss_or_doubling() {
    let link = Link { loss: 20, rate: 5_000_000, queue: 200_000, ..Link::default() };
    let mut pair = Pair::new(link, 11);
    let data = noise(3 * MIB, 11);
    pair.a.write(&data);
    pair.a.stream.end();
    pair.b.stream.end();
    assert!(pair.run_until(30.0, |pair| pair.b.received.len() > MIB));
    move_a(&mut pair);
    assert_eq!(pair.a.stream.stats().mtu, 1200);
    assert!(pair.run_until(60.0, Pair::is_over));
    assert!(pair.b.received == data);
    assert!(pair.a.events.contains(&Event::RemoteChanged));
    assert!(pair.a.events.contains(&Event::PathValidated));
    assert!(pair.a.destinations.contains(&OTHER));
}

#[test]
fn a_path_is_valid_when_a_packet_that_took_it_alone_is_acknowledged() {
    let mut pair = Pair::new(Link::default(), 3);
    pair.a.write(b"over the first path");
    pair.run_until(1.0, |_| false);
    move_a(&mut pair);
    assert!(pair.a.stream.is_validating());
    // Everything that was sent has arrived, but that does not validate the new path.
    assert!(pair.run_until(0.1, |pair| pair.a.events.contains(&Event::RemoteChanged)));
    assert!(pair.a.stream.is_validating());

    pair.a.write(b"over the new one");
    assert!(pair.run_until(0.1, |pair| pair.a.events.contains(&Event::PathValidated)));
    assert!(!pair.a.stream.is_validating());
}

#[test]
fn what_the_old_path_delivers_says_nothing_about_the_new_one() {
    let mut pair = Pair::new(Link { rate: 1_000_000, queue: MIB as u64, ..Link::default() }, 4);
    let data = noise(MIB / 2, 4);
    pair.a.write(&data);
    pair.run_until(0.1, |_| false);
    pair.dark = Some(OTHER);
    move_a(&mut pair);
    let far = |pair: &Pair| pair.a.events.contains(&Event::RemoteChanged);
    pair.run_until(1.0, far);
    assert!(pair.a.stream.is_validating());
}

#[test]
fn little_is_sent_over_a_path_that_answers_nothing_and_no_byte_is_lost() {
    for seed in 0..10 {
        let link = Link { loss: 10, rate: 5_000_000, queue: 200_000, ..Link::default() };
        let mut pair = Pair::new(link, seed);
        let data = noise(3 * MIB, seed);
        pair.a.write(&data);
        pair.a.stream.end();
        pair.b.stream.end();
        assert!(pair.run_until(30.0, |pair| pair.b.received.len() > MIB));
        pair.dark = Some(OTHER);
        move_a(&mut pair);
        let failed = |pair: &Pair| pair.a.events.contains(&Event::PathFailed);
        assert!(pair.run_until(4.0, failed), "seed {seed}");
        // Twice the initial window, each time with a tail loss probe.
        assert!(pair.vanished <= 2 * (12_000 + 2 * 1500), "seed {seed}: {}", pair.vanished);
        assert!(pair.run_until(60.0, Pair::is_over), "seed {seed}");
        assert!(pair.b.received == data, "seed {seed}");
        assert!(!pair.a.events.contains(&Event::PathValidated));
    }
}

#[test]
fn a_stream_leaves_a_path_that_is_dead_already() {
    let mut pair = Pair::new(Link::default(), 5);
    let data = noise(2 * MIB, 5);
    pair.a.write(&data);
    assert!(pair.run_until(30.0, |pair| pair.b.received.len() > MIB));
    pair.dark = pair.a.stream.remote();
    pair.run_until(0.5, |_| false);
    move_a(&mut pair);
    pair.a.write(b"new");
    assert!(pair.run_until(10.0, |pair| pair.b.received.len() == data.len() + 3));
    assert!(pair.b.received.starts_with(&data) && pair.b.received.ends_with(b"new"));
    assert!(!pair.a.events.contains(&Event::PathFailed));
}

#[test]
fn a_stream_that_moves_twice_falls_back_to_the_path_that_worked() {
    let mut pair = Pair::new(Link::default(), 6);
    pair.a.write(b"x");
    pair.run_until(1.0, |_| false);
    let first = pair.a.stream.remote();
    let (now, id) = (pair.now, pair.b.stream.local_id());
    pair.a.stream.change_remote(now, id, SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 6));
    pair.dark = Some(OTHER);
    move_a(&mut pair);
    pair.a.write(b"y");
    assert!(pair.run_until(10.0, |pair| pair.b.received == b"xy"));
    assert_eq!(pair.a.stream.remote(), first);
    assert!(pair.a.events.contains(&Event::PathFailed));
}

#[test]
fn packets_to_an_ipv6_address_leave_room_for_its_header() {
    let mut pair = Pair::new(Link { mtu: 1500, ..Link::default() }, 7);
    let (now, id) = (pair.now, pair.b.stream.local_id());
    pair.a.stream.change_remote(now, id, SIX);
    let data = noise(MIB, 7);
    pair.a.write(&data);
    assert!(pair.run_until(30.0, |pair| pair.b.received == data));
    assert_eq!(pair.a.stream.stats().mtu, 1500);
}

#[test]
fn packets_of_the_base_size_are_sent_again_over_an_ipv6_path() {
    let mut pair = Pair::new(Link { mtu: 1200, ..Link::default() }, 8);
    let data = noise(50_000, 8);
    pair.a.write(b"x");
    pair.run_until(1.0, |_| false);
    pair.dark = pair.a.stream.remote();
    pair.link.mtu = 1280;
    pair.a.write(&data);
    pair.run_until(0.001, |_| false);
    let (now, id) = (pair.now, pair.b.stream.local_id());
    pair.a.stream.change_remote(now, id, SIX);
    // Not over the old path before.
    assert!(pair.run_until(0.08, |pair| pair.b.received.len() == data.len() + 1));
    assert!(!pair.a.events.contains(&Event::PathFailed));
}

fn move_a(pair: &mut Pair) {
    let (now, id) = (pair.now, pair.b.stream.local_id());
    pair.a.stream.change_remote(now, id, OTHER);
}

const OTHER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7);

const SIX: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 8);
