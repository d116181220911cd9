//! Events on their way to the application.

use proto::{Event, Stats};

/// Events that wait to be drained, and whether the application knows.
#[derive(Debug, Default)]
pub(super) struct Queue {
    events: Vec<Event>,
    /// The counters as of the latest event.
    stats: Stats,
    /// The counters have changed since the application last took them.
    stats_changed: bool,
    /// A wake-up was made, and nothing has been drained since.
    woken: bool,
    /// How many of `events` are unordered messages.
    messages: usize,
    /// Unordered messages share a call, as data does.
    joins_messages: bool,
}

impl Queue {
    /// Takes all events. Returns how often the application has to be called, `None` if not at all.
    pub(super) fn add(&mut self, events: &mut Vec<Event>) -> Option<usize> {
        let before = self.events.len();
        let mut control = 0;
        for event in events.drain(..) {
            if matches!(event, Event::Message { .. } | Event::RawMessage { .. }) {
                if self.messages == MAX_MESSAGES {
                    continue;
                }
                self.messages += 1;
            }
            let is_joined = self.joins_messages && matches!(event, Event::Message { .. });
            control += usize::from(!event.is_data() && !is_joined);
            self.events.push(event);
        }
        // An event that was dropped needs no call, which would find nothing.
        let is_known = self.woken && control == 0;
        if self.events.len() == before || is_known {
            return None;
        }
        self.woken = true;
        Some(control.max(1))
    }

    /// One call is enough for several unordered messages from here on.
    pub(super) fn join_messages(&mut self) {
        self.joins_messages = true;
    }

    /// Takes the node's latest counters.
    pub(super) fn count(&mut self, stats: Stats) {
        self.stats_changed |= stats != self.stats;
        self.stats = stats;
    }

    /// The counters, if they have changed since they were last taken.
    pub(super) fn take_stats(&mut self) -> Option<Stats> {
        std::mem::take(&mut self.stats_changed).then_some(self.stats)
    }

    pub(super) fn drain(&mut self, into: &mut Vec<Event>) {
        self.woken = false;
        self.messages = 0;
        into.append(&mut self.events);
    }
}

/// Unordered messages have no window that a slow reader could close. They may be lost here as on
/// the way, like datagrams in a full receive buffer. So many of 1200 bytes take 5 MB.
const MAX_MESSAGES: usize = 4096;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proto::ConnId;

    use super::*;

    #[test]
    fn data_wakes_once_until_it_is_drained() {
        let mut queue = Queue::default();

        assert_eq!(queue.add(&mut vec![data()]), Some(1));
        assert_eq!(queue.add(&mut vec![data()]), None);
        assert_eq!(drained(&mut queue), 2);
        assert_eq!(queue.add(&mut vec![data()]), Some(1));
    }

    #[test]
    fn every_control_event_is_told() {
        let mut queue = Queue::default();

        assert_eq!(queue.add(&mut vec![Event::Listening, data(), Event::Ready]), Some(2));
        assert_eq!(queue.add(&mut vec![Event::Ephemeral]), Some(1));
        assert_eq!(queue.add(&mut Vec::new()), None);
        assert_eq!(drained(&mut queue), 4);
    }

    #[test]
    fn messages_that_nobody_reads_are_lost() {
        let mut queue = Queue::default();

        let mut flood: Vec<_> = (0..MAX_MESSAGES + 5).map(|_| message()).collect();
        assert_eq!(queue.add(&mut flood), Some(MAX_MESSAGES));
        assert_eq!(queue.add(&mut vec![message(), message()]), None);
        assert_eq!(queue.add(&mut vec![message(), data(), Event::Ready]), Some(1));
        assert_eq!(drained(&mut queue), MAX_MESSAGES + 2);

        assert_eq!(queue.add(&mut vec![message()]), Some(1));
        assert_eq!(drained(&mut queue), 1);
    }

    #[test]
    fn joined_messages_wake_once_until_they_are_drained() {
        let mut queue = Queue::default();
        queue.join_messages();

        assert_eq!(queue.add(&mut vec![message(), message()]), Some(1));
        assert_eq!(queue.add(&mut vec![message()]), None);
        assert_eq!(queue.add(&mut vec![message(), Event::Ready]), Some(1));
        assert_eq!(drained(&mut queue), 5);
        assert_eq!(queue.add(&mut vec![message()]), Some(1));
    }

    #[test]
    fn counters_are_taken_once_for_each_change() {
        let mut queue = Queue::default();
        let counted = Stats { responses: 3, ..Stats::default() };

        queue.count(Stats::default());
        assert_eq!(queue.take_stats(), None);
        queue.count(counted);
        queue.count(counted);
        assert_eq!(queue.take_stats(), Some(counted));
        queue.count(counted);
        assert_eq!(queue.take_stats(), None);
    }

    fn data() -> Event {
        Event::Data { conn: ConnId(1), data: Bytes::from_static(b"data") }
    }

    fn message() -> Event {
        Event::Message { conn: ConnId(1), data: Bytes::from_static(b"message") }
    }

    fn drained(queue: &mut Queue) -> usize {
        let mut events = Vec::new();
        queue.drain(&mut events);
        events.len()
    }
}
