//! One node behind its lock, with its sockets, its mailbox and its events.
//!
//! The holder of the lock leaves no work behind. Before it releases the lock, it takes from the
//! node all datagrams, actions and events. After the release, it looks for commands that other
//! threads have left in the mailbox meanwhile.

mod actions;
mod forwarding;
mod holding;
mod loans;
mod mailbox;
mod sending;

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Weak};
use std::time::Instant;

use parking_lot::{Mutex, MutexGuard, ReentrantMutex};
use proto::{Command, Event, HostEvent, Message, Node, Spares, Stats};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::Wake;
use super::batch::Batch;
use super::bind::{BindRules, Main};
use super::loan::Lender;
use super::protect::Protect;
use super::queue::Queue;
use super::segmentation::MAX_SEGMENTS;
use super::sockets::Sockets;
use super::spares::Pool;
use super::state::{Core, Life, Next, State};
use super::withholding::may_wait;
pub use loans::Loans;
use mailbox::Mailbox;

/// The state that a node's handles and its driver share.
pub(super) struct Shared {
    pub(super) sockets: Sockets,
    /// Ends the driver's wait.
    pub(super) notify: Notify,
    state: Mutex<State>,
    /// What found the lock taken.
    mailbox: Mutex<Mailbox>,
    /// How often the application has given commands or drained events.
    calls: AtomicUsize,
    queue: Mutex<Queue>,
    /// `None` once the node is closed. The lock is held during a call, so that `close` waits for a
    /// call under way. It is reentrant, so that the waker itself may call `close`.
    waker: ReentrantMutex<RefCell<Option<Arc<dyn Wake>>>>,
    runtime: Weak<Handle>,
    rules: BindRules,
    protect: Option<Protect>,
    /// Memory for large messages.
    spares: Arc<Pool>,
    /// How many sockets the application has bound.
    bound: AtomicU32,
    lender: Option<Arc<Lender>>,
    /// The application handles the events of a loan.
    is_serving: AtomicBool,
    loans: loans::Counts,
    myself: Weak<Self>,
}

/// The thread that holds the lock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    Driver,
    Caller,
}

impl Shared {
    pub(super) fn new(
        (core, spares): (Core, Arc<Pool>),
        (rules, protect): (BindRules, Option<Protect>),
        sockets: Option<Main>,
        runtime: Weak<Handle>,
        (waker, lender): (Arc<dyn Wake>, Option<Arc<Lender>>),
    ) -> Arc<Self> {
        // A socket that can send fewer datagrams in one call lowers the number when it sends.
        let max_segments = sockets.as_ref().map_or(MAX_SEGMENTS, Main::max_segments);
        let main = sockets.as_ref().map(Main::addresses);
        Arc::new_cyclic(|myself| Self {
            sockets: Sockets::new(sockets.into_iter().flat_map(Main::into_array)),
            notify: Notify::new(),
            state: Mutex::new(State::new(core, main, max_segments)),
            mailbox: Mutex::new(Mailbox::default()),
            calls: AtomicUsize::new(0),
            queue: Mutex::new(Queue::default()),
            waker: ReentrantMutex::new(RefCell::new(Some(waker))),
            runtime,
            rules,
            protect,
            spares,
            bound: AtomicU32::new(0),
            lender,
            is_serving: AtomicBool::new(false),
            loans: loans::Counts::default(),
            myself: Weak::clone(myself),
        })
    }

    /// A message with these bytes.
    pub(super) fn message(&self, data: &[u8]) -> Message {
        let spares: Arc<dyn Spares> = Arc::<Pool>::clone(&self.spares);
        Message::with_spares(data, &spares)
    }

    /// Frees memory that was not needed for a while.
    pub(super) fn shed(&self) {
        self.spares.shed();
    }

    /// Runs commands at once if the lock is free, and leaves them in the mailbox if it is not.
    pub(super) fn commands(&self, commands: impl Iterator<Item = Command>) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let Some(mut state) = self.state.try_lock() else {
            self.mailbox.lock().add(commands);
            return self.sweep();
        };
        let mut can_wait = !self.empty_mailbox(&mut state) && self.is_serving();
        let now = Instant::now();
        for command in commands {
            can_wait &= matches!(command, Command::Consumed { .. } | Command::Taken { .. });
            state.core.handle_command(now, command);
        }
        if can_wait {
            state.unsettled = true;
            MutexGuard::unlock_fair(state);
        } else {
            self.settle(state, Holder::Caller);
        }
        self.sweep();
    }

    /// Gives the node a host event. It waits for the lock, so application threads must not call it.
    fn host_event(&self, event: HostEvent) {
        let mut state = self.state.lock();
        self.empty_mailbox(&mut state);
        state.core.handle_host_event(Instant::now(), event);
        self.settle(state, Holder::Caller);
        self.sweep();
    }

    /// Looks at the node after all earlier commands of this thread. Waits for the lock, which is
    /// held for one batch at most. `None` if the node has panicked, now or earlier.
    pub(super) fn read<R>(&self, look: impl FnOnce(&Node) -> R) -> Option<R> {
        let mut state = self.state.lock();
        let changed = self.empty_mailbox(&mut state);
        let seen = state.core.enter(|node| look(node));
        if changed || seen.is_none() {
            self.settle(state, Holder::Caller);
        } else {
            drop(state);
        }
        self.sweep();
        seen
    }

    /// The counters, as [`Shared::read`] sees them.
    pub(super) fn stats(&self) -> Option<Stats> {
        self.read(|node| {
            // The node's lock is held here, as in `publish`, so that the queue never goes back to
            // older counters.
            let mut queue = self.queue.lock();
            queue.count(node.stats());
            queue.take_stats();
            node.stats()
        })
    }

    /// The counters as of the latest event, if they have changed since they were last taken.
    pub(super) fn changed_stats(&self) -> Option<Stats> {
        self.queue.lock().take_stats()
    }

    /// Takes all events.
    pub(super) fn drain_events(&self, into: &mut Vec<Event>) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.queue.lock().drain(into);
    }

    /// Unordered messages share a wake-up from here on.
    pub(super) fn join_messages(&self) {
        self.queue.lock().join_messages();
    }

    /// A number that changes when the application does something with the node.
    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// One turn of the driver: hands the received datagrams and the host events to the node, and
    /// runs the timers that are due. With `holds_data`, a little data waits for the next turn, which
    /// has to follow at once.
    pub(super) fn turn(&self, batch: &mut Batch, news: Vec<HostEvent>, holds_data: bool) -> Next {
        let mut state = self.state.lock();
        state.holds_data = holds_data;
        // The driver needs no notification until it waits again.
        state.driver_notified = true;
        let mut now = Instant::now();
        let mut handled = 0;
        batch.for_each(|run| {
            handled += run.count();
            if handled > DATAGRAMS_PER_LOCK {
                handled = run.count();
                MutexGuard::bump(&mut state);
                now = Instant::now();
            }
            self.handle_run(&mut state, now, run);
        });
        for event in news {
            state.core.handle_host_event(now, event);
        }
        state.core.handle_timeout(now);
        let state = self.tell(state);
        let next = self.settle(state, Holder::Driver);
        self.sweep();
        next
    }

    /// Closes the sockets and drops all unsent datagrams. The waker is not called after this.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.life = Life::Closed;
        self.sockets.close_all();
        drop(state);
        self.notify.notify_one();
        self.waker.lock().take();
    }

    /// Ends a node whose driver has panicked.
    pub(super) fn fail(&self) {
        let mut state = self.state.lock();
        state.core.give_up();
        self.settle(state, Holder::Caller);
    }

    /// Takes all datagrams, actions and events from the node, then releases the lock.
    fn settle(&self, mut state: MutexGuard<'_, State>, holder: Holder) -> Next {
        state.unsettled = false;
        self.empty_mailbox(&mut state);
        let left = loop {
            self.act(&mut state);
            let left = self.send(&mut state, holder);
            if left || !self.act(&mut state) {
                break left;
            }
        };
        if !left && state.outgoing.is_empty() {
            self.close_unused(&mut state);
        }
        let wake = self.publish(&mut state);
        state.holds_data = false;
        let next = state.next(left, Instant::now());
        match holder {
            Holder::Driver => {
                state.driver_wakes_at = next.wakes_at();
                state.driver_notified = false;
            }
            Holder::Caller if state.driver_is_late(next) => {
                state.driver_notified = true;
                self.notify.notify_one();
            }
            Holder::Caller => {}
        }
        // A waiting thread gets the lock first, even if this thread wants it back at once.
        MutexGuard::unlock_fair(state);
        if let Some(calls) = wake {
            self.wake(calls);
        }
        next
    }

    /// Wakes the application for the new events before the driver sends: the application's thread
    /// takes about as long to start as the acknowledgements take to leave. The lock is released for
    /// the call, since a waker may look at the node.
    fn tell<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let Some(calls) = self.publish(&mut state) else {
            return state;
        };
        drop(state);
        self.wake(calls);
        self.state.lock()
    }

    fn wake(&self, calls: usize) {
        let waker = self.waker.lock();
        let current = waker.borrow().clone();
        if let Some(current) = current {
            current.wake(calls);
        }
    }

    /// Runs what came while the lock was taken, if the lock is free by now. Otherwise its holder
    /// runs it.
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

    /// Moves events to the queue. Returns how often to wake the application, `None` if not at all.
    fn publish(&self, state: &mut State) -> Option<usize> {
        let State { core, events, holds_data, .. } = state;
        let stats = core.enter(|node| {
            node.drain_events(events);
            node.stats()
        });
        let destroyed = events.iter().any(|event| matches!(event, Event::Destroyed));
        let ended = destroyed || core.is_broken();
        if *holds_data && !ended && state.life == Life::Running && may_wait(events) {
            return None;
        }
        if ended && state.life == Life::Running {
            self.send_last(state);
        }
        let State { events, life, .. } = state;
        match *life {
            Life::Closed => {
                events.clear();
                return None;
            }
            Life::Running if ended => {
                *life = Life::Ended;
                self.sockets.close_all();
                if !destroyed {
                    events.push(Event::Failed);
                }
            }
            Life::Running | Life::Ended => {}
        }
        if events.is_empty() {
            return None;
        }
        let mut queue = self.queue.lock();
        if let Some(stats) = stats {
            queue.count(stats);
        }
        queue.add(events)
    }
}

/// The most datagrams that are handled before a thread that waits for the lock gets it.
const DATAGRAMS_PER_LOCK: usize = 64;
