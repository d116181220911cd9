//! What the lock of a node protects.

use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use proto::{
    Command, Config, Event, HostEvent, MainSockets, Node, Run, SocketId, Transmit, TransmitBuf,
};

use super::outgoing::Outgoing;

/// What the lock protects.
pub(super) struct State {
    pub(super) core: Core,
    pub(super) buf: TransmitBuf,
    /// Datagrams that wait for others to leave with. Between calls, those that wait for room.
    pub(super) outgoing: Outgoing,
    /// Where the main sockets are bound, or were bound before the node fell asleep. `None` for a
    /// node without main sockets.
    pub(super) main: Option<MainSockets>,
    /// Sockets that the node no longer uses. They close when all queued datagrams have left.
    pub(super) unused: Vec<SocketId>,
    /// Sockets beside the main ones that wait for the program's hook.
    pub(super) held: BTreeSet<SocketId>,
    /// When the driver wakes by itself. Other threads notify it if that is too late.
    pub(super) driver_wakes_at: Option<Instant>,
    /// The driver was notified and has not taken its turn yet.
    pub(super) driver_notified: bool,
    /// The node may have something to send, which waits until the application has handled the events
    /// of a loan.
    pub(super) unsettled: bool,
    /// Events on their way from the node to the queue. Between calls, those that are held back.
    pub(super) events: Vec<Event>,
    /// A little data may wait for more before the application is woken.
    pub(super) holds_data: bool,
    pub(super) life: Life,
}

/// A node that is never called again after it has panicked, and whose clock never goes back.
pub(super) struct Core {
    node: Node,
    broken: bool,
    /// The latest time that the node was given.
    latest: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Running,
    /// The sockets are closed. The node still reports the outcome of commands.
    Ended,
    /// The sockets are closed, and the node reports nothing any more.
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
    /// `max_segments` is the most datagrams that one system call may send.
    pub(super) fn new(core: Core, main: Option<MainSockets>, max_segments: usize) -> Self {
        Self {
            core,
            buf: TransmitBuf { data: Vec::new(), max_segments },
            outgoing: Outgoing::default(),
            main,
            unused: Vec::new(),
            held: BTreeSet::new(),
            driver_wakes_at: None,
            // The driver takes its first turn without a notification.
            driver_notified: true,
            unsettled: false,
            events: Vec::new(),
            holds_data: false,
            life: Life::Running,
        }
    }

    /// Fills `buf` with the node's next datagrams.
    pub(super) fn poll_transmit(&mut self) -> Option<Transmit> {
        let Self { core, buf, .. } = self;
        core.poll_transmit(Instant::now(), buf)
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
        // An alarm is never postponed. The next packet would need the earlier time again, and to
        // move an alarm from another thread costs more than one wake-up for nothing.
        let set = self.driver_wakes_at.filter(|at| *at > now);
        let until = due.into_iter().chain(set).min();
        Next::Wait { until, writable: self.outgoing.socket() }
    }

    /// True if the driver has to be notified of `next`.
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
    /// Makes a node.
    ///
    /// # Errors
    /// When it panics.
    pub(super) fn start(config: Config, seed: &[u8; 32], now: Instant) -> io::Result<Self> {
        let node = catch_unwind(AssertUnwindSafe(|| Node::new(config, *seed, now)));
        let node = node.map_err(|_| io::Error::other("the node has panicked at its start"))?;
        Ok(Self { node, broken: false, latest: now })
    }

    /// Handles datagrams; `Some` if the driver has to send them on.
    pub(super) fn handle_run(
        &mut self,
        now: Instant,
        run: &mut Run<'_>,
        max_segments: usize,
    ) -> Option<Transmit> {
        self.enter_at(now, |node, now| node.handle_run(now, run, max_segments)).flatten()
    }

    pub(super) fn handle_command(&mut self, now: Instant, command: Command) {
        self.enter_at(now, |node, now| node.handle_command(now, command));
    }

    pub(super) fn handle_host_event(&mut self, now: Instant, event: HostEvent) {
        self.enter_at(now, |node, now| node.handle_host_event(now, event));
    }

    /// Runs the timers that are due.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let due = self.enter(Node::poll_timeout).flatten().is_some_and(|(at, _)| at <= now);
        if due {
            self.enter_at(now, |node, now| node.handle_timeout(now));
        }
    }

    pub(super) fn poll_transmit(
        &mut self,
        now: Instant,
        buf: &mut TransmitBuf,
    ) -> Option<Transmit> {
        self.enter_at(now, |node, now| node.poll_transmit(now, buf)).flatten()
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Marks the node as broken: it is not called again.
    pub(super) fn give_up(&mut self) {
        self.broken = true;
    }

    /// Calls the node with the time. The caller may have taken the time before it got the lock, and
    /// another thread may have called the node with a later one since.
    fn enter_at<R>(
        &mut self,
        now: Instant,
        call: impl FnOnce(&mut Node, Instant) -> R,
    ) -> Option<R> {
        self.latest = self.latest.max(now);
        let now = self.latest;
        self.enter(|node| call(node, now))
    }

    /// Calls the node. A panic ends this node and nothing else. `None` if the node has panicked.
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_time_of_a_node_never_goes_back() {
        let start = Instant::now();
        let mut core = Core::start(Config::default(), &[0; 32], start).unwrap();
        let later = start + Duration::from_secs(1);

        assert_eq!(core.enter_at(later, |_, now| now), Some(later));
        assert_eq!(core.enter_at(start, |_, now| now), Some(later));
    }

    #[test]
    fn a_node_that_has_panicked_is_not_called_again() {
        let mut core = Core::start(Config::default(), &[0; 32], Instant::now()).unwrap();

        assert_eq!(core.enter(|_| panic!("a test")), None::<()>);

        assert!(core.is_broken());
        assert_eq!(core.enter(|_| ()), None);
    }
}
