//! Where the packets of a stream go.

use std::net::SocketAddrV4;
use std::time::Instant;

use super::{Event, State, Stream};
use crate::bbr::Bbr;
use crate::path::Path;

impl Stream {
    /// Gives the stream its peer. Acknowledgements owed since earlier can leave.
    pub fn connect(&mut self, now: Instant, remote_id: u32, remote: SocketAddrV4) {
        self.clock.micros(now);
        if self.is_connected() {
            return self.change_remote(now, remote_id, remote);
        }
        self.paths.change(Path { remote_id, remote }, self.flight.next());
    }

    /// Moves the stream to another path. Packets sent earlier are repeated over the old path first,
    /// while the new one is in doubt; [`Event::RemoteChanged`] tells when all of them have arrived.
    ///
    /// Until the peer acknowledges a packet that was never sent over an older path, the new one is
    /// in doubt: no more than the initial window is sent over it. Then [`Event::PathValidated`]
    /// follows, or [`Event::PathFailed`] after two timeouts. What was measured on the old path, the
    /// congestion window included, says nothing about the new one and is forgotten (RFC 9000,
    /// section 9.4).
    pub fn change_remote(&mut self, now: Instant, remote_id: u32, remote: SocketAddrV4) {
        if !self.is_connected() {
            return self.connect(now, remote_id, remote);
        }
        self.clock.micros(now);
        self.paths.change(Path { remote_id, remote }, self.flight.next());
        self.forget_measurements();
        if self.paths.handle_acknowledged(self.flight.una()) {
            self.events.push_back(Event::RemoteChanged);
        }
    }

    /// Whether the current path came by [`Self::change_remote`] and nothing shows yet that it
    /// works.
    pub fn is_validating(&self) -> bool {
        self.paths.is_validating()
    }

    /// Whether the stream has a peer and is not over.
    pub fn is_connected(&self) -> bool {
        self.state == State::Open && self.paths.current().is_some()
    }

    /// Where packets go.
    pub fn remote(&self) -> Option<SocketAddrV4> {
        self.paths.current().map(|path| path.remote)
    }

    /// The peer's stream id.
    pub fn remote_id(&self) -> Option<u32> {
        self.paths.current().map(|path| path.remote_id)
    }

    /// The path is another one.
    pub(super) fn forget_measurements(&mut self) {
        self.mtu.restart();
        self.rtt.reset();
        self.rack.handle_path_change();
        self.bbr = Bbr::after_move(self.flight.in_flight());
    }
}
