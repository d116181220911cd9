//! The ends of flows that are streams of ours.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use bytes::Bytes;

use crate::{Config, Packet, Sink, Stream};

/// One end of a flow.
pub(super) trait End {
    /// Handles datagrams and due timers, and sends.
    fn run(&mut self, now: Instant, inbox: &[Vec<u8>], send: &mut dyn FnMut(&[u8]));

    /// When a timer is due.
    fn wakes_at(&self) -> Option<Instant>;
}

/// A stream of ours.
pub(super) struct Ours {
    stream: Stream,
    /// Messages that are still to be written.
    messages: usize,
    /// Waits for acknowledgements before it writes more, as a program that asks for room.
    pub(super) waits: bool,
    buffer: Vec<u8>,
}

impl Ours {
    /// It has always something to write. `knows_peer` tells that the peer is ours as well.
    pub(super) fn sender(now: Instant, knows_peer: bool) -> Box<Self> {
        Self::sender_of(usize::MAX, now, knows_peer)
    }

    /// It writes so many messages of 64 KiB.
    pub(super) fn sender_of(messages: usize, now: Instant, knows_peer: bool) -> Box<Self> {
        Self::new(now, 1, messages, knows_peer)
    }

    pub(super) fn receiver(now: Instant, knows_peer: bool) -> Box<Self> {
        let mut ours = Self::new(now, 2, 0, knows_peer);
        // Both ends of a secret stream begin with a header, so both measure the round trip.
        ours.stream.write(Bytes::from_static(&[0; 59]));
        ours
    }

    fn new(now: Instant, id: u32, messages: usize, knows_peer: bool) -> Box<Self> {
        let mut stream = Stream::new(id, Config::default());
        stream.set_thin_acks(knows_peer);
        stream.connect(now, 3 - id, SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1));
        Box::new(Self { stream, messages, waits: false, buffer: Vec::new() })
    }
}

impl End for Ours {
    fn run(&mut self, now: Instant, inbox: &[Vec<u8>], send: &mut dyn FnMut(&[u8])) {
        for datagram in inbox {
            if let Some(packet) = Packet::parse(datagram) {
                self.stream.handle_packet(now, &packet, &mut Reader);
            }
        }
        if self.wakes_at().is_some_and(|at| at <= now) {
            self.stream.handle_timeout(now);
        }
        while self.messages > 0
            && self.stream.unsent() < UNSENT
            && (!self.waits || self.stream.has_room())
        {
            self.stream.write(Bytes::from_static(&[7; 65536]));
            self.messages -= 1;
        }
        while let Some(transmit) = self.stream.poll_transmit(now, &mut self.buffer, 64) {
            let size = transmit.segment_size.unwrap_or(self.buffer.len());
            self.buffer.chunks(size).for_each(&mut *send);
        }
        while self.stream.poll_event().is_some() {}
    }

    fn wakes_at(&self) -> Option<Instant> {
        self.stream.poll_timeout()
    }
}

/// An application that reads at once.
struct Reader;

impl Sink for Reader {
    fn data(&mut self, _: &[u8]) -> usize {
        0
    }
    fn message(&mut self, _: &[u8]) {}
    fn end(&mut self) {}
}

/// What a connection keeps unsent of what its application writes.
const UNSENT: usize = 256 * 1024;
