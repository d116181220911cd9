//! Keeps a server announced: finds the nodes closest to its key, stores its record there, keeps
//! the way to them open, and moves when they or our address change (PROTOCOL C.6).
//!
//! Reference: hyperdht 6.34.0, lib/announcer.js.

mod relays;
mod requests;
pub(crate) mod signed;
mod steps;

use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use self::relays::{Relays, has};
pub(crate) use self::requests::Signer;
use self::requests::{Identity, Leaving, Pending};
use crate::net::{Net, QueryKey, Reply};
use crate::wire::{Relay, Target, error_code};
use crate::{Cx, RequestError, ServerId};

/// The announcer of one server.
#[derive(Debug)]
pub(crate) struct Announcer {
    identity: Identity,
    state: State,
    relays: Relays,
    relay_addresses: Vec<SocketAddrV4>,
    /// The nodes closest to the key when they were looked for last.
    closest: Vec<SocketAddrV4>,
    /// The first cycle is over.
    announced: bool,
    /// Another cycle has to follow this one.
    refresh: bool,
    /// When a change of our address last began a cycle.
    moved_at: Option<Instant>,
    /// Cycles in a row that found no relay.
    fruitless: u32,
    outputs: VecDeque<AnnounceOutput>,
}

/// News of an announcer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AnnounceOutput {
    /// The first cycle is over: `listen` is done, even if there is nobody to announce to.
    Announced,
    /// `relay_addresses` has changed.
    Relays(Vec<SocketAddrV4>),
    /// Unannounced, or given up, until [`Announcer::resume`].
    Suspended,
    /// Unannounced, or given up.
    Stopped,
}

/// Every state in which something is awaited from the network has its deadline in
/// `Timer::Announce`: whatever the network does, an announcer goes on.
#[derive(Debug)]
enum State {
    /// Not started.
    Idle,
    /// FIND_PEER of our own key, for the closest nodes and their tokens.
    Finding { query: QueryKey, tag: u32 },
    /// ANNOUNCE to the best of them.
    Announcing { pending: Pending, accepted: Vec<Relay> },
    /// UNANNOUNCE at former relays.
    Leaving(Leaving),
    /// A PING is on its way to each relay.
    Pinging(PingRound),
    /// Until the next pings.
    Resting { rounds: u32 },
    /// Nobody took the record: until the next try.
    Waiting,
    /// UNANNOUNCE everywhere, until the server is wanted again.
    Suspending(Leaving),
    /// Until then.
    Suspended,
    /// UNANNOUNCE everywhere, for the last time.
    Stopping(Leaving),
    /// The end.
    Stopped,
}

/// One round of pings.
#[derive(Debug)]
struct PingRound {
    /// How many came before it in this cycle.
    rounds: u32,
    started: Instant,
    asked: usize,
    answered: usize,
    pending: Pending,
}

impl Announcer {
    /// An announcer that has not started.
    pub(crate) fn new(server: ServerId, signer: Signer) -> Self {
        Self {
            identity: Identity::new(server, signer),
            state: State::Idle,
            relays: Relays::default(),
            relay_addresses: Vec::new(),
            closest: Vec::new(),
            announced: false,
            refresh: false,
            moved_at: None,
            fruitless: 0,
            outputs: VecDeque::new(),
        }
    }

    /// The hash of the server's key.
    pub(crate) fn target(&self) -> Target {
        self.identity.target
    }

    /// The relays of the latest announcement, with our address as each of them knows it.
    pub(crate) fn relays(&self) -> Vec<Relay> {
        self.relays.current().to_vec()
    }

    /// At most three addresses that lead clients to us: our own first, if strangers reach it.
    pub(crate) fn relay_addresses(&self) -> Vec<SocketAddrV4> {
        self.relay_addresses.clone()
    }

    /// Is this node a relay of ours, or was it one lately?
    pub(crate) fn is_relay(&self, address: SocketAddrV4) -> bool {
        if let State::Announcing { accepted, .. } = &self.state
            && has(accepted, address)
        {
            return true;
        }
        self.relays.contains(address)
    }

    /// Begins to announce. [`AnnounceOutput::Announced`] follows.
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>, net: &mut Net) {
        if matches!(self.state, State::Idle) {
            self.find(cx, net);
        }
    }

    /// Announces again: at once, or right after the cycle that is under way.
    pub(crate) fn refresh(&mut self, cx: &mut Cx<'_>, net: &mut Net) {
        match &self.state {
            State::Idle
            | State::Suspending(_)
            | State::Suspended
            | State::Stopping(_)
            | State::Stopped => {}
            State::Finding { .. } | State::Announcing { .. } | State::Leaving(_) => {
                self.refresh = true;
            }
            State::Pinging(_) | State::Resting { .. } | State::Waiting => self.find(cx, net),
        }
    }

    /// The node hears from others again.
    pub(crate) fn handle_online(&mut self, cx: &mut Cx<'_>, net: &mut Net) {
        if matches!(self.state, State::Waiting) {
            self.find(cx, net);
        }
    }

    /// Unannounces wherever the record is or may be. [`AnnounceOutput::Stopped`] follows within
    /// [`STOP_LIMIT`].
    pub(crate) fn stop(&mut self, cx: &mut Cx<'_>, net: &mut Net) {
        if matches!(self.state, State::Stopping(_) | State::Stopped) {
            return;
        }
        if let State::Suspending(leaving) = &mut self.state {
            // It is under way, and its deadline stays.
            self.state = State::Stopping(std::mem::take(leaving));
            return;
        }
        let leaving = self.leave_everywhere(cx, net);
        self.enter(cx, State::Stopping(leaving), STOP_LIMIT);
        self.finish_leaving(cx, net);
    }

    /// Unannounces like [`Announcer::stop`]; [`AnnounceOutput::Suspended`] follows within the same
    /// time. A first announcement that is under way counts as done.
    pub(crate) fn suspend(&mut self, cx: &mut Cx<'_>, net: &mut Net) {
        match self.state {
            State::Suspended => self.outputs.push_back(AnnounceOutput::Suspended),
            State::Suspending(_) | State::Stopping(_) | State::Stopped => {}
            State::Idle
            | State::Finding { .. }
            | State::Announcing { .. }
            | State::Leaving(_)
            | State::Pinging(_)
            | State::Resting { .. }
            | State::Waiting => {
                let leaving = self.leave_everywhere(cx, net);
                self.enter(cx, State::Suspending(leaving), STOP_LIMIT);
                self.tell_announced();
                self.finish_leaving(cx, net);
            }
        }
    }

    /// Announces again, if suspended.
    pub(crate) fn resume(&mut self, cx: &mut Cx<'_>, net: &mut Net) {
        if matches!(self.state, State::Suspending(_) | State::Suspended) {
            self.find(cx, net);
        }
    }

    pub(crate) fn is_suspended(&self) -> bool {
        matches!(self.state, State::Suspended)
    }

    /// A request of this announcer has ended.
    pub(crate) fn handle_reply(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        tag: u32,
        result: Result<Reply, RequestError>,
    ) {
        match &mut self.state {
            State::Announcing { pending, accepted } => {
                let Some(node) = pending.end(tag) else {
                    return;
                };
                match result {
                    Ok(reply) if reply.error == error_code::NONE => {
                        accepted.push(Relay { relay_address: node, peer_address: reply.to });
                    }
                    Ok(reply) => pending.handle_refusal(cx, net, &mut self.identity, &reply, true),
                    Err(_) => {}
                }
                self.finish_announcing(cx, net);
            }
            State::Pinging(round) => {
                let Some(node) = round.pending.end(tag) else {
                    return;
                };
                match result {
                    Ok(pong) => self.handle_pong(cx, net, node, &pong),
                    Err(_) => self.finish_round(cx, net),
                }
            }
            State::Leaving(leaving) | State::Suspending(leaving) | State::Stopping(leaving) => {
                leaving.handle_reply(cx, net, &mut self.identity, tag, result);
                self.finish_leaving(cx, net);
            }
            State::Idle
            | State::Finding { .. }
            | State::Resting { .. }
            | State::Waiting
            | State::Suspended
            | State::Stopped => {}
        }
    }

    /// The application has signed, or will not: then the node is left out.
    pub(crate) fn handle_signature(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        tag: u32,
        signature: Option<[u8; 64]>,
    ) {
        match &mut self.state {
            State::Announcing { pending, .. } => {
                pending.handle_signature(cx, net, &self.identity, tag, signature);
                self.finish_announcing(cx, net);
            }
            State::Leaving(leaving) | State::Suspending(leaving) | State::Stopping(leaving) => {
                leaving.handle_signature(cx, net, &self.identity, tag, signature);
                self.finish_leaving(cx, net);
            }
            State::Idle
            | State::Finding { .. }
            | State::Pinging(_)
            | State::Resting { .. }
            | State::Waiting
            | State::Suspended
            | State::Stopped => {}
        }
    }

    /// The query of this announcer has ended, well or not; `closest` is what it found.
    pub(crate) fn handle_query_done(
        &mut self,
        cx: &mut Cx<'_>,
        net: &mut Net,
        tag: u32,
        closest: &[Reply],
    ) {
        let State::Finding { tag: awaited, .. } = self.state else {
            return;
        };
        if awaited == tag {
            self.announce(cx, net, closest);
        }
    }

    /// The deadline of the state has come.
    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>, net: &mut Net) {
        match &mut self.state {
            State::Resting { rounds } => {
                let rounds = *rounds;
                self.ping(cx, net, rounds);
            }
            State::Waiting => self.find(cx, net),
            State::Finding { query, .. } => {
                net.cancel_query(cx, *query);
                self.announce(cx, net, &[]);
            }
            State::Announcing { pending, .. } => {
                std::mem::take(pending).cancel(cx, net);
                self.finish_announcing(cx, net);
            }
            State::Pinging(round) => {
                std::mem::take(&mut round.pending).cancel(cx, net);
                self.finish_round(cx, net);
            }
            State::Leaving(_) => {
                self.leave_state(cx, net);
                self.rest(cx, net, 0);
            }
            State::Suspending(_) => {
                self.leave_state(cx, net);
                self.fall_asleep(cx);
            }
            State::Stopping(_) => {
                self.leave_state(cx, net);
                self.finish(cx);
            }
            State::Idle | State::Suspended | State::Stopped => {}
        }
    }

    /// Takes the next piece of news.
    pub(crate) fn poll_output(&mut self) -> Option<AnnounceOutput> {
        self.outputs.pop_front()
    }
}

/// How long closing a server may take: nodes that live answer in the first tries, and records
/// expire by themselves.
const STOP_LIMIT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
