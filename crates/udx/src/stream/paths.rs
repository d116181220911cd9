//! Bulk transfer over limited links: how much of a link a stream fills, and at what price.

use super::tests::{Link, Pair};
use bytes::Bytes;

#[test]
#[ignore = "a table for review: cargo test -p hyperdht-udx --release paths -- --ignored --nocapture"]
fn table() {
    println!("mbit  rtt loss queue | link  drop  dup  rtx% | rtt   mtu  rto t80  startdrop%");
    for (mbit, rtt) in GRID {
        for (loss, queue, window) in [
            (0, 100, 4),
            (10, 100, 4),
            (30, 100, 4),
            (0, 25, 4),
            (0, 100, 16),
            (10, 100, 16),
            (30, 100, 16),
        ] {
            let run = Run::new(mbit, rtt, loss, queue, window, 20.0);
            print!("{window:2} ");
            println!("{mbit:4} {rtt:4} {:4.1} {queue:4} | {run}", loss as f64 / 10.0);
        }
    }
}

/// What the second half of a transfer looked like.
struct Run {
    /// Percent of the link's rate that arrived as payload.
    goodput: f64,
    /// Percent of the packets that the queue dropped.
    overflow: f64,
    /// Percent of the packets that the receiver had already.
    needless: f64,
    resent: f64,
    rtt: f64,
    mtu: u16,
    rto: u64,
    /// Seconds until a tenth of a second ran at 80 % of the rate.
    rise: f64,
    /// Percent dropped in the first half.
    early: f64,
}

impl Run {
    fn new(
        mbit: u64,
        rtt_ms: u64,
        loss: u64,
        queue_percent: u64,
        window: u32,
        seconds: f64,
    ) -> Self {
        let rate = mbit * 125_000;
        let link = Link {
            delay: rtt_ms * 500,
            loss,
            rate,
            queue: (rate * rtt_ms / 1000 * queue_percent / 100).max(5 * 1500),
            ..Link::default()
        };
        let mut pair = Pair::new(link, 5);
        pair.b.keeps = false;
        pair.b.set_window(window << 20);
        let total = (rate as f64 * seconds) as usize;
        for _ in 0..total / 65536 + 1 {
            pair.a.stream.write(Bytes::from_static(&[7; 65536]));
        }
        let (mut rise, mut at, mut last) = (0.0, 0.0, 0);
        while at < seconds / 2.0 {
            pair.run_until(0.1, |_| false);
            at += 0.1;
            if rise == 0.0 && (pair.b.total - last) as f64 > rate as f64 * 0.08 {
                rise = at;
            }
            last = pair.b.total;
        }
        let arrived = |pair: &Pair| pair.b.total + pair.b.stream.receiver.buffered() as u64;
        let half = arrived(&pair);
        let before = pair.a.stream.stats();
        let (overflows, duplicates) = (pair.overflows, pair.b.duplicates);
        pair.run_until(seconds / 2.0, |_| false);
        let after = pair.a.stream.stats();
        let sent = (after.packets_tx - before.packets_tx) as f64;
        Self {
            goodput: (arrived(&pair) - half) as f64 * 100.0 / (rate as f64 * seconds / 2.0),
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

const GRID: [(u64, u64); 8] =
    [(20, 10), (20, 40), (20, 100), (20, 300), (100, 10), (100, 40), (100, 100), (100, 300)];
