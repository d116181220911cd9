//! The table of streams with one peer, without a network.

mod crowds;
mod relays;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::tests::bench::Bench;
use crate::wire::{FEATURE_REVISION_1, UdxInfo};

#[test]
fn only_a_peer_of_our_revision_gets_thin_acknowledgements() {
    assert_eq!(acknowledgements(FEATURE_REVISION_1), 1);
    assert_eq!(acknowledgements(0), PACKETS / 2);
}

#[test]
fn packets_that_come_before_the_path_are_replayed() {
    let mut pair = Pair::new();
    let id = pair.streams.reserve(&mut pair.bench.cx(), OWNER);
    pair.peer.connect(pair.bench.now, id.0, LOCAL);
    pair.peer.write(Bytes::from_static(b"early"));
    for packet in pair.peer_sends() {
        assert!(matches!(pair.arrive(&packet), Arrival::Parked(OWNER)));
    }

    let connected = pair.streams.connect(&mut pair.bench.cx(), id, PATH, RemoteStream::default());
    let (mut stream, parked) = connected.expect("a reserved stream");
    let mut inbox = Inbox::default();
    parked.replay(&mut pair.bench.cx(), |cx, packet| {
        stream.handle_packet(cx.now, packet, &mut inbox);
    });
    assert_eq!(inbox.0, b"early");
}

#[test]
fn what_is_parked_is_bounded() {
    let mut pair = Pair::new();
    let id = pair.streams.reserve(&mut pair.bench.cx(), OWNER);
    let mut packet = [0; 1000];
    packet[..2].copy_from_slice(&[0xff, 1]);
    packet[4..8].copy_from_slice(&id.0.to_le_bytes());
    for _ in 0..100 {
        pair.arrive(&packet);
    }
    assert_eq!(pair.bench.stats.dropped.udx, 100 - 64);
}

#[test]
fn a_reserved_stream_that_is_cancelled_leaves_nothing() {
    let mut pair = Pair::new();
    let id = pair.streams.reserve(&mut pair.bench.cx(), OWNER);
    pair.streams.cancel(id);
    assert_eq!(pair.streams.len(), 0);
}

/// No connection and no relay takes a path to these, so their packets would wait for nothing.
#[test]
fn packets_from_where_no_path_leads_are_not_parked() {
    let ipv6 = SocketAddr::from((Ipv6Addr::LOCALHOST, 1));
    for (from, is_parked) in
        [(PATH.remote, true), (SocketAddr::new(PATH.remote.ip(), 0), false), (ipv6, false)]
    {
        for owner in [OWNER, StreamOwner::Relay] {
            let mut pair = Pair::new();
            let id = pair.streams.reserve(&mut pair.bench.cx(), owner);
            pair.peer.connect(pair.bench.now, id.0, LOCAL);
            pair.peer.write(Bytes::from_static(b"early"));
            let packets = pair.peer_sends();
            for packet in &packets {
                let cx = &mut pair.bench.cx();
                let arrival = pair.streams.handle_datagram(cx, PATH.socket, from, packet);
                assert_eq!(matches!(arrival, Arrival::Parked(_)), is_parked, "{from}");
            }
            let dropped = if is_parked { 0 } else { packets.len() as u64 };
            assert_eq!(pair.bench.stats.dropped.udx, dropped);
        }
    }
}

#[test]
fn a_peer_that_comes_too_late_is_refused() {
    let mut pair = Pair::new();
    let id = pair.streams.reserve(&mut pair.bench.cx(), OWNER);
    pair.streams
        .introduce(id, RemoteStream { id: PEER, revision_1: true, ..RemoteStream::default() });
    pair.streams.cancel(id);

    pair.peer.connect(pair.bench.now, id.0, LOCAL);
    pair.peer.write(Bytes::from_static(b"anybody?"));
    for packet in pair.peer_sends() {
        assert!(matches!(pair.arrive(&packet), Arrival::Done));
    }
    let answer = pair.bench.out.control.pop_front().expect("an answer");
    assert_eq!((answer.socket, answer.to), (PATH.socket, PATH.remote));
    let packet = udx::Packet::parse(&answer.payload).expect("a packet");
    pair.peer.handle_packet(pair.bench.now, &packet, &mut pair.inbox);
    let reset = udx::Event::Closed(udx::CloseReason::Reset);
    assert_eq!(pair.peer.poll_event(), Some(reset));

    // A refusal is not answered: otherwise two nodes would answer each other for ever.
    let mut refusal = answer.payload;
    refusal[4..8].copy_from_slice(&id.0.to_le_bytes());
    assert!(matches!(pair.arrive(&refusal), Arrival::Done));
    assert!(pair.bench.out.control.is_empty());
}

#[test]
fn nothing_is_sent_to_port_0() {
    let mut pair = Pair::new();
    let id = pair.streams.reserve(&mut pair.bench.cx(), OWNER);
    pair.streams.introduce(id, RemoteStream { id: PEER, revision_1: true, path_frames: false });
    pair.streams.cancel(id);
    pair.peer.connect(pair.bench.now, id.0, LOCAL);
    pair.peer.write(Bytes::from_static(b"anybody?"));

    let nowhere = SocketAddr::new(PATH.remote.ip(), 0);
    for packet in pair.peer_sends() {
        let cx = &mut pair.bench.cx();
        pair.streams.handle_datagram(cx, PATH.socket, nowhere, &packet);
        cx.send_with_ttl(PATH.socket, SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0), 5, vec![0]);
    }
    assert!(pair.bench.out.control.is_empty());
}

#[test]
fn only_the_latest_refusals_are_kept() {
    let mut pair = Pair::new();
    for _ in 0..2000 {
        let id = pair.streams.reserve(&mut pair.bench.cx(), OWNER);
        pair.streams.introduce(id, RemoteStream::default());
        pair.streams.cancel(id);
    }
    assert_eq!((pair.streams.len(), pair.streams.refused.len()), (0, 1024));
}

#[test]
fn a_released_stream_answers_its_peer_until_it_is_done() {
    let mut pair = Pair::connected();
    let id = pair.id();
    pair.stream().end();
    pair.peer.end();
    pair.exchange();

    let mut stream = pair.streams.get(id).expect("a stream");
    assert_eq!(stream.poll_event(), Some(udx::Event::Finished));
    assert_eq!(stream.poll_event(), Some(udx::Event::Closed(udx::CloseReason::Graceful)));
    stream.release(&mut pair.bench.cx());
    pair.exchange();
    assert_eq!((pair.streams.len(), pair.streams.users_of(PATH.socket)), (1, 1));

    pair.bench.now += Duration::from_secs(4);
    assert!(pair.streams.handle_timeout(&mut pair.bench.cx(), id).is_none());
    pair.exchange();
    assert_eq!((pair.streams.len(), pair.streams.users_of(PATH.socket)), (0, 0));
    assert_eq!(pair.streams.take_unused(), [PATH.socket]);
    assert!(pair.bench.timers.is_empty());
}

#[test]
fn released_streams_can_be_forgotten_at_once() {
    let mut pair = Pair::connected();
    pair.streams.forget_released(&mut pair.bench.cx());
    assert_eq!(pair.streams.len(), 1);
    let id = pair.id();
    pair.streams.get(id).expect("a stream").release(&mut pair.bench.cx());
    pair.streams.forget_released(&mut pair.bench.cx());
    assert_eq!(pair.streams.len(), 0);
}

#[test]
fn a_stream_keeps_the_socket_of_an_old_path_until_nothing_needs_it() {
    let mut pair = Pair::connected();
    let now = pair.bench.now;
    pair.stream().change_path(now, OTHER, None);
    assert_eq!((pair.path(), pair.users()), ((OTHER, false), (1, 1)));

    // The peer acknowledges what took the new path, but sends to the old socket.
    pair.stream().write(Bytes::from_static(b"over the new path"));
    pair.exchange();
    pair.settle();
    assert_eq!((pair.path(), pair.users()), ((OTHER, true), (1, 1)));

    pair.socket = OTHER.socket;
    pair.peer.write(Bytes::from_static(b"to the new socket"));
    pair.exchange();
    assert_eq!(pair.users(), (0, 1));
    assert_eq!(pair.streams.take_unused(), [PATH.socket]);
}

#[test]
fn a_stream_returns_to_the_socket_of_the_path_that_worked() {
    let mut pair = Pair::connected();
    let (now, id) = (pair.bench.now, pair.id());
    pair.stream().change_path(now, OTHER, None);
    pair.stream().write(Bytes::from_static(b"into the void"));
    pair.settle();
    for _ in 0..2 {
        while pair.poll_transmit().is_some() {}
        pair.bench.now += Duration::from_secs(2);
        let stream = pair.streams.handle_timeout(&mut pair.bench.cx(), id).expect("a stream");
        stream.settle(&mut pair.bench.cx());
    }
    pair.settle();
    assert_eq!((pair.path(), pair.users()), ((PATH, true), (1, 0)));
    assert_eq!(pair.streams.take_unused(), [OTHER.socket]);
    let sent = pair.poll_transmit().expect("the data again");
    assert_eq!((sent.transmit.socket, sent.transmit.to), (PATH.socket, PATH.remote));
}

#[test]
fn an_interim_path_is_not_left_for_an_ipv6_address() {
    let mut pair = Pair::connected();
    let now = pair.bench.now;
    pair.stream().set_interim(now);
    pair.peer.write(Bytes::from_static(b"a packet"));
    let [packet] = &pair.peer_sends()[..] else { panic!("one packet") };
    let (id, later) = (pair.id(), now + Duration::from_secs(60));
    for (host, is_better) in [(Ipv6Addr::LOCALHOST.into(), false), (LOCAL.ip(), true)] {
        let from = SocketAddr::new(host, 9);
        assert_eq!(pair.stream().is_better(from), is_better);
        pair.streams.handle_datagram(&mut pair.bench.cx(), PATH.socket, from, packet);
        assert_eq!(pair.streams.has_left(id, later), is_better);
    }
}

#[test]
fn a_stream_that_ends_on_its_way_leaves_every_socket() {
    let mut pair = Pair::connected();
    let now = pair.bench.now;
    for port in 3..30 {
        let remote = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        pair.stream().change_path(now, Path::to_peer(OTHER.socket, remote), None);
    }
    let stream = pair.stream();
    stream.release(&mut Bench::new().cx());
    pair.streams.forget_released(&mut pair.bench.cx());
    assert_eq!(pair.users(), (0, 0));
}

/// How many acknowledgements answer a batch of `PACKETS` packets.
fn acknowledgements(features: u64) -> usize {
    let mut pair = Pair::of(Some(UdxInfo { features, id: PEER, seq: 0 }).into());
    pair.peer.write(Bytes::from(vec![0; 20_000]));
    pair.deliver();
    let mut buf = TransmitBuf { data: Vec::new(), max_segments: 64 };
    pair.streams.poll_transmit(&mut pair.bench.cx(), &mut buf).expect("acknowledgements");
    buf.data.len() / ACKNOWLEDGEMENT
}

/// A table with one stream, and its peer.
struct Pair {
    bench: Bench,
    streams: Streams,
    peer: udx::Stream,
    inbox: Inbox,
    /// The socket that the peer sends to.
    socket: SocketId,
}

/// Keeps what a stream delivers.
#[derive(Default)]
struct Inbox(Vec<u8>);

impl udx::Sink for Inbox {
    fn data(&mut self, payload: &[u8]) -> usize {
        self.0.extend_from_slice(payload);
        0
    }
    fn message(&mut self, _: &[u8]) {}
    fn end(&mut self) {}
}

impl Pair {
    fn new() -> Self {
        Self {
            bench: Bench::new(),
            streams: Streams::default(),
            peer: udx::Stream::new(PEER, udx::Config::default()),
            inbox: Inbox::default(),
            socket: PATH.socket,
        }
    }

    fn connected() -> Self {
        Self::of(RemoteStream { id: PEER, revision_1: true, ..RemoteStream::default() })
    }

    fn of(remote: RemoteStream) -> Self {
        let mut pair = Self::new();
        let cx = &mut pair.bench.cx();
        let id = pair.streams.reserve(cx, OWNER);
        let (stream, _) = pair.streams.connect(cx, id, PATH, remote).expect("a reserved stream");
        stream.settle(cx);
        pair.peer.connect(pair.bench.now, id.0, LOCAL);
        pair
    }

    fn id(&self) -> StreamId {
        self.streams.table.ids().next().expect("a stream")
    }

    fn stream(&mut self) -> StreamMut<'_> {
        let id = self.id();
        self.streams.get(id).expect("a stream")
    }

    /// One batch of the peer's packets.
    fn peer_sends(&mut self) -> Vec<Vec<u8>> {
        let mut buf = Vec::new();
        let Some(sent) = self.peer.poll_transmit(self.bench.now, &mut buf, PACKETS) else {
            return Vec::new();
        };
        buf.chunks(sent.segment_size.unwrap_or(buf.len())).map(<[u8]>::to_vec).collect()
    }

    /// A packet of the peer arrives.
    fn arrive<'a>(&'a mut self, packet: &'a [u8]) -> Arrival<'a> {
        let cx = &mut self.bench.cx();
        self.streams.handle_datagram(cx, self.socket, PATH.remote, packet)
    }

    /// Hands one batch of the peer's packets to the stream's owner. False if there was none.
    fn deliver(&mut self) -> bool {
        let packets = self.peer_sends();
        for data in &packets {
            let cx = &mut self.bench.cx();
            if let Arrival::Packet(mut stream, packet) =
                self.streams.handle_datagram(cx, self.socket, PATH.remote, data)
            {
                stream.handle_packet(cx.now, &packet, &mut self.inbox);
                stream.settle(cx);
            }
        }
        !packets.is_empty()
    }

    /// Exchanges packets until neither side has anything to send.
    fn exchange(&mut self) {
        let id = self.id();
        if let Some(stream) = self.streams.get(id) {
            stream.settle(&mut self.bench.cx());
        }
        loop {
            let mut buf = TransmitBuf { data: Vec::new(), max_segments: 1 };
            let sent = self.streams.poll_transmit(&mut self.bench.cx(), &mut buf);
            if sent.is_some() {
                let packet = udx::Packet::parse(&buf.data).expect("a packet");
                self.peer.handle_packet(self.bench.now, &packet, &mut self.inbox);
            }
            if !self.deliver() && sent.is_none() {
                break;
            }
        }
    }

    /// Does what an owner does after a change.
    fn settle(&mut self) {
        let Some(mut stream) = self.streams.get(self.id()) else { return };
        while stream.owner() == OWNER && stream.poll_event().is_some() {}
        stream.settle(&mut self.bench.cx());
    }

    fn poll_transmit(&mut self) -> Option<StreamTransmit> {
        let mut buf = TransmitBuf { data: Vec::new(), max_segments: 1 };
        self.streams.poll_transmit(&mut self.bench.cx(), &mut buf)
    }

    fn path(&self) -> (Path, bool) {
        self.streams.path(self.id()).expect("a stream")
    }

    /// How many paths use the socket of the first path, and that of the other.
    fn users(&self) -> (usize, usize) {
        (self.streams.users_of(PATH.socket), self.streams.users_of(OTHER.socket))
    }
}

const OWNER: StreamOwner = StreamOwner::Conn(ConnId(1));

const PEER: u32 = 2;

const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

const PATH: Path = Path::to_peer(SocketId::SERVER, SocketAddrV4::new(Ipv4Addr::LOCALHOST, 2));

const OTHER: Path = Path::to_peer(SocketId::CLIENT, SocketAddrV4::new(Ipv4Addr::LOCALHOST, 3));

const PACKETS: usize = 12;

/// The size in bytes of a packet without payload.
const ACKNOWLEDGEMENT: usize = 20;
