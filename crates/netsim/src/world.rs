//! The world: hosts, what is under way between them, and the clock.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hasher};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use proto::{BootstrapNode, Command, Config, Datagram, Event, Rng};

use crate::firewall::Firewall;
use crate::host::Departure;
use crate::{Host, HostId, Link};

/// What runs on top of the nodes: takes their events, gives them commands.
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
    by_address: HashMap<Ipv4Addr, HostId>,
    under_way: BTreeMap<(Instant, u64), Flight>,
    wakes: BTreeSet<(Instant, HostId)>,
    wake_of: Vec<Option<Instant>>,
    start: Instant,
    now: Instant,
    rng: Rng,
    flights: u64,
    trace: DefaultHasher,
    tap: Option<Vec<Flight>>,
    seed: u64,
}

/// A datagram on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flight {
    pub from: SocketAddrV4,
    pub to: SocketAddrV4,
    pub data: Vec<u8>,
}

impl World {
    /// An empty world. The seed decides everything that is left to chance.
    pub fn seeded(seed: u64) -> Self {
        let start = Instant::now();
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        Self {
            link: Link::default(),
            hosts: Vec::new(),
            by_address: HashMap::new(),
            under_way: BTreeMap::new(),
            wakes: BTreeSet::new(),
            wake_of: Vec::new(),
            start,
            now: start,
            rng: Rng::from_seed(bytes),
            flights: 0,
            trace: DefaultHasher::new(),
            tap: None,
            seed,
        }
    }

    /// A network of persistent nodes, the first of which the others bootstrap from, one after the
    /// other.
    pub fn testnet(seed: u64, nodes: usize, link: Link) -> Self {
        let mut world = Self::seeded(seed);
        world.link = link;
        for _ in 0..nodes {
            let host = world.host(world.persistent());
            world.run_until(READY_WITHIN, |w| w.saw(host, |e| matches!(e, Event::Ready)));
        }
        world
    }

    /// The config of a node that joins the routing tables at once.
    pub fn persistent(&self) -> Config {
        let first = self.hosts.is_empty();
        let public_address = first.then(|| SocketAddrV4::new(Self::address_of(0), 49737));
        Config { ephemeral: Some(false), firewalled: false, public_address, ..self.config() }
    }

    /// The config of a node with default options that bootstraps from the first host.
    pub fn config(&self) -> Config {
        let bootstrap = self.hosts.first().map(|h| BootstrapNode::Address(h.server_address()));
        Config { bootstrap: bootstrap.into_iter().collect(), ..Config::default() }
    }

    /// Adds a host and starts its node.
    pub fn host(&mut self, config: Config) -> HostId {
        self.start_host(config, None)
    }

    /// Adds a host that only those reach whom it has sent to.
    pub fn firewalled_host(&mut self, config: Config) -> HostId {
        self.start_host(config, Some(Firewall::default()))
    }

    fn start_host(&mut self, config: Config, firewall: Option<Firewall>) -> HostId {
        let id = HostId(self.hosts.len());
        let address = Self::address_of(id.0);
        let mut host = Host::new(address, config, self.rng.bytes(), self.now);
        host.firewall = firewall;
        self.hosts.push(host);
        self.wake_of.push(None);
        self.by_address.insert(address, id);
        self.settle(id);
        id
    }

    /// A host.
    pub fn get(&self, host: HostId) -> &Host {
        &self.hosts[host.0]
    }

    /// All hosts, in the order in which they came.
    pub fn hosts(&self) -> impl Iterator<Item = HostId> + use<> {
        (0..self.hosts.len()).map(HostId)
    }

    /// Gives a command to a host's node.
    pub fn command(&mut self, host: HostId, command: Command) {
        self.hosts[host.0].node.handle_command(self.now, command);
        self.settle(host);
    }

    /// Takes the events of a host.
    pub fn take_events(&mut self, host: HostId) -> Vec<Event> {
        std::mem::take(&mut self.hosts[host.0].events)
    }

    /// True if a host has such an event waiting.
    pub fn saw(&self, host: HostId, which: impl Fn(&Event) -> bool) -> bool {
        self.hosts[host.0].events.iter().any(which)
    }

    /// Sends a datagram from anywhere: hosts of the world or forged sources. It arrives after the
    /// link's delay, whole.
    pub fn inject(&mut self, flight: Flight) {
        self.send(self.link.delay, flight);
    }

    /// Records what hosts send from here on.
    pub fn start_tap(&mut self) {
        self.tap = Some(Vec::new());
    }

    /// Takes what was recorded; the recording goes on.
    pub fn take_tap(&mut self) -> Vec<Flight> {
        self.tap.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Virtual time since the start.
    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// Runs until the condition holds. Panics with the seed if it never does.
    pub fn run_until(&mut self, within: Duration, done: impl Fn(&Self) -> bool) {
        let deadline = self.now + within;
        while !done(self) {
            assert!(
                self.step(deadline),
                "seed {}: not within {within:?} of virtual time",
                self.seed
            );
        }
    }

    /// Runs an application until it is done. Panics with the seed if it never is.
    pub fn run_app(&mut self, within: Duration, app: &mut impl App) {
        let deadline = self.now + within;
        loop {
            for host in self.hosts() {
                for event in self.take_events(host) {
                    app.handle(self, host, event);
                }
            }
            if app.is_done() {
                return;
            }
            assert!(
                self.step(deadline),
                "seed {}: not within {within:?} of virtual time",
                self.seed
            );
        }
    }

    /// Runs for a while.
    pub fn run_for(&mut self, duration: Duration) {
        let deadline = self.now + duration;
        while self.step(deadline) {}
        self.now = deadline;
    }

    /// A digest of every datagram that arrived so far, and when.
    pub fn trace(&self) -> u64 {
        self.trace.finish()
    }

    /// The next thing that happens; false if nothing does before the deadline.
    fn step(&mut self, deadline: Instant) -> bool {
        let arrival = self.under_way.first_key_value().map(|(&(at, _), _)| at);
        let wake = self.wakes.first().map(|&(at, _)| at);
        let Some(at) = [arrival, wake].into_iter().flatten().min() else { return false };
        if at > deadline {
            return false;
        }
        self.now = self.now.max(at);
        if arrival == Some(at) {
            self.arrive();
        } else {
            self.wake();
        }
        true
    }

    fn arrive(&mut self) {
        let Some((_, mut flight)) = self.under_way.pop_first() else { return };
        self.record(&flight);
        let Some(&id) = self.by_address.get(flight.to.ip()) else { return };
        let Some(socket) = self.hosts[id.0].socket_at(flight.to.port()) else { return };
        let firewall = self.hosts[id.0].firewall.as_ref();
        if firewall.is_some_and(|firewall| !firewall.admits(flight.from, flight.to.port())) {
            return;
        }
        let datagram = Datagram { socket, from: flight.from, data: &mut flight.data };
        self.hosts[id.0].node.handle_datagram(self.now, datagram);
        self.settle(id);
    }

    fn wake(&mut self) {
        let Some((_, id)) = self.wakes.pop_first() else { return };
        self.wake_of[id.0] = None;
        self.hosts[id.0].node.handle_timeout(self.now);
        self.settle(id);
    }

    fn settle(&mut self, id: HostId) {
        let mut departures = Vec::new();
        let host = &mut self.hosts[id.0];
        host.settle(self.now, &mut departures);
        let next = host.node.poll_timeout().map(|(at, _)| at.max(self.now));
        if let Some(old) = std::mem::replace(&mut self.wake_of[id.0], next) {
            self.wakes.remove(&(old, id));
        }
        self.wakes.extend(next.map(|at| (at, id)));
        for departure in departures {
            if let Some(firewall) = &mut self.hosts[id.0].firewall {
                firewall.note(departure.from.port(), departure.to);
            }
            self.depart(departure);
        }
    }

    fn depart(&mut self, departure: Departure) {
        let Departure { from, to, mut data } = departure;
        if let Some(tap) = &mut self.tap {
            tap.push(Flight { from, to, data: data.clone() });
        }
        let delay = if from.ip() == to.ip() {
            Some(Duration::ZERO)
        } else {
            self.link.carry(&mut self.rng, &mut data)
        };
        let Some(delay) = delay else { return };
        self.send(delay, Flight { from, to, data });
    }

    fn send(&mut self, delay: Duration, flight: Flight) {
        self.flights += 1;
        self.under_way.insert((self.now + delay, self.flights), flight);
    }

    fn record(&mut self, flight: &Flight) {
        self.trace.write_u128((self.now - self.start).as_nanos());
        self.trace.write_u16(flight.from.port());
        self.trace.write_u32((*flight.from.ip()).into());
        self.trace.write_u32((*flight.to.ip()).into());
        self.trace.write(&flight.data);
    }

    /// Public addresses, one in each /24.
    fn address_of(index: usize) -> Ipv4Addr {
        Ipv4Addr::new(5, 1 + (index >> 8) as u8, index as u8, 1)
    }
}

/// Bootstrap takes seconds; anything near this has hung.
const READY_WITHIN: Duration = Duration::from_secs(60);
