//! Moves of a stream to another path, which may not work.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use std::time::Duration;

use super::super::{CloseReason, Event};
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
        // A report that nobody receives there ends the move and not the stream.
        pair.run_until(0.2, |_| false);
        pair.a.stream.handle_unreachable(pair.now, Duration::from_secs(1));
        let failed = |pair: &Pair| pair.a.events.contains(&Event::PathFailed);
        assert!(pair.run_until(4.0, failed), "seed {seed}");
        // Twice the initial window, each time with a tail loss probe.
        assert!(pair.vanished <= 2 * (12_000 + 2 * 1500), "seed {seed}: {}", pair.vanished);
        assert!(pair.run_until(60.0, Pair::is_over), "seed {seed}");
        assert!(pair.b.received == data, "seed {seed}");
        assert!(!pair.a.events.contains(&Event::PathValidated));
    }
}

/// Probes of the path are small.
#[test]
fn a_stream_whose_packets_are_too_large_for_the_path_ends_although_the_peer_answers() {
    let mut pair = Pair::new(Link::default(), 5);
    pair.a.write(&noise(2 * MIB, 5));
    assert!(pair.run_until(30.0, |pair| pair.b.received.len() > MIB));
    pair.link.mtu = 200;
    pair.a.write(&noise(2 * MIB, 5));
    // Packets from before arrive in fragments. The next ones are too large for this path, too.
    for _ in 0..30 {
        pair.run_until(0.8, |pair| pair.a.stream.is_done());
        pair.a.stream.handle_reached();
    }
    assert!(pair.a.events.contains(&Event::Closed(CloseReason::TimedOut)));
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

/// What is sent again uses up what an unvalidated path may carry, and proves nothing.
#[test]
fn a_stream_goes_on_when_all_that_it_sent_again_has_arrived() {
    for written in 9..20 {
        let mut pair = Pair::new(Link::default(), 5);
        pair.a.write(b"x");
        pair.run_until(1.0, |_| false);
        pair.dark = pair.a.stream.remote();
        let data = noise(written * 1152, 5);
        pair.a.write(&data);
        pair.run_until(0.01, |_| false);
        let (now, id) = (pair.now, pair.b.stream.local_id());
        pair.a.stream.change_proven(now, id, SIX);
        move_a(&mut pair);
        pair.run_until(5.0, |_| false);
        pair.a.write(b"y");
        let all = data.len() + 2;
        assert!(pair.run_until(10.0, |pair| pair.b.received.len() == all), "{written}");
        assert!(pair.a.events.contains(&Event::PathValidated));
    }
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

/// Whatever was under way, and whether or not the stream was moving already.
#[test]
fn a_move_that_was_proven_is_over_at_once_and_says_so_once() {
    for (writes, is_moving) in [(false, false), (true, false), (true, true)] {
        let mut pair = Pair::new(Link::default(), 7);
        pair.a.write(b"before");
        pair.run_until(1.0, |_| false);
        if writes {
            pair.a.write(&noise(100_000, 7));
            pair.run_until(0.01, |_| false);
        }
        if is_moving {
            move_a(&mut pair);
        }
        pair.run_until(0.001, |_| false);
        pair.a.events.clear();
        let (now, id) = (pair.now, pair.a.stream.remote_id().expect("a peer"));
        pair.a.stream.change_proven(now, id, OTHER);
        pair.run_until(1.0, |_| false);
        let count = |event| pair.a.events.iter().filter(|seen| **seen == event).count();
        let counts = (count(Event::RemoteChanged), count(Event::PathValidated));
        assert_eq!(counts, (1, 1), "{writes}, {is_moving}");
        assert_eq!(pair.b.received.len(), 6 + if writes { 100_000 } else { 0 });
    }
}

fn move_a(pair: &mut Pair) {
    let (now, id) = (pair.now, pair.b.stream.local_id());
    pair.a.stream.change_remote(now, id, OTHER);
}

const OTHER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7);

const SIX: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 8);
