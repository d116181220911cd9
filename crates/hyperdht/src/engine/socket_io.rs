//! A socket where it is read: by the driver, or by the application's thread.

use std::io;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::runtime::Handle;

use super::borrowed::{BorrowedSocket, LentCopy, borrow};

/// A bound socket. Its descriptor stays the same in both places.
#[derive(Debug)]
pub(super) enum Io {
    /// Registered with the driver's event queue. The copy of the last loan may not be closed yet.
    Home(UdpSocket, Weak<LentCopy>),
    /// The application's event loop watches a copy of its descriptor.
    Lent(std::net::UdpSocket, Arc<LentCopy>),
}

impl Io {
    /// A socket that has never been lent.
    pub(super) fn new(socket: UdpSocket) -> Self {
        Self::Home(socket, Weak::new())
    }

    pub(super) fn is_lent(&self) -> bool {
        matches!(self, Self::Lent(..))
    }

    /// The socket.
    pub(super) fn borrow(&self) -> BorrowedSocket<'_> {
        match self {
            Self::Home(socket, _) => borrow(socket),
            Self::Lent(socket, _) => borrow(socket),
        }
    }

    /// Takes it from the driver's event queue. `copy` is a copy of its descriptor. It stays at home
    /// if that fails.
    pub(super) fn lend(self, copy: Arc<LentCopy>) -> Self {
        let Self::Home(socket, before) = self else { return self };
        let spare = match spare(borrow(&socket)) {
            Ok(spare) => spare,
            Err(error) => {
                tracing::debug!(%error, "a socket cannot be lent");
                return Self::Home(socket, before);
            }
        };
        Self::Lent(socket.into_std().unwrap_or(spare), copy)
    }

    /// Moves it to the driver's event queue. It stays lent if that fails.
    pub(super) fn take_back(self, runtime: &Handle) -> Self {
        let Self::Lent(socket, copy) = self else { return self };
        let spare = match spare(borrow(&socket)) {
            Ok(spare) => spare,
            Err(error) => {
                tracing::debug!(%error, "a lent socket has to wait");
                return Self::Lent(socket, copy);
            }
        };
        let _context = runtime.enter();
        match UdpSocket::from_std(socket) {
            Ok(socket) => Self::Home(socket, Arc::downgrade(&copy)),
            Err(error) => {
                tracing::debug!(%error, "the event queue does not take a lent socket");
                Self::Lent(spare, copy)
            }
        }
    }

    /// The socket is about to close: its copy no longer keeps the port.
    pub(super) fn free_port(&self) {
        let copy = match self {
            Self::Home(_, copy) => copy.upgrade(),
            Self::Lent(_, copy) => Some(Arc::clone(copy)),
        };
        if let Some(copy) = copy {
            copy.free_port();
        }
    }

    /// Calls the system. At home, `WouldBlock` arms the driver's event queue.
    pub(super) fn try_io<R>(
        &self,
        interest: Interest,
        call: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        match self {
            Self::Home(socket, _) => socket.try_io(interest, call),
            Self::Lent(..) => call(),
        }
    }

    /// Ready when the driver can read it.
    pub(super) fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Home(socket, _) => socket.poll_recv_ready(cx).map(drop),
            Self::Lent(..) => Poll::Pending,
        }
    }

    /// Ready when it can be written. Nobody waits for a lent socket.
    pub(super) fn poll_send_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Home(socket, _) => socket.poll_send_ready(cx).map(drop),
            Self::Lent(..) => Poll::Ready(()),
        }
    }
}

/// The same socket with another descriptor: an event queue closes what it refuses.
fn spare(socket: BorrowedSocket<'_>) -> io::Result<std::net::UdpSocket> {
    Ok(socket.try_clone_to_owned()?.into())
}

#[cfg(unix)]
impl std::os::fd::AsFd for Io {
    fn as_fd(&self) -> BorrowedSocket<'_> {
        self.borrow()
    }
}

#[cfg(windows)]
impl std::os::windows::io::AsSocket for Io {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        self.borrow()
    }
}
