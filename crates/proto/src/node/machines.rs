//! The machines, and where each input goes.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddrV4;

use super::announcers::Announcers;
use super::lower::{DatagramOutcome, Lower};
use super::residents::Residents;
use super::subscription::InboundSubscription;
use crate::base::{LocalAddresses, Pool, PunchId, PunchOwner};
use crate::conn::Conns;
use crate::connect::Connector;
use crate::net::Net;
use crate::noise::KeyPair;
use crate::ops::Ops;
use crate::punch::Punchers;
use crate::raw::Raws;
use crate::relay::{Pairings, Relays};
use crate::serve::Servers;
use crate::store::Store;
use crate::streams::{Passage, Path, Streams};
use crate::wire::{Target, dht_address};
use crate::{
    Answer, Config, ConnectReason, Cx, Datagram, Event, HostEvent, Live, MachineId, Run, ServerId,
    Sizes, SocketId, Timer, Transmit, TransmitBuf,
};

#[derive(Debug)]
pub(super) struct Machines {
    pub(super) lower: Lower,
    pub(super) connector: Connector,
    pub(super) servers: Servers,
    pub(super) store: Store,
    pub(super) ops: Ops,
    pub(super) subscription: InboundSubscription,
    /// Machines of the embedder.
    pub(super) residents: Residents,
    /// The servers by the hash of their key.
    pub(super) served: BTreeMap<Target, ServerId>,
    pub(super) key_pair: KeyPair,
    /// Servers that are unannounced and may still expect clients, the oldest first.
    pub(super) departing: VecDeque<(ServerId, Departure)>,
    pub(super) life: Lifecycle,
    /// The suspend and resume commands that are not done yet, in order.
    pub(super) suspend_requests: VecDeque<SuspendRequest>,
}

/// The life of a node, which may suspend and resume many times and is destroyed once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lifecycle {
    Running,
    /// The servers unannounce, and nothing new starts.
    Suspending,
    /// The last datagrams leave, then the main sockets close.
    ClosingDown,
    Suspended,
    /// The main sockets are being bound.
    Waking,
    /// The servers unannounce, and nothing new starts.
    Closing,
    Destroyed,
}

/// What has happened to a server that is unannounced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Departure {
    Suspended,
    Closed,
}

/// A suspend or resume command that is not done yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SuspendRequest {
    Suspend,
    Resume,
}

impl Machines {
    pub(super) fn new(config: Config, cx: &mut Cx<'_>) -> Self {
        let net = Net::new(&config, cx);
        let mut punchers = Punchers::new(config.random_punch_interval, config.defer_random_punch);
        punchers.handle_start(cx.now);
        Self {
            lower: Lower {
                net,
                streams: Streams::new(config.user_timeout),
                conns: Conns::new(config.connection_keep_alive).with_spares(config.spares.clone()),
                raws: Raws::default(),
                pool: Pool::new(config.max_pool_sockets),
                punchers,
                local: LocalAddresses::new(config.server_socket, config.interfaces.clone()),
                announcers: Announcers::default(),
                pairings: Pairings::new(config.key_pair.public()),
                relays: Relays::default(),
                arrivals: Vec::new(),
            },
            connector: Connector::new(config.key_pair.clone()),
            servers: Servers::new(config.max_handshakes),
            store: Store::new(&config, cx.now),
            ops: Ops::default(),
            subscription: InboundSubscription::default(),
            residents: Residents::default(),
            served: BTreeMap::new(),
            key_pair: config.key_pair,
            departing: VecDeque::new(),
            life: Lifecycle::Running,
            suspend_requests: VecDeque::new(),
        }
    }

    pub(super) fn handle_datagram(&mut self, cx: &mut Cx<'_>, datagram: Datagram<'_>) {
        let Datagram { socket, from, data } = datagram;
        let is_for_application = socket.is_bound_by_application();
        if !self.listens_on(socket) || !is_for_application && data.is_empty() {
            return;
        }
        match self.lower.handle_packet(cx, socket, from, data) {
            DatagramOutcome::Taken => {}
            DatagramOutcome::Other if is_for_application => {
                self.subscription.pass_datagram(cx, socket, from, data);
            }
            DatagramOutcome::Other => {
                self.subscription.copy_datagram(cx, socket, from, data);
                match dht_address(from) {
                    Some(from) => self.handle_other(cx, socket, from, data),
                    None => cx.stats.dropped.malformed += 1,
                }
            }
            DatagramOutcome::NewPath(conn) => {
                if let Some(from) = dht_address(from) {
                    self.handle_first_packet(cx, conn, socket, from);
                }
            }
            DatagramOutcome::Relayed(stream) => {
                if let Some(from) = dht_address(from) {
                    let (relays, mut io) = self.lower.relays();
                    relays.handle_first_packet(cx, &mut io, stream, Path::to_peer(socket, from));
                }
            }
        }
    }

    /// Forwards datagrams, if they are for a stream that forwards them.
    pub(super) fn forward(
        &mut self,
        cx: &mut Cx<'_>,
        run: &mut Run<'_>,
        max_segments: usize,
    ) -> Passage {
        match self.listens_on(run.socket) {
            true => self.lower.streams.forward_run(cx, run, max_segments),
            false => Passage::Closed,
        }
    }

    /// False for a socket whose datagrams are ignored, such as those that were received before it
    /// was closed.
    fn listens_on(&mut self, socket: SocketId) -> bool {
        let is_awake = socket.is_bound_by_application() || !self.is_deaf();
        self.life != Lifecycle::Destroyed && is_awake && self.lower.base().io.is_open(socket)
    }

    /// Handles a datagram that belongs to no stream.
    fn handle_other(&mut self, cx: &mut Cx<'_>, socket: SocketId, from: SocketAddrV4, data: &[u8]) {
        if data.len() == 1 {
            self.handle_probe(cx, socket, from);
        } else if !self.subscription.take_datagram(cx, socket, from, data) {
            self.lower.net.handle_datagram(cx, socket, from, data);
        }
    }

    /// Handles news about the host. A destroyed node ignores it.
    pub(super) fn handle_host_event(&mut self, cx: &mut Cx<'_>, event: HostEvent) {
        if self.life == Lifecycle::Destroyed {
            return;
        }
        match event {
            HostEvent::LocalChecked { host, valid } => cx.emit(Event::LocalChecked { host, valid }),
            HostEvent::LookedUp { lookup, address } => {
                cx.emit(Event::LookedUp { lookup, address });
            }
            HostEvent::Resolved { host, addresses } => {
                self.lower.net.handle_resolved(cx, &host, &addresses);
            }
            HostEvent::Bound { socket, local } => self.handle_bound(cx, socket, local),
            HostEvent::Closed { socket } if socket.is_bound_by_application() => {
                cx.emit(Event::SocketClosed { socket });
            }
            HostEvent::Closed { .. } => {}
            HostEvent::Interfaces { interfaces, moved } => {
                self.handle_interfaces(cx, interfaces, moved);
            }
            HostEvent::Routes { moved } => self.handle_routes(cx, moved),
            HostEvent::Clock { unix_time } => self.store.set_clock(cx.now, unix_time),
            HostEvent::Unreachable { socket, to } => {
                self.lower.streams.handle_unreachable(cx, Path { socket, remote: to });
            }
            HostEvent::MachineSlept => self.lower.net.handle_machine_slept(cx),
            HostEvent::MainClosed => self.handle_main_closed(cx),
            HostEvent::MainBound { sockets } => self.handle_main_bound(cx, sockets),
        }
    }

    pub(super) fn handle_timer(&mut self, cx: &mut Cx<'_>, timer: Timer) {
        let base = &mut self.lower.base();
        match timer {
            Timer::Net(timer) => self.lower.net.handle_timeout(cx, timer),
            Timer::Stream(stream) => self.lower.handle_stream_timeout(cx, stream),
            Timer::KeepAlive(conn) => base.io.conns.handle_keep_alive(cx, base.io.streams, conn),
            Timer::PathCheck(conn) => base.io.conns.handle_path_check(cx, base.io.streams, conn),
            Timer::Connect(conn) => self.connector.handle_timeout(cx, base, conn),
            Timer::Handshake(server, slot) => {
                self.servers.handle_timeout(cx, base, server, slot);
            }
            Timer::Punch(id) => {
                let (punchers, mut io) = self.lower.punch();
                punchers.handle_timeout(cx, &mut io, PunchId(id));
            }
            Timer::Linger(socket) => base.io.pool.handle_timeout(cx, base.io.streams, socket),
            Timer::Announce(server) => {
                if let Some(announcer) = self.lower.announcers.get_mut(server) {
                    announcer.handle_timeout(cx, &mut self.lower.net);
                }
            }
            Timer::Pairing(conn) => {
                let (pairings, mut io) = self.lower.pairings();
                pairings.handle_timeout(cx, &mut io, conn);
            }
            Timer::Relay(server) => {
                let (relays, mut io) = self.lower.relays();
                relays.handle_timeout(cx, &mut io, server);
            }
            Timer::Store(timer) => self.store.handle_timeout(cx, timer),
            Timer::Ask(ask) => self.handle_answer(cx, ask, Answer::Reject),
        }
    }

    pub(super) fn poll_transmit(
        &mut self,
        cx: &mut Cx<'_>,
        buf: &mut TransmitBuf,
    ) -> Option<Transmit> {
        self.lower.poll_transmit(cx, buf)
    }

    /// Passes on everything that the machines have for each other, until nothing is left.
    pub(super) fn settle(&mut self, cx: &mut Cx<'_>) {
        self.lower.settle_arrivals(cx);
        loop {
            self.settle_sockets(cx);
            self.lower.settle_paths(cx);
            self.lower.settle_orphans(cx);
            self.pass_reports(cx);
            self.settle_announcers(cx);
            self.settle_departing(cx);
            self.settle_residents(cx);
            self.settle_closed(cx);
            self.lower.settle_detours(cx);
            let is_paired = self.settle_pairings(cx);
            match self.lower.net.poll_output() {
                Some(output) => self.handle_output(cx, output),
                None if is_paired || self.lower.has_path_news() => {}
                None if self.settle_refused(cx) || self.settle_sleep(cx) => {}
                None => break,
            }
        }
        if self.life == Lifecycle::Closing && self.lower.announcers.len() == 0 {
            self.finish(cx);
        }
    }

    pub(super) fn live(&self) -> Live {
        Live {
            connections: self.lower.conns.len() + self.lower.raws.len(),
            streams: self.lower.streams.len(),
            servers: self.lower.announcers.len(),
            handshakes: self.servers.handshakes(),
            punchers: self.lower.punchers.len(),
            queries: self.lower.net.live_queries(),
            requests: self.lower.net.live_requests(),
            pool_sockets: self.lower.pool.len(),
            timers: 0,
        }
    }

    pub(super) fn sizes(&self) -> Sizes {
        let mut sizes = Sizes { stored: self.store.stored(), ..Sizes::default() };
        self.lower.net.measure(&mut sizes);
        self.lower.streams.measure(&mut sizes);
        self.lower.conns.measure(&mut sizes);
        self.lower.raws.measure(&mut sizes);
        self.connector.measure(&mut sizes);
        self.servers.measure(&mut sizes);
        self.lower.pairings.measure(&mut sizes);
        sizes.pairings += self.lower.relays.len();
        sizes.sources += self.lower.pool.sources();
        sizes.routes = self.lower.pool.routes();
        sizes
    }

    fn handle_probe(&mut self, cx: &mut Cx<'_>, socket: SocketId, from: SocketAddrV4) {
        let (punchers, mut io) = self.lower.punch();
        if !punchers.handle_probe(cx, &mut io, socket, from) {
            self.lower.local.handle_probe(socket, from);
        }
    }

    /// Passes on what the connections of machines report.
    fn settle_residents(&mut self, cx: &mut Cx<'_>) {
        while let Some((id, conn, report)) = cx.out.reports.pop_front() {
            if id == MachineId::PAIRINGS {
                let (pairings, mut io) = self.lower.pairings();
                pairings.handle_report(cx, &mut io, conn, report);
                continue;
            }
            if id == MachineId::RELAYS {
                let (relays, mut io) = self.lower.relays();
                relays.handle_report(cx, &mut io, conn, report);
                continue;
            }
            let Some(mut resident) = self.residents.take(id) else { continue };
            resident.handle_report(cx, self, conn, report);
            self.residents.put(resident);
        }
    }

    fn handle_bound(&mut self, cx: &mut Cx<'_>, socket: SocketId, local: Option<SocketAddrV4>) {
        let (punchers, mut io) = self.lower.punch();
        punchers.handle_bound(cx, &mut io, socket, local);
    }

    /// Passes the punchers' reports to their owners.
    fn pass_reports(&mut self, cx: &mut Cx<'_>) {
        while let Some(report) = self.lower.punchers.poll_report() {
            let base = &mut self.lower.base();
            match report.owner {
                PunchOwner::Conn(conn) => self.connector.handle_punch(cx, base, conn, report),
                PunchOwner::Slot(server, slot) => {
                    self.servers.handle_punch(cx, base, server, slot, report);
                }
            }
        }
    }

    fn settle_sockets(&mut self, cx: &mut Cx<'_>) {
        for path in self.lower.conns.take_broken() {
            self.lower.pool.forget_route(path);
        }
        for socket in self.lower.streams.take_unused() {
            self.lower.pool.handle_unused(cx, &self.lower.streams, socket);
        }
    }

    /// Tells punchers about sockets that were refused. True if there were any.
    fn settle_refused(&mut self, cx: &mut Cx<'_>) -> bool {
        let refused = self.lower.pool.take_refused();
        for socket in &refused {
            self.handle_bound(cx, *socket, None);
        }
        !refused.is_empty()
    }

    pub(super) fn destroy(&mut self, cx: &mut Cx<'_>, force: bool) {
        if self.life != Lifecycle::Closing {
            self.life = Lifecycle::Closing;
            for server in self.server_ids() {
                self.close_server(cx, server);
            }
        }
        if force {
            self.finish(cx);
        }
    }

    /// Closing → Destroyed: every connection sends DESTROY, every query and request ends.
    fn finish(&mut self, cx: &mut Cx<'_>) {
        self.life = Lifecycle::Destroyed;
        self.departing.clear();
        for server in std::mem::take(&mut self.lower.announcers).servers() {
            self.servers.remove(cx, &mut self.lower.base(), server);
            cx.emit(Event::ServerClosed { server });
        }
        self.connector.close_all(cx, &mut self.lower.base(), ConnectReason::NodeDestroyed);
        self.lower.destroy_all(cx);
        self.lower.pool.forget_routes(cx, &self.lower.streams);
        self.lower.net.destroy(cx);
        while let Some(output) = self.lower.net.poll_output() {
            self.handle_output(cx, output);
        }
        self.settle_residents(cx);
        self.settle_closed(cx);
        cx.timers.clear();
        cx.emit(Event::Destroyed);
    }
}
