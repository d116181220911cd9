//! The course of the bootstrap, and changes of our role: ephemeral or persistent, firewalled or
//! open.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::{Net, out};
use crate::net::bootstrap::{Conclusion, Settled, Then};
use crate::net::exchange::Purpose;
use crate::net::firewall::{PROBES, ProbeEnd, Scope, Update, UpdateOrigin};
use crate::net::query::QueryPurpose;
use crate::net::sampler::NatSampler;
use crate::net::{Output, Reply, RequestKey};
use crate::wire::node_id;
use crate::{Cx, Event};

impl Net {
    /// Starts a query for our own id, which fills the table.
    pub(super) fn start_bootstrap(&mut self, cx: &mut Cx<'_>) {
        let id = self.contacts.table.id();
        self.bootstrap.handle_walk(id);
        self.walk(cx, id, QueryPurpose::Bootstrap);
    }

    /// Takes the result of a name lookup. `addresses` is empty if the lookup failed.
    pub(crate) fn handle_resolved(&mut self, cx: &mut Cx<'_>, host: &str, addresses: &[Ipv4Addr]) {
        if self.destroyed {
            return;
        }
        for index in 0..self.bootstrap.len() {
            let settled = self.bootstrap.handle_resolved(index, host, addresses);
            self.handle_settled(cx, settled);
        }
    }

    /// Passes the address of a bootstrap node to the queries that wait for it, or tells them that
    /// no more addresses will follow.
    pub(super) fn handle_settled(&mut self, cx: &mut Cx<'_>, settled: Option<Settled>) {
        let Some(Settled(node)) = settled else {
            return;
        };
        let is_settled = self.bootstrap.is_settled();
        for key in self.queries.awaiting_bootstrap() {
            self.in_queries(cx, |queries, cx, out, table| {
                queries.handle_bootstrap_node(cx, out, table, key, (node, is_settled))
            });
        }
    }

    /// The quick test has reached our server socket. Its reply shows the id that we will have if
    /// the check succeeds. The running query is redirected to that id at once, so that no second
    /// query is needed later.
    pub(super) fn handle_quick_test(&mut self, cx: &mut Cx<'_>, reply: &Reply) {
        if !self.bootstrap.handle_quick_test() {
            // The query has ended before the test, as in the reference if it comes so late. But a
            // node without a network at first has requests under way that are all answered at once.
            if self.bootstrap.was_silent() {
                self.start_update(cx, Scope::Reachability, UpdateOrigin::Tick);
            }
            return;
        }
        let is_plain = self.address.is_plain(reply.to.port());
        if is_plain && Some(*reply.to.ip()) == self.address.get().0 {
            let id = node_id(reply.to);
            self.bootstrap.handle_walk(id);
            self.in_queries(cx, |queries, cx, out, table| {
                queries.redirect_bootstrap(cx, out, table, id)
            });
        }
    }

    /// Takes a reply to the bootstrap query. Starts the quick test or the check, if it is time.
    pub(super) fn handle_bootstrap_reply(&mut self, cx: &mut Cx<'_>, from: SocketAddrV4) {
        let was_silent = cx.stats.retries > 0 || cx.stats.timeouts > 0;
        if self.bootstrap.handle_answer(was_silent) {
            let spec = self.address.ping_nat(from);
            self.send(cx, spec, Purpose::QuickTest);
        }
        let is_known = matches!(self.address.get(), (Some(_), port) if port != 0);
        let is_ready = is_known && self.contacts.table.len() >= PROBES;
        if is_ready && self.bootstrap.wants_check() {
            self.start_check(cx);
        }
    }

    pub(super) fn handle_bootstrap_end(&mut self, cx: &mut Cx<'_>) {
        if !self.destroyed {
            let then = self.bootstrap.handle_query_end();
            self.go_on(cx, then);
        }
    }

    /// Starts a check of our reachability, which may change our role. Calls `finish_update` when it
    /// has ended.
    pub(super) fn start_update(&mut self, cx: &mut Cx<'_>, scope: Scope, origin: UpdateOrigin) {
        let role = self.firewall.role();
        if self.firewall.is_useless(scope) {
            return self.finish_update(cx, origin);
        }
        let address = self.address.get();
        if scope == Scope::Full {
            self.clock.handle_attempt(address.0, role.forced);
        }
        if address.0.is_none() || address.1 == 0 {
            return self.finish_update(cx, origin);
        }
        let update = Update { scope, origin, address };
        if role.firewalled {
            self.start_probe(cx, update);
        } else {
            self.change_role(cx, update, None);
            self.finish_update(cx, origin);
        }
    }

    /// Takes the end of one PING_NAT of the probe.
    pub(super) fn handle_pong(
        &mut self,
        cx: &mut Cx<'_>,
        request: RequestKey,
        reply: Option<&Reply>,
    ) {
        let probed = self.firewall.handle_pong(&self.address, request, reply);
        let Some(ProbeEnd { update, proven }) = probed else {
            return;
        };
        if proven.is_some() {
            self.change_role(cx, update, proven);
        }
        self.finish_update(cx, update.origin);
    }

    fn go_on(&mut self, cx: &mut Cx<'_>, then: Then) {
        match then {
            Then::Check => self.start_check(cx),
            Then::Wait => {}
            Then::Conclude => match self.bootstrap.conclude(self.contacts.table.id()) {
                Conclusion::Ready => {
                    cx.emit(Event::Ready);
                    self.outputs.push_back(Output::Ready);
                }
                Conclusion::ReadyBefore => {}
                Conclusion::Walk => self.start_bootstrap(cx),
            },
        }
    }

    fn start_check(&mut self, cx: &mut Cx<'_>) {
        self.bootstrap.start_check();
        let scope = if self.firewall.role().forced { Scope::Full } else { Scope::Reachability };
        self.start_update(cx, scope, UpdateOrigin::Bootstrap);
    }

    fn start_probe(&mut self, cx: &mut Cx<'_>, update: Update) {
        let mut nodes = self.contacts.recent(PROBES);
        if nodes.len() < PROBES {
            // Nodes that are in both lists are asked twice, as in the reference. The number of
            // answers that are needed depends on the number of requests.
            nodes.extend(self.bootstrap.addresses());
        }
        if nodes.is_empty() {
            return self.finish_update(cx, update.origin);
        }
        let me = self.me();
        let out = &mut out(&mut self.exchange, &mut self.outputs, me);
        let ping = |to: &SocketAddrV4| out.send(cx, self.address.ping_nat(*to), Purpose::Probe);
        let pending: BTreeSet<RequestKey> = nodes.iter().map(ping).collect();
        self.firewall.start_probe(update, pending);
    }

    /// Applies the result of a check: unsolicited packets reach us. We become persistent only if
    /// our address has not changed since the check began.
    fn change_role(&mut self, cx: &mut Cx<'_>, update: Update, proven: Option<NatSampler>) {
        self.firewall.open(cx);
        let old = self.address.get();
        let (host, port) = proven.as_ref().map_or(old, NatSampler::address);
        let Some(host) = host.filter(|host| Some(*host) == update.address.0) else {
            return;
        };
        if !self.firewall.role().ephemeral || old != update.address || port == 0 {
            return;
        }
        if let Some(proven) = proven {
            self.address.replace(cx, proven);
        }
        if update.scope == Scope::Full {
            self.firewall.become_persistent();
        }
        let id = node_id(SocketAddrV4::new(host, port));
        if id != self.contacts.table.id() {
            self.contacts.table.move_to(id);
            if self.bootstrapped() {
                self.refresh(cx);
            }
        }
        if let Some(id) = self.id() {
            cx.emit(Event::Persistent { id });
        }
    }

    fn finish_update(&mut self, cx: &mut Cx<'_>, origin: UpdateOrigin) {
        if origin == UpdateOrigin::Bootstrap {
            let then = self.bootstrap.handle_check_end();
            self.go_on(cx, then);
        }
    }
}
