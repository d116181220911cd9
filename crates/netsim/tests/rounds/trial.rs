//! One measurement: a network, and one more node that carries out a task in it.

use std::time::Duration;

use netsim::{HostId, Link, World};
use proto::noise::KeyPair;
use proto::{
    AdaptiveTimeout, Command, Config, Event, QueryId, QueryKind, QueryOptions, ServerId,
    ServerOptions,
};

/// A network in which one task is timed.
pub(crate) struct Trial {
    world: World,
    seed: u64,
    /// What the path is like once the node is ready.
    link: Link,
    timers: Timers,
}

/// When a node repeats its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timers {
    /// From measured round trips.
    Measured,
    /// After a second, as the reference does.
    Flat,
}

/// How the measured node starts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Start {
    /// Configured as reachable by strangers, and reachable.
    Open,
    /// Default options, and reachable by strangers.
    Default,
    /// Default options, and not reachable by strangers.
    Firewalled,
}

/// The task for which a ready node is timed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Task {
    Listen,
    Lookup,
    Announce,
}

/// The cost of a trial.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// In round trips.
    pub(crate) time: f64,
    /// Datagrams that the node sent; of a connect, the requests.
    pub(crate) sent: usize,
}

impl Trial {
    /// A network of persistent nodes that know each other. The loss begins with the task.
    pub(crate) fn new(seed: u64, nodes: usize, loss_per_mille: u32) -> Self {
        let calm = Link { delay: RTT / 2, ..Link::default() };
        let world = World::testnet(seed, nodes, calm);
        let link = Link { loss_per_mille, ..calm };
        Self { world, seed, link, timers: Timers::Measured }
    }

    /// Sets other timers, and a path that delays each datagram by up to `jitter` more.
    pub(crate) fn with(mut self, timers: Timers, jitter: Duration) -> Self {
        self.timers = timers;
        self.link.jitter = jitter;
        self.world.link.jitter = jitter;
        self
    }

    /// Times the bootstrap of one more node.
    pub(crate) fn bootstrap(mut self, start: Start) -> Outcome {
        let config = self.config(start);
        self.timed(|world| launch(world, start, config), is_ready).1
    }

    /// Times a task of a node on an open address, once it is ready.
    pub(crate) fn run(mut self, task: Task) -> Outcome {
        let config = self.config(Start::Open);
        let (host, _) = self.timed(|world| launch(world, Start::Open, config), is_ready);
        self.world.take_events(host);
        self.world.link = self.link;
        let command = self.command(task);
        let begin = |world: &mut World| {
            world.command(host, command);
            host
        };
        self.timed(begin, is_end).1
    }

    fn config(&self, start: Start) -> Config {
        let flat = AdaptiveTimeout {
            fallback: vec![SECOND],
            min: SECOND,
            max: SECOND,
            jitter: Duration::ZERO,
            ..AdaptiveTimeout::default()
        };
        Config {
            firewalled: !matches!(start, Start::Open),
            adaptive_timeout: (self.timers == Timers::Flat).then_some(flat),
            ..self.world.config()
        }
    }

    fn command(&self, task: Task) -> Command {
        let mut target = [0; 32];
        target[..8].copy_from_slice(&self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        let key_pair = KeyPair::from_seed(target);
        let kind = match task {
            Task::Listen => {
                let options =
                    ServerOptions { key_pair: Some(key_pair), ..ServerOptions::default() };
                return Command::Listen { server: ServerId(0), options };
            }
            Task::Lookup => QueryKind::Lookup,
            Task::Announce => {
                QueryKind::Announce { key_pair, relay_addresses: vec![], bump: 0, clear: false }
            }
        };
        Command::Query { query: QueryId(0), target, kind, options: QueryOptions::default() }
    }

    fn timed(
        &mut self,
        begin: impl FnOnce(&mut World) -> HostId,
        end: impl Fn(&Event) -> bool,
    ) -> (HostId, Outcome) {
        let started = self.world.elapsed();
        self.world.start_tap();
        let host = begin(&mut self.world);
        self.world.run_until(LONG, |world| world.saw(host, &end));
        let took = self.world.elapsed() - started;
        let address = self.world.get(host).address;
        let tap = self.world.take_tap();
        let sent = tap.iter().filter(|flight| *flight.from.ip() == address).count();
        (host, Outcome { time: took.as_secs_f64() / RTT.as_secs_f64(), sent })
    }
}

fn launch(world: &mut World, start: Start, config: Config) -> HostId {
    match start {
        Start::Open | Start::Default => world.host(config),
        Start::Firewalled => world.firewalled_host(config),
    }
}

fn is_ready(event: &Event) -> bool {
    matches!(event, Event::Ready)
}

fn is_end(event: &Event) -> bool {
    match event {
        Event::QueryDone { result, .. } => {
            assert!(result.is_ok(), "{result:?}");
            true
        }
        Event::ServerListening { .. } => true,
        _ => false,
    }
}

/// The round trip time between any two nodes.
pub(crate) const RTT: Duration = Duration::from_millis(100);

const SECOND: Duration = Duration::from_secs(1);

/// No trial takes nearly as long.
const LONG: Duration = Duration::from_secs(60);
