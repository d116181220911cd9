//! A network of [`Net`]s in memory, on virtual time.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use crate::net::{Answering, Net, Output};
use crate::tests::bench::peer_of;
use crate::{Config, Cx, Event, Outbox, Rng, SocketId, Stats, Timer, Timers};

/// Hosts, and the datagrams between them.
pub(super) struct World {
    pub(super) now: Instant,
    pub(super) hosts: Vec<Host>,
    by_address: HashMap<SocketAddrV4, (usize, SocketId)>,
    flying: BTreeMap<(Instant, u64), Flying>,
    sent: u64,
    rng: Rng,
    /// Percentage of datagrams that get lost.
    pub(super) loss: u64,
}

/// One node.
pub(super) struct Host {
    pub(super) net: Net,
    pub(super) stats: Stats,
    pub(super) outputs: Vec<Output>,
    pub(super) events: Vec<Event>,
    pub(super) timers: Timers,
    pub(super) out: Outbox,
    /// The host neither sends nor receives datagrams.
    pub(super) silent: bool,
    /// Answers every user command with this.
    pub(super) answering: Option<Answering>,
    rng: Rng,
    client: SocketAddrV4,
    pub(super) server: SocketAddrV4,
    /// Whether unsolicited packets reach the server socket.
    open: bool,
    contacted: HashSet<SocketAddrV4>,
}

#[derive(Clone)]
struct Flying {
    from: SocketAddrV4,
    to: SocketAddrV4,
    data: Vec<u8>,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            now: Instant::now(),
            hosts: Vec::new(),
            by_address: HashMap::new(),
            flying: BTreeMap::new(),
            sent: 0,
            rng: Rng::from_seed([42; 32]),
            loss: 0,
        }
    }

    /// The server address of the host that will be added next.
    pub(super) fn next_server(&self) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::from(0x0a00_0001 + self.hosts.len() as u32), 49737)
    }

    /// Adds a node. `open`: unsolicited packets reach its server socket.
    pub(super) fn add(&mut self, open: bool, config: Config) -> usize {
        let server = self.next_server();
        let client = SocketAddrV4::new(*server.ip(), 30000);
        let config = Config { server_socket: server, client_socket: client, ..config };
        let (mut timers, mut out, mut stats) = (Timers::new(), Outbox::default(), Stats::default());
        let mut rng = self.rng.fork();
        let mut cx = Cx {
            now: self.now,
            rng: &mut rng,
            timers: &mut timers,
            out: &mut out,
            stats: &mut stats,
        };
        let net = Net::new(&config, &mut cx);
        let index = self.hosts.len();
        self.by_address.insert(client, (index, SocketId::CLIENT));
        self.by_address.insert(server, (index, SocketId::SERVER));
        self.hosts.push(Host {
            net,
            stats,
            outputs: Vec::new(),
            events: Vec::new(),
            timers,
            out,
            silent: false,
            answering: None,
            rng,
            client,
            server,
            open,
            contacted: HashSet::new(),
        });
        self.flush(index);
        index
    }

    /// A bootstrap node, which knows its own address.
    pub(super) fn add_bootstrapper(&mut self) -> usize {
        let public_address = Some(self.next_server());
        let config = Config {
            public_address,
            firewalled: false,
            ephemeral: Some(false),
            ..Config::default()
        };
        self.add(true, config)
    }

    /// A node that serves others from the start.
    pub(super) fn add_persistent(&mut self, bootstrap: usize) -> usize {
        let config = Config { firewalled: false, ephemeral: Some(false), ..self.knows(bootstrap) };
        self.add(true, config)
    }

    /// The configuration of a node that knows this one.
    pub(super) fn knows(&self, bootstrap: usize) -> Config {
        let address = crate::BootstrapNode::Address(self.hosts[bootstrap].server);
        Config { bootstrap: vec![address], ..Config::default() }
    }

    /// Calls into a node.
    pub(super) fn with<T>(
        &mut self,
        index: usize,
        call: impl FnOnce(&mut Net, &mut Cx<'_>) -> T,
    ) -> T {
        let host = &mut self.hosts[index];
        let mut cx = Cx {
            now: self.now,
            rng: &mut host.rng,
            timers: &mut host.timers,
            out: &mut host.out,
            stats: &mut host.stats,
        };
        let result = call(&mut host.net, &mut cx);
        self.flush(index);
        result
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.next().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.step();
        }
        self.now = end;
    }

    /// Lets time pass during which all nodes do nothing, as if the machine slept.
    pub(super) fn sleep(&mut self, time: Duration) {
        self.now += time;
        self.flying.clear();
    }

    /// Hands a datagram to a node's socket.
    pub(super) fn deliver(
        &mut self,
        index: usize,
        socket: SocketId,
        from: SocketAddrV4,
        data: &[u8],
    ) {
        self.with(index, |net, cx| net.handle_datagram(cx, socket, from, data));
    }

    fn next(&self) -> Option<Instant> {
        let timers = self.hosts.iter().filter_map(|host| host.timers.next());
        let flying = self.flying.keys().next().map(|(at, _)| *at);
        timers.map(|(at, _)| at).chain(flying).min()
    }

    fn step(&mut self) {
        while let Some(entry) = self.flying.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let flying = entry.remove();
            self.land(&flying);
        }
        for index in 0..self.hosts.len() {
            while let Some(timer) = self.hosts[index].timers.pop_due(self.now) {
                let Timer::Net(timer) = timer else {
                    panic!("{timer:?} is not ours");
                };
                self.with(index, |net, cx| net.handle_timeout(cx, timer));
            }
        }
    }

    fn land(&mut self, flying: &Flying) {
        let Some((index, socket)) = self.by_address.get(&flying.to).copied() else {
            return;
        };
        let host = &self.hosts[index];
        let is_welcome = host.open || host.contacted.contains(&flying.from);
        let is_reached = socket == SocketId::CLIENT || is_welcome;
        if is_reached && !host.silent {
            self.deliver(index, socket, flying.from, &flying.data);
        }
    }

    fn flush(&mut self, index: usize) {
        self.answer(index);
        let host = &mut self.hosts[index];
        host.events.append(&mut host.out.events);
        while let Some(datagram) = host.out.control.pop_front() {
            let from = match datagram.socket {
                SocketId::CLIENT => host.client,
                SocketId::SERVER => host.server,
                other => panic!("{other:?} is not ours"),
            };
            let to = peer_of(&datagram);
            if from == host.server {
                host.contacted.insert(to);
            }
            if host.silent || self.rng.below(100) < self.loss {
                continue;
            }
            self.sent += 1;
            let delay = Duration::from_millis(10 + self.rng.below(40));
            let flying = Flying { from, to, data: datagram.payload };
            self.flying.insert((self.now + delay, self.sent), flying);
        }
    }

    fn answer(&mut self, index: usize) {
        let mut rest = Vec::new();
        while let Some(output) = self.hosts[index].net.poll_output() {
            rest.push(output);
        }
        for output in rest {
            let host = &mut self.hosts[index];
            match (&output, host.answering.clone()) {
                (Output::Incoming(incoming), Some(answering)) => {
                    let mut cx = Cx {
                        now: self.now,
                        rng: &mut host.rng,
                        timers: &mut host.timers,
                        out: &mut host.out,
                        stats: &mut host.stats,
                    };
                    host.net.respond(&mut cx, incoming, answering);
                }
                _ => host.outputs.push(output),
            }
        }
    }
}
