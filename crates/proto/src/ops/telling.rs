//! Which replies of a query the application is told.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use crate::net::Reply;
use crate::wire::error_code;
use crate::{Closest, QueryKind, QueryReply};

/// What the application has been told of one query.
#[derive(Debug)]
pub(super) struct Telling {
    /// Replies without a value are not told.
    only_values: bool,
    /// The places of the replies that were told, by who sent them and in which transaction.
    places: BTreeMap<(SocketAddrV4, u16), u32>,
}

impl Telling {
    pub(super) fn new(kind: &QueryKind, only_values: bool) -> Self {
        Self { only_values: only_values || asks_for_records(kind), places: BTreeMap::new() }
    }

    /// The reply as it is told; `None` if it is an error, or has no value where one is wanted.
    pub(super) fn tell(&mut self, reply: &Reply) -> Option<QueryReply> {
        let is_silent = self.only_values && reply.value.is_none();
        if reply.error != error_code::NONE || is_silent {
            return None;
        }
        self.places.insert((reply.from, reply.tid), self.places.len() as u32);
        Some(plain(reply.clone()))
    }

    /// The reply as a part of the result.
    pub(super) fn closest(&self, reply: Reply) -> Closest {
        let told = self.places.get(&(reply.from, reply.tid)).copied();
        Closest { told, reply: plain(reply) }
    }
}

/// Nodes without a record answer without a value.
fn asks_for_records(kind: &QueryKind) -> bool {
    match kind {
        QueryKind::FindNode | QueryKind::User { .. } => false,
        QueryKind::FindPeer
        | QueryKind::Lookup
        | QueryKind::Announce { .. }
        | QueryKind::Unannounce { .. } => true,
    }
}

/// A reply for the application.
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
