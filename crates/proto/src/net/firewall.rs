//! Do strangers reach us? Then we may serve others (PROTOCOL B.10).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::address::OwnAddress;
use super::sampler::NatSampler;
use super::{Reply, RequestKey};
use crate::{Config, Cx, Event, SocketId};

/// What we are to others, and the probe that may change it.
#[derive(Debug)]
pub(super) struct Reachability {
    role: Role,
    probe: Option<Probe>,
}

/// What we are to others, and what we may become.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role {
    /// Nobody stores us in a routing table.
    pub(super) ephemeral: bool,
    /// Strangers do not reach the server socket, as far as we know.
    pub(super) firewalled: bool,
    /// Become persistent after a while, and ephemeral after a sleep.
    pub(super) adaptive: bool,
    /// The application demands persistence.
    pub(super) forced: bool,
}

/// What is to be found out, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Update {
    pub(super) scope: Scope,
    pub(super) origin: UpdateOrigin,
    /// Our address when it began.
    pub(super) address: (Option<Ipv4Addr>, u16),
}

/// How much an update may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Only `firewalled`.
    Reachability,
    /// `ephemeral` as well.
    Full,
}

/// What waits for an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UpdateOrigin {
    Bootstrap,
    Tick,
}

/// Several nodes are asked to answer to the server socket.
#[derive(Debug)]
struct Probe {
    update: Update,
    pending: BTreeSet<RequestKey>,
    asked: usize,
    /// Replies that arrived on the server socket.
    good: usize,
    sampler: NatSampler,
}

/// How a probe has ended.
#[derive(Debug)]
pub(super) struct Probed {
    pub(super) update: Update,
    /// Our address as the nodes that reached us see it. `None` if too few did, or a NAT is in
    /// between.
    pub(super) proven: Option<NatSampler>,
}

impl Reachability {
    pub(super) fn new(config: &Config) -> Self {
        let role = Role {
            ephemeral: true,
            firewalled: config.firewalled,
            adaptive: config.ephemeral.is_none() && config.adaptive,
            forced: config.ephemeral == Some(false),
        };
        Self { role, probe: None }
    }

    /// What we are.
    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// True while there is nothing to be found out: we know already, or a probe runs.
    pub(super) fn is_useless(&self, scope: Scope) -> bool {
        let Role { ephemeral, firewalled, .. } = self.role;
        !ephemeral || (scope == Scope::Reachability && !firewalled) || self.probe.is_some()
    }

    /// Waits for the answers to these requests.
    pub(super) fn start_probe(&mut self, update: Update, pending: BTreeSet<RequestKey>) {
        let (asked, sampler) = (pending.len(), NatSampler::default());
        self.probe = Some(Probe { update, pending, asked, good: 0, sampler });
    }

    /// Takes the end of a request of the probe.
    pub(super) fn handle_pong(
        &mut self,
        own: &OwnAddress,
        request: RequestKey,
        reply: Option<&Reply>,
    ) -> Option<Probed> {
        let probe = self.probe.as_mut()?;
        probe.pending.remove(&request);
        // Only what arrives on the server socket proves anything.
        if let Some(reply) = reply.filter(|reply| reply.socket == SocketId::SERVER) {
            probe.good += 1;
            probe.sampler.add(reply.to);
        }
        if !probe.pending.is_empty() {
            return None;
        }
        self.probe.take().map(|probe| probe.conclude(own))
    }

    /// Forgets the probe.
    pub(super) fn clear_probe(&mut self) {
        self.probe = None;
    }

    /// Strangers reach us.
    pub(super) fn open(&mut self, cx: &mut Cx<'_>) {
        if std::mem::replace(&mut self.role.firewalled, false) {
            cx.emit(Event::Firewalled { firewalled: false });
        }
    }

    /// Others may store us from here on.
    pub(super) fn become_persistent(&mut self) {
        self.role.ephemeral = false;
    }

    /// Others drop us from their tables in their own time.
    pub(super) fn become_ephemeral(&mut self, cx: &mut Cx<'_>) {
        if self.role.adaptive && !self.role.ephemeral {
            self.role.ephemeral = true;
            cx.emit(Event::Ephemeral);
        }
    }
}

impl Role {
    /// True if this role is to change with time.
    pub(super) fn wants_persistence(self) -> bool {
        self.ephemeral && (self.adaptive || self.forced)
    }
}

impl Probe {
    fn conclude(self, own: &OwnAddress) -> Probed {
        let Self { update, asked, good, sampler, .. } = self;
        let needed = if asked >= PROBES { MANY_GOOD } else { 1 };
        let (host, port) = sampler.address();
        // Another host, or another port than the bound one: some NAT is in between.
        let is_open = good >= needed && host.is_some() && host == own.get().0 && own.is_plain(port);
        Probed { update, proven: is_open.then_some(sampler) }
    }
}

/// Nodes that a probe asks.
pub(super) const PROBES: usize = 5;

/// So many of them have to reach us. With fewer nodes to ask, one has to do.
const MANY_GOOD: usize = 3;
