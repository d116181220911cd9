//! A server whose address changes: its NAT is restarted, or it moves to another network.

use std::time::Duration;

use netsim::{HostId, Link, NatId, NatKind, Ports, World};
use proto::noise::{KeyPair, PublicKey};
use proto::{Command, ConnId, Event, ServerId};

#[test]
fn a_known_client_soon_reaches_a_server_whose_nat_was_restarted() {
    check("NAT restarted, known client", Client::Known, Scene::restart_nat);
}

#[test]
fn a_new_client_soon_reaches_a_server_whose_nat_was_restarted() {
    check("NAT restarted, new client", Client::New, Scene::restart_nat);
}

#[test]
fn a_known_client_soon_reaches_a_server_that_has_moved() {
    check("server moved, known client", Client::Known, Scene::move_server);
}

#[test]
fn a_new_client_soon_reaches_a_server_that_has_moved() {
    check("server moved, new client", Client::New, Scene::move_server);
}

#[test]
fn both_clients_reach_a_server_whose_nat_was_restarted() {
    for seed in 1..=super::seeds() {
        for order in [[Client::Known, Client::New], [Client::New, Client::Known]] {
            let mut scene = Scene::met(seed);
            scene.restart_nat();
            for client in order {
                let after = scene.connect(client);
                assert!(after < MOST, "seed {seed}, {order:?}: {after:?}");
            }
        }
    }
}

/// Relays pass on nothing to a server that sleeps. It is asked often enough meanwhile.
#[test]
fn a_server_that_comes_back_is_reached_soon() {
    for seed in 1..=super::seeds() {
        let mut scene = Scene::met(seed);
        let reached = scene.connect(Client::Known);
        scene.drop_connection(Duration::from_secs(5));

        let gone = Duration::from_millis(1600);
        scene.world.sleep(scene.server, gone);
        let after = scene.connect(Client::Known);
        assert!(after < gone + reached + Duration::from_millis(250), "seed {seed}: {after:?}");
    }
}

/// Connects one client right after the change, in many networks.
fn check(what: &str, client: Client, change: fn(&mut Scene)) {
    let connect = |seed| {
        let mut scene = Scene::met(seed);
        change(&mut scene);
        scene.connect(client)
    };
    let mut times: Vec<Duration> = (1..=SEEDS).map(connect).collect();
    times.sort_unstable();
    let (middle, most) = (times[times.len() / 2], times[times.len() - 1]);
    println!("{what}: {} ms at the median, {} at most", middle.as_millis(), most.as_millis());
    assert!(middle <= MIDDLE, "{what}: {times:?}");
    assert!(most <= MOST, "{what}: {times:?}");
}

/// A server and two clients, each behind a NAT at home. One of the clients has been connected.
struct Scene {
    world: World,
    server: HostId,
    server_nat: NatId,
    clients: [HostId; 2],
    remote: PublicKey,
    next: u32,
}

#[derive(Clone, Copy, Debug)]
enum Client {
    Known,
    New,
}

impl Scene {
    fn met(seed: u64) -> Self {
        let link = Link { delay: Duration::from_millis(20), hops: 12, ..Link::default() };
        let mut world = World::with_bootstraps(seed, 3, link);
        for _ in 3..24 {
            world.join(world.persistent());
        }
        let mut place = |kind| {
            let nat = world.nat(kind, None);
            let host = world.host_behind(nat, world.config());
            world.wait_for(host, |event| matches!(event, Event::Ready));
            (host, nat)
        };
        let (server, server_nat) = place(OTHER_PORTS);
        let clients = [(); 2].map(|()| place(NatKind::HOME).0);
        let remote = world.listen(server, ServerId(0), KeyPair::from_seed([7; 32]));
        world.run_for(Duration::from_secs(2));
        let mut scene = Self { world, server, server_nat, clients, remote, next: 0 };
        scene.connect(Client::Known);
        // The change comes at any time between two pings of the server to a relay.
        let phase = Duration::from_millis(seed * 731 % 3000);
        scene.drop_connection(Duration::from_secs(5) + phase);
        scene
    }

    /// Ends the latest connection, which is the known client's, and lets some time pass.
    fn drop_connection(&mut self, pause: Duration) {
        let client = self.clients[Client::Known as usize];
        self.world.command(client, Command::DestroyConn { conn: ConnId(self.next - 1) });
        self.world.run_for(pause);
        self.world.take_events(client);
    }

    /// The NAT forgets its mappings. New ones have other ports.
    fn restart_nat(&mut self) {
        self.world.rebind(self.server_nat);
    }

    /// The server moves behind another NAT, which gives it another public address.
    fn move_server(&mut self) {
        let nat = self.world.nat(OTHER_PORTS, None);
        self.world.roam(self.server, Some(nat));
    }

    /// Connects, again and again until it opens. Returns the time that it takes.
    fn connect(&mut self, client: Client) -> Duration {
        let host = self.clients[client as usize];
        let start = self.world.elapsed();
        loop {
            let conn = ConnId(self.next);
            self.next += 1;
            self.world.connect(host, conn, self.remote);
            self.world.run_until(Duration::from_secs(60), |world| {
                world.saw(host, |event| matches!(event, Event::Opened(_) | Event::Closed(_)))
            });
            let events = self.world.take_events(host);
            if events.iter().any(|event| matches!(event, Event::Opened(_))) {
                return self.world.elapsed() - start;
            }
        }
    }
}

/// A NAT at home that takes other ports after a restart.
const OTHER_PORTS: NatKind = NatKind { ports: Ports::Random, ..NatKind::HOME };

/// Networks for each change.
const SEEDS: u64 = 20;

/// The goals.
const MIDDLE: Duration = Duration::from_millis(1500);
const MOST: Duration = Duration::from_secs(5);
