//! How much a node keeps.

use super::Stored;

/// Entries of everything in a node that outlives what it was made for: tables, caches, queues. Each
/// has a bound that nothing from the network can exceed, and that its field names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Nodes of the routing table: 20 for each row.
    pub table: usize,
    /// Rows of the routing table, at most 256.
    pub table_rows: usize,
    /// Nodes of the fullest row, at most 20.
    pub table_row: usize,
    /// Votes on our own address, at most 34.
    pub nat_counters: usize,
    /// Nodes without an id that voted: as many as there are bootstrap nodes.
    pub strangers: usize,
    /// The indexes of requests in flight: as many as there are requests, which callers bound.
    pub request_index: usize,
    /// Requests that wait for a place in the window; may name some that have ended.
    pub waiting: usize,
    /// Nodes that are being pinged because a hint, a full row or the clock says so: at most 10
    /// hints, 3 rows, and 5 for each round of pings.
    pub checks: usize,
    /// Pings that are answered later, at most 1024.
    pub delayed_pings: usize,
    /// What is kept for others: two generations of `Config::max_size` of each kind.
    pub stored: Stored,
    /// Relays of servers that we connected to: two generations of 512.
    pub relay_cache: usize,
    /// Handshakes that are in flight, or repeat their reply for a while.
    pub slots: usize,
    /// Sources of handshakes, at most 4096, and sources of clients that hold sockets of the pool:
    /// no more than it has.
    pub sources: usize,
    /// Streams that have a name, and connections that may have something to send.
    pub stream_index: usize,
    /// Bytes kept for what peers have not acknowledged: at most 24 MiB for a connection, and for
    /// all of them 128 MiB and 128 KiB each.
    pub sending: usize,
    /// Deadlines: one for each of the node's own kinds, and one or two for each object.
    pub timers: usize,
    /// What the driver has not taken. Zero once it has.
    pub outbox: usize,
    /// What a machine has not told another. Zero between two inputs.
    pub reports: usize,
}
