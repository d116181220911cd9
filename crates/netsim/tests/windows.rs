//! How much the windows of a connection make its two ends keep, on virtual time.
#![cfg(test)]

use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;

use netsim::{App, Flight, HostId, Link, World};
use proto::noise::KeyPair;
use proto::{Command, ConnId, ConnectOptions, Event, Opened, ServerId};

/// 200 MiB to an application that reads for a while, then nothing for half a minute, then the rest.
#[test]
fn a_reader_that_sleeps_gets_everything() {
    for (seed, loss_per_mille) in [(1, 0), (2, 10), (3, 30)] {
        let mut world = World::testnet(seed, 4, Link::default());
        let mut app = Transfer::start(&mut world);
        world.link = Link { loss_per_mille, delay: Duration::from_millis(20), ..world.link };
        app.pause_at = Some(40 * MIB);
        app.write(&mut world);
        world.run_app_for(Duration::from_secs(20), &mut app);
        assert!(app.unread > 0 && app.received < TOTAL, "seed {seed}: {}", app.received);

        // While the reader sleeps, it gets what fits into the window, and the client learns that
        // the window is closed.
        world.run_app_for(Duration::from_secs(30), &mut app);
        assert!(app.unread < WINDOW + MESSAGE, "seed {seed}: {}", app.unread);
        let credit = app.credit;
        world.run_app_for(Duration::from_secs(30), &mut app);
        assert_eq!(app.credit, credit, "the window is closed");

        app.read(&mut world);
        world.run_app(Duration::from_secs(600), &mut app);
        assert!(app.closed.is_none(), "seed {seed}: {:?}", app.closed);
    }
}

/// Small messages take more room in a queue than on the path. The application gets what fits into
/// the window, and the rest waits as it arrived.
#[test]
fn small_messages_do_not_overrun_the_window() {
    let mut world = World::testnet(4, 4, Link::default());
    let mut app = Transfer::start(&mut world);
    app.message = 10;
    app.pause_at = Some(0);
    app.write(&mut world);
    world.run_app_for(Duration::from_secs(60), &mut app);

    let cost = app.messages * (app.message + 128);
    assert!(cost > WINDOW - 1500 && cost < WINDOW + 64 * 1024, "{} messages", app.messages);
    assert!(app.closed.is_none(), "{:?}", app.closed);
}

/// They would pile up as long as the application does not read.
#[test]
fn keep_alives_do_not_queue_behind_a_closed_window() {
    let mut world = World::testnet(6, 4, Link::default());
    let mut app = Transfer::start(&mut world);
    app.pause_at = Some(0);
    app.write(&mut world);
    world.run_app_for(Duration::from_secs(60), &mut app);
    let conn = app.conn;
    world.command(CLIENT, Command::SetKeepAlive { conn, interval: Duration::from_secs(5) });
    world.run_app_for(Duration::from_secs(3600), &mut app);

    let stats = world.get(CLIENT).node.conn_stats(conn).expect("a connection");
    assert!(app.closed.is_none() && stats.keep_alives_sent == 0, "{stats:?}");
    app.read(&mut world);
    world.run_app_for(Duration::from_secs(60), &mut app);
    assert_eq!(app.received, TOTAL);
}

/// The peer acknowledges all packets but one, and advertises a window of 4 GiB.
#[test]
fn a_hostile_reader_cannot_make_a_sender_keep_what_it_likes() {
    let mut world = World::testnet(5, 4, Link::default());
    let mut app = Transfer::start(&mut world);
    let opened = app.opened.clone().expect("a connection");
    let SocketAddr::V4(server) = opened.remote else { panic!("the network has IPv4 only") };
    world.crash(SERVER);
    app.write(&mut world);

    let mut acked = 0;
    for _ in 0..1_000 {
        world.start_tap();
        world.run_app_for(Duration::from_millis(10), &mut app);
        for flight in world.take_tap() {
            acked = acked.max(next_number(&flight, server).unwrap_or(0));
        }
        let to = SocketAddrV4::new(world.get(CLIENT).address, CLIENT_PORT);
        let range = app.first + 1..acked;
        world.inject(Flight { from: server, to, data: sack(opened.local_id, app.first, range) });
        let kept = app.written;
        assert!(kept < 32 * MIB, "{} MiB", kept / MIB);
        assert!(world.get(CLIENT).node.sizes().sending <= 24 * MIB + 2 * MESSAGE);
    }
    world.run_app_for(Duration::from_secs(10), &mut app);
    assert!(app.closed.is_some(), "what it never acknowledges times out");
    assert_eq!(world.get(CLIENT).node.sizes().sending, 0);
}

const CLIENT: HostId = HostId(3);
const SERVER: HostId = HostId(1);

/// The client writes as its credit allows. The server reads until it pauses.
struct Transfer {
    conn: ConnId,
    opened: Option<Opened>,
    accepted: Option<ConnId>,
    /// Bytes of a message.
    message: usize,
    /// The server stops reading when this many bytes have arrived.
    pause_at: Option<usize>,
    /// Bytes of messages.
    written: usize,
    received: usize,
    unread: usize,
    messages: usize,
    /// Frames not reported as drained.
    credit: usize,
    /// The number of the first packet that was not acknowledged.
    first: u32,
    closed: Option<Event>,
}

impl Transfer {
    /// Connects, without writing anything yet.
    fn start(world: &mut World) -> Self {
        let remote = world.listen(SERVER, ServerId(0), KeyPair::from_seed([1; 32]));
        let options = ConnectOptions { keep_alive: Some(Duration::ZERO), ..Default::default() };
        world.connect_with(CLIENT, ConnId(0), remote, options);
        world.wait_opened(CLIENT);
        world.wait_for(SERVER, |event| matches!(event, Event::Connection(_)));

        let mut app = Self {
            conn: ConnId(0),
            opened: None,
            accepted: None,
            message: MESSAGE,
            pause_at: None,
            written: 0,
            received: 0,
            unread: 0,
            messages: 0,
            credit: 0,
            first: 1,
            closed: None,
        };
        for host in [CLIENT, SERVER] {
            for event in world.take_events(host) {
                app.handle(world, host, event);
            }
        }
        world.run_for(Duration::from_secs(1));
        app
    }

    /// The server reads all waiting data, and goes on.
    fn read(&mut self, world: &mut World) {
        self.pause_at = None;
        let conn = self.accepted.expect("a connection");
        let bytes = std::mem::take(&mut self.unread);
        world.command(SERVER, Command::Consumed { conn, bytes });
    }

    fn write(&mut self, world: &mut World) {
        while self.credit < 256 * 1024 && self.written < TOTAL {
            self.written += self.message;
            self.credit += self.message + FRAME;
            let data = (&vec![7_u8; self.message]).into();
            world.command(CLIENT, Command::Write { conn: self.conn, data });
        }
    }
}

impl App for Transfer {
    fn handle(&mut self, world: &mut World, host: HostId, event: Event) {
        if let Event::Connection(info) = event {
            self.accepted = Some(info.opened.conn);
        } else if let Event::Opened(opened) = event {
            self.opened = Some(*opened);
        } else if let Event::Drained { bytes, .. } = event {
            self.credit -= bytes.min(self.credit);
            self.write(world);
        } else if let Event::Data { conn, data } = event {
            self.received += data.len();
            self.messages += 1;
            if self.pause_at.is_some_and(|at| self.received > at) {
                self.unread += data.len();
            } else {
                world.command(host, Command::Consumed { conn, bytes: data.len() });
            }
        } else if let Event::Closed(_) = event {
            self.closed = Some(event);
        }
    }

    fn is_done(&self) -> bool {
        self.received >= TOTAL || self.closed.is_some()
    }
}

/// The number after that of a data packet to this address; `None` for other datagrams.
fn next_number(flight: &Flight, to: SocketAddrV4) -> Option<u32> {
    let is_data = flight.to == to && flight.data.starts_with(&[0xff, 1, 1]);
    let number = flight.data.get(12..16).filter(|_| is_data)?;
    Some(u32::from_le_bytes(number.try_into().ok()?) + 1)
}

/// A SACK packet with a window of 4 GiB.
fn sack(stream: u32, ack: u32, range: std::ops::Range<u32>) -> Vec<u8> {
    let mut packet = vec![0xff, 1, 4, 0];
    for field in [stream, u32::MAX, 1, ack, range.start, range.end] {
        packet.extend_from_slice(&field.to_le_bytes());
    }
    packet
}

const CLIENT_PORT: u16 = 30000;

const MIB: usize = 1 << 20;

const MESSAGE: usize = 64 * 1024;

/// What a frame adds to its message.
const FRAME: usize = 20;

/// The receive window of a connection.
const WINDOW: usize = 4 * MIB;

/// Much more than the window and all queues hold.
const TOTAL: usize = 200 * MIB;
