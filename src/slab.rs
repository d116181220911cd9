//! Writes events into memory that JavaScript owns.

use std::collections::VecDeque;

use border::LARGE;
use bytes::Bytes;
use hyperdht::Event;

/// What a slab was filled with.
pub(crate) struct Filled {
    /// Bytes written; minus the room that the next event needs if the slab is too small for it.
    pub(crate) len: i32,
    /// The last event is a control event.
    pub(crate) control: bool,
    /// That event is one which the core counts until it is taken.
    pub(crate) counted: bool,
    /// There were replies of queries. JavaScript reads them before it takes anything else.
    pub(crate) replies: bool,
}

/// Moves events from the end of `pending` into the slab, up to and including the first control
/// event that is not an unordered message. A control event stays behind if there were replies of
/// queries before it. Large messages go to the end of `large`, with only their heads in the slab.
pub(crate) fn fill(
    slab: &mut [u8],
    pending: &mut Vec<Event>,
    large: &mut VecDeque<Bytes>,
) -> Filled {
    let (mut written, mut head) = (0, Vec::new());
    let (mut control, mut replies) = (false, false);
    while let Some(event) = pending.last() {
        // An event after replies of a query, such as its end, comes once they have been read.
        if is_control(event) && replies {
            break;
        }
        let message;
        (head, message) = border::parts(event, head);
        let body = if message.len() < LARGE { message } else { &[] };
        let len = head.len() + body.len();
        let Some(room) = slab.get_mut(written..written + len) else {
            let len = if written == 0 { -(len as i32) } else { written as i32 };
            return Filled { len, control, counted: false, replies };
        };
        room[..head.len()].copy_from_slice(&head);
        room[head.len()..].copy_from_slice(body);
        written += len;
        control = is_control(event);
        let is_message = is_message(event);
        let counted = matches!(
            event,
            Event::IncomingRequest(_) | Event::Datagram { .. } | Event::CopiedDatagram { .. }
        );
        replies |= matches!(event, Event::QueryReply { .. });
        large.extend(pending.pop().and_then(large_message));
        if control && !is_message {
            return Filled { len: written as i32, control, counted, replies };
        }
    }
    Filled { len: written as i32, control, counted: false, replies }
}

/// Copies bytes. Returns their length, or minus the room that they need.
pub(crate) fn copy(bytes: &[u8], slab: &mut [u8]) -> i32 {
    let Some(room) = slab.get_mut(..bytes.len()) else { return -(bytes.len() as i32) };
    room.copy_from_slice(bytes);
    bytes.len() as i32
}

/// False for data events: streams keep them until they are read, so they may share one wake-up.
/// Every other event has a wake-up of its own.
pub(crate) fn is_control(event: &Event) -> bool {
    !event.is_data()
}

/// An unordered message, which others may follow in a batch.
pub(crate) fn is_message(event: &Event) -> bool {
    matches!(event, Event::Message { .. })
}

fn large_message(event: Event) -> Option<Bytes> {
    let (Event::Data { data, .. } | Event::Message { data, .. }) = event else { return None };
    (data.len() >= LARGE).then_some(data)
}
