//! News of the system that an address, an interface or a route of this host has changed.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;

/// Counts the news, for all nodes of an engine. Where the system gives none, the counts stay zero,
/// and the drivers look for themselves.
#[derive(Debug)]
pub(super) struct NetworkNews {
    counts: watch::Receiver<News>,
    is_told: bool,
}

/// How much the system has told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    pub(super) all: u64,
    /// Those about a route to a large part of the internet, or about something that is not known.
    pub(super) routes: u64,
}

impl NetworkNews {
    /// Begins to listen on the engine's thread.
    pub(super) fn start(runtime: &Handle) -> Self {
        let (sender, counts) = watch::channel(News::default());
        let listening = system::listen(runtime, sender);
        if let Err(error) = &listening {
            tracing::debug!(%error, "the system does not tell of changes of the network");
        }
        Self { counts, is_told: listening.is_ok() }
    }

    /// For one node: the counts, and how often its driver should look without any news.
    pub(super) fn subscribe(&self) -> (watch::Receiver<News>, Duration) {
        (self.counts.clone(), if self.is_told { WITH_NEWS } else { WITHOUT_NEWS })
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::io;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixDatagram as OsSocket;
    use std::time::{Duration, Instant};

    use nix::sys::socket::{
        AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket,
    };
    use tokio::net::UnixDatagram;
    use tokio::runtime::Handle;
    use tokio::sync::watch;

    use super::News;

    /// Counts the messages of rtnetlink(7).
    pub(super) fn listen(runtime: &Handle, counts: watch::Sender<News>) -> io::Result<()> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let protocol = SockProtocol::NetlinkRoute;
        let netlink = socket(AddressFamily::Netlink, SockType::Datagram, flags, protocol)?;
        bind(netlink.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
        let _context = runtime.enter();
        // Only to wait and to receive, which are the same for datagrams of every family.
        let news = UnixDatagram::from_std(OsSocket::from(netlink))?;
        runtime.spawn(async move {
            // What has changed is read from the system.
            let mut buffer = [0; 8192];
            let mut allowance = Allowance::new(Instant::now());
            while let Some(mut heard) = read(&news.recv(&mut buffer).await, &buffer) {
                loop {
                    tokio::time::sleep(CALM).await;
                    let more =
                        (0..MESSAGES).map_while(|_| read(&news.try_recv(&mut buffer), &buffer));
                    heard = more.fold(heard, Heard::max);
                    if heard == Heard::Nothing || allowance.take(Instant::now()) {
                        break;
                    }
                }
                if heard != Heard::Nothing {
                    counts.send_modify(|counts| {
                        counts.all += 1;
                        counts.routes += u64::from(heard == Heard::Routes);
                    });
                }
            }
        });
        Ok(())
    }

    /// What messages are about. A later one includes those before it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    enum Heard {
        /// Routes to a few hosts. A router has a million of them, and a cluster one for each
        /// container.
        Nothing,
        /// Interfaces, addresses, rules.
        Others,
        /// Routes to a large part of the internet.
        Routes,
    }

    /// `None` without a message. If the socket's buffer was full, there may have been any.
    fn read(received: &io::Result<usize>, buffer: &[u8]) -> Option<Heard> {
        match received {
            Ok(0) => None,
            Ok(size) => Some(buffer.get(..*size).map_or(Heard::Others, parse)),
            Err(error) => {
                (error.raw_os_error() == Some(nix::libc::ENOBUFS)).then_some(Heard::Routes)
            }
        }
    }

    /// The system sends each message in a datagram of its own: a header, whose type is at 4, and a
    /// `struct rtmsg`: the family and the length of the destination's prefix.
    fn parse(message: &[u8]) -> Heard {
        let kind = message.get(4..6).and_then(|kind| kind.try_into().ok()).map(u16::from_ne_bytes);
        if !matches!(kind, Some(RTM_NEWROUTE | RTM_DELROUTE)) {
            return Heard::Others;
        }
        match (message.get(HEADER), message.get(HEADER + 1)) {
            (Some(&AF_INET), Some(0..=LONGEST_PREFIX)) => Heard::Routes,
            _ => Heard::Nothing,
        }
    }

    /// How often the news may be told: at once, as the messages of one change may come over a
    /// while, but not for ever.
    #[derive(Debug)]
    struct Allowance {
        left: u32,
        since: Instant,
    }

    impl Allowance {
        fn new(now: Instant) -> Self {
            Self { left: AT_ONCE, since: now }
        }

        /// True if the news may be told now.
        fn take(&mut self, now: Instant) -> bool {
            while self.left < AT_ONCE && now >= self.since + PER_NEWS {
                self.left += 1;
                self.since += PER_NEWS;
            }
            if self.left == AT_ONCE {
                self.since = now;
            }
            let is_allowed = self.left > 0;
            self.left = self.left.saturating_sub(1);
            is_allowed
        }
    }

    /// RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV4_RULE and RTMGRP_IPV6_IFADDR.
    /// An interface that goes down takes its IPv4 routes with it, and no message says so.
    const GROUPS: u32 = 0x1 | 0x10 | 0x40 | 0x80 | 0x100;

    /// The size of `struct nlmsghdr`.
    const HEADER: usize = 16;

    const RTM_NEWROUTE: u16 = 24;
    const RTM_DELROUTE: u16 = 25;
    const AF_INET: u8 = 2;

    /// The default route has no prefix. A VPN may replace it by two routes with prefixes of one bit,
    /// or by several that leave out a private network.
    const LONGEST_PREFIX: u8 = 8;

    /// The most messages that are read in one turn, since all nodes share the thread.
    const MESSAGES: usize = 64;

    /// So much news is told without a pause.
    const AT_ONCE: u32 = 4;

    /// The pause between further ones.
    const PER_NEWS: Duration = Duration::from_secs(1);

    /// Changes come in groups. Those that come so soon after each other are read together.
    const CALM: Duration = Duration::from_millis(20);

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_route_to_a_large_part_of_the_internet_is_news() {
            for prefix in [0, 1, 8] {
                assert_eq!(parse(&message(RTM_NEWROUTE, AF_INET, prefix)), Heard::Routes);
                assert_eq!(parse(&message(RTM_DELROUTE, AF_INET, prefix)), Heard::Routes);
            }
            assert_eq!(parse(&message(RTM_NEWROUTE, AF_INET, 9)), Heard::Nothing);
            assert_eq!(parse(&message(RTM_DELROUTE, AF_INET, 32)), Heard::Nothing);
            assert_eq!(parse(&message(RTM_NEWROUTE, 10, 0)), Heard::Nothing);
            assert_eq!(parse(&message(RTM_NEWROUTE, AF_INET, 0)[..HEADER]), Heard::Nothing);
            assert_eq!(parse(&message(20, AF_INET, 24)), Heard::Others);
            assert_eq!(parse(&[]), Heard::Others);
        }

        #[test]
        fn a_full_buffer_may_have_had_any_news() {
            let full = io::Error::from_raw_os_error(nix::libc::ENOBUFS);
            assert_eq!(read(&Err(full), &[]), Some(Heard::Routes));
            assert_eq!(read(&Err(io::ErrorKind::WouldBlock.into()), &[]), None);
        }

        #[test]
        fn news_without_end_is_told_once_a_second() {
            let start = Instant::now();
            let mut allowance = Allowance::new(start);
            let mut told = |from: u32, to: u32| {
                let times = (from..to).map(|tick| start + CALM * tick);
                times.filter(|now| allowance.take(*now)).count()
            };

            assert_eq!(told(0, 5), 4);
            assert_eq!(told(5, 500), 9);
            assert_eq!(told(1000, 1004), 4, "after a while of calm");
            assert_eq!(told(1004, 1005), 0);
        }

        fn message(kind: u16, family: u8, prefix: u8) -> Vec<u8> {
            let mut message = vec![0; HEADER + 12];
            message[4..6].copy_from_slice(&kind.to_ne_bytes());
            (message[HEADER], message[HEADER + 1]) = (family, prefix);
            message
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::io;

    use tokio::runtime::Handle;
    use tokio::sync::watch;

    pub(super) fn listen(_: &Handle, _: watch::Sender<super::News>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// How often a driver looks for what the system does not tell: a sleep of the machine, a clock that
/// was set. Interfaces that were read so long ago are read again for a new node.
pub(super) const WITH_NEWS: Duration = Duration::from_secs(5);

/// The longest time that a change of the network may go unnoticed.
pub(super) const WITHOUT_NEWS: Duration = Duration::from_secs(1);
