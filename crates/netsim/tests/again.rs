//! Connecting again to a server that is gone: the remembered addresses and the search race.
#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one event among many")]
#![cfg(test)]

use std::net::SocketAddrV4;
use std::time::Duration;

use netsim::{HostId, Link, NatKind, World};
use proto::noise::{KeyPair, PublicKey};
use proto::{Command, ConnError, ConnId, ConnectError, ConnectOptions, Event, ServerId};

#[test]
fn a_server_that_was_closed_is_not_found() {
    let mut pair = Pair::met();
    pair.world.command(pair.server, Command::CloseServer { server: ServerId(0) });
    pair.world.run_for(Duration::from_secs(1));
    // The node answers that no such server listens. The relays, tried next, have lost the record.
    assert_eq!(pair.connect(), (Err(ConnectError::PeerNotFound), 3 * RTT));
    assert_eq!(pair.connect(), (Err(ConnectError::PeerNotFound), SEARCH));
}

#[test]
fn a_node_that_said_goodbye_is_waited_for_as_long_as_its_path_takes() {
    let mut pair = Pair::met();
    pair.world.leave(pair.server);
    pair.world.run_for(Duration::from_secs(1));
    assert_eq!(pair.connect(), (Err(ConnectError::PeerNotFound), ALONE + SEARCH));
    // The node is no longer remembered.
    assert_eq!(pair.connect(), (Err(ConnectError::PeerNotFound), SEARCH));
}

#[test]
fn a_node_that_crashed_is_still_announced() {
    let mut pair = Pair::met();
    pair.world.crash(pair.server);
    let (result, took) = pair.connect();
    assert_eq!(result, Err(ConnectError::PeerConnectionFailed));
    // Each of two searches finds relays, which wait for the server until they time out.
    assert!(took > 2 * PATIENCE && took < 2 * PATIENCE + 3 * OVERDUE, "{took:?}");
    let (result, took) = pair.connect();
    assert_eq!(result, Err(ConnectError::PeerConnectionFailed));
    assert!(took > PATIENCE && took < PATIENCE + 2 * OVERDUE, "{took:?}");
}

#[test]
fn a_server_that_never_was_is_not_found() {
    let mut pair = Pair::met();
    pair.remote = KeyPair::from_seed([8; 32]).public();
    assert_eq!(pair.connect(), (Err(ConnectError::PeerNotFound), SEARCH));
}

/// The server has not noticed yet that one of its relays is gone.
#[test]
fn a_remembered_relay_that_is_gone_is_passed_over() {
    let mut pair = Pair::met_behind_nat();
    assert_eq!(pair.connect().0, Ok(()));
    let relay = pair.relays()[0];
    let relay = pair.world.find(*relay.ip()).unwrap();
    let (_, usual) = pair.connect();
    pair.world.crash(relay);
    let (result, took) = pair.connect();
    assert_eq!(result, Ok(()));
    assert!(took > usual && took <= usual + ALONE, "{took:?}, not {usual:?}");
}

#[test]
fn nothing_is_searched_for_if_a_remembered_node_leads_to_the_server() {
    let mut pair = Pair::met();
    let before = pair.queries();
    assert_eq!(pair.connect(), (Ok(()), RTT));
    assert_eq!(pair.queries(), before);
}

/// The application's addresses are tried one after the other, and the search tells which are good.
#[test]
fn a_dead_address_does_not_hide_a_good_one() {
    let mut pair = Pair::met();
    let good: Vec<SocketAddrV4> = pair.relays();
    let dead = pair.world.host(pair.world.config());
    pair.world.crash(dead);
    let relay_addresses = vec![pair.world.get(dead).server_address(), good[0]];
    pair.client = pair.world.join(pair.world.config());
    let (result, took) =
        pair.connect_with(ConnectOptions { relay_addresses, ..ConnectOptions::default() });
    assert_eq!(result, Ok(()));
    assert!(took <= 4 * RTT, "{took:?}");
}

/// A server on an address that strangers reach, and a client that was connected to it.
struct Pair {
    world: World,
    server: HostId,
    client: HostId,
    remote: PublicKey,
    conn: u32,
}

impl Pair {
    fn met() -> Self {
        let mut world = World::testnet(1, 24, link());
        let server = world.join(world.config());
        Self::new(world, server)
    }

    fn met_behind_nat() -> Self {
        let mut world = World::testnet(1, 24, link());
        let nat = world.nat(NatKind::HOME, None);
        let server = world.host_behind(nat, world.config());
        world.wait_for(server, |event| matches!(event, Event::Ready));
        Self::new(world, server)
    }

    fn new(mut world: World, server: HostId) -> Self {
        let client = world.join(world.config());
        let remote = world.listen(server, ServerId(0), KeyPair::from_seed([7; 32]));
        let mut pair = Self { world, server, client, remote, conn: 0 };
        assert_eq!(pair.connect().0, Ok(()));
        pair
    }

    /// Connects and drops the connection. Returns the outcome and the time that it took.
    fn connect(&mut self) -> (Result<(), ConnectError>, Duration) {
        self.connect_with(ConnectOptions::default())
    }

    fn connect_with(&mut self, options: ConnectOptions) -> (Result<(), ConnectError>, Duration) {
        self.conn += 1;
        let conn = ConnId(self.conn);
        let begun = self.world.elapsed();
        self.world.take_events(self.client);
        self.world.connect_with(self.client, conn, self.remote, options);
        self.world.wait_for(self.client, |event| outcome(event).is_some());
        let took = self.world.elapsed() - begun;
        let result = self.world.take_events(self.client).iter().find_map(outcome).unwrap();
        self.world.command(self.client, Command::DestroyConn { conn });
        self.world.run_for(Duration::from_secs(5));
        (result, took)
    }

    /// How many searches the client has begun.
    fn queries(&self) -> u64 {
        self.world.get(self.client).node.stats().queries_total
    }

    /// The addresses of the nodes at which the server is announced.
    fn relays(&self) -> Vec<SocketAddrV4> {
        let events = self.world.get(self.server).events.iter();
        let relays = events.filter_map(|event| match event {
            Event::ServerRelays { relays, .. } => Some(relays.clone()),
            _ => None,
        });
        let own = self.world.get(self.server).server_address();
        relays.flatten().filter(|relay| *relay != own).collect()
    }
}

fn link() -> Link {
    Link { delay: RTT / 2, hops: 12, ..Link::default() }
}

fn outcome(event: &Event) -> Option<Result<(), ConnectError>> {
    match event {
        Event::Opened(_) => Some(Ok(())),
        Event::Closed(closed) => match closed.error {
            Some(ConnError::Connect(error)) => Some(Err(error)),
            _ => None,
        },
        _ => None,
    }
}

const RTT: Duration = Duration::from_millis(50);

/// A query of two steps.
const SEARCH: Duration = Duration::from_millis(100);

/// How long a remembered node is tried alone: the round trip through a relay, and half of it.
const ALONE: Duration = Duration::from_millis(150);

/// The shortest wait before a request is sent again.
const OVERDUE: Duration = Duration::from_millis(200);

/// The time that all tries of a request take.
const PATIENCE: Duration = Duration::from_secs(4);
