//! Two UDX streams that exchange data in memory.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use udx::{Config, Packet, Sink, Stream};

/// Sends about so many full packets, and receives them.
pub(crate) fn packets(times: usize) {
    transfer(times * PACKET, 64 * 1024);
}

/// Writes so many small messages, and receives them.
pub(crate) fn small_writes(times: usize) {
    transfer(times * 64, 64);
}

fn transfer(bytes: usize, write: usize) {
    let config = Config { peer_thin_acks: true, ..Config::default() };
    let (mut a, mut b) = (Stream::new(1, config.clone()), Stream::new(2, config));
    let mut now = Instant::now();
    a.connect(now, 2, SocketAddr::from((Ipv4Addr::LOCALHOST, 2)));
    b.connect(now, 1, SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));

    let block = Bytes::from(vec![7; write]);
    let (mut left, mut received, mut out) = (bytes, Count(0), Vec::new());
    while received.0 < bytes {
        while left > 0 && a.has_room() {
            let size = left.min(write);
            a.write(block.slice(..size));
            left -= size;
        }
        now += DELAY;
        exchange(&mut a, &mut b, now, &mut out, &mut received);
        now += DELAY;
        exchange(&mut b, &mut a, now, &mut out, &mut Count(0));
    }
}

/// Delivers everything that `from` may send to `to`.
fn exchange(from: &mut Stream, to: &mut Stream, now: Instant, out: &mut Vec<u8>, sink: &mut Count) {
    if from.poll_timeout().is_some_and(|at| at <= now) {
        from.handle_timeout(now);
    }
    while let Some(transmit) = from.poll_transmit(now, out, SEGMENTS) {
        for datagram in out.chunks(transmit.segment_size.unwrap_or(out.len())) {
            if let Some(packet) = Packet::parse(datagram) {
                to.handle_packet(now, &packet, sink);
            }
        }
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

/// Data in a full packet of 1500 bytes: without the headers of IP, UDP and UDX.
const PACKET: usize = 1500 - 48;

/// In one direction: a round trip of 50 µs, as over loopback.
const DELAY: Duration = Duration::from_micros(25);

/// The most packets of one send.
const SEGMENTS: usize = 64;
