//! What an attempt has done so far, for the error that may follow. An attempt that succeeds pays a
//! few numbers for it.

use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use crate::net::Net;
use crate::noise::PublicKey;
use crate::punch::PunchSummary;
use crate::wire::Firewall;
use crate::{ConnectReason, ConnectStep, ConnectTrace, NatClass, TracedStep};

#[derive(Debug)]
pub(super) struct Trace {
    began: Instant,
    /// Milliseconds until each step was first reached, by the number of its variant.
    reached: [Option<u32>; ConnectStep::ALL.len()],
    /// The nodes that have answered the search.
    pub(super) nodes: u32,
    pub(super) handshakes: u32,
    pub(super) rounds: u32,
    /// The node that led to the server, and the server as it sees it.
    pub(super) route: Option<(SocketAddrV4, SocketAddrV4)>,
    pub(super) remote_nat: Firewall,
    pub(super) relay: Option<PublicKey>,
    /// Why there is no direct path.
    pub(super) direct: Option<ConnectReason>,
    punch: Option<PunchSummary>,
}

impl Trace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            began: now,
            reached: [None; ConnectStep::ALL.len()],
            nodes: 0,
            handshakes: 0,
            rounds: 0,
            route: None,
            remote_nat: Firewall::Unknown,
            relay: None,
            direct: None,
            punch: None,
        }
    }

    /// The attempt has reached a step, perhaps again.
    pub(super) fn reach(&mut self, now: Instant, step: ConnectStep) {
        if let Some(reached @ None) = self.reached.get_mut(step as usize) {
            let after = now.saturating_duration_since(self.began).as_millis();
            *reached = Some(u32::try_from(after).unwrap_or(u32::MAX));
        }
    }

    /// A puncher of the attempt ends.
    pub(super) fn note_punch(&mut self, summary: PunchSummary) {
        self.punch = Some(summary);
    }

    /// The attempt fails.
    pub(super) fn finish(
        &mut self,
        now: Instant,
        net: &Net,
        reason: ConnectReason,
    ) -> ConnectTrace {
        self.reach(now, ConnectStep::Failed);
        let steps = ConnectStep::ALL.into_iter().zip(self.reached);
        let steps = steps.filter_map(|(step, after)| {
            Some(TracedStep { step, after: Duration::from_millis(after?.into()) })
        });
        let mut steps: Vec<_> = steps.collect();
        // Steps of the same time stay in the usual order.
        steps.sort_by_key(|traced| traced.after);
        let (remote, probes) = self.punch.map_or((Firewall::Unknown, 0), |p| (p.remote, p.probes));
        let remote = if remote == Firewall::Unknown { self.remote_nat } else { remote };
        ConnectTrace {
            reason,
            direct: self.direct,
            steps,
            node: self.route.map(|(node, _)| node),
            server: self.route.map(|(_, server)| server),
            relay: self.relay,
            local_nat: self.punch.map_or_else(|| nat_of(net), |punch| punch.local.into()),
            remote_nat: remote.into(),
            nodes: self.nodes,
            handshakes: self.handshakes,
            rounds: self.rounds,
            probes,
        }
    }
}

/// What a node knows of its NAT without a puncher.
fn nat_of(net: &Net) -> NatClass {
    match net.nat_address() {
        (None, _) => NatClass::Unknown,
        (Some(_), _) if !net.firewalled() => NatClass::Open,
        (Some(_), 0) => NatClass::Random,
        (Some(_), _) => NatClass::Consistent,
    }
}
