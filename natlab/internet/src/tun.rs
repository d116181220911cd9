//! A TUN device in a network namespace: what the kernel routes to it is read here.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Makes the device `wan` there. It is gone when the file is closed.
///
/// # Errors
///
/// Without the rights of root, or without /dev/net/tun.
pub fn open(namespace: &Path) -> io::Result<File> {
    enter(namespace)?;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open("/dev/net/tun")?;

    // SAFETY: a request of zeros is valid: its name is empty, its union plain numbers.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(NAME) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one `ifreq`, which outlives the call.
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF as _, &raw mut request) })?;
    Ok(file)
}

/// Waits until one of these can be read, or for so many milliseconds. The flags say which can.
///
/// # Errors
///
/// Those of poll(2), except that a signal interrupted it.
pub fn wait(descriptors: &mut [libc::pollfd], milliseconds: i32) -> io::Result<()> {
    let count = descriptors.len() as libc::nfds_t;
    // SAFETY: the pointer and the count are those of one slice.
    match check(unsafe { libc::poll(descriptors.as_mut_ptr(), count, milliseconds) }) {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ => Ok(()),
    }
}

/// Devices that this thread makes from now on are in that namespace.
fn enter(namespace: &Path) -> io::Result<()> {
    let file = File::open(namespace)?;
    // SAFETY: setns takes a descriptor and a flag, and touches no memory of ours.
    check(unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) })
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

const NAME: [u8; 3] = *b"wan";
