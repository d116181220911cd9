//! What the layers above, and the application, may know of the node.

use std::net::SocketAddrV4;

use super::Net;
use crate::net::Owner;
use crate::net::exchange::Purpose;
use crate::net::table::Contact;
use crate::wire::NodeId;
use crate::{HealthReport, HealthTick, InflightRequest, TableNode};

impl Net {
    /// The addresses of at most `limit` nodes of the table, the most recently heard first.
    pub(crate) fn recent_nodes(&self, limit: usize) -> Vec<SocketAddrV4> {
        self.contacts.recent(limit)
    }

    /// At most `limit` nodes of the table, the most recently heard first.
    pub(crate) fn table_nodes(&self, limit: usize) -> Vec<TableNode> {
        self.contacts.table.latest().take(limit).map(Contact::view).collect()
    }

    /// The id around which the table is built. It is our public id only while we are persistent.
    pub(crate) fn table_id(&self) -> NodeId {
        self.contacts.table.id()
    }

    /// The health of the network.
    pub(crate) fn health(&self) -> HealthReport {
        self.health.report()
    }

    /// The latest ticks of the health, the oldest first.
    pub(crate) fn health_ticks(&self) -> Vec<HealthTick> {
        self.health.ticks()
    }

    /// The requests in flight or waiting, the oldest first.
    pub(crate) fn inflight(&self) -> Vec<InflightRequest> {
        let all = self.exchange.requests.iter();
        all.map(|(purpose, request)| match self.owner_of(purpose) {
            Some(Owner::UserQuery(query)) => InflightRequest { query: Some(query), ..request },
            Some(Owner::UserRequest(id)) => InflightRequest { request: Some(id), ..request },
            Some(Owner::Connect(..) | Owner::Announce(..) | Owner::Punch(..) | Owner::Path(_))
            | None => request,
        })
        .collect()
    }

    /// The layer above that a request is for.
    fn owner_of(&self, purpose: &Purpose) -> Option<Owner> {
        match purpose {
            Purpose::Owner(owner) => Some(*owner),
            Purpose::Query(key) | Purpose::Commit(key) => self.queries.owner(*key),
            Purpose::Check { .. }
            | Purpose::Swap { .. }
            | Purpose::QuickTest
            | Purpose::Probe
            | Purpose::Suggested(_)
            | Purpose::Hint => None,
        }
    }
}
