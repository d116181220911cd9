//! UDX packets into a connected stream that sends, acknowledges and waits.
#![no_main]

use std::time::{Duration, Instant};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use udx::{Config, Packet, Sink, Stream};

fuzz_target!(|data: &[u8]| {
    let mut now = Instant::now();
    let mut stream = Stream::new(1, Config::default());
    stream.connect(now, 2, "1.2.3.4:5".parse().unwrap());
    let mut taken = Taken(0);
    let mut out = Vec::new();
    let mut rest = data;
    while let Some((&[op, len], tail)) = rest.split_first_chunk::<2>() {
        let (bytes, tail) = tail.split_at(usize::from(len).min(tail.len()));
        rest = tail;
        match op % 8 {
            0 => stream.write(Bytes::copy_from_slice(bytes)),
            1 => now += Duration::from_millis(u64::from(len)),
            2 => stream.write(Bytes::from(vec![7; 20_000])),
            3 if len < 8 => stream.end(),
            3 if len > 250 => stream.destroy(now),
            3 => stream.send_message(bytes),
            4 => now = stream.poll_timeout().unwrap_or(now).max(now),
            // A packet, with the magic and the version that would take the fuzzer long to find.
            _ => {
                let packet = [&[0xff, 1], bytes].concat();
                if let Some(packet) = Packet::parse(&packet) {
                    stream.handle_packet(now, &packet, &mut taken);
                }
            }
        }
        stream.handle_timeout(now);
        taken.0 /= 2;
        stream.set_unread(now, taken.0, &mut taken);
        let mut sent = 0;
        while stream.poll_transmit(now, &mut out, 16).is_some() {
            sent += 1;
            assert!(sent < 10_000, "sends without end");
        }
        while stream.poll_event().is_some() {}
        assert!(stream.poll_timeout().is_none_or(|at| at > now), "a deadline that never passes");
    }
});

struct Taken(usize);

impl Sink for Taken {
    fn data(&mut self, payload: &[u8]) -> usize {
        self.0 += payload.len();
        self.0
    }

    fn message(&mut self, _: &[u8]) {}

    fn end(&mut self) {}
}
