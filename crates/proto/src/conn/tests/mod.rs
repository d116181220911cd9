//! Connections of a machine and of the application, two tables back to back.

mod paths;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use bytes::Bytes;

use super::*;
use crate::noise::{Initiator, KeyPair, Responder};
use crate::streams::Arrival;
use crate::tests::bench::Bench;
use crate::{
    Closed, ConnError, ConnReport, ConnectError, ConnectReason, Event, MachineId, RawRemote,
    SocketId, TransmitBuf,
};

#[test]
fn two_connections_of_machines_exchange_messages_without_the_application() {
    let (mut client, mut server) = pair(MACHINE, MACHINE);
    client.call(MACHINE, Call::Write(message(b"ping")));
    exchange(&mut client, &mut server);
    assert_eq!(server.data(), [b"ping".to_vec()]);
    server.call(MACHINE, Call::Write(message(b"pong")));
    server.call(MACHINE, Call::SendMessage(Bytes::from_static(b"beside")));
    exchange(&mut client, &mut server);

    let reports = client.reports();
    assert!(matches!(&reports[0], ConnReport::Opened(_)), "{reports:?}");
    let is_pong = |r: &ConnReport| matches!(r, ConnReport::Data(data) if **data == *b"pong");
    let is_beside = |r: &ConnReport| matches!(r, ConnReport::Message(data) if **data == *b"beside");
    assert!(reports.iter().any(is_pong) && reports.iter().any(is_beside), "{reports:?}");
    assert_eq!((client.bench.out.events.len(), server.bench.out.events.len()), (0, 0));
}

#[test]
fn packets_that_arrive_together_are_answered_once() {
    let (mut client, mut server) = pair(MACHINE, MACHINE);
    exchange(&mut client, &mut server);
    server.reports();
    for text in [b"one", b"two", b"six"] {
        client.call(MACHINE, Call::Write(message(text)));
        assert!(client.send_unsettled(&mut server));
        assert!(!server.send_unsettled(&mut client), "an answer before the end");
    }
    assert_eq!(server.data(), [b"one".to_vec(), b"two".to_vec(), b"six".to_vec()]);
    server.handle_packets_end();
    assert!(server.send_to(&mut client) && !server.send_to(&mut client));
}

#[test]
fn a_machine_and_the_application_of_the_peer_understand_each_other() {
    let (mut client, mut server) = pair(MACHINE, ConnOwner::Application);
    client.call(MACHINE, Call::Write(message(b"hello")));
    client.call(MACHINE, Call::Flush(7));
    client.call(MACHINE, Call::End);
    server.call(ConnOwner::Application, Call::End);
    exchange(&mut client, &mut server);

    let events: Vec<_> = server.bench.out.events.drain(..).collect();
    assert!(matches!(&events[0], Event::Connection(info) if info.opened.conn == server.conn));
    assert!(matches!(&events[1], Event::Data { data, .. } if **data == *b"hello"), "{events:?}");
    assert!(matches!(events.last(), Some(Event::Closed(Closed { error: None, .. }))));
    assert!(server.bench.out.reports.is_empty());

    let reports = client.reports();
    let (closed, before) = reports.split_last().expect("the end");
    // One packet may carry the acknowledgement and the END of the peer.
    let before = &before[before.len() - 3..];
    let was_flushed = before.iter().any(|r| matches!(r, ConnReport::Flushed(7)));
    let has_ended = before.iter().any(|r| matches!(r, ConnReport::RemoteEnd));
    let has_finished = before.iter().any(|r| matches!(r, ConnReport::Finished));
    assert!(was_flushed && has_ended && has_finished, "{reports:?}");
    assert!(
        matches!(closed, ConnReport::Closed { error: None, stats: Some(_), trace: None }),
        "{reports:?}"
    );
    assert_eq!((client.conns.len(), server.conns.len()), (0, 0));
    let stats = client.conns.stats(&client.streams, client.conn).expect("the last numbers");
    assert!(stats.bytes_transmitted > 0);
}

#[test]
fn only_the_owner_can_call() {
    let (mut client, mut server) = pair(MACHINE, MACHINE);
    client.call(ConnOwner::Application, Call::Write(message(b"forged")));
    client.call(ConnOwner::Machine(MachineId(2)), Call::End);
    exchange(&mut client, &mut server);
    assert!(matches!(&server.reports()[..], [ConnReport::Accepted(_)]));
    assert!(client.conns.owns(MACHINE, client.conn));
    assert!(!client.conns.owns(ConnOwner::Application, client.conn));
}

#[test]
fn what_a_machine_calls_for_waits_until_the_connection_opens() {
    let (mut client, mut server) = (Side::new(), Side::new());
    let (near, far) = (client.dial(MACHINE), server.accept(MACHINE));
    client.call(MACHINE, Call::Write(message(b"early")));
    open(&mut client, near, &mut server, far);
    exchange(&mut client, &mut server);
    assert_eq!(server.data(), [b"early".to_vec()]);
}

#[test]
fn a_machine_hears_why_its_connection_failed() {
    let mut client = Side::new();
    client.dial(MACHINE);
    let Side { bench, streams, conns, conn, .. } = &mut client;
    let trace = ConnectTrace::refused(ConnectReason::Suspended);
    conns.fail(&mut bench.cx(), streams, *conn, Some(Box::new(trace)));
    assert!(matches!(
        &client.reports()[..],
        [ConnReport::Closed {
            error: Some(ConnError::Connect(ConnectError::Suspended)),
            stats: None,
            trace: Some(_)
        }]
    ));
    assert_eq!((client.conns.len(), client.streams.len()), (0, 0));
}

#[test]
fn a_machine_hears_of_the_end() {
    let (mut client, mut server) = pair(MACHINE, MACHINE);
    let Side { bench, streams, conns, conn, .. } = &mut client;
    conns.destroy(&mut bench.cx(), streams, *conn);
    exchange(&mut client, &mut server);
    assert!(matches!(client.reports().last(), Some(ConnReport::Closed { error: None, .. })));
    assert!(matches!(server.reports().last(), Some(ConnReport::Closed { error: Some(_), .. })));
}

#[test]
fn messages_pass_below_the_secret_stream() {
    let (mut client, mut server) = pair(MACHINE, MACHINE);
    client.call(MACHINE, Call::SendRaw(Bytes::from_static(b"plain")));
    exchange(&mut client, &mut server);
    let reports = server.reports();
    let is_plain =
        |r: &ConnReport| matches!(r, ConnReport::RawMessage(data) if *data == b"plain"[..]);
    assert!(reports.iter().any(is_plain), "{reports:?}");
    assert_eq!(server.bench.stats.dropped.message, 1);
}

#[test]
fn the_owner_moves_a_connection_and_hears_when_all_has_arrived() {
    let (mut client, mut server) = pair(MACHINE, MACHINE);
    exchange(&mut client, &mut server);
    client.reports();
    client.call(MACHINE, Call::Write(message(b"over the old path")));
    assert!(client.send_to(&mut server));
    let id = server.conns.stream_of(MACHINE, server.conn).expect("a stream").0;
    let remote = RawRemote { socket: SocketId::CLIENT, address: PATH.remote, id };
    client.call(MACHINE, Call::ChangeRemote(remote));
    client.call(MACHINE, Call::Write(message(b"and the new one")));
    let reports = client.reports();
    let [ConnReport::PathChanged(path)] = &reports[..] else { panic!("{reports:?}") };
    assert_eq!((path.socket, path.remote), (SocketId::CLIENT, PATH.remote));

    exchange(&mut client, &mut server);
    assert_eq!(server.data(), [b"over the old path".to_vec(), b"and the new one".to_vec()]);
    let reports = client.reports();
    assert!(matches!(reports[..], [ConnReport::RemoteChanged]), "{reports:?}");
}

#[test]
fn a_silent_connection_sends_heartbeats() {
    let (mut client, mut server) = pair(MACHINE, MACHINE);
    exchange(&mut client, &mut server);
    client.call(MACHINE, Call::SetHeartbeat(Duration::from_secs(1)));
    client.bench.now += Duration::from_secs(1);
    let Side { bench, streams, conns, conn, .. } = &mut client;
    let id = conns.stream_of(MACHINE, *conn).expect("a stream");
    let stream = streams.handle_timeout(&mut bench.cx(), id).expect("a stream with an owner");
    conns.handle_events(&mut bench.cx(), *conn, stream);
    let mut buf = TransmitBuf { data: Vec::new(), max_segments: 1 };
    streams.poll_transmit(&mut bench.cx(), &mut buf).expect("a heartbeat");
    let kind = udx::Packet::parse(&buf.data).expect("a packet").header.kind;
    assert_eq!(kind, udx::Flags::HEARTBEAT);
}

/// One node's tables, with one connection.
struct Side {
    /// Both ends exchange frames about the path.
    is_ours: bool,
    /// Where the peer sees the packets come from.
    sends_from: SocketAddr,
    bench: Bench,
    streams: Streams,
    conns: Conns,
    conn: ConnId,
}

fn pair(client_owner: ConnOwner, server_owner: ConnOwner) -> (Side, Side) {
    let (mut client, mut server) = (Side::new(), Side::new());
    let (near, far) = (client.dial(client_owner), server.accept(server_owner));
    open(&mut client, near, &mut server, far);
    (client, server)
}

fn open(client: &mut Side, near: StreamId, server: &mut Side, far: StreamId) {
    let (own, their) = (KeyPair::from_seed([1; 32]), KeyPair::from_seed([2; 32]));
    let mut initiator = Initiator::new(&own, their.public(), &mut client.bench.rng).expect("keys");
    let mut responder = Responder::new(&their, &mut server.bench.rng).expect("keys");
    responder.recv(&initiator.send(b"").expect("message 1")).expect("message 1");
    initiator.recv(&responder.send(b"").expect("message 2")).expect("message 2");
    server.open(near, responder.finish());
    client.open(far, initiator.finish());
}

/// Exchanges packets until neither side has anything to send.
fn exchange(client: &mut Side, server: &mut Side) {
    while client.send_to(server) || server.send_to(client) {}
}

impl Side {
    fn new() -> Self {
        Self {
            is_ours: false,
            sends_from: PATH.remote,
            bench: Bench::new(),
            streams: Streams::default(),
            conns: Conns::new(Duration::ZERO),
            conn: ConnId(1),
        }
    }

    fn dial(&mut self, owner: ConnOwner) -> StreamId {
        let conn = OwnedConn { id: self.conn, owner };
        self.conns.dial(&mut self.bench.cx(), &mut self.streams, conn, None, Foreign::Nothing)
    }

    fn accept(&mut self, owner: ConnOwner) -> StreamId {
        let cx = &mut self.bench.cx();
        let conn = OwnedConn { id: self.conns.new_id(), owner };
        self.conn = conn.id;
        self.conns.accept(cx, &mut self.streams, ServerId(1), conn, Foreign::Nothing)
    }

    fn open(&mut self, remote: StreamId, keys: Finished) {
        let remote = RemoteStream { id: remote.0, revision_1: true, path_frames: self.is_ours };
        let cx = &mut self.bench.cx();
        self.conns.open(cx, &mut self.streams, self.conn, PATH.into(), remote, &keys);
    }

    fn call(&mut self, caller: ConnOwner, call: Call) {
        self.conns.call(&mut self.bench.cx(), &mut self.streams, self.conn, caller, call);
    }

    /// Sends one packet; false if there is none.
    fn send_to(&mut self, other: &mut Self) -> bool {
        let is_sent = self.send_unsettled(other);
        other.handle_packets_end();
        is_sent
    }

    fn handle_packets_end(&mut self) {
        let Self { bench, conns, streams, conn, .. } = self;
        conns.handle_packets_end(&mut bench.cx(), streams, *conn);
    }

    /// Sends one packet, and others arrive together with it later. Returns whether it sent one.
    fn send_unsettled(&mut self, other: &mut Self) -> bool {
        let mut buf = TransmitBuf { data: Vec::new(), max_segments: 1 };
        let Some(sent) = self.streams.poll_transmit(&mut self.bench.cx(), &mut buf) else {
            return false;
        };
        if let StreamOwner::Conn(conn) = sent.owner {
            self.conns.handle_sent(&mut self.bench.cx(), conn, sent.unsent);
        }
        let cx = &mut other.bench.cx();
        if let Arrival::Packet(stream, packet) =
            other.streams.handle_datagram(cx, sent.transmit.socket, self.sends_from, &buf.data)
        {
            other.conns.handle_packet(cx, other.conn, stream, &packet);
        }
        true
    }

    fn reports(&mut self) -> Vec<ConnReport> {
        self.bench.out.reports.drain(..).map(|(_, _, report)| report).collect()
    }

    fn data(&mut self) -> Vec<Vec<u8>> {
        let data =
            |report| if let ConnReport::Data(data) = report { Some(data.to_vec()) } else { None };
        self.reports().into_iter().filter_map(data).collect()
    }
}

fn message(data: &'static [u8]) -> crate::secret::Message {
    crate::secret::Message::from(data)
}

const MACHINE: ConnOwner = ConnOwner::Machine(MachineId(1));

const PATH: Path = Path::to_peer(SocketId::SERVER, SocketAddrV4::new(Ipv4Addr::LOCALHOST, 2));
