//! Limits, on virtual time: a reader that does not read, and a node that ends.
#![cfg(test)]

use std::time::Duration;

use netsim::{App, HostId, Link, World};
use proto::noise::{KeyPair, PublicKey};
use proto::{
    Command, ConnId, ConnectOptions, Event, Live, QueryId, QueryKind, QueryOptions, RequestId,
    ServerId, UserRequest,
};

#[test]
fn a_reader_that_stops_closes_the_window_and_loses_nothing() {
    let mut world = World::testnet(11, 4, Link::default());
    let (server, client) = (HostId(1), HostId(3));
    let remote = listen(&mut world, server);
    let mut app = SlowReader::default();
    connect(&mut world, client, ConnId(0), remote);

    let stalled = world.elapsed() + Duration::from_secs(60);
    while world.elapsed() < stalled {
        for host in [client, server] {
            for event in world.take_events(host) {
                app.handle(&mut world, host, event);
            }
        }
        world.run_for(Duration::from_millis(100));
    }
    assert!(app.received >= LARGE, "a message beyond the window arrives: {}", app.received);
    assert!(app.received <= LARGE + 6 * MIB, "the window is closed: {}", app.received);

    app.reads = true;
    let (conn, bytes) = (app.accepted.expect("a connection"), app.received);
    world.command(server, Command::Consumed { conn, bytes });
    world.run_app(Duration::from_secs(600), &mut app);
    assert_eq!((app.received, app.empty), (TOTAL, 1));
    world.run_for(Duration::from_secs(2));
    for event in world.take_events(client) {
        app.handle(&mut world, client, event);
    }
    assert!(app.credit < 64 * 1024, "{}", app.credit);
}

#[test]
fn a_destroyed_node_answers_everybody_and_leaves_nothing() {
    let mut world = World::testnet(12, 4, Link::default());
    let host = HostId(3);
    world.link = Link { loss_per_mille: 1000, ..Link::default() };
    connect(&mut world, host, ConnId(0), [7; 32]);
    ask(&mut world, host, 0);
    world.run_for(Duration::from_millis(10));
    world.take_events(host);

    world.command(host, Command::Destroy { force: true });
    connect(&mut world, host, ConnId(1), [7; 32]);
    ask(&mut world, host, 1);

    let events = world.take_events(host);
    let count = |fits: fn(&Event) -> bool| events.iter().filter(|event| fits(event)).count();
    assert_eq!(count(|event| matches!(event, Event::Closed(closed) if closed.error.is_some())), 2);
    assert_eq!(count(|event| matches!(event, Event::QueryDone { result: Err(_), .. })), 2);
    assert_eq!(count(|event| matches!(event, Event::Reply { result: Err(_), .. })), 2);
    assert_eq!(count(|event| matches!(event, Event::Destroyed)), 1);
    assert_eq!(world.get(host).node.live(), Live::default());
}

#[test]
fn a_server_whose_relays_are_gone_closes_in_bounded_time() {
    let mut world = World::testnet(13, 6, Link::default());
    let host = HostId(5);
    listen(&mut world, host);
    world.link = Link { loss_per_mille: 1000, ..Link::default() };

    world.command(host, Command::Destroy { force: false });

    world.run_until(Duration::from_secs(30), |world| {
        world.saw(host, |event| matches!(event, Event::Destroyed))
    });
    assert!(world.saw(host, |event| matches!(event, Event::ServerClosed { .. })));
    assert_eq!(world.get(host).node.live(), Live::default());
}

fn listen(world: &mut World, host: HostId) -> PublicKey {
    // Without keep-alives, an empty message is delivered.
    world.command(host, Command::SetDefaultKeepAlive { interval: Duration::ZERO });
    world.listen(host, ServerId(0), KeyPair::from_seed([1; 32]))
}

fn connect(world: &mut World, host: HostId, conn: ConnId, remote: PublicKey) {
    let options = ConnectOptions { keep_alive: Some(Duration::ZERO), ..ConnectOptions::default() };
    world.connect_with(host, conn, remote, options);
}

fn ask(world: &mut World, host: HostId, id: u32) {
    let (kind, options) = (QueryKind::Lookup, QueryOptions::default());
    world.command(host, Command::Query { query: QueryId(id), target: [3; 32], kind, options });
    let options = UserRequest {
        to: world.get(HostId(0)).server_address(),
        internal: true,
        command: 0,
        target: None,
        token: None,
        value: None,
        retries: 3,
        socket: None,
        ttl: None,
    };
    world.command(host, Command::Request { request: RequestId(id), options });
}

/// The client writes an empty message, one that is larger than the window, and more as its credit
/// allows; the server counts what arrives.
#[derive(Default)]
struct SlowReader {
    accepted: Option<ConnId>,
    reads: bool,
    received: usize,
    empty: usize,
    /// Messages without their frames' headers.
    written: usize,
    /// Frames not yet reported as drained.
    credit: usize,
}

impl SlowReader {
    fn write(&mut self, world: &mut World, host: HostId, conn: ConnId, len: usize) {
        self.written += len;
        self.credit += len + 20;
        world.command(host, Command::Write { conn, data: (&vec![7_u8; len]).into() });
    }
}

impl App for SlowReader {
    fn handle(&mut self, world: &mut World, host: HostId, event: Event) {
        if let Event::Connection(info) = event {
            self.accepted = Some(info.opened.conn);
        } else if let Event::Opened(opened) = event {
            self.write(world, host, opened.conn, 0);
            self.write(world, host, opened.conn, LARGE);
        } else if let Event::Drained { conn, bytes } = event {
            self.credit -= bytes;
            while self.credit < MIB && self.written < TOTAL {
                self.write(world, host, conn, MIB);
            }
        } else if let Event::Data { conn, data } = event {
            self.received += data.len();
            self.empty += usize::from(data.is_empty());
            if self.reads {
                world.command(host, Command::Consumed { conn, bytes: data.len() });
            }
        }
    }

    fn is_done(&self) -> bool {
        self.received == TOTAL
    }
}

const MIB: usize = 1 << 20;

/// The largest message of the tests: four windows.
const LARGE: usize = 15 * MIB;

/// Much more than the window and all queues hold.
const TOTAL: usize = 64 * MIB;
