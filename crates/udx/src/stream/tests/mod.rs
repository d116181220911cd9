//! Two streams on a simulated link, in virtual time.

mod acks;
mod moves;
mod pair;
mod paths;
mod windows;
mod world;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::*;
use pair::{Link, Pair, Rng, noise};

const MIB: usize = 1024 * 1024;

#[test]
fn data_arrives_and_both_sides_end() {
    let mut pair = Pair::new(Link::default(), 1);
    pair.a.write(b"hello ");
    pair.a.write(b"world");
    pair.a.stream.end();
    pair.b.write(b"and back");
    pair.b.stream.end();
    assert!(pair.run_until(5.0, Pair::is_over));
    assert_eq!(pair.b.received, b"hello world");
    assert_eq!(pair.a.received, b"and back");
    assert!(pair.a.ended && pair.b.ended);
    assert!(pair.a.events.contains(&Event::Finished));
    assert!(pair.a.events.contains(&Event::Closed(CloseReason::Graceful)));
    assert!(pair.b.events.contains(&Event::Closed(CloseReason::Graceful)));
    assert!(pair.run_until(5.0, |pair| pair.a.stream.is_done() && pair.b.stream.is_done()));
}

#[test]
fn transfers_survive_loss_reordering_and_duplication() {
    for (seed, loss, jitter, duplicate) in
        [(1, 0, 0, 0), (2, 10, 0, 0), (3, 50, 0, 10), (4, 100, 20_000, 0), (5, 30, 5_000, 50)]
    {
        let link = Link { loss, jitter, duplicate, ..Link::default() };
        let mut pair = Pair::new(link, seed);
        let (there, back) = (noise(2 * MIB, seed), noise(MIB, seed + 100));
        pair.a.write(&there);
        pair.a.stream.end();
        pair.b.write(&back);
        pair.b.stream.end();
        assert!(pair.run_until(120.0, Pair::is_over), "seed {seed}: {:?}", pair.a.stream.stats());
        assert!(pair.b.received == there && pair.a.received == back, "seed {seed}");
    }
}

#[test]
fn numbers_wrap() {
    let first = u32::MAX - 300;
    let mut pair = Pair::starting_at(Link { loss: 20, ..Link::default() }, 7, first);
    let data = noise(2 * MIB, 7);
    pair.a.write(&data);
    pair.a.stream.end();
    pair.b.stream.end();
    assert!(pair.run_until(60.0, Pair::is_over));
    assert!(pair.b.received == data);
}

#[test]
fn a_destroyed_stream_resets_its_peer() {
    let mut pair = Pair::new(Link::default(), 1);
    pair.a.write(b"x");
    pair.run_until(0.5, |_| false);
    pair.a.stream.destroy(pair.now);
    assert!(!pair.a.stream.is_done());
    assert!(pair.run_until(1.0, |pair| pair.b.stream.is_done()));
    assert!(pair.a.stream.is_done());
    assert!(pair.b.events.contains(&Event::Closed(CloseReason::Reset)));
    assert!(pair.a.events.contains(&Event::Closed(CloseReason::Destroyed)));
}

#[test]
fn a_dead_peer_is_noticed_after_thirteen_seconds() {
    let mut pair = Pair::new(Link { loss: 1000, ..Link::default() }, 1);
    let start = pair.now;
    pair.a.write(b"ping");
    assert!(pair.run_until(60.0, |pair| pair.a.stream.is_done()));
    assert_eq!((pair.now - start).as_secs_f64(), 13.0);
    let unanswered = [Event::Unanswered; 6];
    assert_eq!(pair.a.events, [&unanswered[..], &[Event::Closed(CloseReason::TimedOut)]].concat());
    assert_eq!(pair.a.sent_at, [0, 1000, 3000, 5000, 7000, 9000, 11000]);
}

#[test]
fn a_silence_may_last_as_long_as_the_application_says() {
    let thirty = Config::timeouts_in(Duration::from_secs(30));
    for (max_timeouts, kept, lasts) in [(0, 0, 13), (thirty, 0, 31), (0, 30, 31)] {
        let told = |pair: &mut Pair| {
            pair.a.stream.config.max_timeouts = max_timeouts;
            pair.a.stream.keep_until(pair.now + Duration::from_secs(kept));
        };
        let mut pair = Pair::new(Link { loss: 1000, ..Link::default() }, 1);
        told(&mut pair);
        pair.a.write(b"never heard");
        assert!(pair.run_until(14.0, |pair| pair.a.stream.is_done()), "a peer that is not there");

        let mut pair = Pair::new(Link::default(), 1);
        pair.a.write(b"heard");
        pair.run_until(1.0, |_| false);
        told(&mut pair);
        pair.link.loss = 1000;
        pair.a.write(b"cut");
        let cut_at = pair.now;
        assert!(pair.run_until(60.0, |pair| pair.a.stream.is_done()));
        assert_eq!((pair.now - cut_at).as_secs(), lasts, "{max_timeouts} {kept}");
    }
}

#[test]
fn a_stream_that_has_ended_waits_no_longer_for_the_last_acknowledgement() {
    let mut pair = Pair::new(Link::default(), 1);
    pair.a.stream.set_max_timeouts(100);
    pair.a.write(b"all");
    pair.b.stream.end();
    assert!(pair.run_until(5.0, |pair| pair.b.received == b"all"));
    pair.run_until(1.0, |_| false);
    pair.link.loss = 1000;
    pair.a.stream.end();
    let cut_at = pair.now;
    assert!(pair.run_until(60.0, |pair| pair.a.stream.is_done()));
    assert!((pair.now - cut_at).as_secs() < 20);
    assert!(pair.a.events.contains(&Event::Finished));
}

#[test]
fn a_peer_that_is_silent_for_long_is_sent_less() {
    let mut pair = Pair::new(Link::default(), 1);
    pair.a.stream.set_thin_acks(true);
    pair.a.stream.set_max_timeouts(100);
    pair.a.write(b"heard");
    pair.run_until(1.0, |_| false);
    pair.link.loss = 1000;
    pair.a.write(b"cut");
    let packets_in = |pair: &mut Pair, seconds| {
        let before = pair.a.sent_at.len();
        pair.run_until(seconds, |_| false);
        pair.a.sent_at.len() - before
    };
    assert!(packets_in(&mut pair, 13.0) > 30);
    packets_in(&mut pair, 2.0);
    assert!(packets_in(&mut pair, 60.0) <= 60);
}

#[test]
fn a_first_packet_that_is_lost_costs_less_than_a_second() {
    let mut pair = Pair::new(Link { loss: 1000, ..Link::default() }, 1);
    pair.a.stream.timers.early = &EARLY_PROBE;
    let start = pair.now;
    pair.a.write(b"ping");
    pair.run_until(0.1, |_| false);
    pair.link.loss = 0;
    assert!(pair.run_until(10.0, |pair| pair.b.received == b"ping"));
    assert_eq!((pair.now - start).as_millis(), 410);

    pair.link.loss = 1000;
    pair.a.stream.forget_measurements();
    let start = pair.now;
    pair.a.write(b"ping");
    assert!(pair.run_until(60.0, |pair| pair.a.stream.is_done()));
    assert_eq!((pair.now - start).as_secs(), 13, "a dead peer is noticed as soon as without it");
}

#[test]
fn a_peer_that_dies_in_the_middle_is_noticed() {
    let mut pair = Pair::new(Link::default(), 1);
    pair.a.write(&noise(MIB, 1));
    assert!(pair.run_until(20.0, |pair| pair.b.received.len() > MIB / 2));
    pair.link.loss = 1000;
    let start = pair.now;
    assert!(pair.run_until(60.0, |pair| pair.a.stream.is_done()));
    let took = (pair.now - start).as_secs_f64();
    assert!((13.0..13.6).contains(&took), "{took}");
}

/// A report that nobody receives at the peer's address may be forged, or be right.
#[test]
fn a_peer_that_is_reported_as_gone_is_asked() {
    let patience = Duration::from_millis(2500);
    let mut pair = Pair::new(Link { loss: 100, ..Link::default() }, 3);
    pair.a.write(b"hello");
    assert!(pair.run_until(5.0, |pair| pair.b.total == 5));
    for _ in 0..300 {
        pair.a.stream.handle_unreachable(pair.now, patience);
        assert!(!pair.run_until(0.1, |pair| !pair.a.stream.is_connected()));
    }
    pair.run_until(5.0, |_| false);

    pair.link.loss = 1000;
    let start = pair.now;
    pair.a.stream.handle_unreachable(pair.now, patience);
    pair.run_until(1.0, |_| false);
    pair.a.stream.handle_unreachable(pair.now, patience);
    assert!(pair.run_until(20.0, |pair| !pair.a.stream.is_connected()));
    assert_eq!(pair.now - start, patience);
    assert_eq!(pair.a.events.last(), Some(&Event::Closed(CloseReason::TimedOut)));
}

#[test]
fn a_peer_that_was_never_heard_may_come_yet() {
    let mut pair = Pair::new(Link { loss: 1000, ..Link::default() }, 3);
    pair.a.write(b"hello");
    pair.run_until(0.1, |_| false);
    pair.a.stream.handle_unreachable(pair.now, Duration::from_secs(1));
    assert!(!pair.run_until(10.0, |pair| !pair.a.stream.is_connected()));
    pair.link.loss = 0;
    assert!(pair.run_until(5.0, |pair| pair.b.total == 5));
}

#[test]
fn a_cut_is_survived() {
    let mut pair = Pair::new(Link::default(), 2);
    let data = noise(4 * MIB, 2);
    pair.a.write(&data);
    assert!(pair.run_until(30.0, |pair| pair.b.received.len() > MIB));
    pair.link.loss = 1000;
    pair.run_until(8.0, |_| false);
    pair.link.loss = 0;
    assert!(pair.run_until(20.0, |pair| pair.b.received.len() == data.len()));
    assert!(pair.b.received == data);
}

/// A path that was measured while it had a queue seems to be longer than it is.
#[test]
fn a_lost_end_is_repeated_at_once_on_a_path_that_has_become_shorter() {
    let mut pair = Pair::new(Link { delay: 25_000, ..Link::default() }, 1);
    pair.a.write(&noise(MIB, 1));
    assert!(pair.run_until(10.0, |pair| pair.b.total == MIB as u64));
    pair.run_until(1.0, |_| false);
    pair.link = Link { delay: 500, loss: 1000, ..pair.link };
    pair.a.write(&noise(64 * 1024, 2));
    pair.run_until(0.02, |_| false);
    pair.link.loss = 0;
    let start = pair.now;
    assert!(pair.run_until(10.0, |pair| pair.b.total == MIB as u64 + 64 * 1024));
    let took = (pair.now - start).as_millis();
    assert!((100..250).contains(&took), "{took} ms");
}

#[test]
fn messages_go_beside_the_stream() {
    let mut pair = Pair::new(Link::default(), 1);
    pair.a.stream.send_message(&b"one"[..]);
    pair.a.stream.send_message(&b""[..]);
    pair.a.stream.send_message(&[0; 3000][..]);
    pair.run_until(1.0, |_| false);
    assert_eq!(pair.b.messages, [b"one".to_vec(), vec![]]);
    assert_eq!(pair.a.stream.stats().dropped, 1);
}

#[test]
fn the_largest_packet_is_found_in_a_few_round_trips() {
    let mut pair = Pair::new(Link::default(), 1);
    pair.a.write(&noise(MIB, 1));
    assert!(pair.run_until(0.2, |pair| pair.a.stream.stats().mtu == 1500));

    let mut pair = Pair::new(Link { mtu: 1420, ..Link::default() }, 1);
    pair.a.write(&noise(8 * MIB, 1));
    assert!(pair.run_until(60.0, |pair| pair.b.received.len() == 8 * MIB));
    assert_eq!(pair.a.stream.stats().mtu, 1420);
}

#[test]
fn the_last_acknowledgement_may_be_lost() {
    for seed in 0..40 {
        let mut pair = Pair::new(Link { loss: 100, ..Link::default() }, seed);
        pair.a.write(b"x");
        pair.a.stream.end();
        pair.b.stream.end();
        assert!(pair.run_until(40.0, Pair::is_over), "seed {seed}");
        let graceful = Event::Closed(CloseReason::Graceful);
        assert!(pair.a.events.contains(&graceful) && pair.b.events.contains(&graceful));
    }
}

#[test]
fn anything_from_the_network_is_survived() {
    let mut rng = Rng(99);
    for seed in 0..30 {
        let mut pair = Pair::new(Link { loss: 50, ..Link::default() }, seed);
        pair.a.write(&noise(200_000, seed));
        pair.b.write(&noise(200_000, seed));
        for _ in 0..300 {
            pair.run_until(0.002, |_| false);
            let mut datagram = vec![0; rng.below(1500) as usize];
            datagram.iter_mut().for_each(|byte| *byte = rng.next() as u8);
            mutate(&mut datagram, &mut rng);
            let now = pair.now;
            pair.a.handle(now, &datagram);
        }
        let stats = pair.a.stream.stats();
        assert!(stats.packets_rx > 0);
    }
}

/// Makes a plausible packet out of noise, most of the time.
fn mutate(datagram: &mut [u8], rng: &mut Rng) {
    let Some(head) = datagram.first_chunk_mut::<20>() else {
        return;
    };
    head[..2].copy_from_slice(&[0xff, 1]);
    head[2] &= 0b10_1111;
    if rng.below(2) == 0 {
        head[3] = 0;
    }
    if rng.below(4) != 0 {
        head[12..16].copy_from_slice(&(rng.below(400) as u32).to_le_bytes());
        head[16..20].copy_from_slice(&(rng.below(400) as u32).to_le_bytes());
    }
    for at in (20..datagram.len().saturating_sub(4)).step_by(4) {
        if rng.below(2) == 0 {
            datagram[at..at + 4].copy_from_slice(&(rng.below(400) as u32).to_le_bytes());
        }
    }
}

/// The firewall of the peer opens after the first packet has come.
#[test]
fn the_first_packet_can_be_repeated_early() {
    for (opens_after, arrives_within) in [(0.05, 0.12), (0.15, 0.22), (0.3, 0.42), (0.7, 0.82)] {
        let mut pair = Pair::new(Link { loss: 1000, ..Link::default() }, 1);
        pair.a.stream.repeat_early(pair.now);
        pair.a.write(b"hello");
        pair.run_until(opens_after, |_| false);
        pair.link.loss = 0;
        assert!(pair.run_until(arrives_within - opens_after, |pair| pair.b.received == b"hello"));
        pair.run_until(2.0, |_| false);
        let stats = pair.a.stream.stats();
        assert!(stats.retransmits <= 4, "{stats:?}");
        assert_eq!(stats.rto_count, 0);
    }
}

#[test]
fn a_first_packet_that_is_repeated_early_in_vain_times_out_as_usual() {
    let mut pair = Pair::new(Link { loss: 1000, ..Link::default() }, 1);
    pair.a.write(b"hello");
    pair.a.stream.repeat_early(pair.now);
    pair.run_until(0.99, |_| false);
    let stats = pair.a.stream.stats();
    assert_eq!((stats.retransmits, stats.rto_count), (4, 0));
    pair.run_until(0.02, |_| false);
    assert_eq!(pair.a.stream.stats().rto_count, 1);
    assert!(pair.run_until(13.0, |pair| pair.a.stream.is_done()));
}
