//! Messages that were delivered to the application and that it has not taken.

use std::collections::VecDeque;

/// Messages under way to the application, as they count against the receive window.
#[derive(Debug, Default)]
pub(super) struct Unread {
    /// For each message the bytes that are not taken yet, the oldest first.
    messages: VecDeque<usize>,
    bytes: usize,
}

impl Unread {
    /// One more message.
    pub(super) fn push(&mut self, len: usize) {
        self.messages.push_back(len);
        self.bytes += len;
    }

    /// The application took this many bytes, and with them the empty messages in between.
    pub(super) fn take(&mut self, mut bytes: usize) {
        bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        while let Some(first) = self.messages.front_mut() {
            if *first > bytes {
                *first -= bytes;
                return;
            }
            bytes -= *first;
            self.messages.pop_front();
        }
    }

    /// How much of the window the messages take. A small message costs more than its bytes:
    /// otherwise a peer that sends one byte at a time could make us hold many times the window.
    pub(super) fn cost(&self) -> usize {
        self.bytes + self.messages.len() * MESSAGE_COST
    }
}

/// The memory of a message beside its bytes: an event in a queue and an allocation.
const MESSAGE_COST: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_costs_nothing() {
        let mut unread = Unread::default();
        for len in [0, 5, 0, 7] {
            unread.push(len);
        }
        assert_eq!(unread.cost(), 12 + 4 * MESSAGE_COST);
        unread.take(0);
        assert_eq!(unread.cost(), 12 + 3 * MESSAGE_COST);
        unread.take(6);
        assert_eq!(unread.cost(), 6 + MESSAGE_COST);
        unread.take(100);
        assert_eq!(unread.cost(), 0);
    }
}
