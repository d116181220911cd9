//! The errors of sockets, as JavaScript gets them.

use std::io;

use napi::bindgen_prelude::*;

/// The error with libuv's text, where there is one.
pub(crate) fn named_error(error: io::Error) -> Error {
    let named = UNNAMED.iter().find(|(code, _)| error.raw_os_error() == Some(*code));
    if let Some((_, text)) = named {
        return Error::from_reason(*text);
    }
    let words = border::bind_error::words(error.kind());
    let text = words.map_or_else(|| error.to_string(), |(code, text)| format!("{code}: {text}"));
    Error::from_reason(text)
}

/// Errors without an `ErrorKind`: no descriptor is left for a socket; the system has no IPv6; the
/// socket has another family.
const UNNAMED: [(i32, &str); 3] = [
    (EMFILE, "EMFILE: too many open files"),
    (EAFNOSUPPORT, "EAFNOSUPPORT: address family not supported"),
    (ENOPROTOOPT, "ENOPROTOOPT: protocol not available"),
];

/// Winsock has numbers of its own.
const EMFILE: i32 = if cfg!(windows) { 10_024 } else { 24 };

const EAFNOSUPPORT: i32 = match () {
    () if cfg!(windows) => 10_047,
    () if cfg!(any(target_os = "linux", target_os = "android")) => 97,
    () => 47,
};

const ENOPROTOOPT: i32 = match () {
    () if cfg!(windows) => 10_042,
    () if cfg!(any(target_os = "linux", target_os = "android")) => 92,
    () => 42,
};
