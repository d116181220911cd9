//! Events on their way to the application.

use proto::Event;

/// Events that wait to be drained, and whether the application knows.
#[derive(Debug, Default)]
pub(super) struct Queue {
    events: Vec<Event>,
    /// A wake-up was made and nothing was drained since.
    woken: bool,
    /// How many of `events` are unordered messages.
    messages: usize,
}

impl Queue {
    /// Takes events over; says how often the application has to be called for them, if at all.
    pub(super) fn add(&mut self, events: &mut Vec<Event>) -> Option<usize> {
        if events.is_empty() {
            return None;
        }
        let control = events.iter().filter(|event| !event.is_data()).count();
        for event in events.drain(..) {
            if matches!(event, Event::Message { .. }) {
                if self.messages == MAX_MESSAGES {
                    continue;
                }
                self.messages += 1;
            }
            self.events.push(event);
        }
        if self.woken && control == 0 {
            return None;
        }
        self.woken = true;
        Some(control.max(1))
    }

    pub(super) fn drain(&mut self, into: &mut Vec<Event>) {
        self.woken = false;
        self.messages = 0;
        into.append(&mut self.events);
    }
}

/// Unordered messages have no window that a slow reader could close. They may be lost on the way
/// and so they may be lost here, as in a socket's buffer: this many of 1200 bytes are 5 MB.
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
        queue.add(&mut flood);
        queue.add(&mut vec![message(), data()]);
        assert_eq!(drained(&mut queue), MAX_MESSAGES + 1);

        queue.add(&mut vec![message()]);
        assert_eq!(drained(&mut queue), 1);
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
