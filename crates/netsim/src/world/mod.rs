//! The world: hosts, datagrams in flight between them, and the clock.

mod faults;
mod transit;

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use proto::{BootstrapNode, Command, Config, Event, HostEvent, Node, Rng, Run};

use crate::agenda::{Agenda, Due};
use crate::firewall::Firewall;
use crate::host::{Departure, Power};
use crate::ids::Network;
use crate::internet::Internet;
use crate::link::Withheld;
use crate::{Flight, Host, HostId, Link, NatId, NatKind};

/// An application on top of the nodes: it takes their events and gives them commands.
pub trait App {
    /// Takes one event of a host.
    fn handle(&mut self, world: &mut World, host: HostId, event: Event);

    /// True when there is nothing left to wait for.
    fn is_done(&self) -> bool;
}

/// A network of nodes on virtual time.
#[derive(Debug)]
pub struct World {
    pub link: Link,
    hosts: Vec<Host>,
    internet: Internet,
    agenda: Agenda,
    /// Hosts with events that were not taken yet.
    eventful: BTreeSet<HostId>,
    /// The hosts on one side while the network is cut in two.
    island: BTreeSet<HostId>,
    /// The other hosts bootstrap from this many of the first hosts.
    bootstraps: usize,
    departures: Vec<Departure>,
    /// How many NATs there are.
    nats: usize,
    /// How often hosts have moved to a public address.
    roams: usize,
    start: Instant,
    now: Instant,
    rng: Rng,
    steps: u64,
    trace: DefaultHasher,
    tap: Option<Vec<Flight>>,
    withheld: Withheld,
    seed: u64,
}

impl World {
    /// An empty world. All randomness comes from the seed.
    pub fn seeded(seed: u64) -> Self {
        let start = Instant::now();
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self {
            link: Link::default(),
            hosts: Vec::new(),
            internet: Internet::default(),
            agenda: Agenda::default(),
            eventful: BTreeSet::new(),
            island: BTreeSet::new(),
            bootstraps: 1,
            departures: Vec::new(),
            nats: 0,
            roams: 0,
            start,
            now: start,
            rng: Rng::from_seed(bytes),
            steps: 0,
            trace: DefaultHasher::new(),
            tap: None,
            withheld: Withheld::default(),
            seed,
        }
    }

    /// A network of a few persistent nodes. Later nodes bootstrap from all of them.
    pub fn with_bootstraps(seed: u64, bootstraps: usize, link: Link) -> Self {
        let world = Self::testnet(seed, bootstraps, link);
        Self { bootstraps, ..world }
    }

    /// The config of a node that joins the routing tables at once.
    pub fn persistent(&self) -> Config {
        let first = self.hosts.is_empty();
        let public_address = first.then(|| SocketAddrV4::new(public(5, 0), 49737));
        Config { ephemeral: Some(false), firewalled: false, public_address, ..self.config() }
    }

    /// The config of a node with default options, which bootstraps from the network's first nodes.
    pub fn config(&self) -> Config {
        let places = self.hosts.iter().take(self.bootstraps);
        let bootstrap = places.map(|host| BootstrapNode::Address(host.server_address())).collect();
        Config { bootstrap, ..Config::default() }
    }

    /// Adds a host and starts its node.
    pub fn host(&mut self, config: Config) -> HostId {
        self.start_host(config, None, None)
    }

    /// Adds a host in the network behind a NAT, and starts its node.
    pub fn host_behind(&mut self, nat: NatId, config: Config) -> HostId {
        self.start_host(config, Some(nat), None)
    }

    /// The same, with a firewall of its own.
    pub fn firewalled_host_behind(&mut self, nat: NatId, config: Config) -> HostId {
        self.start_host(config, Some(nat), Some(Firewall::default()))
    }

    /// Adds a NAT with a public address, or in the network behind another one.
    pub fn nat(&mut self, kind: NatKind, outside: Option<NatId>) -> NatId {
        self.nats += 1;
        let address = match outside {
            Some(nat) => self.internet.next_address(nat),
            None => public(6, self.nats),
        };
        self.internet.add_nat(&mut self.rng, kind, outside, address)
    }

    /// Adds a host with a firewall, which only admits sources that the host has sent to.
    pub fn firewalled_host(&mut self, config: Config) -> HostId {
        self.start_host(config, None, Some(Firewall::default()))
    }

    fn start_host(
        &mut self,
        config: Config,
        network: Network,
        firewall: Option<Firewall>,
    ) -> HostId {
        let id = HostId(self.hosts.len());
        let address = match network {
            Some(nat) => self.internet.next_address(nat),
            None => public(5, id.0),
        };
        let mut host = Host::new(address, config, self.rng.bytes(), self.now);
        host.network = network;
        host.firewall = firewall;
        self.hosts.push(host);
        self.internet.add_host(network, address, id);
        self.settle(id);
        id
    }

    /// A host.
    pub fn get(&self, host: HostId) -> &Host {
        &self.hosts[host.0]
    }

    /// All hosts, in the order in which they were added.
    pub fn hosts(&self) -> impl Iterator<Item = HostId> + use<> {
        (0..self.hosts.len()).map(HostId)
    }

    /// The host with this public address.
    pub fn find(&self, address: Ipv4Addr) -> Option<HostId> {
        self.internet.find(address)
    }

    /// Gives a command to a host's node; a host that is off, asleep or stalled takes none.
    pub fn command(&mut self, host: HostId, command: Command) {
        if self.hosts[host.0].is_on() {
            self.act(host, |node, now| node.handle_command(now, command));
        }
    }

    /// Calls a host's node, then carries out what the node wants done.
    pub fn act<T>(&mut self, host: HostId, act: impl FnOnce(&mut Node, Instant) -> T) -> T {
        let done = act(&mut self.hosts[host.0].node, self.now);
        self.settle(host);
        done
    }

    /// Gives a host event to a node, unless its host is off, asleep or stalled.
    pub fn host_event(&mut self, host: HostId, event: HostEvent) {
        if self.hosts[host.0].is_on() {
            self.act(host, |node, now| node.handle_host_event(now, event));
        }
    }

    /// Takes the events of a host.
    pub fn take_events(&mut self, host: HostId) -> Vec<Event> {
        self.eventful.remove(&host);
        std::mem::take(&mut self.hosts[host.0].events)
    }

    /// True if a host has such an event waiting.
    pub fn saw(&self, host: HostId, which: impl Fn(&Event) -> bool) -> bool {
        self.hosts[host.0].events.iter().any(which)
    }

    /// Sends a datagram from a host of the world or a forged source. It arrives undamaged, after
    /// the link's delay.
    pub fn inject(&mut self, flight: Flight) {
        self.agenda.send(self.now + self.link.delay, None, flight);
    }

    /// Records the datagrams that hosts send from here on.
    pub fn start_tap(&mut self) {
        self.tap = Some(Vec::new());
    }

    /// Takes the recorded datagrams; the recording goes on.
    pub fn take_tap(&mut self) -> Vec<Flight> {
        self.tap.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Virtual time since the start.
    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// Arrivals and wake-ups so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The seed of this world.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The random generator of the world, for use by a test.
    pub fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// Runs until the condition holds. Panics with the seed if it never does.
    pub fn run_until(&mut self, within: Duration, done: impl Fn(&Self) -> bool) {
        let deadline = self.now + within;
        while !done(self) {
            self.must_step(within, deadline);
        }
    }

    /// Runs an application until it is done. Panics with the seed if it never is.
    pub fn run_app(&mut self, within: Duration, app: &mut impl App) {
        let deadline = self.now + within;
        self.tell(app);
        while !app.is_done() {
            self.must_step(within, deadline);
            self.tell(app);
        }
    }

    /// Runs an application for a while, done or not.
    pub fn run_app_for(&mut self, duration: Duration, app: &mut impl App) {
        let deadline = self.now + duration;
        self.tell(app);
        while self.step(deadline) {
            self.tell(app);
        }
        self.now = deadline;
    }

    /// Runs for a while.
    pub fn run_for(&mut self, duration: Duration) {
        let deadline = self.now + duration;
        while self.step(deadline) {}
        self.now = deadline;
    }

    /// A digest of all datagrams that have arrived so far, with their times.
    pub fn trace(&self) -> u64 {
        self.trace.finish()
    }

    fn tell(&mut self, app: &mut impl App) {
        while let Some(host) = self.eventful.first().copied() {
            for event in self.take_events(host) {
                app.handle(self, host, event);
            }
        }
    }

    fn must_step(&mut self, within: Duration, deadline: Instant) {
        let seed = self.seed;
        assert!(self.step(deadline), "seed {seed}: not within {within:?} of virtual time");
    }

    /// Runs the next arrival or wake-up. False if nothing is due before the deadline.
    fn step(&mut self, deadline: Instant) -> bool {
        let Some((at, due)) = self.agenda.pop(deadline) else { return false };
        self.now = self.now.max(at);
        self.steps += 1;
        match due {
            Due::Arrival(network, flight) => self.arrive(network, flight),
            Due::Wake(host) => self.wake(host),
        }
        true
    }

    fn read(&mut self, id: HostId, mut flight: Flight) {
        let host = &mut self.hosts[id.0];
        let Some(socket) = host.socket_at(flight.to.port()) else { return };
        let segment_size = flight.data.len();
        let mut run =
            Run { socket, from: flight.from.into(), data: &mut flight.data, segment_size };
        host.node.handle_run(self.now, &mut run, 0);
        self.settle(id);
    }

    /// Reads the waiting datagrams before it runs due timers, as the driver does.
    fn wake(&mut self, id: HostId) {
        self.hosts[id.0].power = Power::On;
        for flight in std::mem::take(&mut self.hosts[id.0].unread) {
            self.read(id, flight);
        }
        self.hosts[id.0].node.handle_timeout(self.now);
        self.settle(id);
    }

    fn settle(&mut self, id: HostId) {
        let mut departures = std::mem::take(&mut self.departures);
        let host = &mut self.hosts[id.0];
        host.settle(self.now, &mut departures);
        if !host.events.is_empty() {
            self.eventful.insert(id);
        }
        let next = host.node.poll_timeout().map(|(at, _)| at.max(self.now));
        self.agenda.set_wake(id, next);
        for departure in departures.drain(..) {
            if let Some(firewall) = &mut self.hosts[id.0].firewall {
                firewall.note(departure.from.port(), departure.to);
            }
            self.depart(id, departure);
        }
        self.departures = departures;
    }

    fn record(&mut self, flight: &Flight) {
        self.trace.write_u128((self.now - self.start).as_nanos());
        self.trace.write_u16(flight.from.port());
        self.trace.write_u32((*flight.from.ip()).into());
        self.trace.write_u32((*flight.to.ip()).into());
        self.trace.write(&flight.data);
    }
}

/// Public addresses, one in each /24.
fn public(net: u8, index: usize) -> Ipv4Addr {
    Ipv4Addr::new(net, 1 + (index >> 8) as u8, index as u8, 1)
}
