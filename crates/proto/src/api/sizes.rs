//! Sizes of a node's tables, caches and queues.

use super::Stored;

/// The number of entries in each table, cache and queue of a node whose entries can outlive their
/// users. Each field names its bound, which nothing from the network can exceed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Nodes of the routing table: at most 20 for each row.
    pub table: usize,
    /// Rows of the routing table, at most 256.
    pub table_rows: usize,
    /// Nodes of the fullest row, at most 20.
    pub table_row: usize,
    /// Votes on our own address, at most 34.
    pub nat_counters: usize,
    /// Nodes without an id that voted on our address: at most one for each bootstrap node, or one
    /// for a node without bootstrap nodes.
    pub strangers: usize,
    /// Entries of the indexes of requests in flight: as many as there are requests, which the
    /// callers bound.
    pub request_index: usize,
    /// Requests that wait for a place in the congestion window; may include some that have ended.
    pub waiting: usize,
    /// Nodes that are being pinged because a hint, a full row or the clock says so: at most 10
    /// hints, 3 rows, and 5 for each round of pings.
    pub checks: usize,
    /// DELAYED_PINGs that are not yet answered, at most 1024.
    pub delayed_pings: usize,
    /// Records and values stored for other nodes: two generations of `Config::max_size` of each
    /// kind.
    pub stored: Stored,
    /// Relays of servers that we connected to: two generations of 512.
    pub relay_cache: usize,
    /// Paths to peers that further connections may use, at most 512.
    pub routes: usize,
    /// Handshakes of servers that are in flight, or that have ended and still repeat their reply.
    pub slots: usize,
    /// Sources of handshakes, at most 4096, and sources of clients that hold pool sockets, at most
    /// as many as there are pool sockets.
    pub sources: usize,
    /// Streams that have a name, and connections that may have something to send.
    pub stream_index: usize,
    /// Bytes that peers have not acknowledged: at most 24 MiB for a connection, and for all of them
    /// together 128 MiB plus 128 KiB each.
    pub sending: usize,
    /// Deadlines: one for each of the node's own kinds, and one or two for each object.
    pub timers: usize,
    /// Outputs that the driver has not taken. Zero once it has taken all.
    pub outbox: usize,
    /// Connections that are paired or wait to be, and the blind relays that we are connected to: at
    /// most two for each connection.
    pub pairings: usize,
    /// Reports between machines that are not yet delivered. Zero between two inputs.
    pub reports: usize,
}
