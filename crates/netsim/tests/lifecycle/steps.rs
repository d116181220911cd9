//! The steps of these tests.

use super::*;

pub(super) type Is = fn(&Event) -> bool;

/// A node whose network never answers. If `ready`, its bootstrap has ended.
pub(super) fn alone(ready: bool) -> (World, HostId) {
    let mut world = World::seeded(20);
    let nobody = SocketAddrV4::new(Ipv4Addr::new(6, 6, 6, 6), 49737);
    let bootstrap = vec![BootstrapNode::Address(nobody)];
    let host = world.host(Config { bootstrap, ..Config::default() });
    if ready {
        world.run_until(S * 10, |w| w.saw(host, |event| matches!(event, Event::Ready)));
    }
    (world, host)
}

/// A world in which one host has to unannounce a server, and cannot.
pub(super) fn falling_asleep() -> World {
    let mut world = World::testnet(21, 4, Link::default());
    listen(&mut world, US, 0);
    world.link = LOST;
    world.command(US, Command::Suspend);
    world
}

pub(super) fn bounded(
    world: &mut World,
    host: HostId,
    limit: Duration,
    command: Command,
    outcome: Is,
) {
    world.command(host, command);
    if limit.is_zero() {
        assert!(world.saw(host, outcome));
    } else {
        world.run_until(limit, |w| w.saw(host, outcome));
    }
}

pub(super) fn suspend(world: &mut World, host: HostId) {
    world.command(host, Command::Suspend);
    world.run_until(S * 5, |w| w.saw(host, suspended));
}

pub(super) fn listen(world: &mut World, host: HostId, server: u32) -> PublicKey {
    let key = listen_at_once(world, host, server);
    world.wait_listening(host, ServerId(server));
    world.run_for(S);
    key
}

pub(super) fn listen_at_once(world: &mut World, host: HostId, server: u32) -> PublicKey {
    let mut seed = [0; 32];
    (seed[0], seed[1]) = (host.0 as u8, server as u8 + 1);
    world.start_server(host, ServerId(server), KeyPair::from_seed(seed))
}

/// Sends a request to an address that no host has.
pub(super) fn ask(world: &mut World, host: HostId, request: u32) {
    ping(world, host, request, SocketAddrV4::new(Ipv4Addr::new(9, 9, 9, 9), 1));
}

pub(super) fn ask_host(world: &mut World, host: HostId, request: u32, other: HostId) {
    let to = world.get(other).server_address();
    ping(world, host, request, to);
}

pub(super) fn ping(world: &mut World, host: HostId, request: u32, to: SocketAddrV4) {
    let options = UserRequest {
        to,
        internal: true,
        command: 0,
        socket: None,
        target: None,
        token: None,
        value: None,
        retries: 3,
        ttl: None,
    };
    world.command(host, Command::Request { request: RequestId(request), options });
}

pub(super) fn query(world: &mut World, host: HostId, query: u32) {
    let (query, target, kind) = (QueryId(query), [1; 32], QueryKind::FindNode);
    world.command(host, Command::Query { query, target, kind, options: QueryOptions::default() });
}

/// Whether a host that is not involved finds the record of a server.
pub(super) fn is_found(world: &mut World, key: PublicKey) -> bool {
    let asker = HostId(0);
    world.take_events(asker);
    let (query, target) = (QueryId(1000), proto::wire::hash(&[&key]));
    let options = QueryOptions::default();
    world.command(asker, Command::Query { query, target, kind: QueryKind::FindPeer, options });
    world.run_until(S * 20, |w| w.saw(asker, |event| matches!(event, Event::QueryDone { .. })));
    world.saw(asker, |event| matches!(event, Event::QueryReply { .. }))
}

/// Live objects of the two hosts when nothing runs.
pub(super) fn settled(world: &mut World) -> [Live; 2] {
    world.run_for(S * 60);
    [US, PEER].map(|host| {
        let live = world.get(host).node.live();
        Live { requests: 0, timers: 0, ..live }
    })
}

pub(super) fn interfaces(address: Ipv4Addr) -> Vec<Interface> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    vec![
        Interface { name: "lo".into(), address: loopback, internal: true },
        Interface { name: "eth0".into(), address: IpAddr::V4(address), internal: false },
    ]
}

pub(super) fn suspended(event: &Event) -> bool {
    matches!(event, Event::Suspended)
}

pub(super) fn destroyed(event: &Event) -> bool {
    matches!(event, Event::Destroyed)
}

pub(super) const US: HostId = HostId(2);
pub(super) const PEER: HostId = HostId(1);
pub(super) const S: Duration = Duration::from_secs(1);

/// A link on which nothing arrives.
pub(super) const LOST: Link = Link {
    delay: Duration::from_millis(10),
    hops: 1,
    jitter: Duration::ZERO,
    loss_per_mille: 1000,
    damage_per_mille: 0,
    cut_per_mille: 0,
};
