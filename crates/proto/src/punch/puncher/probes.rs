//! The probes of a puncher, and its answers to the peer's probes.

use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use super::{Puncher, Work};
use crate::base::Io;
use crate::punch::News;
use crate::punch::probe::Probe;
use crate::punch::strategy::Strategy;
use crate::punch::throttle::Throttle;
use crate::streams::Path;
use crate::wire::is_destination;
use crate::{Cx, SocketId, Timer};

impl Puncher {
    /// The server answers every probe. For the client, the first probe decides the path.
    pub(in crate::punch) fn handle_probe(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        throttle: &mut Throttle,
        socket: SocketId,
        from: SocketAddrV4,
    ) {
        if !self.is_initiator() {
            self.answer_probe(cx, socket, from);
            return;
        }
        if matches!(self.work, Work::Connected | Work::Leaving | Work::Over) || from.port() == 0 {
            return;
        }
        tracing::debug!(punch = self.id.0, %from, "punched");
        self.stop_punching(cx, io, throttle, Work::Connected);
        self.sockets.keep(cx, io, |other| other == socket);
        self.news.push(News::Connected(Path::to_peer(socket, from)));
    }

    /// Takes the next step of the strategy.
    pub(in crate::punch) fn handle_timeout(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        throttle: &mut Throttle,
    ) {
        if self.work == Work::Leaving {
            self.work = Work::Over;
        }
        let Work::Punching(mut strategy) = self.work else { return };
        let mut probes = Vec::new();
        let next = strategy.step(self.sockets.used(), &self.remote, &mut probes);
        for probe in probes {
            self.probe(cx, probe);
        }
        match next {
            Some(delay) => {
                self.work = Work::Punching(strategy);
                cx.wake_at(Timer::Punch(self.id.0), cx.now + delay);
            }
            None => self.leave(cx, io, throttle),
        }
    }

    /// Stops sending and answering probes. `Some` while a peer whose probe was answered may still
    /// send its first packet: until then, the sockets that answered stay open for it, and nothing
    /// else is kept.
    pub(in crate::punch) fn retire(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        throttle: &mut Throttle,
    ) -> Option<Instant> {
        self.retired = true;
        if self.is_punching() {
            self.stop_punching(cx, io, throttle, Work::Leaving);
        }
        self.answered.retain(|_, answered| cx.now < *answered + OPENS_WITHIN);
        let until = self.answered.values().max().map(|answered| *answered + OPENS_WITHIN)?;
        let first = self.socket();
        let answered = &self.answered;
        self.sockets.keep(cx, io, |socket| {
            // The first socket answers the rounds that may still arrive.
            answered.contains_key(&socket) || first == Some(socket)
        });
        Some(until)
    }

    /// Sends a probe to a client that has opened its NAT for us.
    pub(in crate::punch) fn answer_round(&mut self, cx: &mut Cx<'_>, client: SocketAddrV4) {
        self.probe_from_first(cx, client, false);
        self.has_probed = true;
    }

    pub(in crate::punch) fn probe_from_first(
        &mut self,
        cx: &mut Cx<'_>,
        to: SocketAddrV4,
        low_ttl: bool,
    ) {
        if let Some(socket) = self.socket().filter(|_| self.is_bound()) {
            self.probe(cx, Probe { socket, to, low_ttl });
        }
    }

    /// A socket that a strategy asked for is bound.
    pub(super) fn open_birthday_socket(&mut self, cx: &mut Cx<'_>, socket: SocketId) {
        if let Work::Punching(Strategy::Birthday { to, .. }) = self.work {
            self.probe(cx, Probe { socket, to, low_ttl: true });
        }
    }

    /// Answers a probe. From here on the peer may use this path.
    fn answer_probe(&mut self, cx: &mut Cx<'_>, socket: SocketId, from: SocketAddrV4) {
        if !self.retired && self.probe(cx, Probe { socket, to: from, low_ttl: false }) {
            self.answered.insert(socket, cx.now);
        }
    }

    /// No probe came through, as far as this side knows.
    fn leave(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, throttle: &mut Throttle) {
        match self.retire(cx, io, throttle) {
            Some(until) => cx.wake_at(Timer::Punch(self.id.0), until),
            None => self.work = Work::Over,
        }
    }

    /// Releases what only a punching puncher needs: its timer, its claim and its pings.
    fn stop_punching(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        throttle: &mut Throttle,
        work: Work,
    ) {
        self.work = work;
        cx.timers.cancel(Timer::Punch(self.id.0));
        self.release_claim(throttle, cx.now);
        self.cancel_pings(cx, io);
    }

    /// Sends a probe. False if it was not sent.
    fn probe(&mut self, cx: &mut Cx<'_>, probe: Probe) -> bool {
        let Probe { socket, to, low_ttl } = probe;
        if !is_destination(to) {
            return false;
        }
        let Some(left) = self.probes_left.checked_sub(1) else { return false };
        self.probes_left = left;
        self.sockets.note_probe(socket);
        let ttl = if low_ttl { OPENER_TTL } else { PROBE_TTL };
        cx.send_with_ttl(socket, to, ttl, PROBE.to_vec());
        true
    }
}

/// Lets packets of a peer pass our own NAT and firewall, with a probe that does not reach the peer.
pub(crate) fn open_own_nat(cx: &mut Cx<'_>, socket: SocketId, peer: SocketAddrV4) {
    if is_destination(peer) {
        cx.send_with_ttl(socket, peer, OPENER_TTL, PROBE.to_vec());
    }
}

const PROBE: [u8; 1] = [0];

const PROBE_TTL: u8 = 64;

/// Enough to pass our own NATs, too little to reach the peer's NAT, which might block us for it.
const OPENER_TTL: u8 = 5;

/// The most probes that one puncher sends: four times what its longest strategy needs.
pub(super) const MAX_PROBES: u32 = 8192;

/// The time from our answer to the peer's first packet: a round trip, and one retransmission.
const OPENS_WITHIN: Duration = Duration::from_secs(3);
