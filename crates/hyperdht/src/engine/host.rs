//! What the driver asks its host: interfaces, names, and whether it slept.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use proto::Interface;

/// The interfaces of this host, read once for all nodes together.
#[derive(Debug)]
pub(super) struct InterfaceWatch {
    interfaces: Vec<Interface>,
    read_at: Instant,
    /// The number of the latest news that they were read after.
    news: u64,
}

impl InterfaceWatch {
    pub(super) fn new(now: Instant) -> Self {
        Self { interfaces: read_interfaces(), read_at: now, news: 0 }
    }

    /// All addresses of all interfaces that are up, in the system's order. They are read again after
    /// further news, and after half of the interval at which one node looks.
    pub(super) fn read(&mut self, now: Instant, news: u64, interval: Duration) -> &[Interface] {
        if now >= self.read_at + interval / 2 || news > self.news {
            self.interfaces = read_interfaces();
            self.read_at = now;
            self.news = news;
        }
        &self.interfaces
    }
}

/// Detects that the machine slept. On Linux and macOS the clock of [`Instant`] stops during a
/// sleep, and the wall clock does not.
#[derive(Debug)]
pub(super) struct SleepWatch {
    seen: (Instant, SystemTime),
}

impl SleepWatch {
    pub(super) fn new(now: Instant, wall: SystemTime) -> Self {
        Self { seen: (now, wall) }
    }

    /// True if the machine slept since the last look.
    pub(super) fn look(&mut self, now: Instant, wall: SystemTime) -> bool {
        let (then, wall_then) = std::mem::replace(&mut self.seen, (now, wall));
        // A wall clock that was set back is no evidence of a sleep.
        let passed = wall.duration_since(wall_then).unwrap_or_default();
        has_slept(now.saturating_duration_since(then), passed)
    }
}

/// Detects that the wall clock differs from what the node expects, because it was set or the
/// machine slept.
#[derive(Debug)]
pub(super) struct ClockWatch {
    told: (Instant, SystemTime),
}

impl ClockWatch {
    pub(super) fn new(now: Instant, wall: SystemTime) -> Self {
        Self { told: (now, wall) }
    }

    /// The new time since the Unix epoch, if the node has to be told.
    pub(super) fn look(&mut self, now: Instant, wall: SystemTime) -> Option<Duration> {
        let (then, wall_then) = self.told;
        let expected = wall_then + now.saturating_duration_since(then);
        let ahead = wall.duration_since(expected).unwrap_or_default();
        let behind = expected.duration_since(wall).unwrap_or_default();
        if ahead.max(behind) <= CLOCK_ERROR {
            return None;
        }
        self.told = (now, wall);
        Some(wall.duration_since(UNIX_EPOCH).unwrap_or_default())
    }
}

/// Whether the machine slept, from the time that passed on the monotonic and on the wall clock.
///
/// A process that was stopped does not count as asleep, since both clocks went on; a node detects
/// that by its late tick. A wall clock that was set ahead counts as a sleep, as in the reference.
fn has_slept(monotonic: Duration, wall: Duration) -> bool {
    wall.saturating_sub(monotonic) > SLEEP
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

/// The first address of a name, of a family (4, 6, or 0 for any). Blocks like [`resolve`].
pub(super) fn lookup(host: &str, family: u8) -> Option<IpAddr> {
    let addresses = (host, 0).to_socket_addrs().ok()?;
    let is_wanted = |address: &IpAddr| match family {
        4 => address.is_ipv4(),
        6 => address.is_ipv6(),
        _ => true,
    };
    addresses.map(|address| address.ip()).find(is_wanted)
}

/// Reads an IP address from text. An IPv4-mapped address is the IPv4 address. The zone of an IPv6
/// address, as in `fe80::1%eth0`, is the name of an interface or its number. As in libuv, a zone
/// that this host does not have counts as none.
pub fn parse_address(host: &str, port: u16) -> Option<SocketAddr> {
    if let Ok(host) = host.parse::<Ipv4Addr>() {
        return Some(SocketAddr::from((host, port)));
    }
    let (host, zone) = host.split_once('%').unwrap_or((host, ""));
    let host: Ipv6Addr = host.parse().ok()?;
    Some(match host.to_ipv4_mapped() {
        Some(host) => SocketAddr::from((host, port)),
        None => SocketAddr::V6(SocketAddrV6::new(host, port, 0, scope_of(zone))),
    })
}

/// The index of the interface with this name. 0 if this host has no such interface.
fn scope_of(zone: &str) -> u32 {
    if zone.is_empty() {
        return 0;
    }
    let all = if_addrs::get_if_addrs().unwrap_or_default();
    let named = all.iter().find(|interface| interface.name == zone);
    named.and_then(|interface| interface.index).or(zone.parse().ok()).unwrap_or(0)
}

/// Whether a socket on this address receives its own datagram within [`HEARING`]. Blocks meanwhile.
pub(super) fn hears_itself(host: Ipv4Addr) -> bool {
    let heard = || {
        let socket = UdpSocket::bind((host, 0))?;
        socket.set_read_timeout(Some(HEARING))?;
        socket.send_to(&[0], socket.local_addr()?)?;
        socket.recv(&mut [0])
    };
    heard().inspect_err(|error| tracing::debug!(%error, %host, "not an address of ours")).is_ok()
}

/// All addresses of all interfaces that are up, in the system's order.
pub(super) fn read_interfaces() -> Vec<Interface> {
    let mut all = match if_addrs::get_if_addrs() {
        Ok(all) => all,
        Err(error) => {
            tracing::debug!(%error, "the interfaces could not be read");
            return Vec::new();
        }
    };
    all.retain(if_addrs::Interface::is_oper_up);
    // Every address of a loopback interface is internal, also one that is not a loopback address.
    let is_internal = |name: &str| all.iter().any(|each| each.name == name && each.is_loopback());
    let describe = |interface: &if_addrs::Interface| Interface {
        name: interface.name.clone(),
        address: interface.ip(),
        internal: is_internal(&interface.name),
    };
    all.iter().map(describe).collect()
}

fn ipv4(address: &SocketAddr) -> Option<Ipv4Addr> {
    match address {
        SocketAddr::V4(address) => Some(*address.ip()),
        SocketAddr::V6(_) => None,
    }
}

/// A datagram to the same host takes microseconds; a busy machine may take longer.
const HEARING: Duration = Duration::from_millis(500);

/// Much less than the minute by which an announcement may lie in the future.
const CLOCK_ERROR: Duration = Duration::from_secs(1);

/// A shorter sleep counts as a mere delay. Three ticks, as in the reference.
const SLEEP: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_that_runs_ahead_is_a_sleep() {
        assert!(has_slept(5 * S, 21 * S));
        assert!(has_slept(Duration::ZERO, Duration::MAX));

        assert!(!has_slept(5 * S, 20 * S));
        assert!(!has_slept(5 * S, 5 * S));
        assert!(!has_slept(60 * S, 60 * S));
        assert!(!has_slept(60 * S, 5 * S));
    }

    #[test]
    fn a_clock_that_was_set_is_told_once() {
        let (start, wall) = (Instant::now(), SystemTime::UNIX_EPOCH + 1000 * S);
        let mut watch = ClockWatch::new(start, wall);

        assert_eq!(watch.look(start + 5 * S, wall + 6 * S), None);
        assert_eq!(watch.look(start + 10 * S, wall + 3600 * S), Some(4600 * S));
        assert_eq!(watch.look(start + 15 * S, wall + 3605 * S), None);
        assert_eq!(watch.look(start + 20 * S, wall), Some(1000 * S));
        assert_eq!(watch.look(start + 25 * S, wall + 5 * S), None);
    }

    #[test]
    fn a_sleep_is_told_once() {
        let (start, wall) = (Instant::now(), SystemTime::UNIX_EPOCH + 1000 * S);
        let mut watch = SleepWatch::new(start, wall);

        assert!(!watch.look(start + 5 * S, wall + 5 * S));
        assert!(watch.look(start + 10 * S, wall + 3600 * S));
        assert!(!watch.look(start + 15 * S, wall + 3605 * S));
    }

    #[test]
    fn a_clock_that_is_set_back_does_nothing() {
        let (start, wall) = (Instant::now(), SystemTime::UNIX_EPOCH + 9000 * S);
        let mut watch = SleepWatch::new(start, wall);

        assert!(!watch.look(start + 5 * S, wall - 3600 * S));
        assert!(!watch.look(start + 10 * S, wall - 3595 * S));
        assert!(watch.look(start + 15 * S, wall));
    }

    const S: Duration = Duration::from_secs(1);
}
