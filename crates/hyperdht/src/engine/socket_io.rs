//! A socket where it is read: by the driver, or by the application's thread.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::runtime::Handle;

use super::borrowed::{BorrowedSocket, borrow};
use super::loan::LentCopy;

/// A bound socket. Its descriptor stays the same in both places.
#[derive(Debug)]
pub(super) enum Io {
    /// Registered with the driver's event queue.
    Home(UdpSocket),
    /// The application's event loop watches a copy of its descriptor.
    Lent(std::net::UdpSocket, Arc<LentCopy>),
}

impl Io {
    pub(super) fn is_lent(&self) -> bool {
        matches!(self, Self::Lent(..))
    }

    /// The socket.
    pub(super) fn borrow(&self) -> BorrowedSocket<'_> {
        match self {
            Self::Home(socket) => borrow(socket),
            Self::Lent(socket, _) => borrow(socket),
        }
    }

    /// Takes it from the driver's event queue. `copy` is a copy of its descriptor.
    ///
    /// # Errors
    /// When the event queue does not let it go. It is closed then.
    pub(super) fn lend(self, copy: Arc<LentCopy>) -> io::Result<Self> {
        match self {
            Self::Home(socket) => socket.into_std().map(|socket| Self::Lent(socket, copy)),
            Self::Lent(..) => Ok(self),
        }
    }

    /// Moves it to the driver's event queue.
    ///
    /// # Errors
    /// When the event queue does not take it. It is closed then.
    pub(super) fn take_back(self, runtime: &Handle) -> io::Result<Self> {
        match self {
            Self::Home(_) => Ok(self),
            Self::Lent(socket, _) => {
                let _context = runtime.enter();
                UdpSocket::from_std(socket).map(Self::Home)
            }
        }
    }

    /// The socket is about to close: its copy no longer keeps the port.
    pub(super) fn free_port(&self) {
        if let Self::Lent(_, copy) = self {
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
            Self::Home(socket) => socket.try_io(interest, call),
            Self::Lent(..) => call(),
        }
    }

    /// Ready when the driver can read it.
    pub(super) fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Home(socket) => socket.poll_recv_ready(cx).map(drop),
            Self::Lent(..) => Poll::Pending,
        }
    }

    /// Ready when it can be written. Nobody waits for a lent socket.
    pub(super) fn poll_send_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Home(socket) => socket.poll_send_ready(cx).map(drop),
            Self::Lent(..) => Poll::Ready(()),
        }
    }
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
