//! Why a socket refused something, in the words of libuv.

use std::io::ErrorKind;

/// The code and the text that libuv uses for a kind. `None` if libuv has no code for it.
pub fn words(kind: ErrorKind) -> Option<(&'static str, &'static str)> {
    WORDS.iter().find(|(named, ..)| *named == kind).map(|(_, code, text)| (*code, *text))
}

const WORDS: [(ErrorKind, &str, &str); 5] = [
    (ErrorKind::AddrInUse, "EADDRINUSE", "address already in use"),
    (ErrorKind::AddrNotAvailable, "EADDRNOTAVAIL", "address not available"),
    (ErrorKind::PermissionDenied, "EACCES", "permission denied"),
    (ErrorKind::InvalidInput, "EINVAL", "invalid argument"),
    (ErrorKind::NotConnected, "ENOTCONN", "socket is not connected"),
];
