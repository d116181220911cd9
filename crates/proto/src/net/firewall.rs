//! Whether unsolicited packets reach us, which decides whether we may serve other nodes (PROTOCOL
//! B.10).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::address::OwnAddress;
use super::sampler::NatSampler;
use super::{Reply, RequestKey};
use crate::{Config, Cx, Event, SocketId};

/// Our role in the network, and the probe that may change it.
#[derive(Debug)]
pub(super) struct Reachability {
    role: Role,
    probe: Option<FirewallProbe>,
}

/// Our role in the network, and the roles that we may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role {
    /// Other nodes do not store us in their routing tables.
    pub(super) ephemeral: bool,
    /// As far as we know, unsolicited packets do not reach the server socket.
    pub(super) firewalled: bool,
    /// The node becomes persistent after a while, and ephemeral after a sleep.
    pub(super) adaptive: bool,
    /// The application has configured the node to be persistent.
    pub(super) forced: bool,
}

/// A check of our reachability: its scope and its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Update {
    pub(super) scope: Scope,
    pub(super) origin: UpdateOrigin,
    /// Our address when the check began.
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

/// The part that started an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UpdateOrigin {
    Bootstrap,
    Tick,
}

/// A running probe: several nodes were asked to answer to the server socket.
#[derive(Debug)]
struct FirewallProbe {
    update: Update,
    pending: BTreeSet<RequestKey>,
    asked: usize,
    /// Replies that arrived on the server socket.
    good: usize,
    sampler: NatSampler,
}

/// The result of a probe.
#[derive(Debug)]
pub(super) struct ProbeEnd {
    pub(super) update: Update,
    /// Our address as seen by the nodes that reached us. `None` if too few did, or if a NAT
    /// translates it.
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

    /// Our role.
    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// True if an update would be useless, because we know the result already or a probe is
    /// running.
    pub(super) fn is_useless(&self, scope: Scope) -> bool {
        let Role { ephemeral, firewalled, .. } = self.role;
        !ephemeral || (scope == Scope::Reachability && !firewalled) || self.probe.is_some()
    }

    /// Starts a probe with these requests.
    pub(super) fn start_probe(&mut self, update: Update, pending: BTreeSet<RequestKey>) {
        let (asked, sampler) = (pending.len(), NatSampler::default());
        self.probe = Some(FirewallProbe { update, pending, asked, good: 0, sampler });
    }

    /// Takes the end of a request of the probe.
    pub(super) fn handle_pong(
        &mut self,
        own: &OwnAddress,
        request: RequestKey,
        reply: Option<&Reply>,
    ) -> Option<ProbeEnd> {
        let probe = self.probe.as_mut()?;
        probe.pending.remove(&request);
        // Only a reply on the server socket proves that we are reachable.
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

    /// Notes that unsolicited packets reach us.
    pub(super) fn open(&mut self, cx: &mut Cx<'_>) {
        if std::mem::replace(&mut self.role.firewalled, false) {
            cx.emit(Event::NotFirewalled);
        }
    }

    /// Makes us persistent: other nodes may store us.
    pub(super) fn become_persistent(&mut self) {
        self.role.ephemeral = false;
    }

    /// Makes an adaptive node ephemeral. Other nodes remove us from their tables when they notice.
    pub(super) fn become_ephemeral(&mut self, cx: &mut Cx<'_>) {
        if self.role.adaptive && !self.role.ephemeral {
            self.role.ephemeral = true;
            cx.emit(Event::Ephemeral);
        }
    }
}

impl Role {
    /// True if the node should become persistent with time.
    pub(super) fn wants_persistence(self) -> bool {
        self.ephemeral && (self.adaptive || self.forced)
    }
}

impl FirewallProbe {
    fn conclude(self, own: &OwnAddress) -> ProbeEnd {
        let Self { update, asked, good, sampler, .. } = self;
        let needed = if asked >= PROBES { MANY_GOOD } else { 1 };
        let (host, port) = sampler.address();
        // If the host differs, or the port is not the bound one, a NAT translates our address.
        let is_open = good >= needed && host.is_some() && host == own.get().0 && own.is_plain(port);
        ProbeEnd { update, proven: is_open.then_some(sampler) }
    }
}

/// The number of nodes that a probe asks.
pub(super) const PROBES: usize = 5;

/// The number of nodes that have to reach us. If fewer than [`PROBES`] were asked, one is enough.
const MANY_GOOD: usize = 3;
