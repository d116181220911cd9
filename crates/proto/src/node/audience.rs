//! What the application wants to see of other nodes, and how much of it is on its way to it.

use std::collections::VecDeque;
use std::net::SocketAddrV4;

use bytes::Bytes;

use crate::wire::command;
use crate::{Cx, Event, Incoming, Interests, SocketId};

/// Passes on what the application has asked for, as far as it keeps up.
#[derive(Debug, Default)]
pub(super) struct Audience {
    interests: Interests,
    /// Sizes of what was told and not yet taken, in order.
    untaken: VecDeque<usize>,
    untaken_bytes: usize,
}

impl Audience {
    /// From here on the application wants to see this, and nothing else.
    pub(super) fn subscribe(&mut self, interests: Interests) {
        self.interests = interests;
    }

    /// Tells the application of a request, or gives it back if it does not ask for such.
    pub(super) fn take_request(
        &mut self,
        cx: &mut Cx<'_>,
        incoming: Incoming,
        is_persistent: bool,
    ) -> Option<Incoming> {
        let Interests { unknown, requests, plugins, .. } = self.interests;
        let wanted = requests
            || (unknown && incoming.command > command::PLUGIN)
            || (plugins && is_persistent && incoming.command == command::PLUGIN);
        if !wanted {
            return Some(incoming);
        }
        let size = incoming.value.as_ref().map_or(0, Bytes::len);
        if self.admit(cx, size) {
            cx.emit(Event::IncomingRequest(Box::new(incoming)));
        }
        None
    }

    /// Tells the application of a datagram; false if it does not ask for such. As in the
    /// reference, those of the two main sockets are none of its business.
    pub(super) fn take_datagram(
        &mut self,
        cx: &mut Cx<'_>,
        socket: SocketId,
        from: SocketAddrV4,
        data: &[u8],
    ) -> bool {
        if !self.interests.datagrams || socket.0 < SocketId::FIRST_POOL {
            return false;
        }
        if self.admit(cx, data.len()) {
            cx.emit(Event::Datagram { socket, from, data: Bytes::copy_from_slice(data) });
        }
        true
    }

    /// The application has taken so many of these events.
    pub(super) fn handle_taken(&mut self, events: usize) {
        for size in self.untaken.drain(..events.min(self.untaken.len())) {
            self.untaken_bytes -= size;
        }
    }

    /// What an application that does not keep up would queue, it would answer too late.
    fn admit(&mut self, cx: &mut Cx<'_>, size: usize) -> bool {
        if self.untaken.len() >= MAX_UNTAKEN || self.untaken_bytes + size > MAX_UNTAKEN_BYTES {
            cx.stats.dropped.request += 1;
            return false;
        }
        self.untaken.push_back(size);
        self.untaken_bytes += size;
        true
    }
}

/// As many as the socket's own buffer holds when a process is busy.
const MAX_UNTAKEN: usize = 1024;

/// 2 MiB: those with the largest values that fit into a datagram without fragments.
const MAX_UNTAKEN_BYTES: usize = 2 * 1024 * 1024;
