//! A NAT that forgets its mappings, as after a restart.

use std::time::Duration;

use netsim::{HostId, Link, NatId, NatKind, World};
use proto::noise::{KeyPair, PublicKey};
use proto::{ConnId, Event, ServerId};

/// A server and two clients, each behind a NAT at home.
struct Scene {
    world: World,
    server_nat: NatId,
    clients: [HostId; 2],
    remote: PublicKey,
    next: u32,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let link = Link { delay: Duration::from_millis(20), hops: 12, ..Link::default() };
        let mut world = World::with_bootstraps(seed, 3, link);
        for _ in 3..24 {
            world.join(world.persistent());
        }
        let mut place = || {
            let nat = world.nat(NatKind::HOME, None);
            let host = world.host_behind(nat, world.config());
            world.wait_for(host, |event| matches!(event, Event::Ready));
            (host, nat)
        };
        let (server, server_nat) = place();
        let clients = [(); 2].map(|()| place().0);
        let remote = world.listen(server, ServerId(0), KeyPair::from_seed([7; 32]));
        world.run_for(Duration::from_secs(2));
        Self { world, server_nat, clients, remote, next: 0 }
    }

    /// Connects, again and again until it opens. Returns the time that it takes.
    fn connect(&mut self, client: usize) -> Duration {
        let host = self.clients[client];
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

#[test]
fn a_server_is_reached_soon_after_its_nat_was_restarted() {
    const KNOWN: usize = 0;
    const NEW: usize = 1;
    for seed in 1..=super::seeds() {
        for order in [[KNOWN, NEW], [NEW, KNOWN]] {
            let mut scene = Scene::new(seed);
            scene.connect(KNOWN);
            scene.world.run_for(Duration::from_secs(5));
            scene.world.rebind(scene.server_nat);
            for client in order {
                let after = scene.connect(client);
                assert!(after < Duration::from_secs(5), "seed {seed}, {order:?}: {after:?}");
            }
        }
    }
}
