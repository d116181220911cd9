//! Ids. Each kind has a type of its own, so that a connection's id cannot be used for a query.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);
    };
}

id! {
    /// A connection or a raw stream. The caller of `Connect` or `Raw` chooses ids below
    /// [`ConnId::INCOMING`]; the node numbers all others from there on.
    ConnId
}
id! {
    /// A listening server, numbered by the caller of `Listen`.
    ServerId
}
id! {
    /// A query of the application, numbered by the caller of `Query`.
    QueryId
}
id! {
    /// A single request of the application, numbered by the caller of `Request`.
    RequestId
}
id! {
    /// A question that the application has to answer, numbered by the node.
    AskId
}
id! {
    /// A machine that the application has added to a node, numbered by the node.
    MachineId
}
id! {
    /// A UDX stream. The number is the stream id that packets from the peer carry. It is chosen at
    /// random, or by the application for a raw stream.
    StreamId
}
id! {
    /// A UDP socket. The two main ones have fixed numbers, pool sockets count up from
    /// [`SocketId::FIRST_POOL`], and sockets of the application from [`SocketId::FIRST_BOUND`].
    SocketId
}

impl ConnId {
    /// The first id that the node assigns. It numbers the connections that a server accepts and
    /// those that a machine dials.
    pub const INCOMING: u32 = 1 << 31;

    /// True for a connection that the node numbered.
    pub fn is_incoming(self) -> bool {
        self.0 >= Self::INCOMING
    }
}

impl MachineId {
    /// The node's own machine that pairs connections at blind relays.
    pub(crate) const PAIRINGS: Self = Self(u32::MAX);
    /// The node's own machine that is a blind relay.
    pub(crate) const RELAYS: Self = Self(u32::MAX - 1);
}

impl SocketId {
    /// The socket that requests leave from while the node is firewalled.
    pub const CLIENT: Self = Self(0);
    /// The socket on the node's public port.
    pub const SERVER: Self = Self(1);
    /// The first id of a socket that the node bound for punching.
    pub const FIRST_POOL: u32 = 2;
    /// The first id of a socket that the application bound.
    pub const FIRST_BOUND: u32 = 1 << 31;

    /// True for a socket that the application bound. It carries raw streams and the application's
    /// own datagrams, and nothing of the DHT.
    pub fn is_bound_by_application(self) -> bool {
        self.0 >= Self::FIRST_BOUND
    }
}
