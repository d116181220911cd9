//! What has reached an attempt before message 2.

use std::net::{IpAddr, SocketAddrV4};

use crate::streams::Path;

/// Paths that something has come over before message 2.
#[derive(Debug, Default)]
pub(super) struct EarlyPaths {
    /// Of a packet for our stream, whose id only the server knows.
    packet: Option<Path>,
    /// Of a probe, which anybody may send whom message 1 was sent to. It has ended the puncher.
    probe: Option<Path>,
}

impl EarlyPaths {
    pub(super) fn note_packet(&mut self, path: Path) {
        self.packet = Some(path);
    }

    pub(super) fn note_probe(&mut self, path: Path) {
        self.probe.get_or_insert(path);
    }

    /// Whether a probe has ended the puncher.
    pub(super) fn has_probe(&self) -> bool {
        self.probe.is_some()
    }

    /// The path to the server, whose address came with message 2.
    pub(super) fn path_to(&self, server: SocketAddrV4) -> Option<Path> {
        let is_host = |path: &Path| path.remote.ip() == IpAddr::V4(*server.ip());
        self.packet.or(self.probe.filter(is_host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SocketId;

    /// Every node that message 1 went to can send a probe.
    #[test]
    fn a_probe_of_another_host_is_no_path() {
        let [server, node] = [[1, 1, 1, 1], [2, 2, 2, 2]].map(|ip| SocketAddrV4::new(ip.into(), 5));
        let path = |to| Path::to_peer(SocketId::CLIENT, to);
        let mut early = EarlyPaths::default();
        assert_eq!((early.path_to(server), early.has_probe()), (None, false));

        early.note_probe(path(node));
        assert_eq!((early.path_to(server), early.has_probe()), (None, true));
        assert_eq!(early.path_to(node), Some(path(node)));

        early.note_packet(path(server));
        assert_eq!(early.path_to(server), Some(path(server)));
    }
}
