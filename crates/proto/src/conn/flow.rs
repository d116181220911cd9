//! What a stream and its owner owe each other: bytes to send, bytes to read, flushes to report.

use std::collections::VecDeque;

use super::owner::OwnedConn;
use super::unread::Unread;
use crate::{ConnReport, Cx};

/// The account of one open connection or raw stream.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    unread: Unread,
    /// Written bytes that were not yet reported as drained; they may have been sent.
    credit: usize,
    /// Flushes that were asked for: the position that the peer has to acknowledge, and the flush's
    /// id.
    flushes: VecDeque<(u64, u32)>,
}

impl Flow {
    /// The owner has written this many bytes.
    pub(crate) fn handle_written(&mut self, bytes: usize) {
        self.credit += bytes;
    }

    /// The owner has got a message of this length.
    pub(crate) fn handle_delivered(&mut self, len: usize) {
        self.unread.push(len);
    }

    /// The owner has taken this many bytes, and with them the empty messages in between.
    pub(crate) fn handle_consumed(&mut self, bytes: usize) {
        self.unread.take(bytes);
    }

    /// How much of the receive window the messages take that the owner has not taken.
    pub(crate) fn unread(&self) -> usize {
        self.unread.cost()
    }

    /// Asks for a report when the peer has acknowledged everything up to this position.
    pub(crate) fn flush(&mut self, position: u64, flush: u32) {
        self.flushes.push_back((position, flush));
    }

    /// Tells the owner how many bytes have left the queue; `unsent` bytes are still in it. Bytes in
    /// flight do not count against the owner's high-water mark, because a long path has more in
    /// flight than the mark. The stream has its own bound on them, so the sum of both bounds what
    /// we hold. Reports come in portions of `CREDIT`; what is not reported yet is less than the
    /// mark.
    pub(crate) fn pass_credit(&mut self, cx: &mut Cx<'_>, to: OwnedConn, unsent: usize) {
        let drained = self.credit.saturating_sub(unsent);
        if drained < CREDIT {
            return;
        }
        self.credit -= drained;
        to.tell(cx, ConnReport::Drained(drained));
    }

    /// Reports the flushes whose position the peer has acknowledged.
    pub(crate) fn pass_flushed(&mut self, cx: &mut Cx<'_>, to: OwnedConn, acknowledged: u64) {
        while let Some(&(mark, flush)) = self.flushes.front()
            && mark <= acknowledged
        {
            self.flushes.pop_front();
            to.tell(cx, ConnReport::Flushed(flush));
        }
    }
}

/// How many bytes have to drain before the owner is told: a quarter of its high-water mark.
const CREDIT: usize = 64 * 1024;
