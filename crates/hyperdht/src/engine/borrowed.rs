//! A socket of the system, as it is shown to the program, and as it is lent.

use parking_lot::Mutex;

/// A file descriptor; on Windows a `SOCKET`.
#[cfg(unix)]
pub use std::os::fd::BorrowedFd as BorrowedSocket;

/// A file descriptor; on Windows a `SOCKET`.
#[cfg(windows)]
pub use std::os::windows::io::BorrowedSocket;

/// A file descriptor that is closed when it is dropped; on Windows a `SOCKET`.
#[cfg(unix)]
pub(super) use std::os::fd::OwnedFd as OwnedSocket;

/// A file descriptor that is closed when it is dropped; on Windows a `SOCKET`.
#[cfg(windows)]
pub(super) use std::os::windows::io::OwnedSocket;

/// A copy of the descriptor of a lent socket.
///
/// The number is this one's until it is dropped, even if the engine closes the socket. Then another
/// file, which never has anything to read, takes its place, so that the port is free at once.
#[derive(Debug)]
pub struct LentCopy(Mutex<OwnedSocket>);

#[cfg(unix)]
pub(super) fn borrow(socket: &impl std::os::fd::AsFd) -> BorrowedSocket<'_> {
    socket.as_fd()
}

#[cfg(windows)]
pub(super) fn borrow(socket: &impl std::os::windows::io::AsSocket) -> BorrowedSocket<'_> {
    socket.as_socket()
}

impl LentCopy {
    pub(super) fn new(copy: OwnedSocket) -> Self {
        Self(Mutex::new(copy))
    }

    /// Calls `f` with the number. The file does not change meanwhile.
    #[cfg(unix)]
    pub fn with_number<R>(&self, f: impl FnOnce(std::os::fd::RawFd) -> R) -> R {
        f(std::os::fd::AsRawFd::as_raw_fd(&*self.0.lock()))
    }

    /// Puts another file in the place of the socket. An event queue drops a file that is closed,
    /// which it is if the caller closes the socket too.
    pub(super) fn free_port(&self) {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Err(error) = replace(&mut self.0.lock()) {
            tracing::warn!(%error, "a port stays occupied until the event loop lets go of it");
        }
    }
}

/// A datagram socket without a port is never readable.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn replace(copy: &mut OwnedSocket) -> std::io::Result<()> {
    use nix::fcntl::{FcntlArg, FdFlag, fcntl};
    use socket2::{Domain, Socket, Type};

    let other = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    nix::unistd::dup2(&other, copy)?;
    fcntl(copy, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    Ok(())
}
