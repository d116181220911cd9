//! Sockets that wait until JavaScript has protected them.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use hyperdht::{BorrowedSocket, HeldSockets, Opening, Protect, UnusedSocket};

use crate::environment;
use crate::wake::WakeFunction;

/// What JavaScript protects at the moment.
pub(crate) enum Held {
    /// The main sockets of a node that does not run yet.
    Opening(Box<Opening>),
    /// A socket that the program binds.
    Unused(Box<UnusedSocket>),
    /// Sockets that the driver has bound.
    Later(Box<HeldSockets>),
}

/// What JavaScript has to protect, for one node.
#[derive(Default)]
pub(crate) struct Holding {
    /// A hook may bind a socket itself, so that the last one is decided first.
    stack: Vec<Held>,
    queue: Queue,
    /// `None` for a node without a hook.
    wake: Option<WakeFunction>,
}

/// The sockets that the driver has bound, in their order.
#[derive(Clone, Default)]
struct Queue {
    waiting: Arc<Mutex<VecDeque<HeldSockets>>>,
}

impl Held {
    /// The number of a socket for the program. `None` if there are not so many.
    pub(crate) fn number(&self, index: usize) -> Option<f64> {
        let sockets = match self {
            Self::Opening(opening) => opening.sockets(),
            Self::Unused(unused) => vec![unused.socket()],
            Self::Later(held) => held.sockets(),
        };
        sockets.get(index).map(number)
    }
}

impl Holding {
    /// Calls `wake` when the driver has bound sockets.
    pub(crate) fn new(wake: WakeFunction) -> Self {
        Self { wake: Some(wake), ..Self::default() }
    }

    /// The hook of the engine.
    pub(crate) fn protect(&self) -> Option<Protect> {
        self.wake.map(|wake| self.queue.protect(wake))
    }

    pub(crate) fn push(&mut self, held: Held) {
        self.stack.push(held);
    }

    pub(crate) fn top(&self) -> Option<&Held> {
        self.stack.last()
    }

    pub(crate) fn pop(&mut self) -> Option<Held> {
        self.stack.pop()
    }

    /// The next sockets that the driver has bound.
    pub(crate) fn take(&mut self) -> Option<HeldSockets> {
        self.queue.take()
    }

    /// Closes all sockets. The engine calls the hook no more.
    pub(crate) fn close(&mut self) {
        self.stack.clear();
        self.queue.clear();
        if let Some(wake) = self.wake.take() {
            environment::release(wake);
        }
    }
}

impl Queue {
    /// The hook of the engine: adds sockets to the queue, and calls `wake`.
    fn protect(&self, wake: WakeFunction) -> Protect {
        let queue = self.clone();
        Protect::later(move |held| {
            queue.with(|waiting| waiting.push_back(held));
            hyperdht::Wake::wake(&wake, 1);
        })
    }

    fn take(&self) -> Option<HeldSockets> {
        self.with(VecDeque::pop_front)
    }

    /// Closes all sockets that wait.
    fn clear(&self) {
        // They are dropped without the lock, as each tells the node.
        drop(self.with(std::mem::take));
    }

    fn with<R>(&self, change: impl FnOnce(&mut VecDeque<HeldSockets>) -> R) -> R {
        change(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What refused sockets tell the node. The program has the error of its own.
pub(crate) fn refusal() -> io::Error {
    io::ErrorKind::PermissionDenied.into()
}

/// A file descriptor as a number.
#[cfg(unix)]
fn number(socket: &BorrowedSocket<'_>) -> f64 {
    f64::from(std::os::fd::AsRawFd::as_raw_fd(socket))
}

/// A `SOCKET` as a number. The system's handles are far smaller than the numbers that a double has.
#[cfg(windows)]
fn number(socket: &BorrowedSocket<'_>) -> f64 {
    std::os::windows::io::AsRawSocket::as_raw_socket(socket) as f64
}
