//! Paths of earlier connections that both ends want to use again.

use std::collections::BTreeMap;

use crate::SocketId;
use crate::streams::Path;
use crate::wire::PublicKey;

/// The latest path to each peer with which a socket may be shared. A path goes with its socket.
#[derive(Debug, Default)]
pub(super) struct Routes {
    by_peer: BTreeMap<PublicKey, Path>,
}

impl Routes {
    pub(super) fn get(&self, peer: &PublicKey) -> Option<Path> {
        self.by_peer.get(peer).copied()
    }

    /// Remembers a path. If there are too many, any other one is forgotten: it only costs its peer
    /// another search.
    pub(super) fn insert(&mut self, peer: PublicKey, path: Path) {
        if self.by_peer.len() >= MAX_ROUTES && !self.by_peer.contains_key(&peer) {
            self.by_peer.pop_first();
        }
        self.by_peer.insert(peer, path);
    }

    /// Forgets a path that has stopped working.
    pub(super) fn forget_path(&mut self, path: Path) {
        self.by_peer.retain(|_, other| *other != path);
    }

    /// Forgets the paths of a socket that is closed.
    pub(super) fn forget_socket(&mut self, socket: SocketId) {
        self.by_peer.retain(|_, path| path.socket != socket);
    }

    pub(super) fn clear(&mut self) {
        self.by_peer.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.by_peer.len()
    }
}

/// As many as the remembered relays of one generation.
const MAX_ROUTES: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_latest_are_kept() {
        let mut routes = Routes::default();
        let path = Path::to_peer(SocketId(7), "1.2.3.4:5".parse().unwrap());
        for n in 0..2 * MAX_ROUTES {
            let mut peer = [0; 32];
            peer[..8].copy_from_slice(&n.to_be_bytes());
            routes.insert(peer, path);
            assert_eq!(routes.get(&peer), Some(path));
        }
        assert_eq!(routes.len(), MAX_ROUTES);
        routes.forget_socket(SocketId(8));
        assert_eq!(routes.len(), MAX_ROUTES);
        routes.forget_socket(SocketId(7));
        assert_eq!(routes.len(), 0);
    }
}
