//! The peer's address, and changes of it.

use std::net::SocketAddr;
use std::time::Instant;

use super::{Event, State, Stream};
use crate::bbr::Bbr;
use crate::path::Path;

impl Stream {
    /// Connects the stream to its peer. From here on it can send, beginning with the
    /// acknowledgements that it owes.
    pub fn connect(&mut self, now: Instant, remote_id: u32, remote: SocketAddr) {
        self.clock.micros(now);
        if self.is_connected() {
            return self.change_remote(now, remote_id, remote);
        }
        self.paths.change(Path { remote_id, remote }, self.flight.next());
        self.mtu.start_on(remote);
    }

    /// Moves the stream to another path. While the new path is not validated, packets that were
    /// sent before are retransmitted over the old path first; [`Event::RemoteChanged`] reports when
    /// all of them have arrived.
    ///
    /// The new path is validated when the peer acknowledges a packet that was never sent over an
    /// older path. Until then, no more than the initial window is sent over it.
    /// [`Event::PathValidated`] follows, or [`Event::PathFailed`] after two timeouts. All
    /// measurements of the old path, including the congestion window, are dropped (RFC 9000,
    /// section 9.4).
    pub fn change_remote(&mut self, now: Instant, remote_id: u32, remote: SocketAddr) {
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

    /// Whether the current path was set by [`Self::change_remote`] and has not been validated yet.
    pub fn is_validating(&self) -> bool {
        self.paths.is_validating()
    }

    /// Whether the stream has a peer and is open.
    pub fn is_connected(&self) -> bool {
        self.state == State::Open && self.paths.current().is_some()
    }

    /// The address that packets are sent to.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.paths.current().map(|path| path.remote)
    }

    /// The peer's stream id.
    pub fn remote_id(&self) -> Option<u32> {
        self.paths.current().map(|path| path.remote_id)
    }

    /// Drops the measurements of the old path.
    pub(super) fn forget_measurements(&mut self) {
        if let Some(remote) = self.remote() {
            self.mtu.start_on(remote);
        }
        self.rtt.reset();
        self.rack.handle_path_change();
        self.bbr = Bbr::after_move(self.flight.in_flight());
    }
}
