//! What a node and its driver say to each other of the host.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use crate::SocketId;

/// Work that only the driver can do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Bind a UDP socket on any port; answered by [`HostEvent::Bound`].
    Bind {
        /// The number that the socket gets.
        socket: SocketId,
        /// A client of one of our servers may be the one that needs it.
        for_client: bool,
    },
    /// Close a socket.
    Close {
        /// The socket.
        socket: SocketId,
    },
    /// Close both main sockets once all that the node has to send has left; answered by
    /// [`HostEvent::MainClosed`]. What finds no room in a socket is lost.
    CloseMain,
    /// Bind both main sockets again, where they were or else by the rules of the start; answered by
    /// [`HostEvent::MainBound`].
    BindMain,
    /// Resolve a name to IPv4 addresses; answered by [`HostEvent::Resolved`].
    Resolve {
        /// The name.
        host: String,
    },
    /// Send a datagram from a socket on this address to itself; answered by
    /// [`HostEvent::LocalChecked`].
    CheckLocal {
        /// The address to check.
        host: Ipv4Addr,
    },
}

/// The outcome of an [`Action`], or something new about the host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostEvent {
    /// A socket that [`Action::Bind`] asked for is ready; `None` if it could not be bound.
    Bound {
        /// The local socket.
        socket: SocketId,
        /// The local address.
        local: Option<SocketAddrV4>,
    },
    /// The addresses of a name that [`Action::Resolve`] asked for; empty on failure.
    Resolved {
        /// The name.
        host: String,
        /// Its addresses.
        addresses: Vec<Ipv4Addr>,
    },
    /// The answer to [`Action::CheckLocal`].
    LocalChecked {
        /// The address that was checked.
        host: Ipv4Addr,
        /// This host received its own datagram there.
        valid: bool,
    },
    /// The host's interfaces have changed; all of them. [`crate::Event::NetworkChange`] follows,
    /// unless the node sleeps.
    Interfaces {
        /// All interfaces.
        interfaces: Vec<Interface>,
    },
    /// The wall clock shows this, since the Unix epoch: it was set, or the machine slept.
    Clock {
        /// The time since the Unix epoch.
        unix_time: Duration,
    },
    /// The machine has slept, which the clock of this node does not show.
    MachineSlept,
    /// [`Action::CloseMain`] is done.
    MainClosed,
    /// The outcome of [`Action::BindMain`].
    MainBound {
        /// Their addresses, or the error of the system.
        sockets: Result<MainSockets, ErrorKind>,
    },
}

/// The local addresses of the sockets that a node always has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MainSockets {
    /// Requests leave from here while the node is firewalled.
    pub client: SocketAddrV4,
    /// Others reach the node here.
    pub server: SocketAddrV4,
}

/// One address of one network interface of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The system's name for the interface.
    pub name: String,
    /// The address.
    pub address: IpAddr,
    /// It leads to this host only.
    pub internal: bool,
}

impl Interface {
    /// The IPv4 address, if others may reach this host at it.
    pub fn external_ipv4(&self) -> Option<Ipv4Addr> {
        match self.address {
            IpAddr::V4(address) if !self.internal => Some(address),
            IpAddr::V4(_) | IpAddr::V6(_) => None,
        }
    }
}
