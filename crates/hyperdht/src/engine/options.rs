//! Options of sockets, and those of them that socket2 does not know.

use std::net::{Ipv4Addr, Ipv6Addr};

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use linux::{allow_fragments, spare_details};

/// Options of [`super::Handle::bind`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// Whether a socket on an IPv6 address refuses IPv4. Default false.
    pub ipv6_only: bool,
    /// Whether other sockets may be bound to the same address. Default false.
    pub reuse_address: bool,
}

/// A multicast group, and the interface on which a socket joins it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multicast {
    /// The interface has this address; with 0.0.0.0 the system chooses one.
    V4(Ipv4Addr, Ipv4Addr),
    /// The interface has this number; with 0 the system chooses one.
    V6(Ipv6Addr, u32),
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::os::fd::AsFd;

    use nix::libc;
    use nix::sys::socket::setsockopt;
    use nix::sys::socket::sockopt::{self, SetStruct};

    /// Whether IPv4 datagrams may be fragmented, for sockets of both families.
    #[derive(Clone, Copy, Debug)]
    struct PathMtuV4;

    /// The same for IPv6.
    #[derive(Clone, Copy, Debug)]
    struct PathMtuV6;

    nix::setsockopt_impl!(
        PathMtuV4,
        libc::IPPROTO_IP,
        libc::IP_MTU_DISCOVER,
        i32,
        SetStruct<'_, i32>
    );
    nix::setsockopt_impl!(
        PathMtuV6,
        libc::IPPROTO_IPV6,
        libc::IPV6_MTU_DISCOVER,
        i32,
        SetStruct<'_, i32>
    );

    /// Turns off what quinn-udp asks for: the timestamp, the traffic class and the local address of
    /// every datagram. The node uses none of them, and they take a tenth of the cost of receiving.
    pub(in crate::engine) fn spare_details(socket: &socket2::Socket) {
        let spared = [
            setsockopt(socket, sockopt::ReceiveTimestampns, &false),
            setsockopt(socket, sockopt::IpRecvTos, &false),
            setsockopt(socket, sockopt::Ipv4PacketInfo, &false),
        ];
        if let Some(error) = spared.into_iter().find_map(Result::err) {
            tracing::debug!(%error, "a socket tells more than it is asked");
        }
    }

    /// Allows the fragmentation of datagrams, or forbids it as quinn-udp does. IPv6 fragments at
    /// the sender alone, at the size that the system has learnt from ICMP.
    pub(in crate::engine) fn allow_fragments(socket: &impl AsFd, is_ipv6: bool, allowed: bool) {
        let (v4, v6) = if allowed {
            (libc::IP_PMTUDISC_DONT, libc::IPV6_PMTUDISC_DONT)
        } else {
            (libc::IP_PMTUDISC_PROBE, libc::IPV6_PMTUDISC_PROBE)
        };
        let mut set = setsockopt(socket, PathMtuV4, &v4);
        if is_ipv6 {
            set = set.and(setsockopt(socket, PathMtuV6, &v6));
            set = set.and(setsockopt(socket, sockopt::Ipv6DontFrag, &!allowed));
        }
        if let Err(error) = set {
            tracing::debug!(%error, allowed, "fragments");
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn spare_details(_: &socket2::Socket) {}

/// Elsewhere a datagram that is too large for its path does not arrive.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn allow_fragments<S>(_: &S, _: bool, _: bool) {}
