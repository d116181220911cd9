//! What ICMP reports about datagrams that a socket has sent: their host has no socket there.
//!
//! Other reports are ignored, since a network that is cut, or a route that changes, causes them too.
//! Only Linux tells the sender of an unconnected socket where the datagram went.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::socket_io::Io;

/// The destinations of one socket that were reported, and not taken yet.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    has_any: AtomicBool,
    destinations: Mutex<BTreeSet<SocketAddr>>,
}

impl Refusals {
    /// Takes the reports out of the system's queue, where they would fill the socket's buffer. Called
    /// when a call has failed: a report makes the next one of the socket fail, and wakes nobody.
    pub(super) fn read_from(&self, io: &Io) {
        for _ in 0..MAX_REPORTS {
            let Some(report) = system::next(io) else { return };
            let Some(to) = report else { continue };
            let mut destinations = self.destinations.lock();
            if destinations.len() < MAX_REPORTS {
                destinations.insert(to);
                self.has_any.store(true, Ordering::Release);
            }
        }
    }

    pub(super) fn are_waiting(&self) -> bool {
        self.has_any.load(Ordering::Acquire)
    }

    /// Takes what was reported since the last call.
    pub(super) fn take(&self) -> BTreeSet<SocketAddr> {
        if !self.has_any.swap(false, Ordering::AcqRel) {
            return BTreeSet::new();
        }
        std::mem::take(&mut self.destinations.lock())
    }
}

/// The most reports at a time. Anybody may send them.
const MAX_REPORTS: usize = 64;

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use system::enable;

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn enable(_: &socket2::Socket, _: bool) {}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::io::IoSliceMut;
    use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
    use std::os::fd::AsRawFd;

    use nix::libc;
    use nix::sys::socket::{
        ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt,
    };

    use crate::engine::socket_io::Io;

    /// Asks the system to queue reports.
    pub(in crate::engine) fn enable(socket: &socket2::Socket, is_ipv6: bool) {
        let mut enabled = setsockopt(socket, sockopt::Ipv4RecvErr, &true);
        if is_ipv6 {
            enabled = enabled.and(setsockopt(socket, sockopt::Ipv6RecvErr, &true));
        }
        if let Err(error) = enabled {
            tracing::debug!(%error, "ICMP is not reported");
        }
    }

    /// Takes a report from the queue. Returns `None` if the queue is empty, the destination if the
    /// report says that its port is closed, and `Some(None)` for any other report.
    pub(super) fn next(io: &Io) -> Option<Option<SocketAddr>> {
        let mut contents = [0; 1];
        let mut slices = [IoSliceMut::new(&mut contents)];
        // A socket on an IPv6 address also tells the local address and the traffic class.
        let mut control = nix::cmsg_space!(
            libc::in6_pktinfo,
            libc::c_int,
            libc::sock_extended_err,
            libc::sockaddr_in6
        );
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let fd = io.borrow().as_raw_fd();
        let report = recvmsg::<SockaddrStorage>(fd, &mut slices, Some(&mut control), flags).ok()?;
        let is_closed = report.cmsgs().is_ok_and(|mut all| all.any(|one| is_closed_port(&one)));
        Some(report.address.filter(|_| is_closed).and_then(|to| destination(&to)))
    }

    fn is_closed_port(message: &ControlMessageOwned) -> bool {
        let (ControlMessageOwned::Ipv4RecvErr(error, _)
        | ControlMessageOwned::Ipv6RecvErr(error, _)) = message
        else {
            return false;
        };
        // A socket on an IPv6 address gets both kinds as one of IPv6.
        let closed = match error.ee_origin {
            libc::SO_EE_ORIGIN_ICMP => ICMP_PORT_UNREACHABLE,
            libc::SO_EE_ORIGIN_ICMP6 => ICMP6_PORT_UNREACHABLE,
            _ => return false,
        };
        (error.ee_type, error.ee_code) == closed
    }

    fn destination(to: &SockaddrStorage) -> Option<SocketAddr> {
        if let Some(to) = to.as_sockaddr_in() {
            return Some(SocketAddrV4::from(*to).into());
        }
        let to = SocketAddrV6::from(*to.as_sockaddr_in6()?);
        Some(match to.ip().to_ipv4_mapped() {
            Some(host) => SocketAddr::from((host, to.port())),
            None => to.into(),
        })
    }

    /// Type and code.
    const ICMP_PORT_UNREACHABLE: (u8, u8) = (3, 3);
    const ICMP6_PORT_UNREACHABLE: (u8, u8) = (1, 4);
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::net::SocketAddr;

    use crate::engine::socket_io::Io;

    pub(super) fn next(_: &Io) -> Option<Option<SocketAddr>> {
        None
    }
}
