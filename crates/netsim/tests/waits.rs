//! Whatever a client waits for may never come: the attempt fails within a bound, and its trace says
//! what did not come.
#![cfg(test)]

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use netsim::{Flight, HostId, Link, World};
use proto::noise::KeyPair;
use proto::wire::{Packet, command};
use proto::{
    ConnId, ConnectError, ConnectOptions, ConnectReason, ConnectStep, ConnectTrace, Event, Live,
    NatClass, ServerId,
};

#[test]
fn no_node_answers() {
    let trace = Scene::new().connect(5, |flight| flight.from == Host::Client);
    assert_eq!(trace.reason, ConnectReason::NoAnswer);
    assert_eq!(steps(&trace), [ConnectStep::Search, ConnectStep::Failed]);
}

#[test]
fn no_node_passes_the_handshake_on() {
    let trace = Scene::new()
        .connect(12, |flight| flight.from == Host::Client && flight.asks(command::PEER_HANDSHAKE));
    assert_eq!(trace.reason, ConnectReason::NotReached);
    assert_eq!(last_step(&trace), ConnectStep::Handshake);
    assert!(trace.handshakes > 0);
}

#[test]
fn the_server_does_not_answer_the_handshake() {
    let trace = Scene::new()
        .connect(12, |flight| flight.from == Host::Server && flight.asks(command::PEER_HANDSHAKE));
    assert_eq!(trace.reason, ConnectReason::NotReached);
    assert_eq!(last_step(&trace), ConnectStep::Handshake);
}

#[test]
fn no_round_is_answered() {
    let trace = Scene::new().connect(8, |flight| {
        flight.is_probe() || flight.from == Host::Server && flight.asks(command::PEER_HOLEPUNCH)
    });
    assert_eq!(trace.reason, ConnectReason::RoundSilent);
    assert_eq!((last_step(&trace), trace.rounds), (ConnectStep::Round, 1));
}

#[test]
fn the_second_round_is_not_answered() {
    let mut first = None;
    let trace = Scene::new().connect(9, move |flight| {
        let round = flight.round().filter(|_| flight.from == Host::Client);
        let is_later = round.is_some_and(|tid| *first.get_or_insert(tid) != tid);
        is_later || flight.is_probe()
    });
    assert_eq!(trace.reason, ConnectReason::RoundSilent);
    assert_eq!((last_step(&trace), trace.rounds), (ConnectStep::Agree, 2));
    assert_eq!((trace.local_nat, trace.remote_nat), CONSISTENT);
}

#[test]
fn no_probe_arrives() {
    let trace = Scene::new().connect(12, |flight| flight.is_probe());
    assert_eq!(trace.reason, ConnectReason::ProbesLost);
    assert_eq!(last_step(&trace), ConnectStep::Punch);
    assert_eq!((trace.local_nat, trace.remote_nat), CONSISTENT);
    assert!(trace.probes >= 10, "{trace:?}");
}

#[test]
fn our_nat_stays_unknown() {
    let trace = Scene::new()
        .connect(30, |flight| flight.is_probe() || flight.from == Host::Client && flight.is_ping());
    assert_eq!(trace.reason, ConnectReason::NatUnknown);
    assert_eq!(trace.local_nat, NatClass::Unknown);
    assert_eq!(last_step(&trace), ConnectStep::Analyzed);
}

#[test]
fn the_server_does_not_send_to_an_open_client() {
    let mut scene = Scene::with(|world| world.join(world.config()));
    let trace = scene.connect(11, |flight| {
        flight.from == Host::Server && flight.to == Host::Client && flight.is_stream()
    });
    assert_eq!(trace.reason, ConnectReason::ServerSilent);
    assert_eq!((last_step(&trace), trace.local_nat), (ConnectStep::Answered, NatClass::Open));
}

#[test]
fn the_application_does_not_answer() {
    let mut scene = Scene::new();
    scene.options.ask_holepunch = true;
    let trace = scene.connect(12, |flight| flight.is_probe());
    assert_eq!(trace.reason, ConnectReason::Vetoed);
}

#[test]
fn the_blind_relay_does_not_answer() {
    let mut scene = Scene::new();
    let relay = KeyPair::from_seed([9; 32]).public();
    scene.options.relay_through = vec![relay];
    let trace = scene.connect(20, |flight| {
        flight.is_probe() || flight.from == Host::Server && flight.asks(command::PEER_HOLEPUNCH)
    });
    assert_eq!(trace.relay, Some(relay));
    assert_eq!(
        trace.error(),
        ConnectError::HolepunchAborted,
        "a relay that nobody knows fails first"
    );
    assert!(steps(&trace).contains(&ConnectStep::Relay));
}

/// A server keeps nothing of a client that falls silent, whenever that is.
#[test]
fn a_server_forgets_a_client_that_falls_silent() {
    for rounds in 0..=2 {
        let mut scene = Scene::new();
        let mut seen = BTreeSet::new();
        scene.start(move |flight| {
            seen.extend(flight.round().filter(|_| flight.from == Host::Client));
            let is_silent = flight.from == Host::Client && seen.len() > rounds;
            is_silent || flight.is_probe() || flight.from == Host::Client && flight.is_stream()
        });
        scene.world.run_for(Duration::from_secs(4));
        assert_eq!(scene.live().handshakes, 1, "{rounds} rounds");
        scene.world.run_for(Duration::from_secs(56));
        let live = scene.live();
        let left = (live.handshakes, live.connections, live.punchers, live.pool_sockets);
        assert_eq!(left, (0, 0, 0, 0), "{rounds} rounds");
    }
}

/// A client and a server, each behind a firewall.
struct Scene {
    world: World,
    client: HostId,
    server: HostId,
    options: ConnectOptions,
}

impl Scene {
    fn new() -> Self {
        Self::with(|world| {
            let client = world.firewalled_host(world.config());
            world.wait_for(client, |event| matches!(event, Event::Ready));
            client
        })
    }

    fn with(client: impl FnOnce(&mut World) -> HostId) -> Self {
        let link = Link { delay: Duration::from_millis(20), hops: 12, ..Link::default() };
        let mut world = World::with_bootstraps(5, 3, link);
        for _ in 3..NODES {
            world.join(world.persistent());
        }
        let client = client(&mut world);
        let server = world.firewalled_host(world.config());
        world.wait_for(server, |event| matches!(event, Event::Ready));
        let options = ConnectOptions { local_connection: false, ..ConnectOptions::default() };
        Self { world, client, server, options }
    }

    /// Connects in vain. Fails unless the attempt ends within these seconds.
    fn connect(
        &mut self,
        seconds: u64,
        withheld: impl FnMut(&Seen<'_>) -> bool + 'static,
    ) -> ConnectTrace {
        self.start(withheld);
        self.world.run_until(Duration::from_secs(seconds), |world| {
            world.saw(self.client, |event| matches!(event, Event::Closed(_)))
        });
        let events = self.world.take_events(self.client);
        let trace = events
            .into_iter()
            .find_map(|event| if let Event::Closed(closed) = event { closed.trace } else { None });
        *trace.expect("a trace")
    }

    /// Begins to connect. These datagrams are lost.
    fn start(&mut self, mut withheld: impl FnMut(&Seen<'_>) -> bool + 'static) {
        let remote = self.world.listen(self.server, ServerId(0), KeyPair::from_seed([7; 32]));
        self.world.run_for(Duration::from_secs(2));
        let [client, server] =
            [self.client, self.server].map(|host| *self.world.get(host).server_address().ip());
        self.world.withhold(move |flight| withheld(&Seen::new(flight, client, server)));
        self.world.connect_with(self.client, ConnId(0), remote, self.options.clone());
    }

    /// What the server's node keeps.
    fn live(&mut self) -> Live {
        self.world.act(self.server, |node, _| node.live())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    Client,
    Server,
    Other,
}

/// A datagram that leaves its host.
struct Seen<'a> {
    from: Host,
    to: Host,
    flight: &'a Flight,
}

impl<'a> Seen<'a> {
    fn new(flight: &'a Flight, client: Ipv4Addr, server: Ipv4Addr) -> Self {
        let host = |address: &Ipv4Addr| match *address {
            address if address == client => Host::Client,
            address if address == server => Host::Server,
            _ => Host::Other,
        };
        Self { from: host(flight.from.ip()), to: host(flight.to.ip()), flight }
    }

    fn packet(&self) -> Option<Packet<'_>> {
        Packet::decode(&self.flight.data).ok()
    }

    fn asks(&self, command: u64) -> bool {
        matches!(self.packet(), Some(Packet::Request(r)) if !r.internal && r.command == command)
    }

    fn is_ping(&self) -> bool {
        matches!(self.packet(), Some(Packet::Request(r)) if r.internal && r.command == command::PING)
    }

    /// The transaction of a punching round.
    fn round(&self) -> Option<u16> {
        let Some(Packet::Request(request)) = self.packet() else { return None };
        self.asks(command::PEER_HOLEPUNCH).then_some(request.tid)
    }

    /// Neither a probe nor a packet of the DHT.
    fn is_stream(&self) -> bool {
        !self.is_probe() && self.packet().is_none()
    }

    fn is_probe(&self) -> bool {
        self.flight.data.len() == 1
    }
}

fn steps(trace: &ConnectTrace) -> Vec<ConnectStep> {
    trace.steps.iter().map(|traced| traced.step).collect()
}

/// The step before the end.
fn last_step(trace: &ConnectTrace) -> ConnectStep {
    let steps = steps(trace);
    assert_eq!(steps.last(), Some(&ConnectStep::Failed));
    steps[steps.len() - 2]
}

const CONSISTENT: (NatClass, NatClass) = (NatClass::Consistent, NatClass::Consistent);

/// Enough that a bootstrap outlasts the check of the NAT.
const NODES: usize = 24;
