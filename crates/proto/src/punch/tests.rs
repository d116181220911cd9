//! The resources that punchers take from their node, and when they give them back.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use super::*;
use crate::base::{Announced, LocalAddresses, Party, Pool};
use crate::conn::Conns;
use crate::net::Net;
use crate::streams::Streams;
use crate::tests::bench::Bench;
use crate::wire::Relay;
use crate::{Action, Config, ServerId, Timer};

#[test]
fn a_puncher_that_waits_for_a_first_packet_makes_room_for_another_random_punch() {
    let mut host = Host::new(usize::MAX);
    let first = host.random_punch();
    assert!(!host.is_throttled());
    host.random_punch();
    assert!(host.is_throttled(), "two at a time");
    host.pass(Duration::from_secs(34));
    host.probe(SocketId(2));
    let until = host.bench.now + Duration::from_secs(3);

    host.run_until_probes_end();
    assert!(host.bench.now < until && host.punchers.get(first).is_some());
    assert!(!host.is_throttled());

    host.pass(until - host.bench.now);
    assert!(host.punchers.get(first).is_none(), "it has waited long enough");
}

#[test]
fn a_puncher_that_waits_for_a_first_packet_holds_only_where_it_may_come() {
    let mut host = Host::new(usize::MAX);
    let punch = host.birthday_punch();
    assert_eq!(host.pool.len(), 256);
    let answered = SocketId(100);
    for _ in 0..34 {
        host.pass(Duration::from_secs(1));
    }
    host.probe(answered);
    host.run_until_probes_end();

    assert!(host.punchers.get(punch).is_some());
    assert!(host.pool.is_open(answered) && host.pool.is_open(SocketId(2)));
    assert_eq!(host.pool.len(), 2, "the first one answers rounds");
}

#[test]
fn a_reservation_ends_when_no_random_punch_is_needed() {
    let mut host = Host::new(usize::MAX);
    host.random_punch();
    let punch = host.start(Firewall::Random);
    host.see(punch, |_| 1000);
    host.punchers.reserve(&host.bench.cx(), punch);
    assert!(host.is_throttled());

    host.learn(punch, Firewall::Consistent);
    assert!(host.punch(punch));
    assert!(!host.is_throttled());
}

#[test]
fn some_punchers_wait_for_their_turn_and_half_of_them_for_one_source() {
    let mut host = Host::new(usize::MAX);
    let punches: Vec<_> = (0..MAX_KEPT).map(|_| host.start(Firewall::Random)).collect();
    let kept = punches.iter().filter(|punch| host.punchers.keep(**punch)).count();
    assert_eq!(kept, MAX_KEPT_OF_SOURCE);
    assert!(host.punchers.keep(punches[0]), "it has its place");

    host.with(|punchers, cx, io| punchers.stop(cx, io, punches[0]));
    assert!(host.punchers.keep(punches[MAX_KEPT - 1]), "a place is free");

    let punch = host.start(Firewall::Consistent);
    host.see(punch, |_| 1000);
    assert!(!host.punchers.keep(punch), "it need not wait");
}

/// Neither the node's pool nor the process has another socket.
#[test]
fn a_puncher_that_gets_no_other_socket_keeps_the_one_it_has() {
    for (max_sockets, binds) in [(1, true), (100, false)] {
        let mut host = Host::new(max_sockets);
        let punch = host.start(Firewall::Random);
        host.see(punch, |node| 1000 + u16::from(node));
        host.learn(punch, Firewall::Random);
        host.reports();
        host.binds = binds;
        assert_eq!(host.reopen(punch), None);
        host.bind_all();

        assert_eq!(host.reports(), [News::Analyzed]);
        assert_eq!((host.reopen(punch), host.pool.len()), (Some(false), 1));
        let puncher = host.punchers.get(punch).expect("a puncher");
        assert_eq!(puncher.socket(), Some(SocketId(2)));
        assert_eq!((puncher.analysis(), puncher.firewall()), (Some(false), Firewall::Random));

        // The peer has found a better socket.
        host.learn(punch, Firewall::Consistent);
        assert!(host.punch(punch));
        host.pass(Duration::from_secs(1));
        assert!(host.probes() > 0);
    }
}

/// A node with the punchers of a server.
struct Host {
    bench: Bench,
    net: Net,
    streams: Streams,
    conns: Conns,
    pool: Pool,
    punchers: Punchers,
    /// Whether the driver can bind sockets.
    binds: bool,
}

impl Host {
    fn new(max_sockets: usize) -> Self {
        let mut bench = Bench::new();
        let net = Net::new(&Config::default(), &mut bench.cx());
        Self {
            bench,
            net,
            streams: Streams::default(),
            conns: Conns::new(Duration::ZERO),
            pool: Pool::new(max_sockets),
            punchers: Punchers::new(Duration::ZERO, false),
            binds: true,
        }
    }

    /// A punch that guesses the peer's port.
    fn random_punch(&mut self) -> PunchId {
        let punch = self.start(Firewall::Random);
        self.see(punch, |_| 1000);
        self.learn(punch, Firewall::Random);
        assert!(self.punch(punch));
        punch
    }

    /// A punch from many sockets at once.
    fn birthday_punch(&mut self) -> PunchId {
        let punch = self.start(Firewall::Consistent);
        self.see(punch, |node| 1000 + u16::from(node));
        self.learn(punch, Firewall::Consistent);
        assert!(self.punch(punch));
        punch
    }

    /// Whether another puncher would have to wait for a random punch.
    fn is_throttled(&mut self) -> bool {
        let other = self.start(Firewall::Random);
        self.see(other, |_| 1000);
        let throttled = self.punchers.throttled_until(&self.bench.cx(), other).is_some();
        self.with(|punchers, cx, io| punchers.stop(cx, io, other));
        throttled
    }

    fn start(&mut self, remote: Firewall) -> PunchId {
        let owner = PunchOwner::Slot(ServerId(0), 0);
        let party = Party::Client(*PEER.ip());
        let punch = self.with(|punchers, cx, io| punchers.start(cx, io, owner, party, remote));
        self.bind_all();
        punch
    }

    /// Four nodes see our address, each with the port that `port` gives for it.
    fn see(&mut self, punch: PunchId, port: impl Fn(u8) -> u16) {
        for node in 0..4 {
            let sample = SocketAddrV4::new(Ipv4Addr::new(9, 9, 9, 9), port(node));
            let from = SocketAddrV4::new(Ipv4Addr::new(3, 3, 3, node), 3);
            self.with(|punchers, cx, io| punchers.add_sample(cx, io, punch, sample, from));
        }
    }

    fn learn(&mut self, punch: PunchId, firewall: Firewall) {
        let remote = self.punchers.remote_mut(punch).expect("a puncher");
        remote.update(true, firewall, &[PEER], Some(*PEER.ip()));
    }

    fn punch(&mut self, punch: PunchId) -> bool {
        let possible = self.with(|punchers, cx, io| punchers.punch(cx, io, punch));
        self.bind_all();
        possible
    }

    fn reopen(&mut self, punch: PunchId) -> Option<bool> {
        self.with(|punchers, cx, io| punchers.reopen(cx, io, punch))
    }

    fn reports(&mut self) -> Vec<News> {
        std::iter::from_fn(|| self.punchers.poll_report()).map(|report| report.news).collect()
    }

    /// The number of probes that were sent.
    fn probes(&mut self) -> usize {
        self.bench.take_sent().iter().filter(|sent| sent.payload.len() == 1).count()
    }

    fn probe(&mut self, socket: SocketId) {
        self.with(|punchers, cx, io| punchers.handle_probe(cx, io, socket, PEER));
    }

    /// Binds the sockets that the driver was asked for.
    fn bind_all(&mut self) {
        while let Some(action) = self.bench.out.actions.pop_front() {
            if let Action::Bind { socket, .. } = action {
                self.bind(socket, self.binds.then_some(LOCAL));
            }
        }
        for socket in self.pool.take_refused() {
            self.bind(socket, None);
        }
    }

    fn bind(&mut self, socket: SocketId, local: Option<SocketAddrV4>) {
        self.with(|punchers, cx, io| punchers.handle_bound(cx, io, socket, local));
    }

    fn pass(&mut self, time: Duration) {
        let until = self.bench.now + time;
        while self.step(until) {}
        self.bench.now = until;
    }

    fn run_until_probes_end(&mut self) {
        let hour = self.bench.now + Duration::from_secs(3600);
        while self.punchers.by_id.values().any(Puncher::is_punching) {
            assert!(self.step(hour));
        }
    }

    /// Runs the next timer. False if it is not due by then.
    fn step(&mut self, until: Instant) -> bool {
        let next = self.bench.timers.next().map(|(at, _)| at);
        let Some(next) = next.filter(|next| *next <= until) else { return false };
        self.bench.now = next;
        while let Some(timer) = self.bench.timers.pop_due(next) {
            if let Timer::Punch(id) = timer {
                self.with(|punchers, cx, io| punchers.handle_timeout(cx, io, PunchId(id)));
            }
        }
        true
    }

    fn with<T>(&mut self, call: impl FnOnce(&mut Punchers, &mut Cx<'_>, &mut Io<'_>) -> T) -> T {
        let Self { bench, net, streams, conns, pool, punchers, .. } = self;
        let local = &mut LocalAddresses::new(LOCAL, Vec::new());
        let mut io = Io { net, streams, conns, pool, local, announced: &Nowhere };
        call(punchers, &mut bench.cx(), &mut io)
    }
}

/// No server is announced.
struct Nowhere;

impl Announced for Nowhere {
    fn relays(&self, _: ServerId) -> Vec<Relay> {
        Vec::new()
    }

    fn relay_addresses(&self, _: ServerId) -> Vec<SocketAddrV4> {
        Vec::new()
    }

    fn is_relay(&self, _: ServerId, _: SocketAddrV4) -> bool {
        false
    }
}

const PEER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(1, 1, 1, 1), 7);

const LOCAL: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 1000);
