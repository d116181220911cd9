//! Keeps a server announced: finds the nodes closest to its key, stores its record there, keeps the
//! NAT mappings to them open, and announces again when those nodes or our address change (PROTOCOL
//! C.6). The nodes are pinged in turn, so that a changed address is noticed within a second.
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
    /// The closest nodes that the last query found.
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

/// An event of an announcer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AnnounceOutput {
    /// The first cycle is over: `listen` is done, even if there was no node to announce to.
    Announced,
    /// `relay_addresses` has changed.
    Relays(Vec<SocketAddrV4>),
    /// The relays see another address of this node than before.
    Moved,
    /// Unannounced, or out of time; announces again after [`Announcer::resume`].
    Suspended,
    /// Unannounced, or out of time.
    Stopped,
}

/// Every state that waits for the network has a deadline in `Timer::Announce`, so an announcer
/// never gets stuck.
#[derive(Debug)]
enum State {
    /// Not started.
    Idle,
    /// FIND_PEER of the server's own key finds the closest nodes and their tokens.
    Finding { query: QueryKey, tag: u32 },
    /// ANNOUNCE to the closest of the nodes that were found.
    Announcing { pending: Pending, accepted: Vec<Relay> },
    /// UNANNOUNCE at former relays.
    Leaving(Leaving),
    /// A PING to one of the relays is in flight.
    Pinging(Ping),
    /// Pauses until the next ping. `pings` were sent in this cycle.
    Resting { pings: u32 },
    /// No node stored the record; pauses until the next cycle.
    Waiting,
    /// UNANNOUNCE at every node that may have the record, until [`Announcer::resume`].
    Suspending(Leaving),
    /// Unannounced, until [`Announcer::resume`].
    Suspended,
    /// UNANNOUNCE at every node that may have the record, for the last time.
    Stopping(Leaving),
    /// The announcer has stopped for good.
    Stopped,
}

/// A ping to one relay.
#[derive(Debug)]
struct Ping {
    /// How many pings came before this one in the cycle.
    before: u32,
    started: Instant,
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

    /// The relays of the latest announcement, with our address as each relay sees it.
    pub(crate) fn relays(&self) -> Vec<Relay> {
        self.relays.current().to_vec()
    }

    /// At most three addresses that lead clients to the server. Our own address comes first if the
    /// node is not firewalled.
    pub(crate) fn relay_addresses(&self) -> Vec<SocketAddrV4> {
        self.relay_addresses.clone()
    }

    /// Whether the node at `address` is a relay of the server, or was one recently.
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

    /// Starts another cycle: at once, or right after the cycle that is running.
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

    /// The node receives replies again after it was offline.
    pub(crate) fn handle_online(&mut self, cx: &mut Cx<'_>, net: &mut Net) {
        if matches!(self.state, State::Waiting) {
            self.find(cx, net);
        }
    }

    /// Unannounces at every node that has or may have the record. [`AnnounceOutput::Stopped`]
    /// follows within [`STOP_LIMIT`].
    pub(crate) fn stop(&mut self, cx: &mut Cx<'_>, net: &mut Net) {
        if matches!(self.state, State::Stopping(_) | State::Stopped) {
            return;
        }
        if let State::Suspending(leaving) = &mut self.state {
            // The UNANNOUNCE requests are already running, and their deadline stays.
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

    /// Announces again, if the announcer is suspended.
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
            State::Pinging(ping) => {
                let Some(node) = ping.pending.end(tag) else {
                    return;
                };
                match result {
                    Ok(pong) => self.handle_pong(cx, net, node, &pong),
                    Err(_) => self.find(cx, net),
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

    /// The application has signed a request. Without a signature the node is skipped.
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

    /// The query of this announcer has ended. `closest` is what it found; it is empty after a
    /// failure.
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

    /// The deadline of the state has passed.
    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>, net: &mut Net) {
        match &mut self.state {
            State::Resting { pings } => {
                let pings = *pings;
                self.ping(cx, net, pings);
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
            State::Pinging(_) => self.find(cx, net),
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

    /// Takes the next event.
    pub(crate) fn poll_output(&mut self) -> Option<AnnounceOutput> {
        self.outputs.pop_front()
    }
}

/// How long closing a server may take. Live nodes answer the first tries, and records expire by
/// themselves.
const STOP_LIMIT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
