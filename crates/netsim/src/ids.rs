//! The names of hosts and networks.

/// Identifies a host of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub usize);

/// Identifies a NAT of a world, and the network behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NatId(pub(crate) usize);

/// A network: that behind a NAT, or the internet.
pub(crate) type Network = Option<NatId>;
