//! The state of a connection, between the events of its node and the calls of its owner.

use std::collections::VecDeque;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{ConnError, ConnectFailure, ConnectReason, ConnectTrace, Opened, StreamError};

/// What has happened to a connection, and the tasks that wait for more.
#[derive(Debug)]
pub(crate) struct Channel {
    state: Mutex<State>,
    /// Wakes the tasks that wait for unordered messages. There may be any number of them.
    unordered: Notify,
}

#[derive(Debug, Default)]
struct State {
    opened: Option<Opened>,
    incoming: VecDeque<Bytes>,
    unordered: VecDeque<Bytes>,
    /// An upper bound of the bytes of frames in the write queue.
    queued: usize,
    ended: bool,
    remote_ended: bool,
    finished: bool,
    flushes: Flushes,
    closed: Option<Result<(), ConnError>>,
    /// Of an attempt to connect that has failed.
    trace: Option<Box<ConnectTrace>>,
    wakers: [Option<Waker>; WAITS],
}

/// Flushes by number: those that were asked for, and those that the peer has acknowledged.
#[derive(Debug, Default)]
struct Flushes {
    asked: u32,
    done: u32,
}

/// What a task can wait for. Each has at most one waiting task, which has the connection to itself.
#[derive(Clone, Copy, Debug)]
enum Wait {
    Open,
    Read,
    Write,
    Flush,
    Finish,
    Close,
}

impl Channel {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), unordered: Notify::new() })
    }

    pub(crate) fn handle_opened(&self, opened: Opened) {
        self.change(&[Wait::Open], |state| state.opened = Some(opened));
    }

    pub(crate) fn handle_data(&self, data: Bytes) {
        self.change(&[Wait::Read], |state| state.incoming.push_back(data));
    }

    pub(crate) fn handle_unordered(&self, data: Bytes) {
        self.change(&[], |state| {
            if state.unordered.len() < MAX_UNORDERED {
                state.unordered.push_back(data);
            }
        });
        self.unordered.notify_waiters();
    }

    pub(crate) fn handle_remote_end(&self) {
        self.change(&[Wait::Read], |state| state.remote_ended = true);
    }

    pub(crate) fn handle_flushed(&self, flush: u32) {
        self.change(&[Wait::Flush], |state| state.flushes.done = flush);
    }

    pub(crate) fn handle_finished(&self) {
        self.change(&[Wait::Finish], |state| state.finished = true);
    }

    /// `bytes` bytes of frames have left the write queue.
    pub(crate) fn handle_drained(&self, bytes: usize) {
        self.change(&[Wait::Write], |state| state.queued = state.queued.saturating_sub(bytes));
    }

    pub(crate) fn handle_closed(&self, error: Option<ConnError>, trace: Option<Box<ConnectTrace>>) {
        self.change(&ALL, |state| {
            state.closed = Some(error.map_or(Ok(()), Err));
            state.trace = trace;
        });
        self.unordered.notify_waiters();
    }

    /// Fails the connection for this reason, because the node has ended without closing it.
    pub(crate) fn handle_node_gone(&self, reason: ConnectReason) {
        let trace = Box::new(ConnectTrace::refused(reason));
        self.handle_closed(Some(ConnError::Connect(reason.error())), Some(trace));
    }

    /// Counts `bytes` bytes of frames that were written.
    pub(crate) fn add_queued(&self, bytes: usize) {
        self.state.lock().queued += bytes;
    }

    /// Starts a flush and returns its number.
    pub(crate) fn start_flush(&self) -> u32 {
        let asked = &mut self.state.lock().flushes.asked;
        *asked += 1;
        *asked
    }

    /// Marks the write side as ended; false if it was already.
    pub(crate) fn start_end(&self) -> bool {
        !std::mem::replace(&mut self.state.lock().ended, true)
    }

    /// True when all data that has arrived was read.
    pub(crate) fn is_drained(&self) -> bool {
        self.state.lock().incoming.is_empty()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().closed.is_some()
    }

    pub(crate) fn poll_opened(&self, cx: &mut Context<'_>) -> Poll<Result<Opened, ConnectFailure>> {
        self.poll(Wait::Open, cx, |state| {
            if let Some(opened) = &state.opened {
                return Some(Ok(opened.clone()));
            }
            state.closed.map(|_| Err(connect_failure(state.trace.take())))
        })
    }

    pub(crate) fn poll_message(&self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        self.poll(Wait::Read, cx, |state| {
            if let Some(message) = state.incoming.pop_front() {
                return Some(Ok(Some(message)));
            }
            match state.closed {
                _ if state.remote_ended => Some(Ok(None)),
                Some(Ok(())) => Some(Ok(None)),
                Some(Err(error)) => Some(Err(io_error(error))),
                None => None,
            }
        })
    }

    /// Discards the data that has arrived and returns its length in bytes; `None` at the end.
    pub(crate) fn poll_discard(&self, cx: &mut Context<'_>) -> Poll<Option<usize>> {
        self.poll(Wait::Read, cx, |state| {
            let bytes = state.incoming.drain(..).map(|message| message.len()).sum();
            match bytes {
                0 if state.remote_ended || state.closed.is_some() => Some(None),
                0 => None,
                bytes => Some(Some(bytes)),
            }
        })
    }

    /// The next unordered message; `None` at the end.
    pub(crate) async fn unordered(&self) -> Option<Bytes> {
        loop {
            // Registers before the check, so that a message in between wakes this task.
            let mut notified = pin!(self.unordered.notified());
            notified.as_mut().enable();
            {
                let mut state = self.state.lock();
                let message = state.unordered.pop_front();
                if message.is_some() || state.closed.is_some() {
                    return message;
                }
            }
            notified.await;
        }
    }

    /// Ready when a message may be written.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(Wait::Write, cx, |state| match state.closed {
            Some(Err(error)) => Some(Err(io_error(error))),
            Some(Ok(())) => Some(Err(io::ErrorKind::BrokenPipe.into())),
            None if state.ended => Some(Err(io::ErrorKind::BrokenPipe.into())),
            None => (state.queued < HIGH_WATER).then_some(Ok(())),
        })
    }

    pub(crate) fn poll_flushed(&self, flush: u32, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(Wait::Flush, cx, |state| match state.closed {
            _ if state.flushes.done >= flush => Some(Ok(())),
            Some(Err(error)) => Some(Err(io_error(error))),
            Some(Ok(())) => Some(Err(io::ErrorKind::BrokenPipe.into())),
            None => None,
        })
    }

    pub(crate) fn poll_finished(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(Wait::Finish, cx, |state| match state.closed {
            _ if state.finished => Some(Ok(())),
            Some(Err(error)) => Some(Err(io_error(error))),
            Some(Ok(())) => Some(Ok(())),
            None => None,
        })
    }

    pub(crate) fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<Result<(), ConnError>> {
        self.poll(Wait::Close, cx, |state| state.closed)
    }

    /// Changes the state, then wakes the tasks that waited for it, without the lock.
    fn change(&self, waits: &[Wait], change: impl FnOnce(&mut State)) {
        let mut woken: [Option<Waker>; WAITS] = Default::default();
        let mut state = self.state.lock();
        change(&mut state);
        for (slot, wait) in woken.iter_mut().zip(waits) {
            *slot = state.wakers[*wait as usize].take();
        }
        drop(state);
        woken.into_iter().flatten().for_each(Waker::wake);
    }

    /// Asks the state. If it has no answer yet, the next change of the state wakes the task.
    fn poll<T>(
        &self,
        wait: Wait,
        cx: &mut Context<'_>,
        ask: impl FnOnce(&mut State) -> Option<T>,
    ) -> Poll<T> {
        let mut state = self.state.lock();
        match ask(&mut state) {
            Some(answer) => Poll::Ready(answer),
            None => {
                state.wakers[wait as usize] = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Every failure of an attempt has a trace.
fn connect_failure(trace: Option<Box<ConnectTrace>>) -> ConnectFailure {
    trace.map_or_else(|| ConnectFailure::refused(ConnectReason::NotReached), ConnectFailure::from)
}

fn io_error(error: ConnError) -> io::Error {
    let kind = match error {
        ConnError::Stream(StreamError::Reset) => io::ErrorKind::ConnectionReset,
        ConnError::Stream(StreamError::TimedOut) => io::ErrorKind::TimedOut,
        ConnError::Stream(_) => io::ErrorKind::InvalidData,
        ConnError::Connect(_) | _ => io::ErrorKind::NotConnected,
    };
    io::Error::new(kind, error)
}

const ALL: [Wait; WAITS] =
    [Wait::Open, Wait::Read, Wait::Write, Wait::Flush, Wait::Finish, Wait::Close];

const WAITS: usize = 6;

/// A writer waits while more bytes are queued. This is enough for two sends with segmentation, and
/// for the credit that the node returns in portions of 64 KiB.
const HIGH_WATER: usize = 256 * 1024;

/// The most unread unordered messages; further ones are lost, as in a socket's receive buffer.
const MAX_UNORDERED: usize = 1024;

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::Wake;

    use super::*;

    #[test]
    fn what_has_arrived_is_read_before_the_end() {
        let channel = Channel::new();

        assert!(ask(|cx| channel.poll_message(cx)).is_none());
        channel.handle_data(Bytes::from_static(b"one"));
        channel.handle_remote_end();
        channel.handle_closed(Some(ConnError::Stream(StreamError::Reset)), None);

        let first = ask(|cx| channel.poll_message(cx)).unwrap().unwrap();
        assert_eq!(first.as_deref(), Some(&b"one"[..]));
        assert_eq!(ask(|cx| channel.poll_message(cx)).unwrap().unwrap(), None);
    }

    #[test]
    fn a_break_is_an_error_of_the_reader_and_the_writer() {
        let channel = Channel::new();

        channel.handle_closed(Some(ConnError::Stream(StreamError::TimedOut)), None);

        let read = ask(|cx| channel.poll_message(cx)).unwrap().unwrap_err();
        assert_eq!(read.kind(), io::ErrorKind::TimedOut);
        assert!(ask(|cx| channel.poll_room(cx)).unwrap().is_err());
        assert!(ask(|cx| channel.poll_closed(cx)).unwrap().is_err());
    }

    #[test]
    fn a_writer_waits_for_room() {
        let channel = Channel::new();

        channel.add_queued(HIGH_WATER);
        assert!(ask(|cx| channel.poll_room(cx)).is_none());

        channel.handle_drained(1);
        assert!(ask(|cx| channel.poll_room(cx)).unwrap().is_ok());

        assert!(channel.start_end());
        assert!(!channel.start_end());
        let error = ask(|cx| channel.poll_room(cx)).unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_flush_ends_with_its_own_acknowledgement_or_with_the_connection() {
        let channel = Channel::new();
        let (first, second) = (channel.start_flush(), channel.start_flush());

        channel.handle_flushed(first);
        assert!(ask(|cx| channel.poll_flushed(first, cx)).unwrap().is_ok());
        assert!(ask(|cx| channel.poll_flushed(second, cx)).is_none());

        channel.handle_closed(None, None);
        assert!(ask(|cx| channel.poll_flushed(first, cx)).unwrap().is_ok());
        let error = ask(|cx| channel.poll_flushed(second, cx)).unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_node_that_goes_fails_who_connects() {
        let channel = Channel::new();

        channel.handle_node_gone(ConnectReason::NodeDestroyed);

        let failed = ask(|cx| channel.poll_opened(cx)).unwrap();
        assert_eq!(failed.unwrap_err(), ConnectFailure::refused(ConnectReason::NodeDestroyed));
    }

    #[test]
    fn every_task_that_waits_for_an_unordered_message_is_woken() {
        let channel = Channel::new();
        let (mut first, mut second) = (pin!(channel.unordered()), pin!(channel.unordered()));
        let (one, two) = (Arc::new(Woken::default()), Arc::new(Woken::default()));
        let poll = |task: Pin<&mut dyn Future<Output = _>>, woken: &Arc<Woken>| {
            task.poll(&mut Context::from_waker(&Arc::clone(woken).into()))
        };
        assert!(poll(first.as_mut(), &one).is_pending());
        assert!(poll(second.as_mut(), &two).is_pending());

        channel.handle_unordered(Bytes::from_static(b"message"));

        assert!(one.is_woken() && two.is_woken());
        assert!(poll(first.as_mut(), &one).is_ready());
        assert!(poll(second.as_mut(), &two).is_pending());

        channel.handle_closed(None, None);
        assert!(two.is_woken());
        assert_eq!(poll(second.as_mut(), &two), Poll::Ready(None));
    }

    /// Whether a task was woken since the last check.
    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Woken {
        fn is_woken(&self) -> bool {
            self.0.swap(false, Ordering::Relaxed)
        }
    }

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    fn ask<T>(poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Option<T> {
        match poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }
}
