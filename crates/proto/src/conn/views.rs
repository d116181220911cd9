//! What can be known of the connections of a node.

use super::Conns;
use crate::streams::{Path, Streams};
use crate::{ConnId, ConnPath, ConnStats, PathInfo, Sizes};

impl Conns {
    /// What the transport of a connection measures, or what it had measured when it closed.
    pub(crate) fn stats(&self, streams: &Streams, conn: ConnId) -> Option<ConnStats> {
        let Some(connection) = self.by_id.get(&conn) else { return self.ended.stats(conn) };
        connection.stats(streams.stats(connection.stream)?)
    }

    /// Where the packets of an open connection go.
    pub(crate) fn path(&self, streams: &Streams, conn: ConnId) -> Option<ConnPath> {
        let connection = self.by_id.get(&conn)?;
        let (Path { socket, remote }, validated) = streams.path(connection.stream)?;
        let relay = connection.origins.current().relay;
        Some(ConnPath { socket, remote, validated, relay })
    }

    /// The path of an open connection, as its owner is told.
    pub(crate) fn path_info(&self, streams: &Streams, conn: ConnId) -> Option<PathInfo> {
        let connection = self.by_id.get(&conn)?;
        let (Path { socket, remote }, _) = streams.path(connection.stream)?;
        Some(PathInfo::new(socket, remote, connection.origins.current()))
    }

    /// The number of connections, including accepted ones that their owners do not know of yet.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Counts what is kept.
    pub(crate) fn measure(&self, sizes: &mut Sizes) {
        let indexes = [self.unheard.len(), self.deliveries.len()];
        sizes.stream_index = indexes.into_iter().fold(sizes.stream_index, usize::max);
        sizes.reports += self.closed.len() + self.broken.len();
    }
}
