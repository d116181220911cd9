//! How a puncher analyses its NAT, and looks for a socket that has a better one.

use super::{Analysis, Ping, Puncher, Reopening, Work};
use crate::Cx;
use crate::base::Io;
use crate::net::Owner;
use crate::punch::News;
use crate::punch::nat::{ENOUGH_SAMPLES, Nat, is_consistent, is_random};
use crate::wire::Firewall;

impl Puncher {
    /// `None` while the analysis runs; then whether the NAT can be punched together with the
    /// peer's.
    pub(crate) fn analysis(&self) -> Option<bool> {
        if self.analysis != Analysis::Ended || matches!(self.reopening, Reopening::Running { .. }) {
            return None;
        }
        Some(!self.is_unstable())
    }

    /// Replaces the socket until its NAT is consistent. `Some` if that was tried before. Probes to
    /// a former socket that the peer may know still count.
    pub(in crate::punch) fn reopen(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>) -> Option<bool> {
        match self.reopening {
            Reopening::Done { consistent } => return Some(consistent),
            Reopening::Running { .. } => return None,
            Reopening::No => {}
        }
        self.reopening = Reopening::Running { left: MAX_REOPENS };
        self.reopen_next(cx, io);
        match self.reopening {
            Reopening::Done { consistent } => Some(consistent),
            Reopening::No | Reopening::Running { .. } => None,
        }
    }

    pub(in crate::punch) fn postpone_analysis(&mut self) {
        if !self.is_bound() {
            self.analysis = Analysis::Binding { waits: true };
        }
    }

    /// Begins the analysis, if it was postponed.
    pub(in crate::punch) fn analyse(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>) {
        match self.analysis {
            Analysis::Postponed => {}
            Analysis::Binding { .. } => return self.analysis = Analysis::Binding { waits: false },
            Analysis::Sampling { .. } | Analysis::Ended => return,
        }
        self.analysis = Analysis::Sampling { again: true };
        self.sample(cx, io);
        self.settle(cx, io);
    }

    /// Pings nodes from the first socket. The latest nodes are skipped: they probably relay the
    /// handshake, and so give a sample anyway.
    pub(super) fn sample(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>) {
        let Some(socket) = self.socket() else { return };
        let nodes = io.net.recent_nodes(NODES_TO_CHOOSE_FROM);
        let skip = if nodes.len() >= MANY_NODES { SKIPPED_NODES } else { 0 };
        for node in nodes.into_iter().skip(skip) {
            let expected = self.pings.values().filter(|ping| !ping.is_late).count();
            if self.nat.samples() + expected >= ENOUGH_SAMPLES {
                break;
            }
            if !self.asked.insert(node) {
                continue;
            }
            let tag = self.next_tag;
            self.next_tag = self.next_tag.wrapping_add(1);
            let owner = Owner::Punch(self.id.0, tag);
            let key = io.net.ping(cx, node, Some(socket), PING_RETRIES, owner);
            self.pings.insert(tag, Ping { key, is_late: false });
        }
    }

    /// A ping is not answered in time, and is sent again. Another node may answer sooner.
    pub(in crate::punch) fn handle_overdue(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, tag: u32) {
        let Some(ping) = self.pings.get_mut(&tag) else { return };
        ping.is_late = true;
        if matches!(self.analysis, Analysis::Sampling { .. }) {
            self.sample(cx, io);
        }
    }

    /// Ends the analysis when it has enough samples or can get no more.
    pub(super) fn settle(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>) {
        while let Analysis::Sampling { again } = self.analysis {
            if self.nat.is_decided() {
                self.end_analysis(cx, io);
            } else if !self.pings.is_empty() {
                return;
            } else if again {
                self.analysis = Analysis::Sampling { again: false };
                self.sample(cx, io);
            } else {
                self.end_analysis(cx, io);
            }
        }
    }

    fn end_analysis(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>) {
        self.analysis = Analysis::Ended;
        tracing::debug!(punch = self.id.0, firewall = ?self.nat.firewall(), "analysed");
        self.reopen_next(cx, io);
        if !matches!(self.reopening, Reopening::Running { .. }) {
            self.news.push(News::Analyzed);
        }
    }

    /// Tries one more socket, or ends the reopening.
    pub(super) fn reopen_next(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>) {
        let Reopening::Running { left } = self.reopening else { return };
        if left == 0 || !self.is_unstable() || self.work != Work::None {
            let consistent = is_consistent(self.nat.firewall());
            self.reopening = Reopening::Done { consistent };
            return;
        }
        self.reopening = Reopening::Running { left: left - 1 };
        self.analysis = Analysis::Binding { waits: false };
        self.cancel_pings(cx, io);
        self.asked.clear();
        let nat = Nat::new(io.net.firewalled());
        let former = std::mem::replace(&mut self.nat, nat);
        self.sockets.replace(cx, io, former);
    }

    /// No other socket can be bound: the puncher keeps the socket and the verdict that it has.
    pub(super) fn stop_reopening(&mut self, former: Option<Nat>) {
        if let Some(nat) = former {
            self.nat = nat;
        }
        self.analysis = Analysis::Ended;
        self.reopening = Reopening::Done { consistent: is_consistent(self.nat.firewall()) };
        self.news.push(News::Analyzed);
    }

    fn is_unstable(&self) -> bool {
        let firewall = self.nat.firewall();
        let are_random = is_random(firewall) && is_random(self.remote.firewall());
        firewall == Firewall::Unknown || (are_random && !self.both_count())
    }
}

/// Mobile networks spread sockets over several NATs; another socket may get a better one.
const MAX_REOPENS: u8 = 3;

const NODES_TO_CHOOSE_FROM: usize = 32;

/// The reference sends a ping once, so that a lost one costs a second.
const PING_RETRIES: u32 = 1;

/// With fewer nodes than this, no node is skipped.
const MANY_NODES: usize = 8;

const SKIPPED_NODES: usize = 5;
