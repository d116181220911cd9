//! Raw streams of two nodes, two tables back to back.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one event among many")]

mod firewall;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;

use super::*;
use crate::secret::Message;
use crate::tests::bench::Bench;
use crate::{Closed, Event, Transmit, TransmitBuf};

#[test]
fn two_streams_carry_bytes_and_messages_until_both_have_ended() {
    let mut pair = Pair::connected();
    pair.write(A, b"hello ");
    pair.write(A, b"world");
    pair.call(A, Call::SendMessage(Bytes::from_static(b"beside")));
    pair.call(A, Call::Flush(7));
    pair.call(A, Call::End);
    pair.exchange();
    assert_eq!(pair.data(B), b"hello world");
    let told = pair.events(B);
    assert!(matches!(&told[0], Event::Message { data, .. } if **data == *b"beside"), "{told:?}");
    assert!(matches!(told[..], [_, Event::RemoteEnd { .. }]), "{told:?}");
    let told = pair.events(A);
    assert!(matches!(told[..], [Event::Flushed { flush: 7, .. }, Event::Finished { .. }]));

    pair.call(B, Call::End);
    pair.exchange();
    for side in [A, B] {
        let told = pair.events(side);
        assert!(matches!(told.last(), Some(Event::Closed(Closed { error: None, .. }))), "{told:?}");
        assert_eq!(pair.sides[side].raws.len(), 0);
    }
}

#[test]
fn a_stream_that_is_destroyed_resets_its_peer() {
    let mut pair = Pair::connected();
    pair.sides[A].act(|raws, cx, streams| raws.destroy(cx, streams, CONN));
    pair.exchange();
    assert!(matches!(pair.closed(A), Closed { error: None, stats: Some(_), .. }));
    let error = Some(ConnError::Stream(StreamError::Reset));
    assert_eq!(pair.closed(B).error, error);
}

#[test]
fn what_arrives_before_the_stream_is_connected_is_kept_for_its_socket() {
    let mut pair = Pair::created(false);
    pair.connect(A);
    pair.write(A, b"early");
    let early = pair.sides[A].sent().expect("a packet");
    pair.arrive(B, OTHER, PEER, &early.1);
    pair.arrive(B, SOCKET, PEER, &early.1);
    assert!(pair.events(B).is_empty());

    pair.connect(B);
    assert_eq!(pair.data(B), b"early");
    pair.arrive(B, OTHER, PEER, &early.1);
    assert_eq!(pair.sides[B].bench.stats.dropped.udx, 1);
}

#[test]
fn a_stranger_is_let_in_at_no_other_socket() {
    let [main, other] = [SocketId::SERVER, SocketId::CLIENT];
    for (own, socket, from, is_let_in) in [
        (main, other, PEER, true),
        (main, other, STRANGER, false),
        (main, OTHER, PEER, false),
        (SOCKET, main, PEER, false),
    ] {
        let mut pair = Pair::created(false);
        pair.connect(A);
        let remote = RawRemote { socket: own, address: PEER, id: ID };
        let connect = |pair: &mut Pair| {
            pair.sides[B].act(|raws, cx, streams| raws.connect(cx, streams, CONN, remote, 0));
        };
        let mut expected = Vec::new();
        for data in [b"early", b"later"] {
            pair.write(A, data);
            let (_, packet) = pair.sides[A].sent().expect("a packet");
            pair.arrive(B, socket, from, &packet);
            if data == b"early" {
                connect(&mut pair);
            }
            expected.extend_from_slice(if is_let_in { data } else { b"" });
        }
        assert_eq!(pair.data(B), expected, "{own:?} {socket:?} {from}");
    }
}

#[test]
fn calls_wait_for_the_connection() {
    let mut pair = Pair::created(false);
    pair.write(A, b"queued");
    pair.call(A, Call::End);
    pair.connect(A);
    pair.connect(B);
    pair.exchange();
    assert_eq!(pair.data(B), b"queued");
}

#[test]
fn a_silent_stream_sends_heartbeats() {
    let mut pair = Pair::connected();
    let second = std::time::Duration::from_secs(1);
    pair.call(A, Call::SetHeartbeat(second));
    pair.exchange();
    for _ in 0..3 {
        let side = &mut pair.sides[A];
        side.bench.now += second;
        let stream = side.streams.handle_timeout(&mut side.bench.cx(), StreamId(ID));
        let stream = stream.expect("a stream with an owner");
        side.raws.handle_events(&mut side.bench.cx(), CONN, stream);
        let (_, packet) = side.sent().expect("a heartbeat");
        let kind = udx::Packet::parse(&packet).expect("a packet").header.kind;
        assert_eq!(kind, udx::Flags::HEARTBEAT);
    }
}

#[test]
fn a_stream_moves_to_another_socket_and_says_when_all_has_arrived() {
    let mut pair = Pair::connected();
    pair.write(A, b"over the old path");
    pair.call(A, Call::ChangeRemote(RawRemote { socket: OTHER, address: STRANGER, id: ID }));
    pair.write(A, b", and the new one");
    let (first, _) = pair.sides[A].peek();
    assert_eq!((first.socket, first.to), (OTHER, STRANGER));
    pair.exchange();
    assert_eq!(pair.data(B), b"over the old path, and the new one");
    let told = pair.events(A);
    let is_changed = |event: &Event| matches!(event, Event::RemoteChanged { conn: CONN });
    assert_eq!(told.iter().filter(|event| is_changed(event)).count(), 1);
    let first = told.first().expect("an event");
    assert!(
        matches!(first, Event::PathChanged { path, .. } if path.remote == STRANGER),
        "{told:?}"
    );
}

#[test]
fn an_id_is_taken_until_its_stream_is_gone() {
    let mut pair = Pair::connected();
    let (options, other) = (options(false), ConnId(9));
    pair.sides[A].act(|raws, cx, streams| raws.create(cx, streams, other, options));
    let closed = pair.closed(A);
    assert_eq!((closed.conn, closed.error), (other, Some(StreamError::IdInUse.into())));

    pair.sides[A].act(|raws, cx, streams| raws.destroy(cx, streams, CONN));
    pair.sides[A].act(|raws, cx, streams| raws.create(cx, streams, other, options));
    assert_eq!(pair.closed(A).conn, CONN);
    assert_eq!(pair.sides[A].raws.len(), 1);
    // The new stream has not silenced the old one, which still resets its peer.
    pair.exchange();
    assert!(matches!(pair.closed(B).error, Some(ConnError::Stream(StreamError::Reset))));
}

#[test]
fn a_stream_that_was_never_connected_gives_its_id_up() {
    let mut pair = Pair::created(false);
    let (options, other) = (options(false), ConnId(9));
    pair.sides[A].act(|raws, cx, streams| raws.create(cx, streams, other, options));
    let closed = pair.closed(A);
    assert_eq!((closed.conn, closed.error), (CONN, None));
    assert!(pair.sides[A].raws.has(other));
}

#[test]
fn a_relay_that_goes_takes_the_stream_that_forwards_to_it_along() {
    let mut pair = Pair::connected();
    let (options, other) = (RawOptions { id: StreamId(8), ..options(false) }, ConnId(9));
    let side = &mut pair.sides[A];
    side.act(|raws, cx, streams| {
        raws.create(cx, streams, other, options);
        streams.relay_to(cx.now, StreamId(ID), StreamId(8), None);
        raws.destroy(cx, streams, other);
    });
    let orphan = side.streams.poll_orphan(&mut side.bench.cx()).expect("the stream");
    side.raws.handle_events(&mut side.bench.cx(), CONN, orphan);
    assert_eq!(side.raws.len(), 0);
}

/// Two tables, each with one stream of the same id.
struct Pair {
    sides: [Side; 2],
}

struct Side {
    bench: Bench,
    streams: Streams,
    raws: Raws,
}

const A: usize = 0;
const B: usize = 1;

impl Pair {
    /// Streams that are not connected. `asks` is whether the second has a firewall.
    fn created(asks: bool) -> Self {
        let mut sides = [(); 2].map(|()| Side {
            bench: Bench::new(),
            streams: Streams::default(),
            raws: Raws::default(),
        });
        sides[A].act(|raws, cx, streams| raws.create(cx, streams, CONN, options(false)));
        sides[B].act(|raws, cx, streams| raws.create(cx, streams, CONN, options(asks)));
        Self { sides }
    }

    fn connected() -> Self {
        let mut pair = Self::created(false);
        pair.connect(A);
        pair.connect(B);
        pair
    }

    fn connect(&mut self, side: usize) {
        let remote = RawRemote { socket: SOCKET, address: PEER, id: ID };
        self.sides[side].act(|raws, cx, streams| raws.connect(cx, streams, CONN, remote, 0));
    }

    fn call(&mut self, side: usize, call: Call) {
        self.sides[side].act(|raws, cx, streams| raws.call(cx, streams, CONN, call));
    }

    fn write(&mut self, side: usize, data: &[u8]) {
        self.call(side, Call::Write(Message::from(data)));
    }

    fn answer(&mut self, side: usize, ask: AskId, answer: Answer) {
        self.sides[side].act(|raws, cx, streams| raws.handle_answer(cx, streams, ask, &answer));
    }

    fn arrive(&mut self, side: usize, socket: SocketId, from: SocketAddr, data: &[u8]) {
        let Side { bench, streams, raws } = &mut self.sides[side];
        let cx = &mut bench.cx();
        match streams.handle_datagram(cx, socket, from, data) {
            Arrival::Packet(stream, packet) => raws.handle_packet(cx, CONN, stream, &packet),
            Arrival::Stray(conn) => raws.handle_stray(cx, streams, conn, (socket, from), data),
            Arrival::Unknown | Arrival::Done => {}
            Arrival::Parked(_) | Arrival::Events(_) | Arrival::PathFrame(..) => {
                panic!("not of a raw stream")
            }
        }
    }

    /// Exchanges packets until neither side has anything to send.
    fn exchange(&mut self) {
        let mut is_busy = true;
        while is_busy {
            is_busy = false;
            for (from, to) in [(A, B), (B, A)] {
                while let Some((_, data)) = self.sides[from].sent() {
                    self.arrive(to, SOCKET, PEER, &data);
                    is_busy = true;
                }
            }
        }
    }

    fn events(&mut self, side: usize) -> Vec<Event> {
        let Side { bench, raws, .. } = &mut self.sides[side];
        raws.deliver(&mut bench.out.events);
        std::mem::take(&mut bench.out.events)
    }

    /// Takes the bytes that a stream has delivered, and leaves the other events.
    fn data(&mut self, side: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for event in self.events(side) {
            match event {
                Event::Data { data, .. } => bytes.extend_from_slice(&data),
                other => self.sides[side].bench.out.events.push(other),
            }
        }
        bytes
    }

    fn asked(&mut self, side: usize) -> Vec<(AskId, (SocketId, SocketAddr))> {
        let asked = |event| match event {
            Event::Ask { ask, question: Question::StreamFirewall { socket, from, .. } } => {
                Some((ask, (socket, from)))
            }
            _ => None,
        };
        self.events(side).into_iter().filter_map(asked).collect()
    }

    fn closed(&mut self, side: usize) -> Closed {
        match self.events(side).pop() {
            Some(Event::Closed(closed)) => closed,
            other => panic!("not closed: {other:?}"),
        }
    }
}

impl Side {
    fn act(&mut self, act: impl FnOnce(&mut Raws, &mut Cx<'_>, &mut Streams)) {
        act(&mut self.raws, &mut self.bench.cx(), &mut self.streams);
    }

    /// The next datagram.
    fn sent(&mut self) -> Option<(Transmit, Vec<u8>)> {
        if let Some(sent) = self.bench.out.control.pop_front() {
            let (socket, to) = (sent.socket, sent.to);
            let transmit =
                Transmit { socket, to, ttl: None, segment_size: None, may_fragment: false };
            return Some((transmit, sent.payload));
        }
        let mut buf = TransmitBuf { data: Vec::new(), max_segments: 1 };
        let sent = self.streams.poll_transmit(&mut self.bench.cx(), &mut buf)?;
        if let StreamOwner::Raw(conn) = sent.owner {
            self.raws.handle_sent(&mut self.bench.cx(), conn, sent.unsent);
        }
        Some((sent.transmit, buf.data))
    }

    /// The next datagram, which is then on its way to the peer.
    fn peek(&mut self) -> (Transmit, Vec<u8>) {
        let (transmit, data) = self.sent().expect("a datagram");
        let (socket, to, payload) = (transmit.socket, transmit.to, data.clone());
        let control = crate::cx::ControlDatagram { socket, to, ttl: None, payload };
        self.bench.out.control.push_front(control);
        (transmit, data)
    }
}

fn options(ask_firewall: bool) -> RawOptions {
    RawOptions { id: StreamId(ID), seq: 0, framed: false, ask_firewall }
}

const CONN: ConnId = ConnId(1);
const ID: u32 = 7;
const SOCKET: SocketId = SocketId(SocketId::FIRST_BOUND);
const OTHER: SocketId = SocketId(SocketId::FIRST_BOUND + 1);
const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2);
const STRANGER: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 3);
