//! How a socket sends: in segments where the system can cut them, in fragments where it must.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use proto::Transmit;
use quinn_udp::UdpSockRef;
use tokio::io::Interest;

use super::Socket;
use crate::engine::options;

impl Socket {
    /// Sends the datagrams of a transmit. The only error is `WouldBlock`, and then nothing was
    /// sent. A datagram that the system refuses for another reason counts as lost on the way.
    pub(in crate::engine) fn send(&self, transmit: &Transmit, data: &[u8]) -> io::Result<()> {
        if transmit.may_fragment {
            return self.send_fragments(transmit, data);
        }
        let Some(ttl) = transmit.ttl else {
            return self.send_segments(transmit, data);
        };
        if let Err(error) = self.apply_ttl(ttl.into()) {
            tracing::debug!(%error, ttl, "a time to live was refused");
            return Ok(());
        }
        let sent = self.send_segments(transmit, data);
        if let Err(error) = self.apply_ttl(self.ttl.load(Ordering::Relaxed)) {
            tracing::warn!(%error, "the time to live could not be restored");
        }
        sent
    }

    /// Sends a datagram that the system, and routers, may fragment. What another thread sends
    /// meanwhile may be fragmented too.
    fn send_fragments(&self, transmit: &Transmit, data: &[u8]) -> io::Result<()> {
        options::allow_fragments(&self.io, self.is_ipv6, true);
        let sent = self.send_segments(transmit, data);
        options::allow_fragments(&self.io, self.is_ipv6, false);
        sent
    }

    /// [`Socket::send`] for the driver: `WouldBlock` arms [`Sockets::poll_writable`].
    pub(in crate::engine) fn send_or_arm(
        &self,
        transmit: &Transmit,
        data: &[u8],
    ) -> io::Result<()> {
        self.io.try_io(Interest::WRITABLE, || self.send(transmit, data))
    }

    fn send_segments(&self, transmit: &Transmit, data: &[u8]) -> io::Result<()> {
        let segment_size = transmit.segment_size.filter(|size| (1..data.len()).contains(size));
        let error = match self.send_once(transmit.to, data, segment_size) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
            Err(error) => error,
            Ok(()) => return Ok(()),
        };
        tracing::debug!(%error, to = %transmit.to, bytes = data.len(), "send");
        if let Some(segment_size) = segment_size {
            self.send_one_by_one(transmit.to, data.chunks(segment_size), &error);
        }
        Ok(())
    }

    /// Sends datagrams that the system has refused together: some network cards refuse segmentation
    /// when asked for the first time. If the datagrams are too large for the path, the last one may
    /// be shorter, and leaves.
    fn send_one_by_one<'a>(
        &self,
        to: SocketAddr,
        datagrams: impl Iterator<Item = &'a [u8]>,
        refusal: &io::Error,
    ) {
        for (n, datagram) in datagrams.enumerate() {
            match self.send_once(to, datagram, None) {
                Ok(()) if n == 0 => self.segmentation.handle_refusal(refusal),
                Ok(()) => {}
                Err(error) if quinn_udp::is_msg_size_err(&error) => {}
                Err(error) => {
                    tracing::debug!(%error, %to, "send without segmentation");
                    break;
                }
            }
        }
    }

    fn send_once(
        &self,
        to: SocketAddr,
        contents: &[u8],
        segment_size: Option<usize>,
    ) -> io::Result<()> {
        let transmit = quinn_udp::Transmit {
            destination: self.destination(to),
            ecn: None,
            contents,
            segment_size,
            src_ip: None,
        };
        let send = || self.state.try_send(UdpSockRef::from(&self.io), &transmit);
        send().or_else(|error| {
            if error.kind() == io::ErrorKind::WouldBlock {
                return Err(error);
            }
            // The error may be that of an earlier datagram, to another destination.
            self.refusals.read_from(&self.io);
            send()
        })?;
        self.counters.transmit(contents.len(), segment_size.unwrap_or(contents.len()));
        Ok(())
    }

    pub(super) fn destination(&self, to: SocketAddr) -> SocketAddr {
        match to {
            SocketAddr::V4(to) if self.is_ipv6 => {
                SocketAddr::from((to.ip().to_ipv6_mapped(), to.port()))
            }
            SocketAddr::V4(_) | SocketAddr::V6(_) => to,
        }
    }
}
