//! A crowd of nodes that announce topics, look them up, come and go.
#![allow(dead_code)]

mod churn;
mod topics;
mod walks;

use std::time::Duration;

use netsim::{App, HostId, Link, World};
use proto::{Closed, Command, Config, Event, QueryId, QueryKind, QueryOptions};

#[allow(unused_imports)]
pub(crate) use churn::Churn;
pub(crate) use topics::Topics;
pub(crate) use walks::Walks;

/// A world and the application that runs on it.
pub(crate) struct Crowd {
    pub(crate) world: World,
    pub(crate) app: Swarm,
    /// Hosts that left or crashed, in that order.
    gone: Vec<HostId>,
    asleep: Vec<HostId>,
    turn: usize,
}

/// The application of all hosts.
#[derive(Default)]
pub(crate) struct Swarm {
    /// Hosts that are up and have bootstrapped, in the order in which they did.
    pub(crate) ready: Vec<HostId>,
    pub(crate) topics: Topics,
    pub(crate) walks: Walks,
    pub(crate) connected: Connected,
    /// Nodes that noticed that they slept.
    pub(crate) wakeups: usize,
    queries: u32,
}

/// How connections ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Connected {
    pub(crate) asked: usize,
    pub(crate) opened: usize,
    pub(crate) failed: usize,
}

impl Crowd {
    /// A network of a few nodes to bootstrap from. The environment may give another seed.
    pub(crate) fn new(seed: u64) -> Self {
        let given = std::env::var("NETSIM_SEED");
        Self::exactly(given.map_or(seed, |given| given.parse().expect("NETSIM_SEED: a number")))
    }

    /// A network of a few nodes to bootstrap from.
    pub(crate) fn exactly(seed: u64) -> Self {
        let world = World::with_bootstraps(seed, BOOTSTRAPS, link());
        let (app, gone, asleep) = Default::default();
        let mut crowd = Self { world, app, gone, asleep, turn: 0 };
        crowd.run(Duration::ZERO);
        crowd
    }

    /// Grows to a number of nodes within a time, and waits until all of them have bootstrapped.
    /// One of five has default options, the others are persistent from the start.
    pub(crate) fn grow(&mut self, nodes: usize, within: Duration) {
        let missing = nodes - self.app.ready.len();
        for _ in 0..missing {
            let config = self.config();
            self.world.host(config);
            self.run(within / missing as u32);
        }
        for _ in 0..60 {
            if self.app.ready.len() == nodes {
                return;
            }
            self.run(Duration::from_secs(1));
        }
        panic!("{} of {nodes} are ready", self.app.ready.len());
    }

    /// Runs the world for a while.
    pub(crate) fn run(&mut self, duration: Duration) {
        self.world.run_app_for(duration, &mut self.app);
    }

    /// Any host that is up.
    pub(crate) fn anybody(&mut self) -> HostId {
        let at = self.world.rng().below(self.app.ready.len() as u64) as usize;
        self.app.ready[at]
    }

    /// Any host that is up and fits.
    pub(crate) fn anybody_of(&mut self, fits: impl Fn(HostId) -> bool) -> HostId {
        loop {
            let host = self.anybody();
            if fits(host) {
                return host;
            }
        }
    }

    /// Some nodes are persistent from the start, some have default options.
    pub(crate) fn config(&mut self) -> Config {
        let plain = self.world.rng().below(5) == 0;
        if plain { self.world.config() } else { self.world.persistent() }
    }

    /// Starts a query, and returns the name under which its events arrive.
    pub(crate) fn query(&mut self, host: HostId, target: [u8; 32], kind: QueryKind) -> Running {
        self.app.queries += 1;
        let query = QueryId(self.app.queries);
        let options = QueryOptions::default();
        self.world.command(host, Command::Query { query, target, kind, options });
        (host, query)
    }
}

/// A failing world prints its seed.
impl Drop for Crowd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("replay with NETSIM_SEED={}", self.world.seed());
        }
    }
}

impl App for Swarm {
    fn handle(&mut self, world: &mut World, host: HostId, event: Event) {
        if let Event::Ready = event {
            self.ready.push(host);
        } else if let Event::Wakeup = event {
            self.wakeups += 1;
        } else if let Event::QueryReply { query, reply } = event {
            self.topics.handle_reply((host, query), &reply);
        } else if let Event::QueryDone { query, closest, result, .. } = event {
            self.topics.handle_done((host, query), result.is_ok());
            self.walks.handle_done((host, query), &closest);
        } else if let Event::ServerListening { server } = event {
            self.topics.handle_listening(host, server);
        } else if let Event::Opened(opened) = event {
            self.connected.opened += 1;
            world.command(host, Command::End { conn: opened.conn });
        } else if let Event::RemoteEnd { conn } = event {
            world.command(host, Command::End { conn });
        } else if let Event::Closed(Closed { error: Some(_), .. }) = event {
            self.connected.failed += 1;
        }
    }

    fn is_done(&self) -> bool {
        false
    }
}

/// Names a query of the world.
pub(crate) type Running = (HostId, QueryId);

/// Some loss, and packets that overtake each other.
fn link() -> Link {
    Link {
        delay: Duration::from_millis(40),
        jitter: Duration::from_millis(20),
        loss_per_mille: 10,
        ..Link::default()
    }
}

/// As many as the public network has.
const BOOTSTRAPS: usize = 3;
