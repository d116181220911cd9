//! What connections leave behind in memory, on virtual time.
#![cfg(test)]

use std::time::Duration;

use allocation_counter::measure;
use netsim::{App, HostId, Link, World};
use proto::noise::{KeyPair, PublicKey};
use proto::{Command, ConnId, ConnectOptions, Event, ServerId};

/// One leaked allocation for each connection would add a thousand.
#[test]
fn a_thousand_connections_leave_nothing() {
    let mut world = World::testnet(41, 4, Link::default());
    let mut app = Traffic::default();
    let remote = world.listen(SERVER, ServerId(0), KeyPair::from_seed([77; 32]));
    let mut round = || {
        app.connect(&mut world, remote);
        world.run_app_for(Duration::from_secs(60), &mut app);
    };
    // After that, tables have their final size.
    (0..3).for_each(|_| round());
    let grown = measure(|| (0..5).for_each(|_| round()));

    assert_eq!((app.begun, app.accepted, app.closed), (1600, 1600, 3200));
    // Tables with random hashes may still grow once.
    let is_little = grown.count_current < 100 && grown.bytes_current < 32 * 1024;
    assert!(is_little, "{grown:?}");
}

/// Both ends of a connection that has sent messages, and sends keep-alives. More than half of it is
/// the state of the stream.
#[test]
fn an_idle_connection_takes_less_than_3840_bytes() {
    let mut world = World::testnet(42, 4, Link::default());
    let mut app = Idle::default();
    let remote = world.listen(SERVER, ServerId(0), KeyPair::from_seed([77; 32]));
    let mut round = |connections| {
        app.connect(&mut world, remote, connections);
        world.run_app_for(Duration::from_secs(60), &mut app);
    };
    round(24); // what a first connection brings with it
    let grown = measure(|| round(1000));

    assert_eq!(app.received, 2 * 1024);
    let each = grown.bytes_current / 2000;
    assert!(each < 3840, "{each} bytes");
}

/// Both ends send a message, and keep the connection.
#[derive(Default)]
struct Idle {
    begun: u32,
    received: usize,
}

impl Idle {
    fn connect(&mut self, world: &mut World, remote: PublicKey, connections: u32) {
        for _ in 0..connections {
            self.begun += 1;
            let conn = ConnId(self.begun);
            let options = ConnectOptions {
                key_pair: Some(key_pair(self.begun)),
                ..ConnectOptions::default()
            };
            world.command(CLIENT, Command::Connect { conn, remote, options });
            world.command(CLIENT, Command::Write { conn, data: (&[1; 800]).into() });
        }
    }
}

impl App for Idle {
    fn handle(&mut self, world: &mut World, host: HostId, event: Event) {
        if let Event::Data { conn, data } = event {
            self.received += 1;
            world.command(host, Command::Consumed { conn, bytes: data.len() });
            if host == SERVER {
                world.command(host, Command::Write { conn, data: (&[2; 800]).into() });
            }
        }
    }

    fn is_done(&self) -> bool {
        false
    }
}

/// Clients send a message and get an answer, then both ends close.
#[derive(Default)]
struct Traffic {
    begun: u32,
    accepted: usize,
    closed: usize,
}

impl Traffic {
    /// Begins 200 connections, each with a key of its own.
    fn connect(&mut self, world: &mut World, remote: PublicKey) {
        for _ in 0..200 {
            self.begun += 1;
            let conn = ConnId(self.begun);
            let key_pair = Some(key_pair(self.begun));
            let options = ConnectOptions { key_pair, ..ConnectOptions::default() };
            world.command(CLIENT, Command::Connect { conn, remote, options });
            world.command(CLIENT, Command::Write { conn, data: b"a question".into() });
        }
    }
}

impl App for Traffic {
    fn handle(&mut self, world: &mut World, host: HostId, event: Event) {
        if let Event::Connection(_) = event {
            self.accepted += 1;
        } else if let Event::Data { conn, data } = event {
            world.command(host, Command::Consumed { conn, bytes: data.len() });
            if host == SERVER {
                world.command(host, Command::Write { conn, data: b"an answer".into() });
            }
            world.command(host, Command::End { conn });
        } else if let Event::Closed(closed) = event {
            assert_eq!(closed.error, None);
            self.closed += 1;
        }
    }

    fn is_done(&self) -> bool {
        false
    }
}

fn key_pair(number: u32) -> KeyPair {
    let mut seed = [9; 32];
    seed[..4].copy_from_slice(&number.to_le_bytes());
    KeyPair::from_seed(seed)
}

const SERVER: HostId = HostId(1);
const CLIENT: HostId = HostId(3);
