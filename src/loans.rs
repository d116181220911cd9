//! The socket that this thread's event loop watches, if the engine has lent one.

use std::sync::Arc;

use hyperdht::{Accepted, Engine, Lender};
use napi::sys;

use crate::event_loop::{EventLoop, OnReadable, Watch};

/// What this thread receives for its nodes.
#[derive(Debug)]
pub(crate) struct Loans {
    lender: Arc<Lender>,
    event_loop: EventLoop,
    /// The loan that goes on, by its number.
    current: Option<(u64, Watch)>,
}

impl Loans {
    /// `None` if the runtime or the system cannot watch sockets.
    pub(crate) fn start(env: sys::napi_env, engine: &Engine) -> Option<Self> {
        let event_loop = EventLoop::of(env)?;
        Some(Self { lender: engine.lender(), event_loop, current: None })
    }

    /// Accepts what the engine offers.
    pub(crate) fn accept(&mut self, on_readable: OnReadable) {
        let Some(Accepted { socket, number }) = self.lender.accept() else { return };
        self.stop();
        match self.event_loop.watch(socket, on_readable) {
            Some(watch) => self.current = Some((number, watch)),
            None => self.lender.give_back(number),
        }
    }

    /// The loan that goes on.
    pub(crate) fn current(&self) -> Option<(Arc<Lender>, u64)> {
        let (number, _) = self.current.as_ref()?;
        Some((Arc::clone(&self.lender), *number))
    }

    /// Lets go of a socket whose loan has ended, so that its port is free.
    pub(crate) fn tidy(&mut self) {
        if self.current.as_ref().is_some_and(|(number, _)| self.lender.is_over(*number)) {
            self.stop();
        }
    }

    /// The event loop watches nothing any more.
    pub(crate) fn stop(&mut self) {
        if let Some((_, watch)) = self.current.take() {
            self.event_loop.stop(watch);
        }
    }
}
