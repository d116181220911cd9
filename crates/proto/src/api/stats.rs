//! Counters of a node.

/// Counters of a node. They only grow, except those named active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests without an answer so far.
    pub requests_active: u64,
    /// Requests.
    pub requests_total: u64,
    /// Responses that belong to a request.
    pub responses: u64,
    /// Requests that failed because no try was answered.
    pub timeouts: u64,
    /// Repeated requests.
    pub retries: u64,
    /// Queries that have not ended.
    pub queries_active: u64,
    /// Queries.
    pub queries_total: u64,
    /// Punches with a NAT that maps consistently on both sides.
    pub punches_consistent: u64,
    /// Punches with a NAT that takes random ports on one side.
    pub punches_random: u64,
    /// Connections to a peer without a NAT.
    pub punches_open: u64,
    /// Random punches that our servers postponed, because another one was running or had just
    /// ended.
    pub punches_try_later: u64,
    /// Clients with a blind relay whose random punch was postponed at least once.
    pub punches_try_later_relayed: u64,
    /// Clients of our servers for which a pairing at a blind relay was begun.
    pub relaying_attempts: u64,
    /// How many of them were paired.
    pub relaying_successes: u64,
    /// How many of them were not: no pairing in time, or a direct path was found before.
    pub relaying_aborts: u64,
    /// Requests sent and responses received, `[tx, rx]`, of PING, PING_NAT, FIND_NODE and
    /// DOWN_HINT.
    pub commands: [[u64; 2]; 4],
    /// Sockets for punching that were bound.
    pub pool_sockets_added: u64,
    /// Sockets for punching that were closed.
    pub pool_sockets_removed: u64,
    /// Dropped messages.
    pub dropped: Dropped,
}

/// Dropped messages, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Datagrams of no known kind, or undecodable.
    pub malformed: u64,
    /// Responses to no request of ours, or from the wrong address.
    pub unexpected: u64,
    /// Handshakes that did not decrypt.
    pub handshake: u64,
    /// Handshakes and DELAYED_PINGs that a limit or the source's budget refused.
    pub admission: u64,
    /// Punch payloads that did not decrypt.
    pub punch: u64,
    /// Unordered messages that did not decrypt.
    pub message: u64,
    /// Invalid frames, each of which ended its stream.
    pub frame: u64,
    /// UDX packets outside the window, or malformed.
    pub udx: u64,
    /// Announcements and values with a wrong signature or target, and entries that a full store
    /// evicted.
    pub store: u64,
    /// Requests and datagrams for which the application was too slow, and PLUGIN requests that no
    /// plugin handles.
    pub request: u64,
    /// Messages of a blind relay or its clients that are malformed, and requests for a pairing
    /// beyond a limit.
    pub relay: u64,
}

/// The number of entries that a persistent node stores for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Servers that announced themselves here.
    pub servers: usize,
    /// Announcements under topics.
    pub records: usize,
    /// Bumps of topics.
    pub bumps: usize,
    /// Announcements that can be refreshed without a signature.
    pub refreshes: usize,
    /// Mutable values.
    pub mutables: usize,
    /// Immutable values.
    pub immutables: usize,
}

/// The number of live objects of a node. All counts return to their initial values when the users
/// of the objects are gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Connections, including those that servers accepted.
    pub connections: usize,
    /// UDX streams.
    pub streams: usize,
    /// Servers, until they are closed.
    pub servers: usize,
    /// Handshakes that occupy a slot of a server.
    pub handshakes: usize,
    /// Punches under way.
    pub punchers: usize,
    /// Queries that have not ended.
    pub queries: usize,
    /// Requests without an answer so far.
    pub requests: usize,
    /// Sockets in addition to the two main ones.
    pub pool_sockets: usize,
    /// Timers that are set.
    pub timers: usize,
}
