//! What sits on a stream and shows it to an owner: a connection, or a raw stream.

use std::collections::BTreeMap;

use crate::streams::{Path, StreamMut, Streams};
use crate::{ConnId, Cx, StreamId};

/// One connection or raw stream.
pub(crate) trait Endpoint {
    /// The stream below.
    fn stream(&self) -> StreamId;

    /// Whether the stream is gone, and the owner has been told.
    fn is_closed(&self) -> bool;

    /// Passes the stream's events on.
    fn pass_events(&mut self, cx: &mut Cx<'_>, stream: &mut StreamMut<'_>);

    /// The stream has sent something; `unsent` bytes of what was written have not left yet.
    fn handle_sent(&mut self, cx: &mut Cx<'_>, unsent: usize);

    /// To be called after any change: passes the stream's events on and lets it send, or releases
    /// it.
    fn settle(&mut self, cx: &mut Cx<'_>, mut stream: StreamMut<'_>) {
        self.pass_events(cx, &mut stream);
        if self.is_closed() {
            stream.release(cx);
        } else {
            stream.settle(cx);
        }
    }
}

/// Endpoints by their numbers.
#[derive(Debug)]
pub(crate) struct Endpoints<E> {
    // Boxed: the nodes of a tree whose keys only grow stay half empty.
    by_id: BTreeMap<ConnId, Box<E>>,
}

impl<E> Default for Endpoints<E> {
    fn default() -> Self {
        Self { by_id: BTreeMap::new() }
    }
}

impl<E: Endpoint> Endpoints<E> {
    pub(crate) fn insert(&mut self, conn: ConnId, endpoint: E) {
        self.by_id.insert(conn, Box::new(endpoint));
    }

    pub(crate) fn remove(&mut self, conn: ConnId) -> Option<E> {
        self.by_id.remove(&conn).map(|endpoint| *endpoint)
    }

    pub(crate) fn get(&self, conn: ConnId) -> Option<&E> {
        self.by_id.get(&conn).map(|endpoint| &**endpoint)
    }

    pub(crate) fn get_mut(&mut self, conn: ConnId) -> Option<&mut E> {
        self.by_id.get_mut(&conn).map(|endpoint| &mut **endpoint)
    }

    pub(crate) fn contains(&self, conn: ConnId) -> bool {
        self.by_id.contains_key(&conn)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &E> {
        self.by_id.values().map(|endpoint| &**endpoint)
    }

    pub(crate) fn ids(&self) -> Vec<ConnId> {
        self.by_id.keys().copied().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Changes an endpoint whose stream has a path: see [`Self::change`].
    pub(crate) fn update(
        &mut self,
        cx: &mut Cx<'_>,
        streams: &mut Streams,
        conn: ConnId,
        change: impl FnOnce(&mut E, &mut Cx<'_>, &mut StreamMut<'_>),
    ) -> Option<E> {
        let stream = streams.get(self.stream_of(conn)?)?;
        self.change(cx, conn, stream, change)
    }

    /// Changes an endpoint, and settles it. Returns it if it has closed: then it is no longer in the
    /// table.
    pub(crate) fn change(
        &mut self,
        cx: &mut Cx<'_>,
        conn: ConnId,
        mut stream: StreamMut<'_>,
        change: impl FnOnce(&mut E, &mut Cx<'_>, &mut StreamMut<'_>),
    ) -> Option<E> {
        let endpoint = self.by_id.get_mut(&conn)?;
        change(endpoint, cx, &mut stream);
        endpoint.settle(cx, stream);
        if endpoint.is_closed() { self.remove(conn) } else { None }
    }

    /// The stream of an endpoint has sent something; `unsent` bytes have not left yet.
    pub(crate) fn handle_sent(&mut self, cx: &mut Cx<'_>, conn: ConnId, unsent: usize) {
        if let Some(endpoint) = self.by_id.get_mut(&conn) {
            endpoint.handle_sent(cx, unsent);
        }
    }

    /// The stream below an endpoint.
    pub(crate) fn stream_of(&self, conn: ConnId) -> Option<StreamId> {
        self.get(conn).map(Endpoint::stream)
    }

    /// Where the packets of an endpoint go, and whether that path is validated. `None` unless it has
    /// a path.
    pub(crate) fn path(&self, streams: &Streams, conn: ConnId) -> Option<(Path, bool)> {
        streams.path(self.stream_of(conn)?)
    }

    /// What the stream of an endpoint measures. `None` unless it has a path.
    pub(crate) fn stats(&self, streams: &Streams, conn: ConnId) -> Option<udx::StreamStats> {
        streams.stats(self.stream_of(conn)?)
    }
}
