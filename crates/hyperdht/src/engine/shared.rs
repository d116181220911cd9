//! One node behind its lock, with its sockets, its mailbox and its events.
//!
//! Whoever holds the lock leaves nothing behind: before the release, all that the node has to
//! send, to do and to tell is taken from it; after the release, commands that others left in the
//! mailbox meanwhile are looked for.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, Weak};
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard};
use proto::{Action, Command, Event, Node, SocketId, Transmit, TransmitBuf};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::batch::Batch;
use super::queue::Queue;
use super::sockets::{Socket, Sockets};
use super::{Wake, host};

/// All that a handle and the driver have in common.
pub(super) struct Shared {
    pub(super) sockets: Sockets,
    /// Ends the driver's wait.
    pub(super) notify: Notify,
    state: Mutex<State>,
    /// Commands that found the lock taken.
    mailbox: Mutex<Vec<Command>>,
    queue: Mutex<Queue>,
    waker: Arc<dyn Wake>,
    runtime: Handle,
    host: Ipv4Addr,
    myself: Weak<Self>,
}

/// What the lock protects.
struct State {
    core: Core,
    buf: TransmitBuf,
    /// What `buf` holds, when a socket had no room for it.
    blocked: Option<Transmit>,
    /// When the driver wakes by itself. Others notify it if that is too late.
    driver_wakes_at: Option<Instant>,
    /// The driver was notified and has not come yet.
    driver_notified: bool,
    /// Events on their way from the node to the queue; empty between calls.
    events: Vec<Event>,
    life: Life,
}

/// A node that is never called again after it has panicked.
struct Core {
    node: Node,
    broken: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
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

/// Who holds the lock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    Driver,
    Caller,
}

impl Shared {
    pub(super) fn new(
        node: Node,
        host: Ipv4Addr,
        sockets: [(SocketId, Socket); 2],
        runtime: Handle,
        waker: Arc<dyn Wake>,
    ) -> Arc<Self> {
        let max_segments =
            sockets.iter().map(|(_, socket)| socket.max_segments()).min().unwrap_or(1);
        let state = State {
            core: Core { node, broken: false },
            buf: TransmitBuf { data: Vec::new(), max_segments },
            blocked: None,
            driver_wakes_at: None,
            // Its first turn comes without being asked for.
            driver_notified: true,
            events: Vec::new(),
            life: Life::Running,
        };
        Arc::new_cyclic(|myself| Self {
            sockets: Sockets::new(sockets),
            notify: Notify::new(),
            state: Mutex::new(state),
            mailbox: Mutex::new(Vec::new()),
            queue: Mutex::new(Queue::default()),
            waker,
            runtime,
            host,
            myself: Weak::clone(myself),
        })
    }

    /// Runs commands at once if the lock is free, and leaves them in the mailbox if it is not.
    pub(super) fn commands(&self, commands: impl Iterator<Item = Command>) {
        let Some(mut state) = self.state.try_lock() else {
            self.mailbox.lock().extend(commands);
            return self.sweep();
        };
        self.empty_mailbox(&mut state);
        let now = Instant::now();
        for command in commands {
            state.core.enter(|node| node.handle_command(now, command));
        }
        self.settle(state, Holder::Caller);
        self.sweep();
    }

    /// Looks at the node, with all earlier commands of this thread done. Waits for the lock,
    /// which is held for one batch at most.
    pub(super) fn read<R>(&self, look: impl FnOnce(&Node) -> R) -> R {
        let mut state = self.state.lock();
        let changed = self.empty_mailbox(&mut state);
        let seen = look(&state.core.node);
        if changed {
            self.settle(state, Holder::Caller);
        } else {
            drop(state);
        }
        self.sweep();
        seen
    }

    /// Takes all events.
    pub(super) fn drain_events(&self, into: &mut Vec<Event>) {
        self.queue.lock().drain(into);
    }

    pub(super) fn local_addr(&self, socket: SocketId) -> Option<SocketAddrV4> {
        self.sockets.read().get(&socket).map(Socket::local)
    }

    /// One turn of the driver: hands over what has arrived, runs what is due.
    pub(super) fn turn(&self, batch: &mut Batch, interfaces: Option<Vec<Ipv4Addr>>) -> Next {
        let mut state = self.state.lock();
        state.driver_notified = false;
        let now = Instant::now();
        let mut handled = 0;
        batch.for_each(|datagram| {
            state.core.enter(|node| node.handle_datagram(now, datagram));
            handled += 1;
            if handled % DATAGRAMS_PER_LOCK == 0 {
                MutexGuard::bump(&mut state);
            }
        });
        if let Some(addresses) = interfaces {
            state.core.enter(|node| node.handle_command(now, Command::Interfaces { addresses }));
        }
        let due = state.core.enter(Node::poll_timeout).flatten().is_some_and(|(at, _)| at <= now);
        if due {
            state.core.enter(|node| node.handle_timeout(now));
        }
        let next = self.settle(state, Holder::Driver);
        self.sweep();
        next
    }

    /// Closes the sockets and forgets what was not sent. No waker is called after this.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.life = Life::Closed;
        self.sockets.close_all();
        drop(state);
        self.notify.notify_one();
    }

    /// Ends a node whose driver has panicked.
    pub(super) fn fail(&self) {
        let mut state = self.state.lock();
        state.core.broken = true;
        self.settle(state, Holder::Caller);
    }

    /// Takes from the node all that it has for the world, then releases the lock.
    fn settle(&self, mut state: MutexGuard<'_, State>, holder: Holder) -> Next {
        self.empty_mailbox(&mut state);
        let left = loop {
            self.act(&mut state);
            let left = self.send(&mut state, holder);
            if left || !self.act(&mut state) {
                break left;
            }
        };
        let wake = self.publish(&mut state);
        let next = state.next(left, Instant::now());
        match holder {
            Holder::Driver => state.driver_wakes_at = next.wakes_at(),
            Holder::Caller if state.driver_is_late(next) => {
                state.driver_notified = true;
                self.notify.notify_one();
            }
            Holder::Caller => {}
        }
        // A thread that waits is served first, however soon this one comes back.
        MutexGuard::unlock_fair(state);
        if let Some(control_events) = wake {
            self.waker.wake(control_events);
        }
        next
    }

    /// Runs the commands that came while the lock was taken, if it is free by now. If it is not,
    /// its holder will do so.
    fn sweep(&self) {
        loop {
            // Either this thread sees that the lock was released, or the thread that releases it
            // sees what is in the mailbox.
            fence(Ordering::SeqCst);
            if self.mailbox.lock().is_empty() {
                return;
            }
            let Some(state) = self.state.try_lock() else {
                return;
            };
            self.settle(state, Holder::Caller);
        }
    }

    /// Runs what is in the mailbox; true if there was anything.
    fn empty_mailbox(&self, state: &mut State) -> bool {
        let commands = std::mem::take(&mut *self.mailbox.lock());
        if commands.is_empty() {
            return false;
        }
        let now = Instant::now();
        for command in commands {
            state.core.enter(|node| node.handle_command(now, command));
        }
        true
    }

    /// Does what only a driver can do; true if there was anything.
    fn act(&self, state: &mut MutexGuard<'_, State>) -> bool {
        let mut acted = false;
        while let Some(action) = state.core.enter(Node::poll_action).flatten() {
            acted = true;
            match action {
                Action::Bind { socket } => {
                    let local = self.bind(socket, state.life);
                    let bound = Command::Bound { socket, local };
                    state.core.enter(|node| node.handle_command(Instant::now(), bound));
                    // Punching binds hundreds at once.
                    MutexGuard::bump(state);
                }
                Action::Close { socket } => self.sockets.close(socket),
                Action::Resolve { host } => self.resolve(host),
            }
        }
        acted
    }

    fn bind(&self, id: SocketId, life: Life) -> Option<SocketAddrV4> {
        if life != Life::Running {
            return None;
        }
        match Socket::bind(&self.runtime, SocketAddrV4::new(self.host, 0)) {
            Ok(socket) => {
                let local = socket.local();
                self.sockets.insert(id, socket);
                // The driver has to listen to it.
                self.notify.notify_one();
                Some(local)
            }
            Err(error) => {
                tracing::debug!(%error, "a pool socket could not be bound");
                None
            }
        }
    }

    fn resolve(&self, host: String) {
        let myself = Weak::clone(&self.myself);
        self.runtime.spawn_blocking(move || {
            let addresses = host::resolve(&host);
            if let Some(shared) = myself.upgrade() {
                shared.commands(std::iter::once(Command::Resolved { host, addresses }));
            }
        });
    }

    /// Sends what the node has to send; true if it may have more.
    fn send(&self, state: &mut MutexGuard<'_, State>, holder: Holder) -> bool {
        for _ in 0..holder.sends_per_lock() {
            let Some(transmit) = state.poll_transmit() else {
                return false;
            };
            if self.transmit(&transmit, &state.buf.data, holder).is_err() {
                state.blocked = Some(transmit);
                return false;
            }
            MutexGuard::bump(state);
        }
        true
    }

    fn transmit(&self, transmit: &Transmit, data: &[u8], holder: Holder) -> io::Result<()> {
        let sockets = self.sockets.read();
        let Some(socket) = sockets.get(&transmit.socket) else {
            return Ok(());
        };
        match holder {
            Holder::Driver => socket.send_or_arm(transmit, data),
            Holder::Caller => socket.send(transmit, data),
        }
    }

    /// Moves events to where the application drains them; says whether to wake it.
    fn publish(&self, state: &mut State) -> Option<usize> {
        let State { core, events, life, .. } = state;
        core.enter(|node| node.drain_events(events));
        let ended = core.broken || events.iter().any(|event| matches!(event, Event::Destroyed));
        match *life {
            Life::Closed => {
                events.clear();
                return None;
            }
            Life::Running if ended => {
                *life = Life::Ended;
                self.sockets.close_all();
                if core.broken {
                    events.push(Event::Destroyed);
                }
            }
            Life::Running | Life::Ended => {}
        }
        self.queue.lock().add(events)
    }
}

impl State {
    /// The next datagrams: those that waited for room, else new ones.
    fn poll_transmit(&mut self) -> Option<Transmit> {
        if let Some(blocked) = self.blocked.take() {
            return Some(blocked);
        }
        let Self { core, buf, .. } = self;
        core.enter(|node| node.poll_transmit(Instant::now(), buf)).flatten()
    }

    /// What the driver has to do once the lock is released.
    fn next(&mut self, left: bool, now: Instant) -> Next {
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
    fn driver_is_late(&self, next: Next) -> bool {
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
    fn wakes_at(self) -> Option<Instant> {
        match self {
            Self::Wait { until, .. } => until,
            Self::Again | Self::End => None,
        }
    }
}

impl Holder {
    /// A driver looks at its sockets again soon. A caller has other work to do, and leaves a
    /// window that acknowledgements keep open to the driver.
    fn sends_per_lock(self) -> usize {
        match self {
            Self::Driver => 32,
            Self::Caller => 16,
        }
    }
}

impl Core {
    /// Calls the node. A panic ends it, and nothing else.
    fn enter<R>(&mut self, call: impl FnOnce(&mut Node) -> R) -> Option<R> {
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

/// How many datagrams are handled before a thread that waits for the lock has its turn.
const DATAGRAMS_PER_LOCK: usize = 64;
