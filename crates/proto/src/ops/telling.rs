//! Which replies of a query are reported to the application.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use crate::net::Reply;
use crate::wire::error_code;
use crate::{Closest, QueryKind, QueryOptions, QueryReply};

/// What the application has been told of one query.
#[derive(Debug)]
pub(super) struct Telling {
    /// Replies without a value are not reported.
    only_values: bool,
    /// The result lacks what the closest nodes have answered.
    brief: bool,
    /// The index of each reported reply, by its sender and its transaction id.
    places: BTreeMap<(SocketAddrV4, u16), u32>,
}

impl Telling {
    pub(super) fn new(kind: &QueryKind, options: &QueryOptions) -> Self {
        Self {
            only_values: options.only_values || asks_for_records(kind),
            brief: options.brief,
            places: BTreeMap::new(),
        }
    }

    /// The reply for the application; `None` if it is an error, or lacks a value where one is
    /// required.
    pub(super) fn tell(&mut self, reply: &Reply) -> Option<QueryReply> {
        let is_silent = self.only_values && reply.value.is_none();
        if reply.error != error_code::NONE || is_silent {
            return None;
        }
        self.places.insert((reply.from, reply.tid), self.places.len() as u32);
        Some(plain(reply.clone()))
    }

    /// The reply as a part of the result.
    pub(super) fn closest(&self, mut reply: Reply) -> Closest {
        let told = self.places.get(&(reply.from, reply.tid)).copied();
        if self.brief && told.is_none() {
            reply.token = None;
            reply.value = None;
            reply.closer_nodes.clear();
        }
        Closest { told, reply: plain(reply) }
    }
}

/// For these kinds, a reply without a value means that the node has no record.
fn asks_for_records(kind: &QueryKind) -> bool {
    match kind {
        QueryKind::FindNode | QueryKind::User { .. } => false,
        QueryKind::FindPeer
        | QueryKind::Lookup
        | QueryKind::Announce { .. }
        | QueryKind::Unannounce { .. } => true,
    }
}

/// Converts a reply for the application.
pub(super) fn plain(reply: Reply) -> QueryReply {
    QueryReply {
        tid: reply.tid,
        rtt: reply.rtt,
        from: reply.from,
        from_id: reply.from_id,
        to: reply.to,
        token: reply.token,
        closer_nodes: reply.closer_nodes,
        error: reply.error,
        value: reply.value,
    }
}
