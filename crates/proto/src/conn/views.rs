//! What can be known of the connections of a node.

use super::{ConnOwner, Conns};
use crate::streams::{Path, Streams};
use crate::{ConnId, ConnPath, ConnStats, PathInfo, Sizes, StreamId};

impl Conns {
    /// What the transport of a connection measures, or what it had measured when it closed.
    pub(crate) fn stats(&self, streams: &Streams, conn: ConnId) -> Option<ConnStats> {
        let Some(connection) = self.table.get(conn) else { return self.ended.stats(conn) };
        connection.stats(self.table.stats(streams, conn)?)
    }

    /// Where the packets of an open connection go.
    pub(crate) fn path(&self, streams: &Streams, conn: ConnId) -> Option<ConnPath> {
        let (Path { socket, remote }, validated) = self.table.path(streams, conn)?;
        let relay = self.table.get(conn)?.origins.current().relay;
        Some(ConnPath { socket, remote, validated, relay })
    }

    /// The path of an open connection, as its owner is told.
    pub(crate) fn path_info(&self, streams: &Streams, conn: ConnId) -> Option<PathInfo> {
        let (Path { socket, remote }, _) = self.table.path(streams, conn)?;
        Some(PathInfo::new(socket, remote, self.table.get(conn)?.origins.current()))
    }

    /// The stream below a connection of this owner.
    pub(crate) fn stream_of(&self, owner: ConnOwner, conn: ConnId) -> Option<StreamId> {
        self.table.stream_of(conn).filter(|_| self.owns(owner, conn))
    }

    /// The number of connections, including accepted ones that their owners do not know of yet.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Counts what is kept.
    pub(crate) fn measure(&self, sizes: &mut Sizes) {
        let indexes = [self.unheard.len(), self.deliveries.len()];
        sizes.stream_index = indexes.into_iter().fold(sizes.stream_index, usize::max);
        sizes.reports += self.closed.len() + self.broken.len() + self.news.len();
    }
}
