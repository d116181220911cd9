//! What the lock of a node protects.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use proto::{Event, MainSockets, Node, SocketId, Transmit, TransmitBuf};

/// What the lock protects.
pub(super) struct State {
    pub(super) core: Core,
    pub(super) buf: TransmitBuf,
    /// What `buf` holds, when a socket had no room for it.
    pub(super) blocked: Option<Transmit>,
    /// Where the main sockets are bound, or were until the node fell asleep.
    pub(super) main: MainSockets,
    /// Sockets that the node has done with. They close when all that was queued has left.
    pub(super) unused: Vec<SocketId>,
    /// When the driver wakes by itself. Others notify it if that is too late.
    pub(super) driver_wakes_at: Option<Instant>,
    /// The driver was notified and has not come yet.
    pub(super) driver_notified: bool,
    /// Events on their way from the node to the queue; empty between calls.
    pub(super) events: Vec<Event>,
    pub(super) life: Life,
}

/// A node that is never called again after it has panicked.
pub(super) struct Core {
    pub(super) node: Node,
    pub(super) broken: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Running,
    /// The sockets are closed. Commands still have their outcome.
    Ended,
    /// The same, and nobody is told anything any more.
    Closed,
}

/// What the driver does after a turn.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// Take another turn, there is more to send.
    Again,
    /// Wait.
    Wait {
        /// For this time at most.
        until: Option<Instant>,
        /// Or until this socket can be written.
        writable: Option<SocketId>,
    },
    /// Stop.
    End,
}

impl State {
    /// `max_segments` is how many datagrams one call of the system may send.
    pub(super) fn new(node: Node, main: MainSockets, max_segments: usize) -> Self {
        Self {
            core: Core { node, broken: false },
            buf: TransmitBuf { data: Vec::new(), max_segments },
            blocked: None,
            main,
            unused: Vec::new(),
            driver_wakes_at: None,
            // Its first turn comes without being asked for.
            driver_notified: true,
            events: Vec::new(),
            life: Life::Running,
        }
    }

    /// The next datagrams: those that waited for room, else new ones.
    pub(super) fn poll_transmit(&mut self) -> Option<Transmit> {
        if let Some(blocked) = self.blocked.take() {
            return Some(blocked);
        }
        let Self { core, buf, .. } = self;
        core.enter(|node| node.poll_transmit(Instant::now(), buf)).flatten()
    }

    /// What the driver has to do once the lock is released.
    pub(super) fn next(&mut self, left: bool, now: Instant) -> Next {
        if self.life != Life::Running {
            return Next::End;
        }
        if left {
            return Next::Again;
        }
        let due = self.core.enter(Node::poll_timeout).flatten().map(|(at, _)| at);
        // An alarm is never put off: the next packet would need it again, and to move it from
        // another thread costs more than to wake once for nothing.
        let set = self.driver_wakes_at.filter(|at| *at > now);
        let until = due.into_iter().chain(set).min();
        Next::Wait { until, writable: self.blocked.map(|transmit| transmit.socket) }
    }

    /// True if the driver has to be told of what comes next.
    pub(super) fn driver_is_late(&self, next: Next) -> bool {
        if self.driver_notified {
            return false;
        }
        match next {
            Next::Again | Next::End | Next::Wait { writable: Some(_), .. } => true,
            Next::Wait { until, writable: None } => until != self.driver_wakes_at,
        }
    }
}

impl Next {
    pub(super) fn wakes_at(self) -> Option<Instant> {
        match self {
            Self::Wait { until, .. } => until,
            Self::Again | Self::End => None,
        }
    }
}

impl Core {
    /// Calls the node. A panic ends it, and nothing else.
    pub(super) fn enter<R>(&mut self, call: impl FnOnce(&mut Node) -> R) -> Option<R> {
        if self.broken {
            return None;
        }
        let result = catch_unwind(AssertUnwindSafe(|| call(&mut self.node)));
        if result.is_err() {
            tracing::error!("a node has panicked and is closed");
            self.broken = true;
        }
        result.ok()
    }
}
