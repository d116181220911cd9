//! What the application is shown of a reply.

use crate::net::Reply;
use crate::wire::{LookupReply, Peer};
use crate::{PeerRecord, QueryKind, QueryReply};

/// What the value of a reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// The application's business.
    Opaque,
    /// A record, or nothing.
    Peer,
    /// Records, or nothing.
    Peers,
}

impl Shape {
    /// The reply for the application; `None` if it lacks the records that were asked for.
    pub(super) fn show(self, reply: Reply) -> Option<QueryReply> {
        let shown = self.describe(reply);
        (self == Self::Opaque || shown.record.is_some()).then_some(shown)
    }

    /// The reply, with its records if there are any.
    pub(super) fn describe(self, reply: Reply) -> QueryReply {
        let record = reply.value.as_deref().and_then(|value| self.decode(value));
        QueryReply { record, ..plain(reply) }
    }

    fn decode(self, value: &[u8]) -> Option<PeerRecord> {
        match self {
            Self::Opaque => None,
            Self::Peer => Peer::decode(value).ok().map(PeerRecord::Peer),
            Self::Peers => {
                let LookupReply { peers, bump } = LookupReply::decode(value).ok()?;
                Some(PeerRecord::Peers { peers, bump })
            }
        }
    }
}

/// What the replies to a query carry.
pub(super) fn shape(kind: &QueryKind) -> Shape {
    match kind {
        QueryKind::FindNode | QueryKind::User { .. } => Shape::Opaque,
        QueryKind::FindPeer => Shape::Peer,
        QueryKind::Lookup | QueryKind::Announce { .. } | QueryKind::Unannounce { .. } => {
            Shape::Peers
        }
    }
}

/// A reply whose value is the application's business.
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
        record: None,
    }
}
