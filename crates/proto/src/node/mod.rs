//! The node: every machine, and the one place where their messages meet.
//!
//! An input goes to the machine that it concerns. Then the outputs of all machines are passed on
//! until none are left ([`Machines::settle`]). No machine calls another one beside or above it.

mod announcers;
mod commands;
mod conns;
mod dispatch;
mod lower;
mod machines;
mod refusal;
mod residents;
mod servers;
mod sleep;
mod subscription;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Instant;

use zeroize::Zeroize;

use crate::conn::ConnOwner;
use crate::streams::{Passage, Path};
use crate::{
    Action, Command, Config, ConnId, ConnPath, ConnStats, Cx, Datagram, Event, HandshakeView,
    HealthReport, HealthTick, HostEvent, InflightRequest, Live, MachineId, Outbox, PathInfo,
    RawRemote, RelayStats, Rng, Run, ServerId, Sizes, SocketId, Stats, Stored, TableNode, Timer,
    Timers, Transmit, TransmitBuf,
};
use machines::Machines;
use residents::Stack;
pub use residents::{Machine, MachineIo};

/// One DHT node.
#[derive(Debug)]
pub struct Node {
    rng: Rng,
    timers: Timers,
    out: Outbox,
    stats: Stats,
    machines: Machines,
}

impl Node {
    /// Creates a node whose two main sockets are bound, and starts its bootstrap. `seed` is the
    /// source of all its random choices.
    pub fn new(config: Config, mut seed: [u8; 32], now: Instant) -> Self {
        let mut rng = Rng::from_seed(seed);
        seed.zeroize();
        let mut timers = Timers::new();
        let mut out = Outbox::default();
        let mut stats = Stats::default();
        let mut cx =
            Cx { now, rng: &mut rng, timers: &mut timers, out: &mut out, stats: &mut stats };
        let mut machines = Machines::new(config, &mut cx);
        machines.settle(&mut cx);
        Self { rng, timers, out, stats, machines }
    }

    /// Handles one datagram.
    pub fn handle_datagram(&mut self, now: Instant, datagram: Datagram<'_>) {
        let (mut cx, machines) = self.split(now);
        machines.handle_datagram(&mut cx, datagram);
        machines.settle(&mut cx);
    }

    /// Handles datagrams that have arrived together. If a stream forwards all of them and they can
    /// be sent at once, the driver sends the same bytes on as the result says. `max_segments` is how
    /// many datagrams the driver can send so; 0 if it cannot send now.
    pub fn handle_run(
        &mut self,
        now: Instant,
        run: &mut Run<'_>,
        max_segments: usize,
    ) -> Option<Transmit> {
        let (mut cx, machines) = self.split(now);
        let passage = machines.forward(&mut cx, run, max_segments);
        if passage == Passage::Closed {
            let mut datagrams = run.datagrams().peekable();
            while let Some(datagram) = datagrams.next() {
                let stream = udx::stream_id(datagram.data);
                machines.handle_datagram(&mut cx, datagram);
                if datagrams.peek().is_none_or(|next| !continues(stream, next)) {
                    machines.settle(&mut cx);
                }
            }
            return None;
        }
        machines.settle(&mut cx);
        match passage {
            Passage::InPlace(transmit) => Some(transmit),
            Passage::Queued | Passage::Closed => None,
        }
    }

    /// Handles one command.
    pub fn handle_command(&mut self, now: Instant, command: Command) {
        let (mut cx, machines) = self.split(now);
        machines.handle_command(&mut cx, command);
        machines.settle(&mut cx);
    }

    /// Handles news about the host from the driver.
    pub fn handle_host_event(&mut self, now: Instant, event: HostEvent) {
        let (mut cx, machines) = self.split(now);
        machines.handle_host_event(&mut cx, event);
        machines.settle(&mut cx);
    }

    /// Adds a machine, which owns connections of its own. It lives as long as the node.
    pub fn add_machine(&mut self, now: Instant, machine: Box<dyn Machine>) -> MachineId {
        let (mut cx, machines) = self.split(now);
        let id = machines.add_resident(&mut cx, machine);
        machines.settle(&mut cx);
        id
    }

    /// Opens a connection that is not open yet on a path that the application knows, for example
    /// through a relay, once the server has answered. The attempt goes on: when it finds a path of
    /// its own, the connection moves there; when it fails, the connection stays. Does nothing if
    /// the connection is open, or if the node does not hold the socket.
    pub fn open_on(&mut self, now: Instant, conn: ConnId, socket: SocketId, remote: SocketAddrV4) {
        let (mut cx, machines) = self.split(now);
        machines.open_on(&mut cx, conn, Path::to_peer(socket, remote));
        machines.settle(&mut cx);
    }

    /// Sends the packets of an open connection of the application over another path, which is then
    /// validated: see [`Self::conn_path`]. The peer keeps sending to the old path until its own
    /// side changes too. Does nothing if the node does not hold the socket.
    pub fn change_path(
        &mut self,
        now: Instant,
        conn: ConnId,
        socket: SocketId,
        remote: SocketAddrV4,
    ) {
        let (mut cx, machines) = self.split(now);
        machines.change_path(&mut cx, ConnOwner::Application, conn, Path::to_peer(socket, remote));
        machines.settle(&mut cx);
    }

    /// Runs every timer that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let (mut cx, machines) = self.split(now);
        while let Some(timer) = cx.timers.pop_due(now) {
            machines.handle_timer(&mut cx, timer);
            machines.settle(&mut cx);
        }
    }

    /// When `handle_timeout` has to be called next, and which timer is due then.
    pub fn poll_timeout(&mut self) -> Option<(Instant, Timer)> {
        self.timers.next()
    }

    /// Fills the buffer with the next datagrams to send. Call it until it returns `None`.
    pub fn poll_transmit(&mut self, now: Instant, buf: &mut TransmitBuf) -> Option<Transmit> {
        if let Some(transmit) = self.out.poll_control(buf) {
            return Some(transmit);
        }
        let (mut cx, machines) = self.split(now);
        let transmit = machines.poll_transmit(&mut cx, buf);
        if transmit.is_none() {
            machines.settle(&mut cx);
        }
        transmit
    }

    /// Takes the next action that the driver has to carry out.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.out.actions.pop_front()
    }

    /// Moves all events to the end of `into`.
    pub fn drain_events(&mut self, into: &mut Vec<Event>) {
        self.machines.lower.deliver(&mut self.out.events);
        into.append(&mut self.out.events);
    }

    /// The node's counters.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// The numbers of live objects.
    pub fn live(&self) -> Live {
        Live { timers: self.timers.len(), ..self.machines.live() }
    }

    /// The sizes of the node's tables, queues and buffers.
    pub fn sizes(&self) -> Sizes {
        Sizes {
            timers: self.timers.len(),
            outbox: self.out.control.len() + self.out.actions.len() + self.out.events.len(),
            ..self.machines.sizes()
        }
    }

    /// What the node stores for other nodes.
    pub fn stored(&self) -> Stored {
        self.machines.store.stored()
    }

    /// The public address that other nodes see. The host is `None` before it is known; the port is
    /// 0 if it differs from node to node.
    pub fn nat_address(&self) -> (Option<Ipv4Addr>, u16) {
        self.machines.lower.net.nat_address()
    }

    /// The public address of the node, if it can be reached there without punching.
    pub fn remote_address(&self) -> Option<SocketAddrV4> {
        self.machines.lower.net.remote_address()
    }

    /// The address of the host's first interface.
    pub fn local_host(&self) -> Option<Ipv4Addr> {
        self.machines.lower.local.host()
    }

    /// The node's id; `None` unless the node is persistent.
    pub fn id(&self) -> Option<[u8; 32]> {
        self.machines.lower.net.id()
    }

    /// True until a check has shown that the node can be reached without punching.
    pub fn firewalled(&self) -> bool {
        self.machines.lower.net.firewalled()
    }

    /// The nodes of the routing table, the latest heard first.
    pub fn nodes(&self, limit: usize) -> Vec<SocketAddrV4> {
        self.machines.lower.net.recent_nodes(limit)
    }

    /// The nodes of the routing table with what is known of them, the latest heard first.
    pub fn table_nodes(&self, limit: usize) -> Vec<TableNode> {
        self.machines.lower.net.table_nodes(limit)
    }

    /// The id that the routing table is built around: random while we are ephemeral.
    pub fn table_id(&self) -> [u8; 32] {
        self.machines.lower.net.table_id()
    }

    /// The health of the network, judged by recent requests.
    pub fn health(&self) -> HealthReport {
        self.machines.lower.net.health()
    }

    /// The ticks by which the health is judged, the oldest first.
    pub fn health_ticks(&self) -> Vec<HealthTick> {
        self.machines.lower.net.health_ticks()
    }

    /// The transaction id of the next request, unless something else needs random numbers before.
    pub fn next_tid(&self) -> u16 {
        self.rng.peek_u32() as u16
    }

    /// The handshakes of a server by their slots, those included that have ended and are still
    /// answered. `None` is a free slot.
    pub fn handshakes(&self, server: ServerId) -> Vec<Option<HandshakeView>> {
        self.machines.servers.views(server)
    }

    /// Requests in flight, the oldest first.
    pub fn inflight(&self) -> Vec<InflightRequest> {
        self.machines.lower.net.inflight()
    }

    /// What the transport of a connection measures.
    pub fn conn_stats(&self, conn: ConnId) -> Option<ConnStats> {
        self.machines.lower.conn_stats(conn)
    }

    /// Whether a connection or raw stream has sent packets that its peer has not acknowledged. If it
    /// has not, a `RawCommand::ChangeRemote` is done at once.
    pub fn has_unacknowledged(&self, conn: ConnId) -> bool {
        self.machines.lower.has_unacknowledged(conn)
    }

    /// Where a raw stream beside this connection or raw stream finds the same peer: where the peer's
    /// packets come from, since it sends those of the raw stream from there too.
    pub fn way_back(&self, conn: ConnId) -> Option<RawRemote> {
        self.machines.lower.way_back(conn)
    }

    /// The path of a connection; `None` unless it is open.
    pub fn conn_path(&self, conn: ConnId) -> Option<ConnPath> {
        self.machines.lower.conn_path(conn)
    }

    /// How the path of a connection was found, and whether a relay forwards its packets; `None`
    /// unless the connection is open.
    pub fn path_info(&self, conn: ConnId) -> Option<PathInfo> {
        self.machines.lower.path_info(conn)
    }

    /// What a blind relay of this node has counted; `None` if the server is not a relay.
    pub fn relay_stats(&self, server: ServerId) -> Option<RelayStats> {
        self.machines.lower.relay_stats(server)
    }

    fn split(&mut self, now: Instant) -> (Cx<'_>, &mut Machines) {
        let cx = Cx {
            now,
            rng: &mut self.rng,
            timers: &mut self.timers,
            out: &mut self.out,
            stats: &mut self.stats,
        };
        (cx, &mut self.machines)
    }
}

/// Whether a datagram is one more packet of this stream. One about the path may move the stream, so
/// that everything before it has to be done.
fn continues(stream: Option<u32>, datagram: &Datagram<'_>) -> bool {
    stream.is_some()
        && udx::stream_id(datagram.data) == stream
        && udx::path_frame(datagram.data).is_none()
}
