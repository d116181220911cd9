//! All that a machine can do to the world.

use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use crate::{
    Action, AskId, ConnId, ConnReport, Event, MachineId, Question, Rng, SocketId, Stats, Timer,
    Timers,
};

/// Handed down to every machine; the only way to time, chance and effects.
#[derive(Debug)]
pub struct Cx<'a> {
    /// The only now.
    pub now: Instant,
    /// The only source of chance.
    pub rng: &'a mut Rng,
    /// When machines want to be called.
    pub timers: &'a mut Timers,
    /// What the driver has to do.
    pub out: &'a mut Outbox,
    /// The node's counters.
    pub stats: &'a mut Stats,
}

/// What the machines have asked for and the driver has not yet taken.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Control datagrams, in order: requests, replies, handshakes, probes.
    pub control: VecDeque<ControlDatagram>,
    /// Work for the driver.
    pub actions: VecDeque<Action>,
    /// News for the application.
    pub events: Vec<Event>,
    /// News of connections for the machines that own them. `Node` passes them on before it returns.
    pub(crate) reports: VecDeque<(MachineId, ConnId, ConnReport)>,
    next_ask: u32,
}

/// A datagram that is pushed rather than pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlDatagram {
    pub socket: SocketId,
    pub to: SocketAddrV4,
    pub ttl: Option<u8>,
    pub payload: Vec<u8>,
}

impl Cx<'_> {
    /// The same for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Cx<'_> {
        let Self { now, rng, timers, out, stats } = self;
        Cx { now: *now, rng, timers, out, stats }
    }

    /// Sends a control datagram.
    pub fn send(&mut self, socket: SocketId, to: SocketAddrV4, payload: Vec<u8>) {
        self.out.control.push_back(ControlDatagram { socket, to, ttl: None, payload });
    }

    /// Sends a control datagram that may die on its way, or must live longer than usual.
    pub fn send_with_ttl(&mut self, socket: SocketId, to: SocketAddrV4, ttl: u8, payload: Vec<u8>) {
        self.out.control.push_back(ControlDatagram { socket, to, ttl: Some(ttl), payload });
    }

    /// Tells the application.
    pub fn emit(&mut self, event: Event) {
        self.out.events.push(event);
    }

    /// Tells a machine what one of its connections reports.
    pub(crate) fn report(&mut self, machine: MachineId, conn: ConnId, report: ConnReport) {
        self.out.reports.push_back((machine, conn, report));
    }

    /// Asks the driver.
    pub fn act(&mut self, action: Action) {
        self.out.actions.push_back(action);
    }

    /// Asks the application; the answer comes as `Command::Answer` with this id. If there is none
    /// in time, `Timer::Ask` is due, and the answer is no.
    pub fn ask(&mut self, question: Question) -> AskId {
        let ask = AskId(self.out.next_ask);
        self.out.next_ask = self.out.next_ask.wrapping_add(1);
        self.emit(Event::Ask { ask, question });
        self.wake_at(Timer::Ask(ask), self.now + ANSWER_WITHIN);
        ask
    }

    /// Wakes a machine at a time.
    pub fn wake_at(&mut self, timer: Timer, at: Instant) {
        self.timers.set(timer, at);
    }
}

/// A hook that never answers must not hold a handshake for ever.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
