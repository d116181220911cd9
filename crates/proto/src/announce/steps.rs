//! The transitions between the states.

use std::net::SocketAddrV4;
use std::time::Duration;

use super::requests::{Leaving, Pending};
use super::signed::Draft;
use super::{AnnounceOutput, Announcer, Ping, State};
use crate::net::{Commit, Net, QuerySpec, Reply};
use crate::wire::{Relay, command};
use crate::{Cx, Timer};

impl Announcer {
    pub(super) fn find(&mut self, cx: &mut Cx<'_>, net: &mut Net) {
        self.leave_state(cx, net);
        self.refresh = false;
        let spec = QuerySpec {
            target: self.identity.target,
            internal: false,
            command: command::FIND_PEER,
            value: None,
            nodes: self.closest.clone(),
            only_closest_nodes: false,
            concurrency: None,
            retries: None,
            force: false,
            commit: Commit::None,
        };
        let (tag, owner) = self.identity.tag();
        let query = net.query(cx, spec, owner);
        self.enter(cx, State::Finding { query, tag }, QUERY_LIMIT);
    }

    pub(super) fn announce(&mut self, cx: &mut Cx<'_>, net: &mut Net, closest: &[Reply]) {
        if !closest.is_empty() {
            self.closest = closest.iter().map(|reply| reply.from).collect();
        }
        let target = self.identity.target;
        let draft = |reply| Draft::new(target, reply, true);
        let drafts: Vec<_> = closest.iter().filter_map(draft).take(RELAYS).collect();

        let mut pending = Pending::default();
        for draft in drafts {
            pending.sign_and_request(cx, net, &mut self.identity, draft);
        }
        self.enter(cx, State::Announcing { pending, accepted: Vec::new() }, REQUEST_LIMIT);
        self.finish_announcing(cx, net);
    }

    pub(super) fn finish_announcing(&mut self, cx: &mut Cx<'_>, net: &mut Net) {
        let State::Announcing { pending, accepted } = &mut self.state else {
            return;
        };
        if !pending.is_empty() {
            return;
        }
        let accepted = std::mem::take(accepted);
        if accepted.is_empty() {
            self.wait(cx, net);
        } else {
            self.settle(cx, net, accepted);
        }
        self.tell_announced();
    }

    pub(super) fn tell_announced(&mut self) {
        if !std::mem::replace(&mut self.announced, true) {
            self.outputs.push_back(AnnounceOutput::Announced);
        }
    }

    /// The record is stored. `accepted` are the relays from here on.
    fn settle(&mut self, cx: &mut Cx<'_>, net: &mut Net, accepted: Vec<Relay>) {
        self.fruitless = 0;
        let left = self.relays.replace(accepted);
        self.publish(net);
        if left.is_empty() {
            return self.rest(cx, net, 0);
        }
        let leaving = Leaving::start(cx, net, &mut self.identity, left);
        self.enter(cx, State::Leaving(leaving), REQUEST_LIMIT * 2);
    }

    /// No node stored the record. The former relays are kept, since live ones still have the
    /// record.
    fn wait(&mut self, cx: &mut Cx<'_>, net: &mut Net) {
        self.publish(net);
        let pause = PING_INTERVAL * 2_u32.pow(self.fruitless.min(MAX_DOUBLINGS));
        self.fruitless += 1;
        if self.refresh {
            return self.find(cx, net);
        }
        self.enter(cx, State::Waiting, pause);
    }

    fn publish(&mut self, net: &Net) {
        let own = if net.firewalled() { None } else { net.remote_address() };
        let addresses: Vec<_> =
            own.into_iter().chain(self.relays.addresses()).take(RELAYS).collect();
        if addresses != self.relay_addresses {
            self.relay_addresses.clone_from(&addresses);
            self.outputs.push_back(AnnounceOutput::Relays(addresses));
        }
    }

    pub(super) fn rest(&mut self, cx: &mut Cx<'_>, net: &mut Net, pings: u32) {
        if self.refresh {
            return self.find(cx, net);
        }
        self.enter(cx, State::Resting { pings }, self.pause());
    }

    /// Pings the next relay.
    pub(super) fn ping(&mut self, cx: &mut Cx<'_>, net: &mut Net, before: u32) {
        let turn = before as usize % self.relays.current().len().max(1);
        let Some(relay) = self.relays.addresses().nth(turn) else {
            return self.find(cx, net);
        };
        let mut pending = Pending::default();
        pending.ping(cx, net, &mut self.identity, relay);
        let ping = Ping { before, started: cx.now, pending };
        self.enter(cx, State::Pinging(ping), REQUEST_LIMIT);
    }

    /// Handles a pong. A relay forwards handshakes to the address that it saw when we announced. If
    /// it sees another address now, those handshakes are lost, so a new cycle starts, unless one
    /// started for this reason within the last [`MOVE_INTERVAL`].
    pub(super) fn handle_pong(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        relay: SocketAddrV4,
        pong: &Reply,
    ) {
        let State::Pinging(ping) = &self.state else { return };
        let (pings, started) = (ping.before + 1, ping.started);
        let moved = self.relays.announced_address(relay).is_some_and(|known| known != pong.to);
        let due = self.moved_at.is_none_or(|at| cx.now >= at + MOVE_INTERVAL);
        if moved && due {
            self.moved_at = Some(cx.now);
            self.outputs.push_back(AnnounceOutput::Moved);
            return self.find(cx, net);
        }
        if pings as usize >= ROUNDS * self.relays.current().len() {
            return self.find(cx, net);
        }
        // The pause runs from ping to ping, however long the pong took.
        let next = (started + self.pause()).saturating_duration_since(cx.now);
        self.enter(cx, State::Resting { pings }, next);
    }

    /// The time from one ping to the next, so that each relay gets one every [`PING_INTERVAL`].
    fn pause(&self) -> Duration {
        PING_INTERVAL / self.relays.current().len().clamp(1, RELAYS) as u32
    }

    pub(super) fn finish_leaving(&mut self, cx: &mut Cx<'_>, net: &mut Net) {
        let (State::Leaving(leaving) | State::Suspending(leaving) | State::Stopping(leaving)) =
            &self.state
        else {
            return;
        };
        if !leaving.is_done() {
            return;
        }
        if matches!(self.state, State::Suspending(_)) {
            return self.fall_asleep(cx);
        }
        if matches!(self.state, State::Stopping(_)) {
            return self.finish(cx);
        }
        self.rest(cx, net, 0);
    }

    /// No node has the record any more, or the nodes that have it do not answer and let it expire.
    pub(super) fn fall_asleep(&mut self, cx: &mut Cx<'_>) {
        self.relays.replace(Vec::new());
        self.state = State::Suspended;
        cx.timers.cancel(Timer::Announce(self.identity.server));
        self.outputs.push_back(AnnounceOutput::Suspended);
    }

    /// Unannounces at every node that has or may have the record.
    pub(super) fn leave_everywhere(&mut self, cx: &mut Cx<'_>, net: &mut Net) -> Leaving {
        let mut nodes = self.leave_state(cx, net);
        nodes.extend(self.relays.addresses());
        nodes.sort_unstable();
        nodes.dedup();
        Leaving::start(cx, net, &mut self.identity, nodes)
    }

    pub(super) fn finish(&mut self, cx: &mut Cx<'_>) {
        self.state = State::Stopped;
        cx.timers.cancel(Timer::Announce(self.identity.server));
        self.outputs.push_back(AnnounceOutput::Stopped);
    }

    pub(super) fn enter(&mut self, cx: &mut Cx<'_>, state: State, limit: Duration) {
        self.state = state;
        cx.wake_at(Timer::Announce(self.identity.server), cx.now + limit);
    }

    /// Cancels what the state waits for; returns the nodes that may have stored the record
    /// meanwhile.
    pub(super) fn leave_state(&mut self, cx: &mut Cx<'_>, net: &mut Net) -> Vec<SocketAddrV4> {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Finding { query, .. } => {
                net.cancel_query(cx, query);
                Vec::new()
            }
            State::Announcing { pending, accepted } => {
                let mut nodes = pending.cancel(cx, net);
                nodes.extend(accepted.iter().map(|relay| relay.relay_address));
                nodes
            }
            State::Pinging(ping) => {
                ping.pending.cancel(cx, net);
                Vec::new()
            }
            State::Leaving(leaving) | State::Suspending(leaving) | State::Stopping(leaving) => {
                leaving.cancel(cx, net)
            }
            State::Idle
            | State::Resting { .. }
            | State::Waiting
            | State::Suspended
            | State::Stopped => Vec::new(),
        }
    }
}

/// How many nodes keep the record, and how many addresses clients are told: enough to survive the
/// loss of two, few enough to ping.
const RELAYS: usize = 3;

/// Keeps the NAT mapping to each relay open. Mappings last at least 30 s, often not much longer.
const PING_INTERVAL: Duration = Duration::from_secs(3);

/// How often each relay is pinged in a cycle. About 5 minutes: records live at least 13.
const ROUNDS: usize = 100;

/// A NAT that never keeps a mapping, or a relay that lies, must not make us announce all the time.
const MOVE_INTERVAL: Duration = Duration::from_secs(15);

/// The pause between fruitless cycles doubles up to 48 s.
const MAX_DOUBLINGS: u32 = 4;

/// A query that has not ended by then never will.
const QUERY_LIMIT: Duration = Duration::from_secs(60);

/// Four tries of a second each, and the time that a full congestion window may delay them.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
