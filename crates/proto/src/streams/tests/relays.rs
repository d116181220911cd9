//! Two peers that talk through a pair of streams that forward to each other.

use super::budget::{Budget, Limits};
use super::*;
use crate::Run;

#[test]
fn peers_talk_through_a_pair_of_streams() {
    let mut relay = Relay::new();
    relay.connect();
    relay.link();
    relay.peers[0].stream.write(Bytes::from(vec![7; 100_000]));
    relay.peers[1].stream.write(Bytes::from_static(b"hello"));
    relay.exchange();
    assert_eq!(relay.peers[1].inbox.0, vec![7; 100_000]);
    assert_eq!(relay.peers[0].inbox.0, b"hello");
}

#[test]
fn packets_that_come_before_the_path_are_forwarded() {
    let mut relay = Relay::new();
    relay.link();
    relay.connect_one(1);
    let (now, id) = (relay.bench.now, relay.ids[0].0);
    let peer = &mut relay.peers[0];
    peer.stream.connect(now, id, LOCAL);
    peer.stream.write(Bytes::from_static(b"early"));
    let arrivals = relay.send(0);
    assert!(matches!(arrivals[..], [Fate::Parked]));

    relay.connect_one(0);
    relay.exchange();
    assert_eq!(relay.peers[1].inbox.0, b"early");
}

#[test]
fn a_peer_that_destroys_its_stream_ends_the_pair() {
    let mut relay = Relay::new();
    relay.connect();
    relay.link();
    let now = relay.bench.now;
    relay.peers[0].stream.destroy(now);
    let arrivals = relay.send(0);
    assert!(matches!(arrivals[..], [Fate::Ended(udx::CloseReason::Reset)]));

    // The owner has released the stream, so the stream that forwarded to it ends as well.
    let cx = &mut relay.bench.cx();
    let mut orphan = relay.streams.poll_orphan(cx).expect("the other stream");
    assert_eq!(orphan.poll_event(), Some(udx::Event::Closed(udx::CloseReason::Destroyed)));
    orphan.release(cx);
    assert!(relay.streams.poll_orphan(cx).is_none());

    relay.exchange();
    let reset = udx::Event::Closed(udx::CloseReason::Reset);
    assert_eq!(relay.peers[1].stream.poll_event(), Some(reset));
    assert_eq!((relay.streams.len(), relay.streams.shared.relays.len()), (0, 0));
}

#[test]
fn a_stream_that_is_cancelled_is_no_target_any_more() {
    let mut relay = Relay::new();
    relay.link();
    relay.connect_one(0);
    relay.streams.cancel(relay.ids[1]);
    let cx = &mut relay.bench.cx();
    let mut orphan = relay.streams.poll_orphan(cx).expect("the other stream");
    assert_eq!(orphan.poll_event(), Some(udx::Event::Closed(udx::CloseReason::Destroyed)));
    orphan.release(cx);
    assert!(!relay.relay_to(relay.ids[0], relay.ids[1]));
}

#[test]
fn what_waits_to_be_forwarded_is_bounded() {
    let mut relay = Relay::new();
    relay.connect();
    relay.link();
    let mut packet = vec![0; 1400];
    packet[..2].copy_from_slice(&[0xff, 1]);
    packet[4..8].copy_from_slice(&relay.ids[0].0.to_le_bytes());
    for _ in 0..2000 {
        relay.arrive(0, &packet);
    }
    assert!(relay.bench.stats.dropped.udx > 1000);
}

#[test]
fn all_streams_together_keep_a_bounded_amount() {
    let mut relay = Relay::with_budget();
    for _ in 0..PAIRS {
        relay.reserve();
        relay.connect();
        relay.link();
        relay.arrive_all();
    }
    let mut buf = TransmitBuf { data: Vec::new(), max_segments: 64 };
    let mut waited = 0;
    while relay.streams.poll_transmit(&mut relay.bench.cx(), &mut buf).is_some() {
        waited += buf.data.len();
    }
    let Limits { free, max, total } = BUDGET;
    assert!((total..total + PAIRS * free).contains(&waited), "{waited} bytes");
    assert_eq!(relay.streams.shared.forwarding.room(), max);
}

#[test]
fn what_waits_for_peers_that_do_not_come_is_bounded_as_well() {
    let mut relay = Relay::with_budget();
    let mut all = Vec::new();
    for _ in 0..PAIRS {
        relay.reserve();
        relay.connect_one(0);
        relay.link();
        relay.arrive_all();
        all.extend(relay.ids);
    }
    assert_eq!(relay.streams.shared.forwarding.room(), BUDGET.free);
    // One of them comes after all.
    relay.connect_one(1);
    assert!(relay.deliver());
    all.iter().for_each(|id| relay.streams.cancel(*id));
    assert_eq!(relay.streams.shared.forwarding.room(), BUDGET.max);
}

#[test]
fn a_run_is_forwarded_as_its_datagrams_would_be_one_by_one() {
    let one_by_one = |relay: &mut Relay, run: &mut Run<'_>| {
        for datagram in run.chunks() {
            relay.arrive(0, datagram);
        }
    };
    let queued = |relay: &mut Relay, run: &mut Run<'_>| {
        assert_eq!(relay.forward(run, 0), Passage::Queued);
    };
    let in_place = |relay: &mut Relay, run: &mut Run<'_>| {
        let Passage::InPlace(sent) = relay.forward(run, PACKETS) else { panic!("not in place") };
        assert_eq!((sent.socket, sent.to), (OTHER.socket, OTHER.remote));
        relay.take(sent, run.data);
    };
    let outcomes =
        [&one_by_one as &dyn Fn(&mut Relay, &mut Run<'_>), &queued, &in_place].map(|way| {
            let mut relay = Relay::linked();
            relay.peers[0].stream.write(Bytes::from(vec![7; 13_500]));
            let (mut data, segment_size) = relay.batch(0);
            assert!(data.len() > 10 * segment_size && !data.len().is_multiple_of(segment_size));
            way(&mut relay, &mut relay_run(&mut data, segment_size));
            while relay.deliver() {}
            let stats = relay.ids.map(|id| relay.streams.stats(id).expect("a stream"));
            (relay.peers[1].inbox.0.len(), stats)
        });
    assert_eq!(outcomes[0].0, 13_500);
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!(outcomes[0], outcomes[2]);
}

#[test]
fn a_run_does_not_overtake_what_waits() {
    let mut relay = Relay::linked();
    let mut data = relay.packets(20);
    relay.arrive(0, &data[..PACKET]);
    assert_eq!(relay.forward(&mut relay_run(&mut data, PACKET), 64), Passage::Queued);

    let mut buf = TransmitBuf { data: Vec::new(), max_segments: 64 };
    relay.streams.poll_transmit(&mut relay.bench.cx(), &mut buf).expect("all of it");
    assert_eq!(buf.data.len(), 21 * PACKET);
    let passage = relay.forward(&mut relay_run(&mut data, PACKET), 64);
    assert!(matches!(passage, Passage::InPlace(_)));
}

#[test]
fn a_run_that_is_not_all_of_one_stream_is_taken_apart() {
    let mut relay = Relay::linked();
    let data = relay.packets(20);
    let destroy = |data: &mut [u8]| data[2] = 16;
    let of_the_other = |data: &mut [u8]| data[4] ^= 1;
    let malformed = |data: &mut [u8]| data[0] = 0;
    for spoil in [destroy, of_the_other, malformed] {
        let mut spoilt = data.clone();
        spoil(&mut spoilt[19 * PACKET..]);
        let before = spoilt.clone();
        assert_eq!(relay.forward(&mut relay_run(&mut spoilt, PACKET), 64), Passage::Closed);
        assert_eq!(spoilt, before);
    }
    // The last datagram is too short for a header.
    let mut short = data[..19 * PACKET + 10].to_vec();
    assert_eq!(relay.forward(&mut relay_run(&mut short, PACKET), 64), Passage::Closed);
    let stats = relay.ids.map(|id| relay.streams.stats(id).expect("a stream"));
    assert_eq!(stats.map(|stats| (stats.packets_rx, stats.packets_tx)), [(0, 0), (0, 0)]);
    assert!(!relay.deliver());
}

#[test]
fn the_rate_applies_to_each_datagram_of_a_run() {
    let mut relay = Relay::linked();
    let [a, b] = relay.ids;
    let depth = 64 * 1024;
    assert!(relay.streams.relay_to(relay.bench.now, a, b, Some(1000)));
    let mut data = relay.packets(depth / PACKET + 10);
    assert_eq!(relay.forward(&mut relay_run(&mut data, PACKET), 64), Passage::Closed);
    assert_eq!(relay.streams.throttled(a), 0);

    for datagram in data.chunks(PACKET) {
        relay.arrive(0, datagram);
    }
    assert_eq!(relay.streams.throttled(a), 10);
}

/// Datagrams of the first peer.
fn relay_run(data: &mut [u8], segment_size: usize) -> Run<'_> {
    Run { socket: PATH.socket, from: PATH.remote, data, segment_size }
}

/// The size in bytes of a packet of [`Relay::packets`].
const PACKET: usize = 100;

/// A small one.
const BUDGET: Limits = Limits { free: 1000, max: 5000, total: 50_000 };

/// More than fit into it.
const PAIRS: usize = 50;

/// A table with two streams, and the peer of each.
struct Relay {
    bench: Bench,
    streams: Streams,
    ids: [StreamId; 2],
    peers: [Peer; 2],
}

struct Peer {
    stream: udx::Stream,
    inbox: Inbox,
    path: Path,
}

/// What became of a packet of a peer.
#[derive(Debug)]
enum Fate {
    Parked,
    Forwarded,
    Ended(udx::CloseReason),
}

impl Relay {
    fn new() -> Self {
        let (mut bench, mut streams) = (Bench::new(), Streams::default());
        let ids = [(); 2].map(|()| streams.reserve(&mut bench.cx(), OWNER));
        let peers = [PATH, OTHER].map(|path| Peer {
            stream: udx::Stream::new(path.remote.port().into(), udx::Config::default()),
            inbox: Inbox::default(),
            path,
        });
        Self { bench, streams, ids, peers }
    }

    fn linked() -> Self {
        let mut relay = Self::new();
        relay.connect();
        relay.link();
        relay
    }

    fn with_budget() -> Self {
        let mut relay = Self::new();
        relay.streams.shared.forwarding = Budget::new(BUDGET);
        relay
    }

    /// Turns to two new streams.
    fn reserve(&mut self) {
        self.ids = [(); 2].map(|()| self.streams.reserve(&mut self.bench.cx(), OWNER));
    }

    /// Takes more packets for the first stream than it may keep.
    fn arrive_all(&mut self) {
        let data = self.packets(2 * BUDGET.max / PACKET);
        for datagram in data.chunks(PACKET) {
            self.arrive(0, datagram);
        }
    }

    /// Packets for the first stream, of one size.
    fn packets(&self, count: usize) -> Vec<u8> {
        let mut packet = [0; PACKET];
        packet[..2].copy_from_slice(&[0xff, 1]);
        packet[4..8].copy_from_slice(&self.ids[0].0.to_le_bytes());
        packet.repeat(count)
    }

    fn forward(&mut self, run: &mut Run<'_>, max_segments: usize) -> Passage {
        self.streams.forward_run(&mut self.bench.cx(), run, max_segments)
    }

    fn connect(&mut self) {
        self.connect_one(0);
        self.connect_one(1);
    }

    fn connect_one(&mut self, index: usize) {
        let Self { bench, streams, ids, peers } = self;
        let peer = &mut peers[index];
        let remote = RemoteStream {
            id: peer.stream.local_id(),
            revision_1: true,
            ..RemoteStream::default()
        };
        let (stream, _) =
            streams.connect(&mut bench.cx(), ids[index], peer.path, remote).expect("a stream");
        stream.settle(&mut bench.cx());
        peer.stream.connect(bench.now, ids[index].0, LOCAL);
    }

    fn link(&mut self) {
        let [a, b] = self.ids;
        assert!(self.relay_to(a, b) && self.relay_to(b, a));
    }

    fn relay_to(&mut self, source: StreamId, target: StreamId) -> bool {
        self.streams.relay_to(self.bench.now, source, target, None)
    }

    /// Sends one batch of a peer's packets to the table.
    fn send(&mut self, index: usize) -> Vec<Fate> {
        let (data, segment_size) = self.batch(index);
        data.chunks(segment_size).map(|packet| self.arrive(index, packet)).collect()
    }

    /// One batch of a peer's packets, and their size.
    fn batch(&mut self, index: usize) -> (Vec<u8>, usize) {
        let mut buf = Vec::new();
        let sent = self.peers[index].stream.poll_transmit(self.bench.now, &mut buf, PACKETS);
        let segment_size = sent.and_then(|sent| sent.segment_size).unwrap_or(buf.len());
        (buf, segment_size.max(1))
    }

    fn arrive(&mut self, index: usize, packet: &[u8]) -> Fate {
        let Path { socket, remote } = self.peers[index].path;
        let cx = &mut self.bench.cx();
        match self.streams.handle_datagram(cx, socket, remote, packet) {
            Arrival::Parked(OWNER) => Fate::Parked,
            Arrival::Done => Fate::Forwarded,
            Arrival::Events(mut stream) => {
                let Some(udx::Event::Closed(reason)) = stream.poll_event() else {
                    panic!("no end")
                };
                stream.release(cx);
                Fate::Ended(reason)
            }
            other @ (Arrival::Unknown
            | Arrival::Parked(_)
            | Arrival::Stray(_)
            | Arrival::PathFrame(..)
            | Arrival::Packet(..)) => {
                panic!("{other:?}")
            }
        }
    }

    /// Exchanges packets until nobody has anything to send.
    fn exchange(&mut self) {
        loop {
            let mut is_busy = self.deliver();
            for index in 0..2 {
                is_busy |= !self.send(index).is_empty();
            }
            if !is_busy {
                break;
            }
        }
    }

    /// Sends what the table has to the peers. False if there was nothing.
    fn deliver(&mut self) -> bool {
        let mut buf = TransmitBuf { data: Vec::new(), max_segments: PACKETS };
        let sent = self.streams.poll_transmit(&mut self.bench.cx(), &mut buf);
        let Some(StreamTransmit { transmit, .. }) = sent else { return false };
        self.take(transmit, &buf.data);
        true
    }

    /// Hands datagrams to the peer that they are sent to.
    fn take(&mut self, transmit: Transmit, data: &[u8]) {
        let peer = self.peers.iter_mut().find(|peer| peer.path.remote == transmit.to);
        let Peer { stream, inbox, path } = peer.expect("a peer");
        assert_eq!(path.socket, transmit.socket);
        for data in data.chunks(transmit.segment_size.unwrap_or(data.len())) {
            let packet = udx::Packet::parse(data).expect("a packet");
            stream.handle_packet(self.bench.now, &packet, inbox);
        }
    }
}
