//! How many acknowledgements a peer of ours gets, and when.

use super::pair::Host;
use super::*;

/// Both ends need few acknowledgements.
fn thin(link: Link) -> Pair {
    let mut pair = Pair::new(link, 1);
    pair.a.stream.set_thin_acks(true);
    pair.b.stream.set_thin_acks(true);
    pair.b.keeps = false;
    // Each end measures the round trip, as with the first frames of a connection.
    pair.a.write(b"hello");
    pair.b.write(b"hello");
    assert!(pair.run_until(2.0, |pair| pair.b.total == 5 && !pair.b.stream.has_unacknowledged()));
    pair
}

/// A link of that many Mbit/s and that round trip in milliseconds, with a queue of one product.
fn line(mbit: u64, round_trip: u64) -> Link {
    let rate = mbit * 125_000;
    let queue = (rate * round_trip / 1000).max(30_000);
    Link { delay: round_trip * 500, rate, queue, ..Link::default() }
}

#[test]
fn in_bulk_one_acknowledgement_is_enough_for_several_packets() {
    for (mbit, round_trip, loss) in
        [(20, 10, 0), (20, 40, 0), (20, 300, 0), (100, 10, 0), (100, 100, 1), (100, 40, 10)]
    {
        let mut pair = thin(line(mbit, round_trip));
        pair.link.loss = loss;
        let bytes = mbit as usize * 500_000;
        pair.a.write(&vec![7; bytes]);
        assert!(pair.run_until(60.0, |pair| pair.b.total as usize == bytes + 5));
        let (data, acks) = (pair.a.stream.stats(), pair.b.stream.stats());
        let share = acks.packets_tx as f64 / data.packets_tx as f64;
        println!("{mbit} Mbit/s, {round_trip} ms, {loss} of 1000 lost: {share:.2}");
        assert!(share <= 0.25, "{mbit} Mbit/s, {round_trip} ms, {loss} per thousand: {share}");
        let distortion = data.min_rtt.as_micros() as f64 / (round_trip * 1000) as f64;
        assert!(distortion < 1.01, "{mbit} Mbit/s, {round_trip} ms: {:?}", data.min_rtt);
    }
}

#[test]
fn what_comes_now_and_then_is_acknowledged_at_once() {
    let mut pair = thin(Link { delay: 20_000, ..Link::default() });
    for _ in 0..50 {
        let start = pair.now;
        pair.a.write(b"ping");
        assert!(pair.run_until(1.0, |pair| !pair.a.stream.has_unacknowledged()));
        assert_eq!((pair.now - start).as_millis(), 40);
    }
}

#[test]
fn the_end_of_a_burst_is_acknowledged_soon() {
    let mut pair = thin(line(20, 100));
    for bytes in [100_000, 101_000, 102_000, 103_000, 104_000] {
        let total = pair.b.total + bytes;
        pair.a.write(&vec![7; bytes as usize]);
        assert!(pair.run_until(5.0, |pair| pair.b.total == total));
        let start = pair.now;
        assert!(pair.run_until(5.0, |pair| !pair.a.stream.has_unacknowledged()));
        // The way back takes 50 ms, and the pause is a quarter of the round trip at most.
        let took = (pair.now - start).as_millis();
        assert!((50..=75).contains(&took), "{took}");
    }
}

#[test]
fn data_carries_acknowledgements() {
    let mut pair = thin(line(20, 40));
    let bytes = 4 << 20;
    pair.a.keeps = false;
    pair.a.write(&vec![7; bytes]);
    pair.b.write(&vec![7; bytes]);
    let there = |host: &Host| host.total as usize == bytes + 5;
    assert!(pair.run_until(30.0, |pair| there(&pair.a) && there(&pair.b)));
    let sent = pair.a.stream.stats().packets_tx + pair.b.stream.stats().packets_tx;
    let data = 2 * bytes as u64 / 1452 + pair.overflows;
    // An acknowledgement of its own leaves while a packet is missing, and at the end.
    assert!(sent * 8 < data * 9, "{sent} packets for {data} of data");
}

#[test]
fn a_gap_is_reported_at_once() {
    let mut pair = thin(line(20, 40));
    pair.a.write(&vec![7; 4 << 20]);
    assert!(pair.run_until(30.0, |pair| pair.b.total > 1 << 20));
    assert!(pair.run_until(1.0, |pair| pair.b.stream.acks.deadline().is_some()));
    let path = pair.a.stream.paths.current().expect("connected");
    let next = pair.b.stream.receiver.expected() + 1;
    let mut datagram = Vec::new();
    pair.a.stream.header(Flags::DATA, next, path).encode(&mut datagram);
    datagram.extend_from_slice(&[7; 1000]);
    pair.b.handle(pair.now, &datagram);
    assert!(pair.b.stream.acks.is_owed());
}
