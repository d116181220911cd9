//! Short messages of one connection that cross together, so that JavaScript makes memory for them
//! once.

use bytes::Bytes;
use hyperdht::{ConnId, Event};

use crate::events::LARGE;

/// Several messages at the front of a queue.
///
/// They are written as [`RUN`], the connection (`u32`), the number of messages (`u8`), the number of
/// bytes (`u16`), the bytes, and the length of each message (`u16`). Each message begins at a
/// multiple of [`ALIGNMENT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    conn: ConnId,
    count: usize,
    /// Of the messages with what is between them.
    bytes: usize,
}

impl Run {
    /// The messages at the end of `pending`, which is in reverse order, as far as `room` suffices.
    /// `None` if it is one message, or none.
    pub fn last(pending: &[Event], room: usize) -> Option<Self> {
        let mut messages = pending.iter().rev().map_while(short);
        let (conn, first) = messages.next()?;
        let mut run = Self { conn, count: 1, bytes: first.len() };
        for (of, message) in messages.take(MOST - 1) {
            let bytes = aligned(run.bytes) + message.len();
            let longer = Self { conn, count: run.count + 1, bytes };
            if of != conn || bytes > SHARED || longer.len() > room {
                break;
            }
            run = longer;
        }
        (run.count > 1).then_some(run)
    }

    /// Moves the messages from the end of `pending` to the front of `room`. Returns the number of
    /// bytes written.
    pub fn write(self, pending: &mut Vec<Event>, room: &mut [u8]) -> usize {
        let (head, room) = room.split_at_mut(HEAD);
        let (bytes, lengths) = room.split_at_mut(self.bytes);
        head[0] = RUN;
        head[1..5].copy_from_slice(&self.conn.0.to_le_bytes());
        head[5] = self.count as u8;
        head[6..].copy_from_slice(&(self.bytes as u16).to_le_bytes());

        let mut end = 0;
        let messages = pending.drain(pending.len() - self.count..).rev();
        for (event, length) in messages.zip(lengths.chunks_exact_mut(LENGTH)) {
            let Some((_, message)) = short(&event) else { continue };
            let start = aligned(end);
            bytes[end..start].fill(0);
            end = start + message.len();
            bytes[start..end].copy_from_slice(message);
            length.copy_from_slice(&(message.len() as u16).to_le_bytes());
        }
        self.len()
    }

    fn len(self) -> usize {
        HEAD + self.bytes + LENGTH * self.count
    }
}

fn short(event: &Event) -> Option<(ConnId, &Bytes)> {
    let Event::Data { conn, data } = event else { return None };
    (data.len() < LARGE).then_some((*conn, data))
}

fn aligned(len: usize) -> usize {
    len.next_multiple_of(ALIGNMENT)
}

/// The number of a run. No event has it.
pub(crate) const RUN: u8 = 4;

/// Where messages begin, so that a program may look at them as numbers of any size.
pub(crate) const ALIGNMENT: usize = 8;

/// The most bytes. A program that keeps one message keeps all of its run, and one that sends a
/// message to another thread may copy them.
const SHARED: usize = 16 * 1024;

/// The most messages: JavaScript handles so many until the readers have their turn.
const MOST: usize = 64;

/// The bytes before the messages.
const HEAD: usize = 8;

/// The bytes of a length.
const LENGTH: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_one_connection_are_written_together() {
        let mut pending = queue(&[(1, 3), (1, 0), (1, 9), (2, 4)]);
        let mut room = [0xaa; 100];

        let run = Run::last(&pending, 100).unwrap();
        let written = run.write(&mut pending, &mut room);

        let mut expected = vec![RUN, 1, 0, 0, 0, 3, 17, 0];
        expected.extend([3, 3, 3, 0, 0, 0, 0, 0]);
        expected.extend([9; 9]);
        expected.extend([3, 0, 0, 0, 9, 0]);
        assert_eq!(room[..written], expected);
        assert_eq!(room[written..], vec![0xaa; 100 - written]);
        assert!(matches!(&pending[..], [Event::Data { conn: ConnId(2), .. }]));
    }

    #[test]
    fn a_run_has_bounds() {
        assert_eq!(count(&[]), 0);
        assert_eq!(count(&[(1, 5)]), 0);
        assert_eq!(count(&[(1, 5), (2, 5), (1, 5)]), 0);
        assert_eq!(count(&[(1, LARGE), (1, 5)]), 0);
        assert_eq!(count(&[(1, 5), (1, 5), (1, LARGE)]), 2);
        assert_eq!(count(&[(1, 0); 100]), MOST);
        assert_eq!(count(&[(1, 1024); 100]), 16);
        assert_eq!(count(&[(1, LARGE - 1); 100]), 4);
    }

    #[test]
    fn a_control_event_ends_a_run() {
        let mut pending = queue(&[(1, 5), (1, 5), (1, 5)]);
        pending[0] = Event::Listening;
        assert_eq!(Run::last(&pending, 100).map(|run| run.count), Some(2));
    }

    #[test]
    fn a_run_is_no_longer_than_its_room() {
        let pending = queue(&[(1, 8); 10]);
        for room in 0..200 {
            let run = Run::last(&pending, room);
            let most = (room.saturating_sub(HEAD) / 10).min(10);
            assert_eq!(run.map_or(0, |run| run.count), if most < 2 { 0 } else { most });
            assert!(run.is_none_or(|run| run.len() <= room));
        }
    }

    fn count(messages: &[(u32, usize)]) -> usize {
        Run::last(&queue(messages), usize::MAX).map_or(0, |run| run.count)
    }

    /// Messages, the first one at the end. The bytes of each are as many as each of them is.
    fn queue(messages: &[(u32, usize)]) -> Vec<Event> {
        let event = |&(conn, len): &(u32, usize)| Event::Data {
            conn: ConnId(conn),
            data: vec![len as u8; len].into(),
        };
        messages.iter().rev().map(event).collect()
    }
}
