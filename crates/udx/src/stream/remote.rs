//! The peer's address, and changes of it.

use std::net::SocketAddr;
use std::time::Instant;

use super::{Event, LossRecovery, State, Stream};
use crate::bbr::Bbr;
use crate::loss::OPENING_PROBES;
use crate::path::Path;
use crate::time::Micros;

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

    /// Until a packet is acknowledged, repeats the last one four times before the timeout. The peer's
    /// firewall may open a moment after the first packet has come.
    pub fn repeat_early(&mut self, now: Instant) {
        let now = self.clock.micros(now);
        if self.is_connected() && self.stats.packets_rx == 0 {
            self.timers.early = &OPENING_PROBES;
            self.timers.tlp = None;
            self.timers.arm_tlp(now, &self.rtt, &self.flight);
        }
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

    /// Moves the stream to a path that was validated elsewhere: the peer has left the old one. What
    /// is in flight went there, so all of it is sent again, and the peer gets an acknowledgement of
    /// what has arrived. [`Event::PathValidated`] and [`Event::RemoteChanged`] follow.
    pub fn change_proven(&mut self, now: Instant, remote_id: u32, remote: SocketAddr) {
        if !self.is_connected() {
            return;
        }
        self.change_remote(now, remote_id, remote);
        let is_changing = self.paths.is_changing();
        if self.paths.prove() {
            self.events.push_back(Event::PathValidated);
        }
        // Nothing is under way over an older path any more.
        if is_changing {
            self.events.push_back(Event::RemoteChanged);
        }
        let now = self.clock.micros(now);
        self.rack.lose_all(&mut self.flight);
        self.bbr = Bbr::after_move(0);
        self.recovery = LossRecovery::Timeout { until: self.flight.next() };
        self.restart(now);
        self.acks.owe();
    }

    /// The stream's path is another one than before although the peer's address is the same: our own
    /// has changed. Measures the path anew, and asks at once what has arrived.
    pub fn handle_new_path(&mut self, now: Instant) {
        if !self.is_connected() {
            return;
        }
        let now = self.clock.micros(now);
        self.forget_measurements();
        self.restart(now);
        self.probe_due = !self.flight.is_empty();
        self.acks.owe();
    }

    /// The peer has shown in another way than by an acknowledgement that small packets arrive. What
    /// waits for the next timeout is asked for at once. The timeouts still count: larger packets may
    /// be lost.
    pub fn handle_reached(&mut self) {
        if self.is_connected() && (self.timers.timeouts > 0 || self.timers.probed) {
            self.probe_due = !self.flight.is_empty();
            self.acks.owe();
        }
    }

    /// Sends a heartbeat, which the peer answers.
    pub fn ask(&mut self) {
        self.keep_alive.demand();
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

    /// The timeouts were those of the old path.
    fn restart(&mut self, now: Micros) {
        self.pacer.refill();
        self.timers.stop();
        self.timers.probed = false;
        self.window.unanswered = 0;
        if !self.flight.is_empty() {
            self.timers.rto = Some(now + self.rtt.rto());
        }
    }

    /// Drops the measurements of the old path.
    pub(super) fn forget_measurements(&mut self) {
        if let Some(remote) = self.remote() {
            self.mtu.start_on(remote);
        }
        self.doubt = None;
        self.rtt.reset();
        self.rack.handle_path_change();
        self.bbr = Bbr::after_move(self.flight.in_flight());
    }
}
