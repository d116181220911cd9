//! Ticks, suspension, and sleep of the machine (PROTOCOL B.8 and B.12).
//!
//! While the node is suspended, nothing is sent or received. Requests that are made meanwhile time
//! out as usual. Requests that are left when the node resumes start over.

use super::{Net, out};
use crate::net::Output;
use crate::net::exchange::Purpose;
use crate::net::firewall::{Scope, UpdateOrigin};
use crate::net::health::{Health, HealthState};
use crate::net::query::QueryPurpose;
use crate::timers::NetTimer;
use crate::{Cx, Event, RequestError, Timer};

impl Net {
    pub(super) fn handle_tick(&mut self, cx: &mut Cx<'_>) {
        if self.clock.take_sleep(cx.now) {
            self.handle_wakeup(cx);
        } else {
            self.clock.advance();
        }
        self.clock.start(cx);
        for index in 0..self.bootstrap.len() {
            let settled = self.bootstrap.handle_tick(index, self.clock.tick());
            self.handle_settled(cx, settled);
        }
        if !self.bootstrapped() {
            return;
        }
        self.age_role(cx);
        if self.clock.pings() {
            let (me, tick) = (self.me(), self.clock.tick());
            let out = &mut out(&mut self.exchange, &mut self.outputs, me);
            self.contacts.ping_some(cx, out, tick);
        }
        let alone = self.bootstrap.len() == 0;
        let wants_refresh = self.clock.take_refresh(self.contacts.table.len(), alone);
        if wants_refresh || self.has_to_bootstrap() {
            self.look_for_nodes(cx);
        }
        if self.clock.take_rejoin() && !alone {
            self.walk(cx, self.contacts.table.id(), QueryPurpose::Rejoin);
        }
        self.queries.handle_tick();
        self.judge_health(cx);
    }

    /// Judges the health as at the end of a tick.
    pub(crate) fn judge_health(&mut self, cx: &mut Cx<'_>) {
        let old = self.health.state();
        let lonely = self.contacts.table.len() == 0;
        self.health.handle_tick(cx.stats, lonely);
        self.report_health(cx, old);
    }

    /// Forgets what is known about the health, which counts as good again.
    pub(crate) fn reset_health(&mut self, cx: &mut Cx<'_>) {
        let old = self.health.state();
        self.health = Health::new(cx.stats);
        self.report_health(cx, old);
    }

    /// The way to other nodes has changed. Requests that were sent before may be lost, and a node
    /// that knows no other looks for some.
    pub(crate) fn handle_network_change(&mut self, cx: &mut Cx<'_>) {
        if self.destroyed || self.is_asleep() {
            return;
        }
        self.exchange.requests.repeat_all(cx);
        let is_lonely = self.contacts.table.len() == 0 && self.bootstrap.len() > 0;
        if self.bootstrapped() && (is_lonely || self.has_to_bootstrap()) {
            self.look_for_nodes(cx);
        }
    }

    /// No node has answered the bootstrap, but others have answered since.
    fn has_to_bootstrap(&self) -> bool {
        self.bootstrap.has_failed() && self.contacts.table.len() > 0
    }

    /// Refreshes the table, unless that is under way. If no node has ever answered, the bootstrap
    /// begins again, which tests the firewall, too.
    fn look_for_nodes(&mut self, cx: &mut Cx<'_>) {
        if self.bootstrap.restart() {
            self.start_bootstrap(cx);
        } else if !self.queries.is_refreshing() {
            self.refresh(cx);
        }
    }

    /// Starts a query for the id of a random node of the table, which finds other nodes.
    pub(super) fn refresh(&mut self, cx: &mut Cx<'_>) {
        let table = &self.contacts.table;
        let random = table.random(cx.rng).map(|node| node.id);
        let target = random.unwrap_or(table.id());
        self.walk(cx, target, QueryPurpose::Refresh);
    }

    /// Suspends the node. Ends all requests and queries and notifies every owner. A query ends with
    /// the replies that it has.
    pub(crate) fn suspend(&mut self, cx: &mut Cx<'_>) {
        self.exchange.requests.mute();
        while let Some(key) = self.queries.first() {
            self.in_queries(cx, |queries, cx, out, _| queries.suspend(cx, out, key));
        }
        for completed in self.exchange.requests.clear(cx) {
            match completed.purpose {
                Purpose::Owner(owner) => {
                    let result = Err(RequestError::Suspended);
                    self.outputs.push_back(Output::Reply { owner, result });
                }
                Purpose::Probe => self.handle_pong(cx, completed.key, None),
                Purpose::Suggested(place) => {
                    let settled = self.bootstrap.forget(place);
                    self.handle_settled(cx, settled);
                }
                // The missing answer says nothing about these nodes.
                Purpose::Check { .. } | Purpose::Swap { .. } => {}
                // The queries have removed their requests already.
                Purpose::Query(_) | Purpose::Commit(_) => {}
                Purpose::QuickTest | Purpose::Hint => {}
            }
        }
        self.contacts.clear_pings();
        self.queries.handle_tick();
        self.delayed.clear();
        cx.timers.cancel(Timer::Net(NetTimer::Tick));
        cx.timers.cancel(Timer::Net(NetTimer::DelayedPing));
    }

    /// Resumes the node after its sockets were bound again, the server socket to this port.
    pub(crate) fn resume(&mut self, cx: &mut Cx<'_>, server_port: u16) {
        self.address.set_port(server_port);
        self.handle_wakeup(cx);
        self.clock.restart(cx);
        self.exchange.requests.unmute(cx);
        self.exchange.set_drain(cx);
        self.refresh(cx);
    }

    /// Handles a sleep of the machine that the ticks do not show.
    pub(crate) fn handle_machine_slept(&mut self, cx: &mut Cx<'_>) {
        if !self.destroyed && !self.is_asleep() {
            self.handle_wakeup(cx);
        }
    }

    fn handle_wakeup(&mut self, cx: &mut Cx<'_>) {
        self.clock.handle_wakeup();
        self.reset_health(cx);
        self.firewall.become_ephemeral(cx);
        cx.emit(Event::Wakeup);
        self.outputs.push_back(Output::Wakeup);
    }

    /// Starts the attempt to become persistent, if it is due.
    fn age_role(&mut self, cx: &mut Cx<'_>) {
        let role = self.firewall.role();
        if !role.wants_persistence() || !self.clock.take_stable() {
            return;
        }
        if role.adaptive && self.clock.take_unfit(self.address.get().0) {
            return;
        }
        self.start_update(cx, Scope::Full, UpdateOrigin::Tick);
    }

    /// Reports a change of the network's health.
    fn report_health(&mut self, cx: &mut Cx<'_>, old: HealthState) {
        let HealthState { online, degraded } = self.health.state();
        if (HealthState { online, degraded }) == old {
            return;
        }
        cx.emit(Event::Health { online, degraded });
        if online && (!old.online || !degraded) {
            self.outputs.push_back(Output::Online);
        }
    }
}
