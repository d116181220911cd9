//! What a packet costs: to send, to receive, and to have acknowledged.
//! `cargo bench -p hyperdht-udx`

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use udx::{Config, Packet, Sink, Stream};

fn packets(criterion: &mut Criterion) {
    for (name, thin) in [("an ack per batch", true), ("an ack per packet", false)] {
        let mut group = criterion.benchmark_group(format!("packet of 64 KiB writes, {name}"));
        let bytes = |count: u64| count as usize * PACKET;
        group.bench_function("send", |b| {
            b.iter_custom(|count| Pair::new(thin).transfer(bytes(count), BULK).send);
        });
        group.bench_function("receive", |b| {
            b.iter_custom(|count| Pair::new(thin).transfer(bytes(count), BULK).receive);
        });
        group.bench_function("acknowledge", |b| {
            b.iter_custom(|count| Pair::new(thin).transfer(bytes(count), BULK).acknowledge);
        });
        group.finish();
    }
}

fn small_writes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("write of 64 B");
    group.bench_function("write and send", |b| {
        b.iter_custom(|count| Pair::new(true).transfer(count as usize * SMALL, SMALL).send);
    });
    group.bench_function("receive", |b| {
        b.iter_custom(|count| Pair::new(true).transfer(count as usize * SMALL, SMALL).receive);
    });
    group.finish();
}

fn headers(criterion: &mut Criterion) {
    let (mut a, _) = Pair::new(true).ends;
    a.write(Bytes::from_static(&[7; SMALL]));
    let mut out = Vec::new();
    let sent = a.poll_transmit(Instant::now(), &mut out, 1);
    assert!(sent.is_some(), "there is a packet to parse");
    criterion.bench_function("parse a packet", |b| {
        b.iter(|| black_box(Packet::parse(black_box(&out))));
    });
}

/// Two connected streams and the time on their path.
struct Pair {
    ends: (Stream, Stream),
    now: Instant,
    out: Vec<u8>,
}

/// The time that the parts of a transfer took.
#[derive(Default)]
struct Spent {
    send: Duration,
    receive: Duration,
    acknowledge: Duration,
}

impl Pair {
    fn new(thin: bool) -> Self {
        let config = Config { peer_thin_acks: thin, ..Config::default() };
        let (mut a, mut b) = (Stream::new(1, config.clone()), Stream::new(2, config));
        let now = Instant::now();
        a.connect(now, 2, SocketAddr::from((Ipv4Addr::LOCALHOST, 2)));
        b.connect(now, 1, SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
        Self { ends: (a, b), now, out: Vec::new() }
    }

    /// Moves so many bytes from one stream to the other.
    fn transfer(&mut self, bytes: usize, write: usize) -> Spent {
        let block = Bytes::from(vec![7; write]);
        let (mut left, mut received, mut spent) = (bytes, Count(0), Spent::default());
        while received.0 < bytes {
            let start = Instant::now();
            while left > 0 && self.ends.0.has_room() {
                let size = left.min(write);
                self.ends.0.write(block.slice(..size));
                left -= size;
            }
            spent.send += start.elapsed();

            self.now += DELAY;
            let (a, b) = (&mut self.ends.0, &mut self.ends.1);
            let forth = exchange(a, b, self.now, &mut self.out, &mut received);
            spent.send += forth.0;
            spent.receive += forth.1;
            self.now += DELAY;
            let back = exchange(b, a, self.now, &mut self.out, &mut Count(0));
            spent.acknowledge += back.0 + back.1;
        }
        spent
    }
}

/// Delivers everything that `from` may send to `to`. Returns the time of each.
fn exchange(
    from: &mut Stream,
    to: &mut Stream,
    now: Instant,
    out: &mut Vec<u8>,
    sink: &mut Count,
) -> (Duration, Duration) {
    let mut spent = (Duration::ZERO, Duration::ZERO);
    if from.poll_timeout().is_some_and(|at| at <= now) {
        from.handle_timeout(now);
    }
    loop {
        let start = Instant::now();
        let Some(transmit) = from.poll_transmit(now, out, SEGMENTS) else { return spent };
        let sent = Instant::now();
        for datagram in out.chunks(transmit.segment_size.unwrap_or(out.len())) {
            if let Some(packet) = Packet::parse(datagram) {
                to.handle_packet(now, &packet, sink);
            }
        }
        spent.0 += sent - start;
        spent.1 += sent.elapsed();
    }
}

/// Bytes received.
struct Count(usize);

impl Sink for Count {
    fn data(&mut self, payload: &[u8]) -> usize {
        self.0 += payload.len();
        0
    }
    fn message(&mut self, _: &[u8]) {}
    fn end(&mut self) {}
}

const BULK: usize = 64 * 1024;
const SMALL: usize = 64;

/// Data in a full packet of 1500 bytes: without the headers of IP, UDP and UDX.
const PACKET: usize = 1500 - 48;

/// In one direction: a round trip of 50 µs, as over loopback.
const DELAY: Duration = Duration::from_micros(25);

/// The most packets of one send.
const SEGMENTS: usize = 64;

criterion_group!(benches, packets, small_writes, headers);
criterion_main!(benches);
