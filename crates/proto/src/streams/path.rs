//! What a stream needs to know before it can be connected.

use std::net::{SocketAddr, SocketAddrV4};

use crate::wire::{FEATURE_PATH_FRAMES, FEATURE_REVISION_1, UdxInfo, dht_address};
use crate::{RawRemote, SocketId};

/// Where the packets of a stream go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path {
    pub(crate) socket: SocketId,
    pub(crate) remote: SocketAddr,
}

impl Path {
    /// The path to a peer that the DHT knows, whose address is an IPv4 address.
    pub(crate) const fn to_peer(socket: SocketId, remote: SocketAddrV4) -> Self {
        Self { socket, remote: SocketAddr::V4(remote) }
    }

    /// Whether a stream on this path takes what comes from this address to this socket. A node has
    /// several sockets, and its peer may know another one of them than the one that the node sends
    /// from. Where the application has bound the sockets, it decides which of them a stream is on.
    pub(crate) fn lets_in(&self, socket: SocketId, from: SocketAddr) -> bool {
        let is_bound = [self.socket, socket].iter().any(|it| it.is_bound_by_application());
        self.socket == socket || !is_bound && self.remote == from
    }

    /// The peer's address, if the DHT can send it requests.
    pub(crate) fn peer(&self) -> Option<SocketAddrV4> {
        dht_address(self.remote)
    }
}

impl From<RawRemote> for Path {
    fn from(remote: RawRemote) -> Self {
        Self { socket: remote.socket, remote: remote.address }
    }
}

/// The state of a stream's path, in the terms of RFC 9000, section 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathState {
    /// The handshake gave the path, or the peer has sent a packet over it, or the peer has
    /// acknowledged a packet that only this path carried.
    Validated,
    /// It is not known yet whether packets arrive. `fallback` is the last path that was validated.
    Validating { fallback: Path },
}

/// The peer's end of a stream, as the handshake told of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RemoteStream {
    pub(crate) id: u32,
    /// The peer speaks revision 1: it needs only one acknowledgement per receive batch.
    pub(crate) revision_1: bool,
    /// The peer answers the frames that prove a path.
    pub(crate) path_frames: bool,
}

impl From<Option<UdxInfo>> for RemoteStream {
    fn from(info: Option<UdxInfo>) -> Self {
        let Some(info) = info else { return Self::default() };
        let has = |feature: u64| info.features & feature != 0;
        let (revision_1, path_frames) = (has(FEATURE_REVISION_1), has(FEATURE_PATH_FRAMES));
        Self { id: info.id, revision_1, path_frames }
    }
}
