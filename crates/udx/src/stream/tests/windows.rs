//! The effects of the receive windows: what each end holds, and what it waits for.

use std::time::Duration;

use bytes::Bytes;

use super::{Link, Pair, noise};
use crate::{CloseReason, Event, Flags};

/// Behind a closed window nothing is in flight that could time out.
#[test]
fn a_peer_that_dies_behind_a_closed_window_is_noticed() {
    let mut pair = Pair::new(Link::default(), 1);
    pair.b.reads = false;
    pair.a.write(&noise(6 * MIB, 3));
    pair.run_until(40.0, |_| false);
    assert!(pair.a.stream.is_connected());
    pair.link.loss = 1000;
    assert!(pair.run_until(20.0, |pair| pair.a.stream.is_done()));
    assert_eq!(pair.a.events.last(), Some(&Event::Closed(CloseReason::TimedOut)));
}

#[test]
fn a_slow_reader_closes_the_window_and_opens_it_again() {
    let mut pair = Pair::new(Link::default(), 1);
    pair.b.reads = false;
    let data = noise(6 * MIB, 3);
    pair.a.write(&data);
    pair.a.stream.end();
    assert!(!pair.run_until(40.0, |pair| pair.b.ended));
    assert!(pair.b.received.len() <= 4 * MIB + 64 * 1024);
    assert!(pair.b.received.len() >= 4 * MIB - 64 * 1024, "{}", pair.b.received.len());
    assert!(pair.a.stream.is_connected(), "a closed window is no dead peer");

    pair.b.read(pair.now);
    let start = pair.now;
    assert!(pair.run_until(10.0, |pair| pair.b.ended));
    assert!(pair.now - start < Duration::from_secs(2));
    assert!(pair.b.received == data);
}

#[test]
fn a_lost_window_update_is_asked_for() {
    let mut pair = Pair::new(Link::default(), 1);
    pair.b.reads = false;
    pair.a.write(&noise(6 * MIB, 3));
    pair.run_until(30.0, |_| false);
    pair.link.loss = 1000;
    pair.b.read(pair.now);
    pair.run_until(0.5, |_| false);
    pair.link.loss = 0;
    assert!(pair.run_until(10.0, |pair| pair.b.received.len() == 6 * MIB));
}

/// Packets were lost before the reader stopped. Whatever it holds then, it does not refuse a packet
/// whose acknowledgement the sender needs.
#[test]
fn a_reader_that_stops_in_the_middle_of_losses_costs_nobody_the_stream() {
    for (seed, delay, loss, factor) in
        [(1, 10_000, 0, 1), (2, 10_000, 10, 1), (3, 40_000, 30, 1), (4, 40_000, 100, 1)]
            .into_iter()
            .chain([(5, 10_000, 0, 7), (6, 40_000, 10, 7), (7, 40_000, 100, 7)])
    {
        let link = Link { delay, loss, rate: 40_000_000, queue: 1_000_000, ..Link::default() };
        let mut pair = Pair::new(link, seed);
        let total = (40 * MIB) as u64;
        pair.b.keeps = false;
        pair.b.write(b"header");
        (0..640).for_each(|_| pair.a.stream.write(Bytes::from_static(&[7; 65536])));
        pair.a.stream.end();
        pair.run_until(30.0, |pair| pair.b.total > 10 * MIB as u64);

        // Small messages take more memory than their bytes.
        (pair.b.reads, pair.b.factor) = (false, factor);
        for _ in 0..60 {
            pair.run_until(0.5, |_| false);
            let held = pair.b.unread + pair.b.stream.receiver.buffered();
            assert!(held < 8 * MIB, "seed {seed}: {held}");
        }
        let stats = pair.a.stream.stats();
        assert!(pair.a.stream.is_connected() && pair.b.total < total, "seed {seed}: {stats:?}");
        assert!(stats.rto_count == 0 || loss > 0, "seed {seed}: {stats:?}");

        pair.b.read(pair.now);
        assert!(pair.run_until(60.0, |pair| pair.b.ended), "seed {seed}: {stats:?}");
        assert_eq!(pair.b.total, total, "seed {seed}");
    }
}

/// While it reads, it may hold much more when a packet is missing.
#[test]
fn a_reader_that_stops_holds_no_more_on_a_long_path_or_a_fast_one() {
    let long = [(1, 0), (1, 10), (4, 10)].map(|(seed, loss)| (seed, loss, 100, 150_000));
    let fast = [(1, 0), (7, 0), (1, 1), (4, 1)].map(|(seed, loss)| (seed, loss, 1000, 20_000));
    for (seed, loss, mbit, delay) in long.into_iter().chain(fast) {
        let rate = mbit * 125_000;
        let queue = rate * delay / 500_000;
        let mut pair = Pair::new(Link { delay, loss, rate, queue, ..Link::default() }, seed);
        for host in [&mut pair.a, &mut pair.b] {
            host.stream.set_thin_acks(true);
            host.keeps = false;
        }
        pair.b.write(b"header");
        (0..1600).for_each(|_| pair.a.stream.write(Bytes::from_static(&[7; 65536])));
        pair.a.stream.end();
        let stop = 60 * MIB as u64 + seed * 1_000_000;
        pair.run_until(60.0, |pair| pair.b.total > stop);

        pair.b.reads = false;
        for _ in 0..20 {
            pair.run_until(0.5, |_| false);
            let held = pair.b.unread + pair.b.stream.receiver.buffered();
            let sender = pair.a.stream.held();
            assert!(held < 8 * MIB && sender < 8 * MIB, "{mbit} {seed}: {held} {sender}");
        }
        pair.b.read(pair.now);
        assert!(pair.run_until(60.0, |pair| pair.b.ended), "{mbit} {seed}");
    }
}

/// A peer without room refuses retransmissions. While it answers, it is alive.
#[test]
fn a_peer_that_refuses_packets_is_not_dead() {
    let mut pair = Pair::new(Link::default(), 1);
    pair.b.set_window(pair.now, 100_000);
    pair.b.reads = false;
    let data = noise(MIB, 3);
    pair.a.write(&data);
    pair.a.stream.end();
    for _ in 0..300 {
        // Makes it send as if it did not know the window.
        pair.a.stream.window.bytes = 4 << 20;
        pair.run_until(0.001, |_| false);
    }
    pair.run_until(60.0, |_| false);
    assert!(pair.b.stream.stats().dropped > 0 && pair.a.stream.is_connected());

    while !pair.b.ended && pair.a.stream.is_connected() {
        pair.b.unread = 0;
        pair.b.take(|stream, taker| stream.set_unread(pair.now, 0, taker));
        pair.run_until(0.1, |_| false);
    }
    assert!(pair.b.received == data);
}

/// Both ends have ended, and one of them has not read everything.
#[test]
fn the_end_waits_for_the_reader() {
    let mut pair = Pair::new(Link::default(), 1);
    pair.b.set_window(pair.now, 10_000);
    pair.b.reads = false;
    pair.a.write(&noise(40_000, 3));
    pair.a.stream.end();
    pair.b.stream.end();
    pair.run_until(60.0, |_| false);
    assert!(!pair.b.ended && !pair.is_over());

    pair.b.read(pair.now);
    assert!(pair.run_until(20.0, Pair::is_over));
    assert!(pair.b.ended && pair.b.total == 40_000);
    assert_eq!(pair.b.events.last(), Some(&Event::Closed(CloseReason::Graceful)));
}

/// The peer acknowledges everything but one packet, and advertises an unlimited window.
#[test]
fn a_peer_cannot_make_a_sender_keep_without_bound() {
    let mut pair = Pair::new(Link { loss: 1000, ..Link::default() }, 1);
    pair.a.write(b"first");
    pair.run_until(0.0, |_| false);
    let mut written = 0;
    for _ in 0..3_000 {
        while pair.a.stream.unsent() < 256 * 1024 && pair.a.stream.is_connected() {
            pair.a.stream.write(Bytes::from_static(&[7; 65536]));
            written += 65536;
        }
        pair.run_until(0.0, |_| false);
        let end = pair.a.stream.flight.next();
        let now = pair.now;
        pair.a.handle(now, &sack(1..end as u32, u32::MAX));
        pair.now += Duration::from_millis(5);
        let held = pair.a.stream.held();
        assert!(held <= 8 * MIB + 65536, "{held}: the path is short");
    }
    assert!(written > 7 * MIB, "{written}: the bound is that of the stream");
    assert!(!pair.a.stream.is_connected(), "what it does not acknowledge times out");
    assert_eq!((pair.a.stream.held(), pair.a.stream.queued()), (0, 0));
}

/// The first packet is missing or not, and the application does not read.
#[test]
fn a_peer_that_ignores_the_window_fills_no_more_than_8_mib() {
    for first in [0, 1] {
        let mut pair = Pair::new(Link::default(), 1);
        (pair.b.reads, pair.b.keeps) = (false, false);
        for number in first..20_000 {
            let mut packet = vec![0xff, 1, Flags::DATA.0, 0];
            for field in [2, u32::MAX, number, 0] {
                packet.extend_from_slice(&u32::to_le_bytes(field));
            }
            packet.resize(1400, 7);
            let now = pair.now;
            pair.b.handle(now, &packet);
            let held = pair.b.unread + pair.b.stream.buffered();
            assert!(held < 8 * MIB, "{held}");
        }
        assert!(pair.b.stream.stats().dropped > 10_000);
    }
}

/// A SACK packet to the stream 1.
fn sack(range: std::ops::Range<u32>, window: u32) -> Vec<u8> {
    let mut packet = vec![0xff, 1, Flags::SACK.0, 0];
    for field in [1, window, 0, 0, range.start, range.end] {
        packet.extend_from_slice(&u32::to_le_bytes(field));
    }
    packet
}

const MIB: usize = 1024 * 1024;
