//! How fast two streams exchange data in memory: `cargo run --release --example throughput [MiB]`.
#![allow(clippy::print_stdout, reason = "a program that reports")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use udx::{Config, Packet, Sink, Stream};

fn main() {
    let mib: usize = std::env::args().nth(1).and_then(|arg| arg.parse().ok()).unwrap_or(2048);
    for thin in [false, true] {
        run(mib, thin);
    }
}

fn run(mib: usize, thin: bool) {
    let config = Config { peer_thin_acks: thin, ..Config::default() };
    let (mut a, mut b) = (Stream::new(1, config.clone()), Stream::new(2, config));
    let start = Instant::now();
    a.connect(start, 2, SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2));
    b.connect(start, 1, SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1));

    let chunk = Bytes::from(vec![7; 64 * 1024]);
    let (mut left, mut sink, mut out) = (mib * 16, Count(0), Vec::new());
    let mut virtual_now = start;
    while sink.0 < mib as u64 * 1024 * 1024 {
        while left > 0 && a.has_room() {
            a.write(chunk.clone());
            left -= 1;
        }
        // Each direction takes 25 µs: a round trip of 50 µs.
        virtual_now += Duration::from_micros(25);
        exchange(&mut a, &mut b, virtual_now, &mut out, &mut sink);
        virtual_now += Duration::from_micros(25);
        exchange(&mut b, &mut a, virtual_now, &mut out, &mut Count(0));
    }
    let (took, simulated) = (start.elapsed().as_secs_f64(), virtual_now - start);
    let megabytes = sink.0 as f64 / 1e6;
    println!(
        "thin acks {thin}: {:.0} MB/s of CPU time, {:.0} MB/s of virtual time, {:?}",
        megabytes / took,
        megabytes / simulated.as_secs_f64(),
        a.stats()
    );
}

/// Delivers everything that `from` may send to `to`.
fn exchange(from: &mut Stream, to: &mut Stream, now: Instant, out: &mut Vec<u8>, sink: &mut Count) {
    if from.poll_timeout().is_some_and(|at| at <= now) {
        from.handle_timeout(now);
    }
    while let Some(transmit) = from.poll_transmit(now, out, 64) {
        for datagram in out.chunks(transmit.segment_size.unwrap_or(out.len())) {
            if let Some(packet) = Packet::parse(datagram) {
                to.handle_packet(now, &packet, sink);
            }
        }
    }
}

struct Count(u64);

impl Sink for Count {
    fn data(&mut self, payload: &[u8]) -> usize {
        self.0 += payload.len() as u64;
        0
    }
    fn message(&mut self, _: &[u8]) {}
    fn end(&mut self) {}
}
