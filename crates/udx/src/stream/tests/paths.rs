//! Bulk transfer over limited links: how much of a link a stream fills, and at what price.

use bytes::Bytes;

use super::{Link, MIB, Pair, noise};

#[test]
fn a_link_is_filled_without_overflowing_it() {
    for (mbit, rtt) in [(20, 10), (20, 100), (100, 40)] {
        for (loss, least) in [(0, 93.0), (10, 93.0), (30, 90.0)] {
            let case = Case { mbit, rtt, loss, ..Case::default() };
            let run = case.run();
            assert!(run.goodput > least, "{case:?}: {run}");
            assert!(run.overflow < 2.0 && run.needless < 0.5, "{case:?}: {run}");
        }
    }
}

#[test]
fn a_short_queue_overflows_rarely() {
    let case = Case { mbit: 100, rtt: 10, queue: 25, ..Case::default() };
    let run = case.run();
    assert!(run.overflow < 5.0 && run.goodput > 90.0, "{run}");
}

#[test]
fn reordering_costs_hardly_any_repetition() {
    for jitter in [500, 2_000, 10_000, 40_000] {
        let run = Case { jitter, ..Case::default() }.run();
        assert!(run.needless < 1.0 && run.goodput > 90.0, "{jitter} µs: {run}");
    }
}

#[test]
fn the_rate_comes_back_after_a_cut() {
    for cut in [1.0, 5.0, 10.0] {
        let case = Case::default();
        let mut pair = Pair::new(case.link(2_500_000), 5);
        pair.b.keeps = false;
        (0..2000).for_each(|_| pair.a.stream.write(Bytes::from_static(&[7; 65536])));
        pair.run_until(5.0, |_| false);
        pair.link.loss = 1000;
        pair.run_until(cut, |_| false);
        pair.link.loss = 0;
        let took = rise(&mut pair, 2_500_000, 10.0);
        // The next attempt is up to two seconds away.
        assert!(took > 0.0 && took < 2.5, "{cut} s: {took}");
    }
}

/// `cargo test -p hyperdht-udx every_link_of_the_grid -- --nocapture` shows the table.
#[test]
fn every_link_of_the_grid_is_filled() {
    println!("mbit  rtt loss queue win | link  drop  dup  rtx% | rtt   mtu  rto t80  startdrop%");
    for (mbit, rtt) in GRID {
        for (thin, (loss, queue, window)) in
            CASES.iter().flat_map(|case| [(true, *case), (false, *case)])
        {
            let run = Case { mbit, rtt, loss, queue, window, thin, ..Case::default() }.run();
            let percent = loss as f64 / 10.0;
            println!("{mbit:4} {rtt:4} {percent:4.1} {queue:5} {window:3} | {run}");
            // The shortest queue has room for four packets, and an acknowledgement lets five leave.
            let most = if thin && queue < 100 { 5.0 } else { 2.0 };
            assert!(run.goodput > 90.0 && run.overflow < most && run.needless < 0.5, "{run}");
            assert_eq!(run.mtu, 1500, "losses by chance say nothing of the size");
        }
    }
}

const GRID: [(u64, u64); 8] =
    [(20, 10), (20, 40), (20, 100), (20, 300), (100, 10), (100, 40), (100, 100), (100, 300)];

const CASES: [(u64, u64, u32); 7] =
    [(0, 100, 4), (1, 100, 4), (10, 100, 4), (30, 100, 4), (0, 25, 4), (0, 100, 16), (30, 100, 16)];

#[derive(Clone, Copy, Debug)]
struct Case {
    mbit: u64,
    /// Milliseconds.
    rtt: u64,
    /// Packets lost per thousand, in each direction.
    loss: u64,
    /// The queue in percent of the bandwidth-delay product.
    queue: u64,
    /// The receive window in MiB.
    window: u32,
    /// Microseconds by which 2 % of the packets may be late.
    jitter: u64,
    /// Both ends need few acknowledgements.
    thin: bool,
    seconds: f64,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            mbit: 20,
            rtt: 100,
            loss: 0,
            queue: 100,
            window: 4,
            jitter: 0,
            thin: false,
            seconds: 20.0,
        }
    }
}

impl Case {
    fn run(self) -> Run {
        let rate = self.mbit * 125_000;
        let mut pair = Pair::new(self.link(rate), 5);
        pair.b.keeps = false;
        pair.b.set_window(pair.now, self.window << 20);
        for host in [&mut pair.a, &mut pair.b] {
            host.stream.set_thin_acks(self.thin);
        }
        // Both ends of a secret stream begin with a header, so both measure the round trip.
        pair.b.write(&[0; 59]);
        let total = (rate as f64 * self.seconds) as usize;
        for _ in 0..total / 65536 + 1 {
            pair.a.stream.write(Bytes::from_static(&[7; 65536]));
        }

        let rise = rise(&mut pair, rate, self.seconds / 2.0);
        let arrived = |pair: &Pair| pair.b.total + pair.b.stream.receiver.buffered() as u64;
        let (half, before) = (arrived(&pair), pair.a.stream.stats());
        let (overflows, duplicates) = (pair.overflows, pair.b.duplicates);
        pair.run_until(self.seconds / 2.0, |_| false);
        let after = pair.a.stream.stats();
        let sent = (after.packets_tx - before.packets_tx) as f64;
        let possible = rate as f64 * self.seconds / 2.0;
        Run {
            goodput: (arrived(&pair) - half) as f64 * 100.0 / possible,
            overflow: (pair.overflows - overflows) as f64 * 100.0 / sent,
            needless: (pair.b.duplicates - duplicates) as f64 * 100.0 / sent,
            resent: (after.retransmits - before.retransmits) as f64 * 100.0 / sent,
            rtt: after.rtt.as_secs_f64() * 1000.0,
            mtu: after.mtu,
            rto: after.rto_count,
            rise,
            early: overflows as f64 * 100.0 / before.packets_tx as f64,
        }
    }

    fn link(self, rate: u64) -> Link {
        Link {
            delay: self.rtt * 500,
            loss: self.loss,
            rate,
            jitter: self.jitter,
            late: 20,
            queue: (rate * self.rtt / 1000 * self.queue / 100).max(5 * 1500),
            ..Link::default()
        }
    }
}

/// Runs for `seconds`. Returns when a tenth of a second first reached 80 % of the rate.
fn rise(pair: &mut Pair, rate: u64, seconds: f64) -> f64 {
    let (mut rise, mut at, mut last) = (0.0, 0.0, 0);
    while at < seconds {
        pair.run_until(0.1, |_| false);
        at += 0.1;
        if rise == 0.0 && (pair.b.total - last) as f64 > rate as f64 * 0.08 {
            rise = at;
        }
        last = pair.b.total;
    }
    rise
}

/// The results of the second half of a transfer.
struct Run {
    /// The payload that arrived, in percent of the link's rate.
    goodput: f64,
    /// The packets that the queue dropped, in percent.
    overflow: f64,
    /// The packets that the receiver already had, in percent.
    needless: f64,
    resent: f64,
    rtt: f64,
    mtu: u16,
    rto: u64,
    /// The seconds until a tenth of a second reached 80 % of the rate.
    rise: f64,
    /// The packets that the queue dropped in the first half, in percent.
    early: f64,
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:5.1} {:5.2} {:5.2} {:5.2} | {:5.0} {} {} {:3.1} {:5.2}",
            self.goodput,
            self.overflow,
            self.needless,
            self.resent,
            self.rtt,
            self.mtu,
            self.rto,
            self.rise,
            self.early
        )
    }
}

#[test]
fn a_path_that_carries_less_than_before_is_survived() {
    for (mtu, found) in [(1200, 1200), (1280, 1280), (1300, 1280), (1420, 1420)] {
        let link = Link { rate: 2_500_000, queue: 100_000, ..Link::default() };
        let mut pair = Pair::new(link, 1);
        let data = noise(12 * MIB, 1);
        pair.a.write(&data);
        assert!(pair.run_until(30.0, |pair| pair.b.received.len() > MIB));
        assert_eq!(pair.a.stream.stats().mtu, 1500);
        pair.link.mtu = mtu;
        let start = pair.now;
        assert!(pair.run_until(60.0, |pair| pair.b.received.len() == data.len()), "{mtu}");
        assert!(pair.b.received == data);
        assert!(pair.fragmented > 0);
        assert_eq!(pair.a.stream.stats().mtu, found);
        let took = (pair.now - start).as_secs_f64();
        assert!(took < 9.5, "{took}");
    }
}

#[test]
fn a_path_that_carries_less_is_noticed_although_small_packets_arrive() {
    let mut pair = Pair::new(Link::default(), 1);
    pair.a.write(&noise(MIB, 1));
    assert!(pair.run_until(30.0, |pair| pair.b.received.len() == MIB));
    pair.link.mtu = 1300;
    pair.a.write(&noise(10_000, 1));
    let start = pair.now;
    for small in 0..100 {
        pair.a.write(&noise(100, small));
        pair.run_until(0.05, |_| false);
        if pair.b.received.len() > MIB + 10_000 {
            break;
        }
    }
    assert!((pair.now - start).as_secs_f64() < 1.0, "{:?}", pair.now - start);
}
