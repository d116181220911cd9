//! The round trips until a connection opens, and the requests that it takes.

use std::time::Duration;

use netsim::{HostId, Link, NatKind, World};
use proto::noise::{KeyPair, PublicKey};
use proto::{Command, ConnId, Event, ServerId};

use crate::counts;
use crate::table::{self, Row};
use crate::trial::{Outcome, RTT};

#[test]
fn connecting() {
    use Place::{Home, Open};
    let row = |name, client, server, contact, counts| {
        Row::new(name, counts, move |seed, nodes| {
            let mut pair = Pair::new(seed, nodes, client, server);
            match contact {
                Contact::First => pair.connect(),
                Contact::Again => pair.connect_again(),
            }
        })
    };
    let (first, again) = (Contact::First, Contact::Again);
    table::check(
        "connect",
        &[
            row("open", Open, Open, first, counts(3.2, [3.0, 4.0], None)),
            row("client at home, open server", Home, Open, first, counts(3.2, [3.0, 4.0], None)),
            row("both at home", Home, Home, first, counts(5.2, [4.5, 5.5], None)),
            row("again, open", Open, Open, again, counts(1.2, [1.0, 1.0], None)),
            row("again, client at home", Home, Open, again, counts(1.2, [1.0, 1.0], None)),
            row("again, both at home", Home, Home, again, counts(3.2, [3.0, 3.0], None)),
        ],
    );
}

/// Where a host is.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// At an address that strangers reach.
    Open,
    /// Behind a NAT of its own.
    Home,
}

/// Whether the client has been connected to the server before.
#[derive(Clone, Copy, Debug)]
enum Contact {
    First,
    Again,
}

/// A server, and a client that is ready.
struct Pair {
    world: World,
    client: HostId,
    remote: PublicKey,
    conn: u32,
}

impl Pair {
    fn new(seed: u64, nodes: usize, client: Place, server: Place) -> Self {
        let link = Link { delay: RTT / 2, hops: 12, ..Link::default() };
        let mut world = World::testnet(seed, nodes, link);
        let [server, client] = [server, client].map(|place| {
            let config = world.config();
            let host = match place {
                Place::Open => world.host(config),
                Place::Home => {
                    let nat = world.nat(NatKind::HOME, None);
                    world.host_behind(nat, config)
                }
            };
            world.wait_for(host, |event| matches!(event, Event::Ready));
            host
        });
        let remote = world.listen(server, ServerId(0), KeyPair::from_seed([7; 32]));
        world.run_for(PAUSE);
        Self { world, client, remote, conn: 0 }
    }

    /// Connects, and drops the connection. The requests are those until then.
    fn connect(&mut self) -> Outcome {
        let conn = ConnId(self.conn);
        self.conn += 1;
        let (begun, requests) = (self.world.elapsed(), self.requests());
        self.world.connect(self.client, conn, self.remote);
        self.world.wait_opened(self.client);
        let took = self.world.elapsed() - begun;
        self.world.run_for(Duration::from_secs(1));
        let sent = self.requests() - requests;
        self.world.command(self.client, Command::DestroyConn { conn });
        self.world.take_events(self.client);
        Outcome { time: took.as_secs_f64() / RTT.as_secs_f64(), sent }
    }

    fn connect_again(&mut self) -> Outcome {
        self.connect();
        self.world.run_for(PAUSE);
        let outcome = self.connect();
        assert!(outcome.sent <= MOST_AGAIN, "seed {}: {outcome:?}", self.world.seed());
        outcome
    }

    /// How many requests the client has begun, however often it has sent each.
    fn requests(&self) -> usize {
        self.world.get(self.client).node.stats().requests_total as usize
    }
}

/// The most requests of a connect to a server that was reached before.
const MOST_AGAIN: usize = 3;

/// Longer than the sockets of a connection that has ended stay open.
const PAUSE: Duration = Duration::from_secs(5);
