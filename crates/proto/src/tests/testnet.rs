//! A few real nodes on virtual time, for tests of the machines above [`Net`].

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use crate::announce::{AnnounceOutput, Announcer, Signer};
use crate::net::{Answering, Incoming, Net, Output, Owner};
use crate::noise::KeyPair;
use crate::ops::Ops;
use crate::store::Store;
use crate::tests::bench::peer_of;
use crate::wire::{Handshake, Mode, Target, command, error_code};
use crate::{
    BootstrapNode, Config, Cx, Event, Outbox, QueryError, QueryId, QueryKind, QueryOptions,
    QueryReply, Rng, ServerId, SocketId, Stats, Timer, Timers,
};

/// The [`Cx`] of a host, for a call of one of its machines.
macro_rules! cx {
    ($host:expr, $now:expr) => {
        crate::Cx {
            now: $now,
            rng: &mut $host.rng,
            timers: &mut $host.timers,
            out: &mut $host.out,
            stats: &mut $host.stats,
        }
    };
}
pub(crate) use cx;

/// Hosts, and the datagrams between them.
pub(crate) struct Testnet {
    pub(crate) now: Instant,
    pub(crate) hosts: Vec<Host>,
    wire: BTreeMap<(Instant, u64), Flying>,
    sent: u64,
}

/// One node with the machines above it. Host `n` has the address 10.0.0.n.
pub(crate) struct Host {
    pub(crate) net: Net,
    pub(crate) store: Store,
    pub(crate) ops: Ops,
    pub(crate) announcer: Option<Announcer>,
    /// The announcer's outputs, and when they came.
    pub(crate) news: Vec<(Instant, AnnounceOutput)>,
    pub(crate) events: Vec<Event>,
    /// Handshakes that reached the server of this host.
    pub(crate) handshakes: Vec<Handshake>,
    pub(crate) timers: Timers,
    /// The server socket of a closed host receives nothing.
    closed: bool,
    /// How many requests with a token the host still refuses. It gives another token each time.
    pub(crate) refusals: u32,
    /// A dead host neither sends nor receives.
    pub(crate) dead: bool,
    /// The address that others see for the client socket. It changes when a NAT forgets the
    /// mapping.
    pub(crate) client: SocketAddrV4,
    server: SocketAddrV4,
    pub(crate) rng: Rng,
    pub(crate) out: Outbox,
    pub(crate) stats: Stats,
}

struct Flying {
    from: SocketAddrV4,
    to: SocketAddrV4,
    payload: Vec<u8>,
}

impl Testnet {
    /// A network of this many persistent nodes, bootstrapped.
    pub(crate) fn persistent(nodes: u8) -> Self {
        let mut testnet =
            Self { now: Instant::now(), hosts: Vec::new(), wire: BTreeMap::new(), sent: 0 };
        for _ in 0..nodes {
            testnet.add(Some(false));
            testnet.run(Duration::from_secs(2));
        }
        testnet
    }

    /// Adds a host and returns its index. `None` is behind a firewall, `Some(true)` is ephemeral
    /// and open, `Some(false)` is persistent.
    pub(crate) fn add(&mut self, ephemeral: Option<bool>) -> usize {
        let index = self.hosts.len();
        let bootstrap = self.hosts.first().map(|host| BootstrapNode::Address(host.server));
        self.hosts.push(Host::new(self.now, index as u8, ephemeral, bootstrap));
        self.flush(index);
        index
    }

    /// Makes a call to one host, and sends what follows from it.
    pub(crate) fn act<T>(&mut self, host: usize, act: impl FnOnce(&mut Host, Instant) -> T) -> T {
        let done = act(&mut self.hosts[host], self.now);
        self.flush(host);
        done
    }

    /// Runs for this long.
    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        self.run_until(end, |_| false);
        self.now = end;
    }

    /// Runs until `so` is true. False if it is still not true at the end of `span`.
    pub(crate) fn wait(&mut self, span: Duration, so: impl Fn(&Self) -> bool) -> bool {
        self.run_until(self.now + span, &so);
        so(self)
    }

    /// Starts the announcer of a host and waits for its first cycle.
    pub(crate) fn listen(&mut self, host: usize, seed: u8) {
        self.act(host, |host, now| {
            let signer = Signer::KeyPair(KeyPair::from_seed([seed; 32]));
            let mut announcer = Announcer::new(SERVER, signer);
            announcer.start(&mut cx!(host, now), &mut host.net);
            host.announcer = Some(announcer);
        });
        let announced = |testnet: &Self| testnet.hosts[host].said(&AnnounceOutput::Announced);
        assert!(self.wait(Duration::from_secs(60), announced));
    }

    /// Runs a query of a host to its end.
    pub(crate) fn query(
        &mut self,
        host: usize,
        target: Target,
        kind: QueryKind,
    ) -> (Vec<QueryReply>, Result<(), QueryError>) {
        self.hosts[host].events.clear();
        self.act(host, |host, now| {
            let options = QueryOptions::default();
            let query = crate::ops::UserQuery { query: QUERY, target, kind, options };
            let (net, store) = (&mut host.net, &mut host.store);
            host.ops.start_query(&mut cx!(host, now), net, store, query);
        });
        let ended = |event: &Event| matches!(event, Event::QueryDone { .. });
        assert!(self.wait(Duration::from_secs(60), |net| net.hosts[host].events.iter().any(ended)));

        let mut replies = Vec::new();
        for event in self.hosts[host].events.drain(..) {
            if let Event::QueryDone { result, .. } = event {
                return (replies, result);
            }
            if let Event::QueryReply { reply, .. } = event {
                replies.push(*reply);
            }
        }
        unreachable!()
    }

    fn run_until(&mut self, end: Instant, so: impl Fn(&Self) -> bool) {
        while !so(self) {
            let datagram = self.wire.first_key_value().map(|((at, _), _)| *at);
            let timer = |(index, host): (usize, &Host)| Some((host.timers.next()?.0, index));
            let timer = self.hosts.iter().enumerate().filter_map(timer).min();
            match (datagram, timer) {
                (Some(at), timer) if at <= end && timer.is_none_or(|(due, _)| at <= due) => {
                    self.now = self.now.max(at);
                    self.deliver();
                }
                (_, Some((due, host))) if due <= end => {
                    self.now = self.now.max(due);
                    self.act(host, Host::handle_timeout);
                }
                _ => return,
            }
        }
    }

    fn deliver(&mut self) {
        let (_, Flying { from, to, payload }) = self.wire.pop_first().unwrap();
        let Some(index) = self.hosts.iter().position(|host| host.socket(to).is_some()) else {
            return;
        };
        self.act(index, |host, now| {
            let socket = host.socket(to).unwrap();
            host.net.handle_datagram(&mut cx!(host, now), socket, from, &payload);
        });
    }

    fn flush(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        host.handle_outputs(self.now);
        for datagram in host.out.control.drain(..) {
            if host.dead {
                continue;
            }
            let from = if datagram.socket == SocketId::SERVER { host.server } else { host.client };
            self.sent += 1;
            let to = peer_of(&datagram);
            let flying = Flying { from, to, payload: datagram.payload };
            self.wire.insert((self.now + LATENCY, self.sent), flying);
        }
    }
}

impl Host {
    fn new(
        now: Instant,
        index: u8,
        ephemeral: Option<bool>,
        bootstrap: Option<BootstrapNode>,
    ) -> Self {
        let address = Ipv4Addr::new(10, 0, 0, index);
        let server = SocketAddrV4::new(address, 49737);
        let client = SocketAddrV4::new(address, 50000);
        let is_first = bootstrap.is_none() && ephemeral == Some(false);
        let config = Config {
            bootstrap: bootstrap.into_iter().collect(),
            client_socket: client,
            server_socket: server,
            ephemeral,
            firewalled: ephemeral != Some(false),
            public_address: is_first.then_some(server),
            unix_time: Duration::from_secs(1_800_000_000),
            ..Config::default()
        };
        let (mut rng, mut timers) = (Rng::from_seed([index; 32]), Timers::new());
        let (mut out, mut stats) = (Outbox::default(), Stats::default());
        let mut cx =
            Cx { now, rng: &mut rng, timers: &mut timers, out: &mut out, stats: &mut stats };
        let net = Net::new(&config, &mut cx);
        Self {
            net,
            store: Store::new(&config, now),
            ops: Ops::default(),
            announcer: None,
            news: Vec::new(),
            events: Vec::new(),
            handshakes: Vec::new(),
            timers,
            closed: ephemeral.is_none(),
            refusals: 0,
            dead: false,
            client,
            server,
            rng,
            out,
            stats,
        }
    }

    /// The announcer's target.
    pub(crate) fn target(&self) -> Target {
        self.announcer.as_ref().unwrap().target()
    }

    pub(crate) fn announcer(&self) -> &Announcer {
        self.announcer.as_ref().unwrap()
    }

    /// The address that requests of this host come from.
    pub(crate) fn address(&self) -> SocketAddrV4 {
        if self.net.socket() == SocketId::SERVER { self.server } else { self.client }
    }

    /// Whether the announcer had this output.
    pub(crate) fn said(&self, news: &AnnounceOutput) -> bool {
        self.news.iter().any(|(_, each)| each == news)
    }

    /// Makes the announcer start another cycle.
    pub(crate) fn refresh(&mut self, now: Instant) {
        let mut announcer = self.announcer.take().unwrap();
        announcer.refresh(&mut cx!(self, now), &mut self.net);
        self.announcer = Some(announcer);
    }

    /// Passes a signature to the announcer, if there is a tag.
    pub(crate) fn sign(&mut self, now: Instant, tag: Option<u32>, signature: Option<[u8; 64]>) {
        let mut announcer = self.announcer.take().unwrap();
        if let Some(tag) = tag {
            announcer.handle_signature(&mut cx!(self, now), &mut self.net, tag, signature);
        }
        self.announcer = Some(announcer);
    }

    /// Stops the announcer.
    pub(crate) fn stop(&mut self, now: Instant) {
        let mut announcer = self.announcer.take().unwrap();
        announcer.stop(&mut cx!(self, now), &mut self.net);
        self.announcer = Some(announcer);
    }

    fn socket(&self, address: SocketAddrV4) -> Option<SocketId> {
        match address {
            _ if self.dead => None,
            address if address == self.server && !self.closed => Some(SocketId::SERVER),
            address if address == self.client => Some(SocketId::CLIENT),
            _ => None,
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        let Some(timer) = self.timers.pop_due(now) else {
            return;
        };
        if let Timer::Net(timer) = timer {
            return self.net.handle_timeout(&mut cx!(self, now), timer);
        }
        if let Timer::Store(timer) = timer {
            return self.store.handle_timeout(&mut cx!(self, now), timer);
        }
        assert_eq!(timer, Timer::Announce(SERVER));
        let announcer = self.announcer.as_mut().unwrap();
        announcer.handle_timeout(&mut cx!(self, now), &mut self.net);
    }

    fn handle_outputs(&mut self, now: Instant) {
        while let Some(output) = self.net.poll_output() {
            let Some(output) = self.ops.handle_output(&mut cx!(self, now), &mut self.net, output)
            else {
                continue;
            };
            self.handle_output(now, output);
        }
        if let Some(announcer) = &mut self.announcer {
            while let Some(news) = announcer.poll_output() {
                self.news.push((now, news));
            }
        }
        self.events.append(&mut self.out.events);
    }

    fn handle_output(&mut self, now: Instant, output: Output) {
        if let Output::Incoming(incoming) = &output {
            return self.handle_incoming(now, incoming);
        }
        let Some(announcer) = &mut self.announcer else {
            return;
        };
        let (mut cx, net) = (cx!(self, now), &mut self.net);
        if let Output::Reply { owner: Owner::Announce(_, tag), result } = output {
            announcer.handle_reply(&mut cx, net, tag, result);
        } else if let Output::QueryDone { owner: Owner::Announce(_, tag), closest, .. } = output {
            announcer.handle_query_done(&mut cx, net, tag, &closest);
        } else if let Output::Online = output {
            announcer.handle_online(&mut cx, net);
        }
    }

    fn handle_incoming(&mut self, now: Instant, incoming: &Incoming) {
        let net = &mut self.net;
        if incoming.token.is_some() && self.refusals > 0 {
            self.refusals -= 1;
            let error = error_code::INVALID_TOKEN;
            let refusal = Answering { error, token: true, ..Answering::default() };
            return net.respond(&mut cx!(self, now), incoming, refusal);
        }
        if self.store.handle_request(&mut cx!(self, now), net, incoming) {
            return;
        }
        assert_eq!(incoming.command, command::PEER_HANDSHAKE);
        let message = Handshake::decode(incoming.value.as_ref().unwrap()).unwrap();
        if message.mode == Mode::FromRelay && self.announcer.is_some() {
            return self.handshakes.push(message);
        }
        let router = &mut self.store.router;
        router.handle_handshake(&mut cx!(self, now), net, incoming, &message);
    }
}

pub(crate) const SERVER: ServerId = ServerId(1);
pub(crate) const QUERY: QueryId = QueryId(1);

const LATENCY: Duration = Duration::from_millis(10);
