//! What the driver asks its host: interfaces and names.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant};

/// The addresses of this host, read at most every [`INTERFACE_INTERVAL`] for all nodes together.
#[derive(Debug)]
pub(super) struct InterfaceWatch {
    addresses: Vec<Ipv4Addr>,
    read_at: Instant,
}

impl InterfaceWatch {
    pub(super) fn new(now: Instant) -> Self {
        Self { addresses: read_interfaces(), read_at: now }
    }

    /// Non-internal IPv4 addresses in the system's order.
    pub(super) fn addresses(&mut self, now: Instant) -> &[Ipv4Addr] {
        if now >= self.read_at + INTERFACE_INTERVAL {
            self.addresses = read_interfaces();
            self.read_at = now;
        }
        &self.addresses
    }
}

/// The IPv4 addresses of a name; empty on failure. Blocks for as long as the system's resolver
/// does.
pub(super) fn resolve(host: &str) -> Vec<Ipv4Addr> {
    match (host, 0).to_socket_addrs() {
        Ok(addresses) => addresses.filter_map(|address| ipv4(&address)).collect(),
        Err(error) => {
            tracing::debug!(%error, host, "a name could not be resolved");
            Vec::new()
        }
    }
}

/// Whether a socket on this address hears itself, within [`HEARING`]. Blocks until it does.
pub(super) fn hears_itself(host: Ipv4Addr) -> bool {
    let heard = || {
        let socket = UdpSocket::bind((host, 0))?;
        socket.set_read_timeout(Some(HEARING))?;
        socket.send_to(&[0], socket.local_addr()?)?;
        socket.recv(&mut [0])
    };
    heard().inspect_err(|error| tracing::debug!(%error, %host, "not an address of ours")).is_ok()
}

fn read_interfaces() -> Vec<Ipv4Addr> {
    match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces
            .iter()
            .filter(|interface| !interface.is_loopback())
            .filter_map(|interface| match interface.ip() {
                IpAddr::V4(address) => Some(address),
                IpAddr::V6(_) => None,
            })
            .collect(),
        Err(error) => {
            tracing::debug!(%error, "the interfaces could not be read");
            Vec::new()
        }
    }
}

fn ipv4(address: &SocketAddr) -> Option<Ipv4Addr> {
    match address {
        SocketAddr::V4(address) => Some(*address.ip()),
        SocketAddr::V6(_) => None,
    }
}

/// A datagram to oneself needs microseconds; a busy machine may take longer.
const HEARING: Duration = Duration::from_millis(500);

/// How long a change of the network may go unnoticed.
pub(super) const INTERFACE_INTERVAL: Duration = Duration::from_secs(5);
