//! Messages about the host between a node and its driver.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
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
        /// Whether a client of one of our servers may have caused the request for this socket.
        for_client: bool,
    },
    /// Close a socket when the pending datagrams have left; answered by [`HostEvent::Closed`].
    Close {
        /// The socket.
        socket: SocketId,
    },
    /// Send all pending datagrams of the node, then close both main sockets; answered by
    /// [`HostEvent::MainClosed`]. A datagram that the socket's buffer cannot take is lost.
    CloseMain,
    /// Bind both main sockets again, at their previous addresses if possible, otherwise as at the
    /// start; answered by [`HostEvent::MainBound`].
    BindMain,
    /// Resolve a name to IPv4 addresses; answered by [`HostEvent::Resolved`].
    Resolve {
        /// The name.
        host: String,
    },
    /// Resolve a name to an address for the application; answered by [`HostEvent::LookedUp`].
    Lookup {
        /// The application's number.
        lookup: u32,
        /// The name.
        host: String,
        /// 4 or 6 for an address of that family, 0 for any.
        family: u8,
    },
    /// Send a datagram from a socket on this address to itself; answered by
    /// [`HostEvent::LocalChecked`].
    CheckLocal {
        /// The address to check.
        host: Ipv4Addr,
    },
}

/// The outcome of an [`Action`], or a change of the host.
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
    /// The answer to [`Action::Lookup`].
    LookedUp {
        /// The application's number.
        lookup: u32,
        /// The first address of the name; `None` if the name has no address.
        address: Option<IpAddr>,
    },
    /// The answer to [`Action::CheckLocal`].
    LocalChecked {
        /// The address that was checked.
        host: Ipv4Addr,
        /// Whether this host received its own datagram on that address.
        valid: bool,
    },
    /// A socket that [`Action::Close`] named is closed.
    Closed {
        /// The socket.
        socket: SocketId,
    },
    /// The host's interfaces have changed. [`crate::Event::NetworkChange`] follows, unless the node
    /// is suspended.
    Interfaces {
        /// All interfaces that exist now, in the system's order.
        interfaces: Vec<Interface>,
        /// Datagrams leave from another address than before.
        moved: bool,
    },
    /// The way to the internet has come or gone, or is another one, and the interfaces are the
    /// same. [`HostEvent::Interfaces`] is news of the way as well, so that one change of the host
    /// is one event.
    Routes {
        /// Datagrams leave from another address than before.
        moved: bool,
    },
    /// The time of the wall clock, sent after the clock was set or the machine slept.
    Clock {
        /// The time since the Unix epoch.
        unix_time: Duration,
    },
    /// The host of an address has reported that nobody receives there what was sent from a socket.
    /// Anybody can forge such a report.
    Unreachable {
        /// The local socket.
        socket: SocketId,
        /// The destination.
        to: SocketAddr,
    },
    /// The machine has slept, and the node's clock stood still meanwhile.
    MachineSlept,
    /// [`Action::CloseMain`] is done.
    MainClosed,
    /// The outcome of [`Action::BindMain`].
    MainBound {
        /// The addresses of the sockets, or the system's error.
        sockets: Result<MainSockets, ErrorKind>,
    },
}

/// The local addresses of the two main sockets of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MainSockets {
    /// The client socket. Requests are sent from it while the node is firewalled.
    pub client: SocketAddrV4,
    /// The server socket. Other nodes reach the node at it.
    pub server: SocketAddrV4,
}

/// One address of one network interface of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The system's name for the interface.
    pub name: String,
    /// The address.
    pub address: IpAddr,
    /// Whether the address is internal to this host, as loopback is.
    pub internal: bool,
}

impl Interface {
    /// The address, if it is an IPv4 address that other hosts may reach.
    pub fn external_ipv4(&self) -> Option<Ipv4Addr> {
        match self.address {
            IpAddr::V4(address) if !self.internal => Some(address),
            IpAddr::V4(_) | IpAddr::V6(_) => None,
        }
    }
}
