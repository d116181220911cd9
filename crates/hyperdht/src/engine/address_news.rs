//! News of the system that an address of this host has come or gone.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;

/// Counts the news, for all nodes of an engine. Where the system gives none, the count stays zero,
/// and the drivers look for themselves.
#[derive(Debug)]
pub(super) struct AddressNews {
    count: watch::Receiver<u64>,
    is_told: bool,
}

impl AddressNews {
    /// Begins to listen on the engine's thread.
    pub(super) fn start(runtime: &Handle) -> Self {
        let (sender, count) = watch::channel(0);
        let listening = system::listen(runtime, sender);
        if let Err(error) = &listening {
            tracing::debug!(%error, "the system does not tell of changes of addresses");
        }
        Self { count, is_told: listening.is_ok() }
    }

    /// For one node: the count, and how often its driver should look without any news.
    pub(super) fn subscribe(&self) -> (watch::Receiver<u64>, Duration) {
        (self.count.clone(), if self.is_told { WITH_NEWS } else { WITHOUT_NEWS })
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::io;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixDatagram as OsSocket;

    use nix::sys::socket::{
        AddressFamily, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, socket,
    };
    use tokio::net::UnixDatagram;
    use tokio::runtime::Handle;
    use tokio::sync::watch;

    /// Counts the messages about addresses of both families (rtnetlink(7)).
    pub(super) fn listen(runtime: &Handle, count: watch::Sender<u64>) -> io::Result<()> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let protocol = SockProtocol::NetlinkRoute;
        let netlink = socket(AddressFamily::Netlink, SockType::Datagram, flags, protocol)?;
        bind(netlink.as_raw_fd(), &NetlinkAddr::new(0, ADDRESS_GROUPS))?;
        let _context = runtime.enter();
        // Only to wait and to receive, which are the same for datagrams of every family.
        let news = UnixDatagram::from_std(OsSocket::from(netlink))?;
        runtime.spawn(async move {
            // What has changed is read from the interfaces.
            let mut buffer = [0; 8192];
            while is_news(&news.recv(&mut buffer).await) {
                tokio::time::sleep(CALM).await;
                while is_news(&news.try_recv(&mut buffer)) {}
                count.send_modify(|count| *count += 1);
            }
        });
        Ok(())
    }

    /// A buffer that was full is news as well.
    fn is_news(received: &io::Result<usize>) -> bool {
        match received {
            Ok(size) => *size > 0,
            Err(error) => error.raw_os_error() == Some(nix::libc::ENOBUFS),
        }
    }

    /// RTMGRP_IPV4_IFADDR and RTMGRP_IPV6_IFADDR.
    const ADDRESS_GROUPS: u32 = 0x10 | 0x100;

    /// Changes come in groups. Those that come so soon after each other are read together.
    const CALM: std::time::Duration = std::time::Duration::from_millis(20);
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::io;

    use tokio::runtime::Handle;
    use tokio::sync::watch;

    pub(super) fn listen(_: &Handle, _: watch::Sender<u64>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// How often a driver looks for what the system does not tell: a sleep of the machine, a clock that
/// was set. Interfaces that were read so long ago are read again for a new node.
pub(super) const WITH_NEWS: Duration = Duration::from_secs(5);

/// The longest time that a change of the addresses may go unnoticed.
pub(super) const WITHOUT_NEWS: Duration = Duration::from_secs(1);
