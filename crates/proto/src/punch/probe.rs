//! One probe, and the ports that it may go to by guess.

use std::net::SocketAddrV4;

use crate::SocketId;

/// One probe to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Probe {
    pub(super) socket: SocketId,
    pub(super) to: SocketAddrV4,
    /// The probe is to open our NAT and to expire before it reaches the peer's NAT.
    pub(super) low_ttl: bool,
}

/// NATs seldom use lower ports, and a peer that names one may mean a service.
pub(super) const FIRST_PORT: u16 = 1000;
