//! When a flush is reported, on virtual time.
#![cfg(test)]

use std::time::Duration;

use netsim::{App, HostId, Link, World};
use proto::noise::{KeyPair, PublicKey};
use proto::{Command, ConnId, Event, ServerId};

#[test]
fn a_flush_waits_for_a_reader_that_does_not_read() {
    let mut world = World::testnet(21, 4, Link::default());
    let mut app = Flushing::connect(&mut world);
    app.write(&mut world, 16 * MIB);
    app.flush(&mut world, 1);

    app.run(&mut world, Duration::from_secs(60));
    assert!(app.unread < 16 * MIB, "the window is closed");
    assert_eq!(app.flushed, [], "{} bytes have arrived", app.unread);

    app.read_all(&mut world);
    app.run(&mut world, Duration::from_secs(60));
    assert_eq!(app.flushed, [1]);
}

#[test]
fn a_flush_does_not_wait_for_what_is_written_after_it() {
    let delay = Duration::from_millis(100);
    let mut world = World::testnet(22, 4, Link { delay, loss_per_mille: 1, ..Link::default() });
    let mut app = Flushing::connect(&mut world);
    app.reads = true;
    app.steady = true;
    app.write(&mut world, MIB);
    for flush in 1..=3 {
        app.flush(&mut world, flush);
        app.run(&mut world, Duration::from_secs(3));
        assert_eq!(app.flushed.last(), Some(&flush));
        assert!(world.get(CLIENT).node.conn_stats(CONN).is_some_and(|stats| stats.inflight > 0));
    }
}

#[test]
fn a_flush_is_told_of_once_its_bytes_are_acknowledged_and_not_before() {
    let delay = Duration::from_millis(200);
    let mut world = World::testnet(23, 4, Link { delay, ..Link::default() });
    let mut app = Flushing::connect(&mut world);
    app.run(&mut world, Duration::from_secs(5));

    app.write(&mut world, 1000);
    app.flush(&mut world, 1);
    let asked = world.elapsed();
    world.run_until(Duration::from_secs(5), |world| {
        world.saw(CLIENT, |event| matches!(event, Event::Flushed { flush: 1, .. }))
    });
    let took = world.elapsed() - asked;
    assert!(took >= 2 * delay && took < 3 * delay, "{took:?}");

    app.flush(&mut world, 2);
    app.run(&mut world, Duration::ZERO);
    assert_eq!(app.flushed, [1, 2], "nothing was written between them");
}

#[test]
fn a_flush_before_the_connection_opens_waits_for_it() {
    let mut world = World::testnet(24, 4, Link::default());
    let remote = listen(&mut world);
    world.connect(CLIENT, CONN, remote);
    let mut app = Flushing::default();
    app.write(&mut world, 1000);
    app.flush(&mut world, 1);
    app.run(&mut world, Duration::from_secs(5));
    assert!(app.opened);
    assert_eq!(app.flushed, [1]);
}

#[test]
fn a_connection_that_ends_leaves_its_flushes_untold() {
    for by in [CLIENT, SERVER] {
        let mut world = World::testnet(25, 4, Link::default());
        let mut app = Flushing::connect(&mut world);
        app.write(&mut world, 16 * MIB);
        app.flush(&mut world, 1);
        app.run(&mut world, Duration::from_secs(10));

        let conn = if by == CLIENT { CONN } else { app.accepted.expect("a connection") };
        world.command(by, Command::DestroyConn { conn });
        app.flush(&mut world, 2);
        app.run(&mut world, Duration::from_secs(10));
        assert!(app.closed);
        assert_eq!(app.flushed, []);
    }
}

/// A client that flushes, and the server that it writes to.
#[derive(Default)]
struct Flushing {
    opened: bool,
    closed: bool,
    accepted: Option<ConnId>,
    /// The server consumes the data that arrives.
    reads: bool,
    /// The client writes as many bytes as have drained.
    steady: bool,
    unread: usize,
    flushed: Vec<u32>,
}

impl Flushing {
    fn connect(world: &mut World) -> Self {
        let remote = listen(world);
        let mut app = Self::default();
        world.connect(CLIENT, CONN, remote);
        app.run(world, Duration::from_secs(5));
        assert!(app.opened && app.accepted.is_some());
        app
    }

    fn write(&mut self, world: &mut World, bytes: usize) {
        let chunk = vec![7; bytes.min(MIB)];
        for _ in 0..bytes / chunk.len() {
            world.command(CLIENT, Command::Write { conn: CONN, data: (&chunk).into() });
        }
    }

    fn flush(&mut self, world: &mut World, flush: u32) {
        world.command(CLIENT, Command::Flush { conn: CONN, flush });
    }

    fn read_all(&mut self, world: &mut World) {
        self.reads = true;
        let (conn, bytes) = (self.accepted.expect("a connection"), self.unread);
        world.command(SERVER, Command::Consumed { conn, bytes });
    }

    fn run(&mut self, world: &mut World, time: Duration) {
        world.run_app_for(time, self);
    }
}

impl App for Flushing {
    fn handle(&mut self, world: &mut World, host: HostId, event: Event) {
        if let Event::Opened(_) = event {
            self.opened = true;
        } else if let Event::Connection(info) = event {
            self.accepted = Some(info.opened.conn);
        } else if let Event::Data { conn, data } = event {
            self.unread += data.len();
            if self.reads {
                world.command(host, Command::Consumed { conn, bytes: data.len() });
            }
        } else if let Event::Drained { bytes, .. } = event {
            if self.steady {
                self.write(world, bytes);
            }
        } else if let Event::Flushed { flush, .. } = event {
            self.flushed.push(flush);
        } else if let Event::Closed(closed) = event
            && closed.conn == CONN
        {
            self.closed = true;
        }
    }

    fn is_done(&self) -> bool {
        self.closed
    }
}

fn listen(world: &mut World) -> PublicKey {
    world.listen(SERVER, ServerId(0), KeyPair::from_seed([77; 32]))
}

const SERVER: HostId = HostId(1);
const CLIENT: HostId = HostId(3);
const CONN: ConnId = ConnId(0);
const MIB: usize = 1024 * 1024;
