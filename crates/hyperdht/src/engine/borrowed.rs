//! A socket of the system, as it is shown to the program.

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

#[cfg(unix)]
pub(super) fn borrow(socket: &impl std::os::fd::AsFd) -> BorrowedSocket<'_> {
    socket.as_fd()
}

#[cfg(windows)]
pub(super) fn borrow(socket: &impl std::os::windows::io::AsSocket) -> BorrowedSocket<'_> {
    socket.as_socket()
}
