//! What the driver asks its host: interfaces, names, and whether it slept.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use proto::{HostEvent, Interface};

/// The interfaces of this host and its way out, read once for all nodes together.
#[derive(Debug, Default)]
pub(super) struct NetworkWatch {
    interfaces: Reading<Vec<Interface>>,
    source: Reading<Option<Ipv4Addr>>,
}

/// What was read from the system.
#[derive(Debug, Default)]
struct Reading<T> {
    value: T,
    read_at: Option<Instant>,
    /// The number of the latest news that it was read after.
    news: u64,
}

/// When a node looks: the time, the number of the latest news, and the interval at which it looks
/// without any.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) now: Instant,
    pub(super) news: u64,
    pub(super) interval: Duration,
}

/// What a node was last told of the network.
#[derive(Debug)]
pub(super) struct KnownNetwork {
    interfaces: Vec<Interface>,
    /// Where datagrams have left from, the last time that there was a way out.
    source: Option<Ipv4Addr>,
    /// Whether there was a way out at the last look.
    has_way: bool,
}

impl NetworkWatch {
    /// All addresses of all interfaces that are up, in the system's order.
    pub(super) fn interfaces(&mut self, look: Look) -> &[Interface] {
        if self.interfaces.is_due(look) {
            self.interfaces.value = read_interfaces();
        }
        &self.interfaces.value
    }

    /// The address that datagrams to the internet leave from. `None` without a route to it.
    ///
    /// The socket that tells passes no program's hook. A node that has one does not ask: from its
    /// sockets the way may be another.
    pub(super) fn source(&mut self, look: Look) -> Option<Ipv4Addr> {
        if self.source.is_due(look) {
            match read_source() {
                Ok(source) => self.source.value = source,
                Err(error) => tracing::debug!(%error, "the way out could not be read"),
            }
        }
        self.source.value
    }
}

impl<T> Reading<T> {
    /// True after further news, and after half of the interval at which one node looks. It has to
    /// be read then.
    fn is_due(&mut self, Look { now, news, interval }: Look) -> bool {
        let is_recent = self.read_at.is_some_and(|at| now < at + interval / 2);
        if is_recent && news <= self.news {
            return false;
        }
        self.read_at = Some(now);
        self.news = self.news.max(news);
        true
    }
}

impl KnownNetwork {
    pub(super) fn new(interfaces: Vec<Interface>, source: Option<Ipv4Addr>) -> Self {
        Self { interfaces, source, has_way: source.is_some() }
    }

    /// The one event that tells the node what has changed since the last look.
    pub(super) fn look(
        &mut self,
        interfaces: &[Interface],
        source: Option<Ipv4Addr>,
        told_of_routes: bool,
    ) -> Option<HostEvent> {
        let moved = source.is_some() && self.source.is_some() && source != self.source;
        let has_other_way = told_of_routes || moved || source.is_some() != self.has_way;
        self.source = source.or(self.source);
        self.has_way = source.is_some();
        if interfaces != self.interfaces {
            self.interfaces = interfaces.to_vec();
            return Some(HostEvent::Interfaces { interfaces: interfaces.to_vec(), moved });
        }
        has_other_way.then_some(HostEvent::Routes { moved })
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
pub(super) fn hears_itself(host: Ipv4Addr, socket: &UdpSocket) -> bool {
    let heard = || {
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

/// The address that datagrams to the internet leave from. A socket that is connected knows it, and
/// sends nothing for it. An error says nothing about the routes.
fn read_source() -> io::Result<Option<Ipv4Addr>> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    match socket.connect((FAR_AWAY, 9)) {
        Ok(()) => Ok(ipv4(&socket.local_addr()?)),
        Err(error) if is_no_route(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_no_route(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkDown
            | io::ErrorKind::AddrNotAvailable
            | io::ErrorKind::PermissionDenied
    )
}

fn ipv4(address: &SocketAddr) -> Option<Ipv4Addr> {
    match address {
        SocketAddr::V4(address) => Some(*address.ip()),
        SocketAddr::V6(_) => None,
    }
}

/// A datagram to the same host takes microseconds; a busy machine may take longer.
const HEARING: Duration = Duration::from_millis(500);

/// An address of the internet that belongs to nobody (RFC 5737).
const FAR_AWAY: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);

/// Much less than the minute by which an announcement may lie in the future.
const CLOCK_ERROR: Duration = Duration::from_secs(1);

/// A shorter sleep counts as a mere delay. Three ticks, as in the reference.
const SLEEP: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Engine, OpenOptions, Protect, Wake};
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

    #[test]
    fn each_change_of_the_network_is_one_event() {
        let (home, away) = (Ipv4Addr::new(192, 168, 0, 2), Ipv4Addr::new(10, 0, 0, 2));
        let mut known = KnownNetwork::new(at(home), Some(home));

        assert_eq!(known.look(&at(home), Some(home), false), None);
        let interfaces = at(away);
        let moved = HostEvent::Interfaces { interfaces: interfaces.clone(), moved: true };
        assert_eq!(known.look(&interfaces, Some(away), true), Some(moved));
        assert_eq!(known.look(&at(away), Some(away), false), None);

        let routes = |moved| Some(HostEvent::Routes { moved });
        assert_eq!(known.look(&at(away), Some(away), true), routes(false));
        assert_eq!(known.look(&at(away), None, false), routes(false));
        assert_eq!(known.look(&at(away), Some(home), false), routes(true));
        let back = HostEvent::Interfaces { interfaces: at(home), moved: false };
        assert_eq!(known.look(&at(home), Some(home), true), Some(back));
    }

    #[test]
    fn the_way_out_is_not_read_for_a_node_with_a_hook() {
        let engine = Engine::start().unwrap();
        let has_read = || engine.network.lock().source.read_at.is_some();
        let protect = Some(Protect::new(|_| Ok(())));
        let options = OpenOptions { host: Ipv4Addr::LOCALHOST, ports: 0..0, ..Default::default() };

        let hooked = OpenOptions { protect, ..options.clone() };
        let _hooked = engine.open(hooked, Arc::new(Ignore)).unwrap();
        assert!(!has_read());
        let _other = engine.open(options, Arc::new(Ignore)).unwrap();
        assert!(has_read());
    }

    struct Ignore;

    impl Wake for Ignore {
        fn wake(&self, _calls: usize) {}
    }

    fn at(address: Ipv4Addr) -> Vec<Interface> {
        vec![Interface { name: "eth0".into(), address: address.into(), internal: false }]
    }

    const S: Duration = Duration::from_secs(1);
}
