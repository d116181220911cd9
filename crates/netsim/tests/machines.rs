//! Machines inside nodes, with connections of their own.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one event among many")]
#![cfg(test)]

use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use netsim::{Flight, HostId, Link, World};
use proto::noise::{KeyPair, PublicKey};
use proto::{
    Command, ConnError, ConnId, ConnReport, ConnectError, ConnectOptions, Event, Machine,
    MachineIo, ServerId, SocketId,
};

#[test]
fn two_connections_of_machines_exchange_messages_without_the_application() {
    let mut world = World::testnet(1, 4, Link::default());
    let remote = world.listen(SERVER, ServerId(0), KeyPair::from_seed([1; 32]));
    let (client, server) = (Log::default(), Log::default());
    world.add_machine(SERVER, Box::new(Echo(server.clone())));
    world.take_events(SERVER);
    world.take_events(CLIENT);

    world.add_machine(CLIENT, Box::new(Dialer { remote, log: client.clone() }));
    world.run_until(WITHIN, |_| client.has("closed") && server.has("closed"));
    assert_eq!(client.take(), ["opened", "data ping", "end", "closed None"]);
    assert_eq!(server.take(), ["accepted", "data ping", "end", "closed None"]);
    let told = |world: &mut World, host| world.take_events(host).iter().any(is_of_connection);
    assert!(!told(&mut world, CLIENT) && !told(&mut world, SERVER));
    assert_eq!(world.get(CLIENT).node.live().connections, 0);
}

#[test]
fn a_machine_and_an_application_talk() {
    let mut world = World::testnet(2, 4, Link::default());
    let remote = world.listen(SERVER, ServerId(0), KeyPair::from_seed([1; 32]));
    let server = Log::default();
    world.add_machine(SERVER, Box::new(Echo(server.clone())));

    world.connect(CLIENT, ConnId(0), remote);
    let data = proto::Message::from(b"hello");
    world.command(CLIENT, Command::Write { conn: ConnId(0), data });
    world
        .wait_for(CLIENT, |event| matches!(event, Event::Data { data, .. } if **data == *b"hello"));
    assert_eq!(server.take(), ["accepted", "data hello"]);
}

#[test]
fn the_connections_of_a_machine_end_with_the_sleep_of_its_node() {
    let mut world = World::testnet(3, 4, Link::default());
    let remote = world.listen(SERVER, ServerId(0), KeyPair::from_seed([1; 32]));
    world.command(CLIENT, Command::Suspend);
    world.wait_for(CLIENT, |event| matches!(event, Event::Suspended));
    let late = Log::default();
    world.add_machine(CLIENT, Box::new(Dialer { remote, log: late.clone() }));
    assert_eq!(late.take(), [format!("refused {}", ConnectError::Suspended)]);

    world.command(CLIENT, Command::Resume);
    world.wait_for(CLIENT, |event| matches!(event, Event::Resumed { .. }));
    let log = Log::default();
    world.add_machine(CLIENT, Box::new(Dialer { remote, log: log.clone() }));
    world.run_until(WITHIN, |_| log.has("opened"));
    world.command(CLIENT, Command::Suspend);
    world.wait_for(CLIENT, |event| matches!(event, Event::Suspended));
    assert_eq!(log.take(), ["opened", "closed None"]);
}

#[test]
fn a_machine_moves_its_connection() {
    let mut world = World::testnet(5, 4, Link::default());
    let remote = world.listen(SERVER, ServerId(0), KeyPair::from_seed([1; 32]));
    let client = Log::default();
    world.add_machine(SERVER, Box::new(Echo(Log::default())));
    let to = world.get(SERVER).client_address();
    world.start_tap();
    world.add_machine(CLIENT, Box::new(Mover { remote, to, log: client.clone() }));
    world.run_until(WITHIN, |_| client.has("data"));
    let is_udx = |flight: &Flight| flight.to == to && flight.data.starts_with(&[0xff, 1]);
    assert!(world.take_tap().iter().any(is_udx));
    assert_eq!(client.take(), ["opened", "data over the new path"]);
}

#[test]
fn a_machine_hears_that_its_server_is_not_there() {
    let mut world = World::testnet(4, 4, Link::default());
    let log = Log::default();
    world.add_machine(CLIENT, Box::new(Dialer { remote: [9; 32], log: log.clone() }));
    world.run_until(WITHIN, |_| log.has("closed"));
    let error = Some(ConnError::Connect(ConnectError::PeerNotFound));
    assert_eq!(log.take(), [format!("closed {error:?}")]);
}

/// Connects, sends "ping", and ends when the echo has come.
#[derive(Debug)]
struct Dialer {
    remote: PublicKey,
    log: Log,
}

impl Machine for Dialer {
    fn start(&mut self, io: &mut MachineIo<'_>) {
        match io.connect(self.remote, ConnectOptions::default()) {
            Ok(conn) => io.write(conn, proto::Message::from(b"ping")),
            Err(error) => self.log.note(format!("refused {error}")),
        }
    }

    fn handle_report(&mut self, io: &mut MachineIo<'_>, conn: ConnId, report: ConnReport) {
        self.log.note_report(&report);
        if let ConnReport::Data(data) = report {
            io.consumed(conn, data.len());
            io.end(conn);
        }
    }
}

/// Connects, and moves its connection to another path when it is open.
#[derive(Debug)]
struct Mover {
    remote: PublicKey,
    to: SocketAddrV4,
    log: Log,
}

impl Machine for Mover {
    fn start(&mut self, io: &mut MachineIo<'_>) {
        io.connect(self.remote, ConnectOptions::default()).expect("the node is awake");
    }

    fn handle_report(&mut self, io: &mut MachineIo<'_>, conn: ConnId, report: ConnReport) {
        self.log.note_report(&report);
        if let ConnReport::Opened(_) = report {
            io.change_path(conn, SocketId::SERVER, self.to);
            io.write(conn, proto::Message::from(b"over the new path"));
        }
    }
}

/// Echoes messages on the connections that a server accepts.
#[derive(Debug)]
struct Echo(Log);

impl Machine for Echo {
    fn start(&mut self, io: &mut MachineIo<'_>) {
        assert!(io.accept_from(ServerId(0)));
    }

    fn handle_report(&mut self, io: &mut MachineIo<'_>, conn: ConnId, report: ConnReport) {
        self.0.note_report(&report);
        match report {
            ConnReport::Data(data) => {
                io.consumed(conn, data.len());
                io.write(conn, proto::Message::from(&data[..]));
            }
            ConnReport::RemoteEnd => io.end(conn),
            _ => {}
        }
    }
}

/// What the connections of a machine reported.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn note_report(&self, report: &ConnReport) {
        self.note(match report {
            ConnReport::Accepted(_) => "accepted".into(),
            ConnReport::Opened(_) => "opened".into(),
            ConnReport::Data(data) => format!("data {}", String::from_utf8_lossy(data)),
            ConnReport::RemoteEnd => "end".into(),
            ConnReport::Closed { error, .. } => format!("closed {error:?}"),
            // The time of these reports depends on acknowledgements.
            _ => return,
        });
    }

    fn has(&self, start: &str) -> bool {
        self.0.lock().unwrap().iter().any(|line| line.starts_with(start))
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn is_of_connection(event: &Event) -> bool {
    matches!(event, Event::Connection(_) | Event::Opened(_) | Event::Data { .. } | Event::Closed(_))
}

const SERVER: HostId = HostId(1);
const CLIENT: HostId = HostId(2);

/// A search, a handshake and a few round trips take seconds.
const WITHIN: Duration = Duration::from_secs(30);
