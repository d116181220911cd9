//! The one socket of an engine that the application's thread may read.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use proto::SocketId;

use super::batch::Batch;
use super::borrowed::LentCopy;
use super::lending::Serving;

/// Receives on the application's thread, while an exchange of single messages goes on.
///
/// The driver offers a socket, one at a time. The application's thread accepts it, lets its event
/// loop watch it, and calls [`Lender::receive`] when it is readable.
#[derive(Debug, Default)]
pub struct Lender {
    loan: Mutex<Option<Loan>>,
    /// There is an offer, which was not accepted yet.
    has_offer: AtomicBool,
    /// The number of the loan that goes on, or 0.
    current: AtomicU64,
    /// The receive buffers of the application's thread.
    batch: Mutex<Option<Batch>>,
}

#[derive(Debug)]
struct Loan {
    node: Weak<dyn Borrower>,
    socket: SocketId,
    number: u64,
    /// `None` until the application has accepted it.
    serving: Option<Serving>,
}

/// A loan that the application's thread has accepted.
#[derive(Debug)]
pub struct Accepted {
    /// To be watched, and to be dropped once [`Lender::is_over`].
    pub socket: Arc<LentCopy>,
    /// Names the loan.
    pub number: u64,
}

/// The node whose socket is lent.
pub(super) trait Borrower: Send + Sync + Debug {
    /// Lends the socket. Returns a copy of its descriptor.
    fn lend(&self, socket: SocketId) -> Option<Arc<LentCopy>>;

    fn is_lent(&self, socket: SocketId) -> bool;

    /// How many datagrams the socket has sent.
    fn sent_by(&self, socket: SocketId) -> u64;

    /// Receives from the socket, and hands what has come to the node. Returns how many datagrams
    /// have come.
    fn receive(&self, socket: SocketId, batch: &mut Batch) -> usize;

    /// Sends what the node has to send.
    fn finish(&self);

    /// Ends the loan.
    fn give_back(&self);
}

/// A node has received, and its application has been woken.
///
/// Acknowledgements wait, so that the application's answer carries them.
#[derive(Debug)]
pub struct Serve(Arc<dyn Borrower>);

impl Lender {
    /// Accepts an offer, if there is one. The event loop of the calling thread has to watch the
    /// socket.
    pub fn accept(&self) -> Option<Accepted> {
        if !self.has_offer.swap(false, Ordering::Relaxed) {
            return None;
        }
        let mut loan = self.loan.lock();
        let Loan { node, socket, number, serving } = loan.as_mut()?;
        let node = node.upgrade()?;
        let copy = node.lend(*socket)?;
        *serving = Some(Serving::new(node.sent_by(*socket)));
        self.current.store(*number, Ordering::Relaxed);
        Some(Accepted { socket: copy, number: *number })
    }

    /// Whether the loan has ended, or its socket is closed.
    pub fn is_over(&self, number: u64) -> bool {
        self.current.load(Ordering::Relaxed) != number
            || self.borrower(number).is_none_or(|(node, socket)| !node.is_lent(socket))
    }

    /// Receives a bounded number of datagrams, and wakes the application on this thread if there
    /// are events for it. `None` if the loan is over. No lock is held once this returns.
    pub fn receive(&self, number: u64) -> Option<Serve> {
        let (node, socket) = self.borrower(number)?;
        let datagrams = {
            let mut batch = self.batch.lock();
            node.receive(socket, batch.get_or_insert_with(Batch::for_loans))
        };
        let sent = node.sent_by(socket);
        let is_over = self.loan.lock().as_mut().is_some_and(|loan| {
            let serving = loan.serving.as_mut().filter(|_| loan.number == number);
            serving.is_some_and(|serving| serving.handle_call(datagrams, sent))
        });
        if is_over {
            node.give_back();
        }
        Some(Serve(node))
    }

    /// Ends a loan that the event loop cannot watch.
    pub fn give_back(&self, number: u64) {
        if let Some((node, _)) = self.borrower(number) {
            node.give_back();
        }
    }

    fn borrower(&self, number: u64) -> Option<(Arc<dyn Borrower>, SocketId)> {
        let loan = self.loan.lock();
        let loan = loan.as_ref().filter(|loan| loan.number == number)?;
        Some((loan.node.upgrade()?, loan.socket))
    }

    /// Offers a socket to the application, unless there is a loan. True if it is offered.
    pub(super) fn offer(&self, node: Weak<dyn Borrower>, socket: SocketId, number: u64) -> bool {
        let mut loan = self.loan.lock();
        if loan.as_ref().is_some_and(|loan| loan.node.strong_count() > 0) {
            return false;
        }
        *loan = Some(Loan { node, socket, number, serving: None });
        self.has_offer.store(true, Ordering::Relaxed);
        true
    }

    /// Ends the loan of a node, or its offer, with `take_back`. If that fails, the loan goes on.
    /// True if the node has lent nothing any more.
    pub(super) fn end(
        &self,
        node: &Weak<dyn Borrower>,
        take_back: impl FnOnce(SocketId) -> bool,
    ) -> bool {
        let mut loan = self.loan.lock();
        let Some(current) = loan.as_ref().filter(|loan| loan.node.ptr_eq(node)) else {
            return true;
        };
        if !take_back(current.socket) {
            return false;
        }
        self.has_offer.store(false, Ordering::Relaxed);
        self.current.store(0, Ordering::Relaxed);
        *loan = None;
        true
    }

    /// The socket of a node that is lent or offered, and whether it is lent.
    pub(super) fn lent_by(&self, node: &Weak<dyn Borrower>) -> Option<(SocketId, bool)> {
        let loan = self.loan.lock();
        let loan = loan.as_ref().filter(|loan| loan.node.ptr_eq(node))?;
        Some((loan.socket, loan.serving.is_some()))
    }
}

impl Serve {
    /// The application has handled its events: sends what is left to send.
    pub fn finish(self) {
        self.0.finish();
    }
}
