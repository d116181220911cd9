//! Receiving on the application's thread.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use parking_lot::MutexGuard;
use proto::SocketId;

use super::{Holder, Shared};
use crate::engine::batch::Batch;
use crate::engine::borrowed::LentCopy;
use crate::engine::loan::Borrower;

/// What was lent so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loans {
    /// How often a socket was lent.
    pub begun: u64,
    /// Whether one is lent.
    pub lent: bool,
    /// How many datagrams the application's thread has received for itself.
    pub served: u64,
}

/// The counters of [`Loans`].
#[derive(Debug, Default)]
pub(super) struct Counts {
    begun: AtomicU64,
    served: AtomicU64,
}

impl Shared {
    /// Offers a socket to the application's thread. True if it is offered.
    pub(in crate::engine) fn offer(&self, socket: SocketId) -> bool {
        let Some(lender) = &self.lender else { return false };
        // Unique in the process, since an engine may have several nodes.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        lender.offer(self.borrower(), socket, NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// Ends the loan, if there is one. False if it has to go on for now. What has waited for the
    /// application's answer leaves: the application may be busy for long.
    pub(in crate::engine) fn take_back(&self) -> bool {
        let (Some(lender), Some(runtime)) = (&self.lender, self.runtime.upgrade()) else {
            return true;
        };
        let take_back = |socket| self.sockets.take_back(socket, &runtime);
        let is_back = lender.end(&self.borrower(), take_back);
        self.finish();
        is_back
    }

    /// Whether a loan or an offer goes on. It does not if the socket was closed.
    pub(in crate::engine) fn is_lending(&self) -> bool {
        match self.lender.as_ref().and_then(|lender| lender.lent_by(&self.borrower())) {
            Some((socket, true)) => self.sockets.is_lent(socket),
            Some((_, false)) => true,
            None => false,
        }
    }

    /// How many datagrams with events the application has received.
    pub(in crate::engine) fn served(&self) -> u64 {
        self.loans.served.load(Ordering::Relaxed)
    }

    /// What was lent so far.
    pub(in crate::engine) fn loans(&self) -> Loans {
        let begun = self.loans.begun.load(Ordering::Relaxed);
        Loans { begun, lent: self.has_lent(), served: self.served() }
    }

    /// Whether the application handles the events of a loan. What it reports of its reading may wait
    /// until it returns, so that its answer carries the acknowledgement.
    pub(super) fn is_serving(&self) -> bool {
        self.is_serving.load(Ordering::Relaxed)
    }

    fn has_lent(&self) -> bool {
        let lent = self.lender.as_ref().and_then(|lender| lender.lent_by(&self.borrower()));
        lent.is_some_and(|(socket, _)| self.sockets.is_lent(socket))
    }

    fn borrower(&self) -> Weak<dyn Borrower> {
        let myself: Weak<Self> = Weak::clone(&self.myself);
        myself
    }

    /// Gives the received datagrams to the node, and wakes the application.
    fn serve(&self, socket: SocketId, batch: &mut Batch) -> bool {
        let mut state = self.state.lock();
        self.empty_mailbox(&mut state);
        let now = Instant::now();
        batch.for_each(|run| self.handle_run(&mut state, now, run));
        for event in batch.take_news() {
            state.core.handle_host_event(now, event);
        }
        state.core.handle_timeout(now);
        let calls = self.publish(&mut state);
        if calls.is_some() && self.begin_to_serve(socket) {
            state.unsettled = true;
            MutexGuard::unlock_fair(state);
        } else {
            self.settle(state, Holder::Caller);
            self.sweep();
        }
        if let Some(calls) = calls {
            self.wake(calls);
        }
        calls.is_some()
    }

    /// False if the driver has taken the socket back meanwhile.
    fn begin_to_serve(&self, socket: SocketId) -> bool {
        // Either this thread sees that the loan is over, or the one that ends it sees the flag.
        self.is_serving.swap(true, Ordering::AcqRel);
        let is_lent = self.sockets.is_lent(socket);
        if !is_lent {
            self.is_serving.store(false, Ordering::Relaxed);
        }
        is_lent
    }
}

impl Borrower for Shared {
    fn lend(&self, socket: SocketId) -> Option<Arc<LentCopy>> {
        let copy = self.sockets.lend(socket)?;
        self.loans.begun.fetch_add(1, Ordering::Relaxed);
        Some(copy)
    }

    fn is_lent(&self, socket: SocketId) -> bool {
        self.sockets.is_lent(socket)
    }

    fn sent_by(&self, socket: SocketId) -> u64 {
        self.traffic(socket).map_or(0, |traffic| traffic.packets_transmitted)
    }

    fn receive(&self, socket: SocketId, batch: &mut Batch) -> usize {
        batch.fill_from(&self.sockets, socket);
        let datagrams = batch.datagrams();
        if batch.has_anything() && self.serve(socket, batch) {
            self.loans.served.fetch_add(datagrams as u64, Ordering::Relaxed);
        }
        datagrams
    }

    /// Does not wait for the node: the driver sends if it is busy.
    fn finish(&self) {
        if !self.is_serving.swap(false, Ordering::AcqRel) {
            return;
        }
        match self.state.try_lock() {
            Some(state) if state.unsettled => {
                self.settle(state, Holder::Caller);
            }
            // What the application has written has taken everything along.
            Some(state) => drop(state),
            None => self.notify.notify_one(),
        }
        self.sweep();
    }

    fn give_back(&self) {
        self.take_back();
        // The driver has to poll it.
        self.notify.notify_one();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
