//! Do strangers reach us? Then we may serve others (PROTOCOL B.10).

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::Bytes;

use super::machine::Net;
use super::requests::Purpose;
use super::sampler::NatSampler;
use super::ticks::MORE_STABLE_TICKS;
use super::{Reply, RequestKey, RequestSpec};
use crate::wire::{command, node_id};
use crate::{Config, Cx, Event, SocketId};

/// What we are to others, and what we may become.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role {
    /// Nobody stores us in a routing table.
    pub(super) ephemeral: bool,
    /// Strangers do not reach the server socket, as far as we know.
    pub(super) firewalled: bool,
    /// Become persistent after a while, and ephemeral after a sleep.
    pub(super) adaptive: bool,
    forced: bool,
}

/// How much an update may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Only `firewalled`.
    Firewall,
    /// `ephemeral` as well.
    Full,
}

/// Who waits for an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    Bootstrap,
    Tick,
}

/// An update whose probe runs.
#[derive(Debug)]
pub(super) struct Update {
    scope: Scope,
    caller: Caller,
    /// Our address when it began.
    address: (Option<Ipv4Addr>, u16),
    pending: BTreeSet<RequestKey>,
    asked: usize,
    /// Replies that arrived on the server socket.
    good: usize,
    sampler: NatSampler,
}

impl Role {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            ephemeral: true,
            firewalled: config.firewalled,
            adaptive: config.ephemeral.is_none() && config.adaptive,
            forced: config.ephemeral == Some(false),
        }
    }

    /// True if the application demands persistence.
    pub(super) fn is_forced(self) -> bool {
        self.forced
    }

    /// True if this role is to change with time.
    pub(super) fn wants_persistence(self) -> bool {
        self.ephemeral && (self.adaptive || self.forced)
    }
}

impl Net {
    /// Changes our role if our address allows it. The caller is told.
    pub(super) fn start_update(&mut self, cx: &mut Cx<'_>, scope: Scope, caller: Caller) {
        let role = self.role;
        let is_useless = !role.ephemeral || (scope == Scope::Firewall && !role.firewalled);
        if is_useless || self.update.is_some() {
            return self.finish_update(cx, caller);
        }
        let address = self.nat.address();
        if scope == Scope::Full {
            self.clock.stable_in = if role.forced { RETRY_TICKS } else { MORE_STABLE_TICKS };
            self.clock.last_host = address.0;
        }
        if address.0.is_none() || address.1 == 0 {
            return self.finish_update(cx, caller);
        }
        if role.firewalled {
            self.start_probe(cx, scope, caller);
        } else {
            self.change_role(cx, scope, address, None);
            self.finish_update(cx, caller);
        }
    }

    /// Takes the end of a PING_NAT of the probe.
    pub(super) fn handle_pong(
        &mut self,
        cx: &mut Cx<'_>,
        request: RequestKey,
        reply: Option<Reply>,
    ) {
        let Some(update) = &mut self.update else {
            return;
        };
        update.pending.remove(&request);
        // Only what arrives on the server socket proves anything.
        if let Some(reply) = reply.filter(|reply| reply.socket == SocketId::SERVER) {
            update.good += 1;
            update.sampler.add(reply.to);
        }
        if update.pending.is_empty() {
            self.finish_probe(cx);
        }
    }

    /// Others drop us from their tables in their own time.
    pub(super) fn become_ephemeral(&mut self, cx: &mut Cx<'_>) {
        if self.role.adaptive && !self.role.ephemeral {
            self.role.ephemeral = true;
            cx.emit(Event::Ephemeral);
        }
    }

    /// Asks a node to answer to our server socket.
    pub(super) fn ping_nat(&self, to: SocketAddrV4) -> RequestSpec {
        let value = Some(Bytes::copy_from_slice(&self.server_port.to_le_bytes()));
        RequestSpec { value, ..RequestSpec::internal(to, command::PING_NAT) }
    }

    fn start_probe(&mut self, cx: &mut Cx<'_>, scope: Scope, caller: Caller) {
        let mut nodes = self.recent_nodes(PROBES);
        if nodes.len() < PROBES {
            // Some of them twice, then, as the reference does: how many have to reach us depends on
            // how many are asked.
            nodes.extend(self.bootstrap.addresses());
        }
        if nodes.is_empty() {
            return self.finish_update(cx, caller);
        }
        let mut pending = BTreeSet::new();
        for to in &nodes {
            let spec = self.ping_nat(*to);
            pending.insert(self.send_request(cx, spec, Purpose::Probe));
        }
        self.update = Some(Update {
            scope,
            caller,
            address: self.nat.address(),
            pending,
            asked: nodes.len(),
            good: 0,
            sampler: NatSampler::default(),
        });
    }

    fn finish_probe(&mut self, cx: &mut Cx<'_>) {
        let Some(update) = self.update.take() else {
            return;
        };
        let Update { scope, caller, address, sampler, .. } = update;
        let needed = if update.asked >= PROBES { MANY_GOOD } else { 1 };
        let (host, port) = sampler.address();
        // Another host, or another port than the bound one: some NAT is in between.
        let is_open = update.good >= needed
            && host.is_some()
            && host == self.nat.address().0
            && port != 0
            && port == self.server_port;
        if is_open {
            self.change_role(cx, scope, address, Some(sampler));
        }
        self.finish_update(cx, caller);
    }

    /// Strangers reach us, whatever else may have changed while that was found out.
    fn change_role(
        &mut self,
        cx: &mut Cx<'_>,
        scope: Scope,
        address: (Option<Ipv4Addr>, u16),
        sampler: Option<NatSampler>,
    ) {
        if std::mem::replace(&mut self.role.firewalled, false) {
            cx.emit(Event::Firewalled { firewalled: false });
        }
        let old = self.nat.address();
        let (host, port) = sampler.as_ref().unwrap_or(&self.nat).address();
        let Some(host) = host.filter(|host| Some(*host) == address.0) else {
            return;
        };
        if !self.role.ephemeral || old != address || port == 0 {
            return;
        }
        if let Some(sampler) = sampler {
            self.strangers.clear();
            self.nat = sampler;
            self.report_nat(cx, old);
        }
        if scope == Scope::Full {
            self.role.ephemeral = false;
        }
        let id = node_id(SocketAddrV4::new(host, port));
        if id != self.table.id() {
            self.table.move_to(id);
            if self.bootstrapped() {
                self.refresh(cx);
            }
        }
        if let Some(id) = self.id() {
            cx.emit(Event::Persistent { id });
        }
    }

    fn finish_update(&mut self, cx: &mut Cx<'_>, caller: Caller) {
        if caller == Caller::Bootstrap {
            self.handle_bootstrap_update_end(cx);
        }
    }
}

/// Nodes that a probe asks.
pub(super) const PROBES: usize = 5;

/// So many of them have to reach us. With fewer nodes to ask, one has to do.
const MANY_GOOD: usize = 3;

/// About a minute: a node that has to be persistent does not give up.
const RETRY_TICKS: u64 = 12;
