//! The context that every call of a state machine receives.

use std::collections::VecDeque;
use std::net::{SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

use crate::wire::Target;
use crate::{
    Action, AskId, ConnId, ConnReport, Event, MAX_BATCH, MachineId, Question, Rng, SocketId, Stats,
    Timer, Timers, Transmit, TransmitBuf,
};

/// Passed to every machine. Machines reach the time, random numbers and side effects only through
/// it.
#[derive(Debug)]
pub struct Cx<'a> {
    /// The current time. Machines read no other clock.
    pub now: Instant,
    /// The only source of random numbers.
    pub rng: &'a mut Rng,
    /// The deadlines at which machines want to be called.
    pub timers: &'a mut Timers,
    /// What the driver has to do.
    pub out: &'a mut Outbox,
    /// The node's counters.
    pub stats: &'a mut Stats,
}

/// Output of the machines that the driver has not yet taken.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Control datagrams, in order: requests, replies, handshakes, probes.
    pub control: VecDeque<ControlDatagram>,
    /// Work for the driver.
    pub actions: VecDeque<Action>,
    /// Events for the application.
    pub events: Vec<Event>,
    /// Reports for the machines that own connections. `Node` delivers them before it returns.
    pub(crate) reports: VecDeque<(MachineId, ConnId, ConnReport)>,
    /// Frames about paths that go by way of relays. `Node` sends them before it returns.
    pub(crate) detours: VecDeque<Detour>,
    next_ask: u32,
}

/// A packet about the path of a connection that takes the way of a handshake: by a node that knows
/// where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Detour {
    pub(crate) conn: ConnId,
    /// The socket of the connection's path: the relay sees the address that the server is to use.
    pub(crate) socket: SocketId,
    pub(crate) relay: SocketAddrV4,
    pub(crate) target: Target,
    pub(crate) packet: Vec<u8>,
}

/// A datagram that a machine queues, in contrast to those that the driver pulls with
/// `poll_transmit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlDatagram {
    pub socket: SocketId,
    pub to: SocketAddr,
    pub ttl: Option<u8>,
    pub payload: Vec<u8>,
}

impl Outbox {
    /// Fills the buffer with the next control datagrams for one send. A node that asks much gets
    /// many answers of one size, which stand behind each other in the queue.
    pub(crate) fn poll_control(&mut self, buf: &mut TransmitBuf) -> Option<Transmit> {
        let first = self.control.pop_front()?;
        buf.data.clear();
        buf.data.extend_from_slice(&first.payload);
        let segment = first.payload.len();
        let most = buf.max_segments.min(MAX_BATCH / segment.max(1));
        for _ in 1..most {
            let next = self.control.front().filter(|next| next.joins(&first, buf.data.len()));
            let Some(next) = next else { break };
            buf.data.extend_from_slice(&next.payload);
            self.control.pop_front();
        }
        let ControlDatagram { socket, to, ttl, .. } = first;
        let segment_size = (buf.data.len() > segment).then_some(segment);
        Some(Transmit { socket, to, ttl, segment_size, may_fragment: false })
    }
}

impl ControlDatagram {
    /// Whether one call can send this datagram after `bytes` that begin with another one. All
    /// datagrams but the last have the same size.
    fn joins(&self, first: &Self, bytes: usize) -> bool {
        let segment = first.payload.len();
        self.to == first.to
            && self.socket == first.socket
            && self.ttl == first.ttl
            && (1..=segment).contains(&self.payload.len())
            && bytes.is_multiple_of(segment)
    }
}

impl Cx<'_> {
    /// The same context with a shorter lifetime.
    pub(crate) fn reborrow(&mut self) -> Cx<'_> {
        let Self { now, rng, timers, out, stats } = self;
        Cx { now: *now, rng, timers, out, stats }
    }

    /// Sends a control datagram.
    pub fn send(&mut self, socket: SocketId, to: impl Into<SocketAddr>, payload: Vec<u8>) {
        self.send_to_host(ControlDatagram { socket, to: to.into(), ttl: None, payload });
    }

    /// Sends a control datagram with its own IP time to live: a low one keeps a probe from reaching
    /// the peer.
    pub fn send_with_ttl(&mut self, socket: SocketId, to: SocketAddrV4, ttl: u8, payload: Vec<u8>) {
        self.send_to_host(ControlDatagram { socket, to: to.into(), ttl: Some(ttl), payload });
    }

    /// Nobody receives at port 0, which a stranger may name or claim to send from.
    fn send_to_host(&mut self, datagram: ControlDatagram) {
        if datagram.to.port() != 0 {
            self.out.control.push_back(datagram);
        }
    }

    /// Sends a datagram of the application, which may give more of them than the network takes.
    /// Those beyond a limit are lost, as they would be in the buffer of their socket.
    pub(crate) fn send_of_application(
        &mut self,
        socket: SocketId,
        to: SocketAddr,
        ttl: Option<u8>,
        payload: Vec<u8>,
    ) {
        if self.out.control.len() < MAX_CONTROL {
            self.out.control.push_back(ControlDatagram { socket, to, ttl, payload });
        }
    }

    /// Queues an event for the application.
    pub fn emit(&mut self, event: Event) {
        self.out.events.push(event);
    }

    /// Queues a report of a connection for the machine that owns it.
    pub(crate) fn report(&mut self, machine: MachineId, conn: ConnId, report: ConnReport) {
        self.out.reports.push_back((machine, conn, report));
    }

    /// Queues a packet that takes the way of a handshake.
    pub(crate) fn take_detour(&mut self, detour: Detour) {
        self.out.detours.push_back(detour);
    }

    /// Queues an action for the driver.
    pub fn act(&mut self, action: Action) {
        self.out.actions.push_back(action);
    }

    /// Asks the application. The answer comes as `Command::Answer` with this id. If no answer comes
    /// within 10 s, `Timer::Ask` fires, which counts as a rejection.
    pub fn ask(&mut self, question: Question) -> AskId {
        let ask = AskId(self.out.next_ask);
        self.out.next_ask = self.out.next_ask.wrapping_add(1);
        self.emit(Event::Ask { ask, question });
        self.wake_at(Timer::Ask(ask), self.now + ANSWER_WITHIN);
        ask
    }

    /// Sets a deadline for a machine.
    pub fn wake_at(&mut self, timer: Timer, at: Instant) {
        self.timers.set(timer, at);
    }
}

/// With this many datagrams in the queue, a further one would be too late.
const MAX_CONTROL: usize = 1024;

/// Limits how long a hook that never answers can hold a handshake.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn answers_of_one_size_to_one_asker_leave_in_one_call() {
        let sizes = [5, 5, 5, 3, 5];
        let sends = sends(64, sizes.map(|size| datagram(1, size)));
        assert_eq!(sends, [(1, 18, Some(5)), (1, 5, None)]);
    }

    #[test]
    fn datagrams_keep_their_order() {
        let others = [datagram(1, 5), datagram(2, 5), datagram(1, 5), datagram(1, 6)];
        let alone = [(1, 5, None), (2, 5, None), (1, 5, None), (1, 6, None)];
        assert_eq!(sends(64, others), alone);
    }

    #[test]
    fn only_what_leaves_alike_is_joined() {
        let from_elsewhere = ControlDatagram { socket: SocketId(7), ..datagram(1, 5) };
        let low = ControlDatagram { ttl: Some(5), ..datagram(1, 5) };
        let queue = [datagram(1, 5), from_elsewhere, low.clone(), low, datagram(1, 0)];
        let expected = [(1, 5, None), (1, 5, None), (1, 10, Some(5)), (1, 0, None)];
        assert_eq!(sends(64, queue), expected);
        assert_eq!(sends(64, [datagram(1, 0), datagram(1, 0)]), [(1, 0, None), (1, 0, None)]);
    }

    #[test]
    fn one_call_has_its_limits() {
        let queue = || std::array::from_fn::<_, 5, _>(|_| datagram(1, 5));
        assert_eq!(sends(3, queue()), [(1, 15, Some(5)), (1, 10, Some(5))]);
        assert_eq!(sends(1, queue()), [(1, 5, None); 5]);
        let large = || datagram(1, MAX_BATCH / 2);
        let two = (1, MAX_BATCH / 2 * 2, Some(MAX_BATCH / 2));
        assert_eq!(sends(64, [large(), large(), large()]), [two, (1, MAX_BATCH / 2, None)]);
    }

    /// The port, the bytes and the segment size of each send.
    fn sends<const N: usize>(
        max_segments: usize,
        queue: [ControlDatagram; N],
    ) -> Vec<(u16, usize, Option<usize>)> {
        let mut out = Outbox { control: queue.into(), ..Outbox::default() };
        let mut buf = TransmitBuf { data: Vec::new(), max_segments };
        let mut sends = Vec::new();
        while let Some(transmit) = out.poll_control(&mut buf) {
            sends.push((transmit.to.port(), buf.data.len(), transmit.segment_size));
        }
        sends
    }

    fn datagram(port: u16, size: usize) -> ControlDatagram {
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        ControlDatagram { socket: SocketId::SERVER, to, ttl: None, payload: vec![0; size] }
    }
}
