//! A client and a server with a live connection, and what befalls their networks.

use std::collections::BTreeMap;
use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;

use netsim::{HostId, Link, NatId, NatKind, World};
use proto::noise::{KeyPair, PublicKey};
use proto::{
    Command, Config, ConnId, Event, HostEvent, PathInfo, RawCommand, RawOptions, RawRemote,
    ServerId, StreamId,
};

/// Where a host is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Site {
    Public,
    Behind(NatKind),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Client,
    Server,
}

impl End {
    pub(crate) const BOTH: [Self; 2] = [Self::Client, Self::Server];

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// One end of the connection.
#[derive(Debug)]
struct Side {
    host: HostId,
    conn: ConnId,
    site: Site,
    nat: Option<NatId>,
    written: u32,
    /// Numbers of messages, in the order in which they came.
    got: Vec<u32>,
    /// When the last message came, or when the gap began that counts.
    last: Duration,
    longest_gap: Duration,
    paths: Vec<PathInfo>,
    beside: Beside,
}

/// What the application of an end has got from its raw stream.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    pub(crate) bytes: Vec<u8>,
    pub(crate) paths: Vec<PathInfo>,
    /// How often it was told that all has arrived that was sent before.
    pub(crate) changes: u32,
    /// Bytes that the core has not been told of.
    fresh: usize,
}

#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) world: World,
    sides: BTreeMap<End, Side>,
    about: String,
}

impl Scene {
    pub(crate) fn new(seed: u64, client: Site, server: Site, loss_per_mille: u32) -> Self {
        Self::with(seed, client, server, loss_per_mille, Config::default().user_timeout)
    }

    /// Connections survive a silence of `user_timeout`.
    pub(crate) fn with(
        seed: u64,
        client: Site,
        server: Site,
        loss_per_mille: u32,
        user_timeout: Duration,
    ) -> Self {
        let link = Link { delay: Duration::from_millis(20), hops: 12, ..Link::default() };
        let mut world = World::with_bootstraps(seed, 3, link);
        for _ in 3..8 {
            world.join(world.persistent());
        }
        let mut place = |site| {
            let nat = match site {
                Site::Public => None,
                Site::Behind(kind) => Some(world.nat(kind, None)),
            };
            let config = Config { user_timeout, ..world.config() };
            let host = match nat {
                Some(nat) => world.host_behind(nat, config),
                None => world.host(config),
            };
            world.wait_for(host, |event| matches!(event, Event::Ready));
            (host, nat, site)
        };
        let (server, client) = (place(server), place(client));
        let remote = world.listen(server.0, ServerId(0), key_pair());
        world.run_for(Duration::from_secs(2));
        world.connect(client.0, CONN, remote);
        world.wait_opened(client.0);
        world.wait_for(server.0, |event| matches!(event, Event::Connection(_)));
        let conn = |event: &Event| match event {
            Event::Connection(info) => Some(info.opened.conn),
            _ => None,
        };
        let accepted = world.get(server.0).events.iter().find_map(conn).expect("a connection");
        world.link.loss_per_mille = loss_per_mille;
        let about = format!("seed {seed}, {client:?} to {server:?}, {loss_per_mille} per mille");
        let now = world.elapsed();
        let side = |(host, nat, site), conn| Side {
            host,
            conn,
            site,
            nat,
            written: 0,
            got: Vec::new(),
            last: now,
            longest_gap: Duration::ZERO,
            paths: Vec::new(),
            beside: Beside::default(),
        };
        let sides = [(End::Client, side(client, CONN)), (End::Server, side(server, accepted))];
        Self { world, sides: sides.into(), about }
    }

    /// The server's public key.
    pub(crate) fn key() -> PublicKey {
        key_pair().public()
    }

    /// A relay of the server.
    pub(crate) fn relay(&self) -> SocketAddrV4 {
        let server = self.world.get(self.host(End::Server));
        let relays = |event: &Event| match event {
            // The first one is the server itself, which is in the open.
            Event::ServerRelays { relays, .. } => relays.last().copied(),
            _ => None,
        };
        server.events.iter().rev().find_map(relays).expect("a relay")
    }

    pub(crate) fn host(&self, end: End) -> HostId {
        self.sides[&end].host
    }

    pub(crate) fn conn(&self, end: End) -> ConnId {
        self.sides[&end].conn
    }

    /// Each of the writers writes a message in every step.
    pub(crate) fn run(&mut self, duration: Duration, writers: &[End]) {
        for side in self.sides.values_mut() {
            side.last = self.world.elapsed();
        }
        let until = self.world.elapsed() + duration;
        while self.world.elapsed() < until {
            for writer in writers {
                self.write(*writer, MESSAGE);
            }
            self.world.run_for(STEP);
            self.read(writers);
        }
    }

    /// Both ends write more than a window, at once.
    pub(crate) fn write_much(&mut self) {
        for end in End::BOTH {
            (0..300).for_each(|_| self.write(end, 5000));
        }
    }

    /// Both ends connect a raw stream to the address that their connection uses.
    pub(crate) fn open_beside(&mut self) {
        for end in End::BOTH {
            let options =
                RawOptions { id: stream_of(end), seq: 0, framed: false, ask_firewall: false };
            self.raw(end, RawCommand::Create(options));
            let path = self.world.get(self.host(end)).node.conn_path(self.conn(end));
            let path = path.expect("an open connection");
            let id = stream_of(end.other()).0;
            let remote = RawRemote { socket: path.socket, address: path.remote, id };
            self.raw(end, RawCommand::Connect { remote, ack: 0 });
        }
    }

    /// Both ends write into their raw streams.
    pub(crate) fn write_beside(&mut self, data: &[u8]) {
        for end in End::BOTH {
            let data = proto::Message::from(data);
            self.world.command(self.host(end), Command::Write { conn: BESIDE, data });
        }
    }

    /// What has come out of the raw stream of an end.
    pub(crate) fn beside(&self, end: End) -> &Beside {
        &self.sides[&end].beside
    }

    /// Where the raw stream of an end sends.
    pub(crate) fn beside_path(&self, end: End) -> Option<SocketAddr> {
        Some(self.world.get(self.host(end)).node.conn_path(BESIDE)?.remote)
    }

    /// The NAT of an end gives out other ports. False if it has no NAT.
    pub(crate) fn rebind(&mut self, end: End) -> bool {
        let nat = self.sides[&end].nat;
        nat.inspect(|nat| self.world.rebind(*nat)).is_some()
    }

    /// An end moves to another network of the same kind.
    pub(crate) fn roam(&mut self, end: End) {
        let Side { host, site, .. } = self.sides[&end];
        let nat = match site {
            Site::Public => None,
            Site::Behind(kind) => Some(self.world.nat(kind, None)),
        };
        self.world.roam(host, nat);
        self.side(end).nat = nat;
    }

    /// The driver of an end notices that it has another address.
    pub(crate) fn tell(&mut self, end: End) {
        self.world.tell_interfaces(self.host(end));
    }

    /// The driver of an end notices that its way to the internet has come or gone.
    pub(crate) fn routes(&mut self, end: End) {
        self.world.host_event(self.host(end), HostEvent::Routes { moved: false });
    }

    /// The driver of an end notices that the host has no network any more.
    pub(crate) fn tell_no_network(&mut self, end: End) {
        let none = HostEvent::Interfaces { interfaces: Vec::new(), moved: false };
        self.world.host_event(self.host(end), none);
    }

    pub(crate) fn forget_gaps(&mut self) {
        for side in self.sides.values_mut() {
            side.longest_gap = Duration::ZERO;
        }
    }

    /// Where an end sends, and whether that path is validated.
    pub(crate) fn path(&self, end: End) -> Option<(SocketAddr, bool)> {
        let path = self.world.get(self.host(end)).node.conn_path(self.conn(end))?;
        Some((path.remote, path.validated))
    }

    /// The changes of path that the application of an end was told of.
    pub(crate) fn paths_told(&self, end: End) -> Vec<PathInfo> {
        self.sides[&end].paths.clone()
    }

    /// Waits until everything has arrived, and asserts that it came in order, once, and without a
    /// longer gap. Returns the longest gap.
    pub(crate) fn assert_complete(&mut self, longest: Duration) -> Duration {
        let until = self.world.elapsed() + Duration::from_secs(60);
        let is_done = |scene: &Self| {
            End::BOTH
                .iter()
                .all(|end| scene.sides[end].got.len() >= scene.sides[&end.other()].written as usize)
        };
        while !is_done(self) {
            assert!(self.world.elapsed() < until, "{}: data is missing", self.about);
            self.world.run_for(STEP);
            self.read(&End::BOTH);
        }
        for end in End::BOTH {
            let expected: Vec<u32> = (0..self.sides[&end.other()].written).collect();
            assert_eq!(self.sides[&end].got, expected, "{}, {end:?}", self.about);
        }
        let gap = self.sides.values().map(|side| side.longest_gap).max().unwrap_or_default();
        assert!(gap <= longest, "{}: a gap of {gap:?}", self.about);
        gap
    }

    pub(crate) fn write(&mut self, end: End, len: usize) {
        let side = self.side(end);
        let mut data = vec![0; len];
        data[..4].copy_from_slice(&side.written.to_le_bytes());
        side.written += 1;
        let (host, conn) = (side.host, side.conn);
        let data = proto::Message::from(&data[..]);
        self.world.command(host, Command::Write { conn, data });
    }

    /// Takes what has arrived. An end that nobody writes to has no gaps.
    fn read(&mut self, writers: &[End]) {
        for end in End::BOTH {
            let (host, conn) = (self.host(end), self.conn(end));
            let now = self.world.elapsed();
            let events = self.world.take_events(host);
            let is_whole = self.sides[&end].got.len() >= self.sides[&end.other()].written as usize;
            let side = self.side(end);
            let mut bytes = 0;
            for event in events {
                match event {
                    Event::Data { conn: BESIDE, data } => side.beside.take(&data),
                    Event::PathChanged { conn: BESIDE, path } => side.beside.paths.push(*path),
                    Event::RemoteChanged { conn: BESIDE } => side.beside.changes += 1,
                    Event::Data { data, .. } => {
                        side.got.push(u32::from_le_bytes([data[0], data[1], data[2], data[3]]));
                        side.longest_gap = side.longest_gap.max(now.saturating_sub(side.last));
                        side.last = now;
                        bytes += data.len();
                    }
                    Event::PathChanged { path, .. } => side.paths.push(*path),
                    Event::Closed(closed) => panic!("{}, {end:?}: {closed:?}", self.about),
                    _ => {}
                }
            }
            if is_whole || !writers.contains(&end.other()) {
                side.last = now;
            }
            let fresh = std::mem::take(&mut side.beside.fresh);
            self.world.command(host, Command::Consumed { conn, bytes });
            self.world.command(host, Command::Consumed { conn: BESIDE, bytes: fresh });
        }
    }

    fn raw(&mut self, end: End, command: RawCommand) {
        self.world.command(self.host(end), Command::Raw { conn: BESIDE, command });
    }

    fn side(&mut self, end: End) -> &mut Side {
        self.sides.get_mut(&end).expect("both ends")
    }
}

impl Beside {
    fn take(&mut self, data: &[u8]) {
        self.bytes.extend_from_slice(data);
        self.fresh += data.len();
    }
}

/// The raw stream of an end.
fn stream_of(end: End) -> StreamId {
    StreamId(1 + end as u32)
}

fn key_pair() -> KeyPair {
    KeyPair::from_seed([7; 32])
}

const CONN: ConnId = ConnId(0);

/// The raw stream.
const BESIDE: ConnId = ConnId(1);

const STEP: Duration = Duration::from_millis(10);
const MESSAGE: usize = 500;
