//! Several datagrams in one system call, each to its own destination.

use std::io;
use std::net::SocketAddr;

use tokio::io::Interest;

use super::Socket;
use crate::engine::outgoing::Together;

impl Socket {
    /// Sends transmits in their order, and returns how many of them are done. The only error is
    /// `WouldBlock`: those that are not done have not left.
    pub(in crate::engine) fn send_together(
        &self,
        together: &Together<'_>,
    ) -> (usize, io::Result<()>) {
        let transmits = together.iter();
        let count = transmits.len();
        let mut done = if count > 1 { self.send_in_one_call(together) } else { 0 };
        for (transmit, data) in transmits.skip(done) {
            // The datagram that has ended the call is among them. Its error is known from here on.
            if let Err(error) = self.send(transmit, data) {
                return (done, Err(error));
            }
            done += 1;
        }
        (done, Ok(()))
    }

    /// [`Socket::send_together`] for the driver: `WouldBlock` arms
    /// [`Sockets::poll_writable`](super::Sockets::poll_writable).
    pub(in crate::engine) fn send_together_or_arm(
        &self,
        together: &Together<'_>,
    ) -> (usize, io::Result<()>) {
        let mut done = 0;
        let sent = self.io.try_io(Interest::WRITABLE, || {
            let sent;
            (done, sent) = self.send_together(together);
            sent
        });
        (done, sent)
    }

    /// Returns how many transmits have left: all those before the first that the system refuses.
    fn send_in_one_call(&self, together: &Together<'_>) -> usize {
        let datagrams =
            together.iter().map(|(transmit, data)| (self.destination(transmit.to), data));
        let segment_size = together.segment_size();
        let sent = system::send(&self.io, self.is_ipv6, datagrams, segment_size);
        for (_, data) in together.iter().take(sent) {
            self.counters.transmit(data.len(), segment_size.unwrap_or(data.len()));
        }
        if system::SENDS_MANY && sent < together.iter().len() {
            // The system reports an error once, and that may have been one of an earlier datagram.
            self.refusals.read_from(&self.io);
        }
        sent
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::io::IoSlice;
    use std::os::fd::AsRawFd;

    use crate::engine::socket_io::Io;
    use nix::sys::socket::{
        ControlMessage, MsgFlags, MultiHeaders, SockaddrIn, SockaddrIn6, SockaddrLike, sendmmsg,
    };

    use super::SocketAddr;

    pub(super) const SENDS_MANY: bool = true;

    /// Sends datagrams, and returns how many have left. Those that are longer than the segment size
    /// are divided.
    pub(super) fn send<'a>(
        io: &Io,
        is_ipv6: bool,
        datagrams: impl Iterator<Item = (SocketAddr, &'a [u8])>,
        segment_size: Option<usize>,
    ) -> usize {
        if is_ipv6 {
            send_to(io, datagrams, segment_size, |to| match to {
                SocketAddr::V6(to) => Some(SockaddrIn6::from(to)),
                SocketAddr::V4(_) => None,
            })
        } else {
            send_to(io, datagrams, segment_size, |to| match to {
                SocketAddr::V4(to) => Some(SockaddrIn::from(to)),
                SocketAddr::V6(_) => None,
            })
        }
    }

    /// Sends to addresses of one family. 0 if one of them is of another.
    fn send_to<'a, A: SockaddrLike + Copy>(
        io: &Io,
        datagrams: impl Iterator<Item = (SocketAddr, &'a [u8])>,
        segment_size: Option<usize>,
        address: impl Fn(SocketAddr) -> Option<A>,
    ) -> usize {
        let (addresses, contents): (Vec<_>, Vec<_>) =
            datagrams.map(|(to, data)| (address(to), [IoSlice::new(data)])).unzip();
        let segment_size = segment_size.map(u16::try_from).transpose();
        let (Ok(segment_size), true) = (segment_size, addresses.iter().all(Option::is_some)) else {
            return 0;
        };
        let space = segment_size.map(|_| nix::cmsg_space!(u16));
        let mut headers = MultiHeaders::preallocate(contents.len(), space);
        let control = segment_size.as_ref().map(ControlMessage::UdpGsoSegments);
        let (fd, flags) = (io.borrow().as_raw_fd(), MsgFlags::empty());
        sendmmsg(fd, &mut headers, &contents, addresses, control.as_slice(), flags)
            .map_or(0, Iterator::count)
    }
}

/// quinn-udp sends elsewhere, one transmit in each call.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use crate::engine::socket_io::Io;

    use super::SocketAddr;

    pub(super) const SENDS_MANY: bool = false;

    pub(super) fn send<'a>(
        _: &Io,
        _: bool,
        _: impl Iterator<Item = (SocketAddr, &'a [u8])>,
        _: Option<usize>,
    ) -> usize {
        0
    }
}
