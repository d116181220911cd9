//! Data that waits for a little more, so that one wake-up tells the application of all.

use proto::Event;

/// The turns of a driver that hold data back. While datagrams wait in a socket, the next turn follows
/// at once, and a wake-up for each message would cost the application more than the message.
#[derive(Debug, Default)]
pub(super) struct Withholding {
    turns: usize,
}

impl Withholding {
    /// Begins a turn. Returns whether it may hold data back. `more` datagrams wait in a socket.
    pub(super) fn begin_turn(&mut self, more: bool) -> bool {
        let holds = more && self.turns < MAX_TURNS;
        self.turns = if holds { self.turns + 1 } else { 0 };
        holds
    }

    /// Whether another turn has to follow, since the last one may have held data back.
    pub(super) fn is_owing(&self) -> bool {
        self.turns > 0
    }
}

/// Whether these events may wait: those of bulk. A small message may be an answer.
pub(super) fn may_wait(events: &[Event]) -> bool {
    let is_large = |event: &Event| matches!(event, Event::Data { data, .. } if data.len() >= LARGE);
    events.len() <= MAX_EVENTS && events.iter().all(is_large)
}

/// A turn takes a tenth of a millisecond.
const MAX_TURNS: usize = 4;

/// In bytes. Programs that write much do so in chunks of 16 to 64 KiB.
const LARGE: usize = 16 * 1024;

/// As many as a program writes before it waits, if it writes 64 KiB at once.
const MAX_EVENTS: usize = 4;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proto::ConnId;

    use super::*;

    #[test]
    fn data_waits_a_few_turns_and_only_for_more_datagrams() {
        let mut withholding = Withholding::default();
        assert!(!withholding.begin_turn(false) && !withholding.is_owing());
        for _ in 0..3 {
            (0..MAX_TURNS).for_each(|_| assert!(withholding.begin_turn(true)));
            assert!(withholding.is_owing());
            assert!(!withholding.begin_turn(true) && !withholding.is_owing());
        }
        assert!(withholding.begin_turn(true));
        assert!(!withholding.begin_turn(false) && !withholding.is_owing());
    }

    #[test]
    fn a_few_large_messages_wait_and_nothing_else_does() {
        let data_of = |len| Event::Data { conn: ConnId(1), data: Bytes::from(vec![0; len]) };
        let data = || data_of(LARGE);
        assert!(may_wait(&[data(), data(), data(), data()]));
        assert!(!may_wait(&[data(), data(), data(), data(), data()]));
        assert!(!may_wait(&[data(), Event::Drained { conn: ConnId(1), bytes: 1 }]));
        assert!(!may_wait(&[data(), data_of(20)]), "an answer");
        assert!(!may_wait(&[Event::Ready]));
    }
}
