//! How many datagrams one system call sends (GSO).

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use quinn_udp::UdpSocketState;

/// The most datagrams that a socket sends in one call.
///
/// quinn-udp ends segmentation for good with the first datagram that the system calls invalid, such
/// as one to port 0. A stranger can cause that, so here only a call counts whose datagrams leave when
/// they are sent one by one.
#[derive(Debug)]
pub(super) struct Segmentation {
    most: AtomicUsize,
}

impl Segmentation {
    pub(super) fn new(state: &UdpSocketState) -> Self {
        Self { most: AtomicUsize::new(state.max_gso_segments().clamp(1, MAX_SEGMENTS)) }
    }

    pub(super) fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// Datagrams were refused together with this error, and the first of them was sent alone.
    pub(super) fn handle_refusal(&self, error: &io::Error) {
        if is_of_network_card(error) {
            self.most.store(1, Ordering::Relaxed);
        }
    }
}

/// Whether this is the error of a network card that refuses segmentation.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_of_network_card(error: &io::Error) -> bool {
    use nix::errno::Errno;

    let error = error.raw_os_error().map(Errno::from_raw);
    matches!(error, Some(Errno::EIO | Errno::EINVAL))
}

/// Other systems do not give one.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn is_of_network_card(_: &io::Error) -> bool {
    false
}

/// 44 datagrams of 1472 bytes, the largest on Ethernet, are the most that fit into the 65507 bytes
/// that one call can take.
pub(super) const MAX_SEGMENTS: usize = 44;
