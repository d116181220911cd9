//! The order in which a query asks nodes: the given nodes, then the closest known ones, as long as
//! they can still be part of the result.

use std::net::SocketAddrV4;

use super::{Candidate, Met, Pace, Query, Rank, Seen, distance};
use crate::net::Reply;
use crate::net::table::K;
use crate::wire::{NodeId, node_id};

impl Query {
    /// Adds a candidate. False if it is too far away; the rest of a reply's list is then ignored.
    pub(super) fn add(
        &mut self,
        candidate: Candidate,
        referrer: Option<SocketAddrV4>,
        rank: Rank,
    ) -> bool {
        if referrer.is_some() && self.spec.only_closest_nodes {
            return false;
        }
        let is_closer = self.is_closer(&candidate.id);
        match self.seen.get_mut(&candidate.address).map(|met| &mut met.seen) {
            Some(Seen::Named(referrers)) => {
                let new = referrer.filter(|new| !referrers.contains(new));
                if referrers.len() < K {
                    referrers.extend(new);
                }
                return is_closer;
            }
            Some(Seen::Done | Seen::Down) => return is_closer,
            None => {}
        }
        if !is_closer || self.seen.len() >= MAX_SEEN {
            return false;
        }
        let seen = Seen::Named(referrer.into_iter().collect());
        self.seen.insert(candidate.address, Met { id: candidate.id, seen });
        self.pending.insert(rank, candidate);
        true
    }

    /// Sets the state of a node. Returns the previous state.
    pub(super) fn mark(&mut self, address: SocketAddrV4, seen: Seen) -> Option<Seen> {
        if let Some(met) = self.seen.get_mut(&address) {
            return Some(std::mem::replace(&mut met.seen, seen));
        }
        self.seen.insert(address, Met { id: node_id(address), seen });
        None
    }

    pub(super) fn rank(&self, candidate: &Candidate) -> Rank {
        Rank::Known(distance(&self.spec.target, &candidate.id))
    }

    pub(super) fn insert_closest(&mut self, reply: &Reply) {
        let Some(id) = reply.from_id else {
            return;
        };
        let (target, wanted) = (self.spec.target, distance(&self.spec.target, &id));
        let at = self.closest.binary_search_by(|other| {
            other.from_id.map(|id| distance(&target, &id)).cmp(&Some(wanted))
        });
        let Err(at) = at else {
            return;
        };
        self.closest.insert(at, reply.clone());
        self.closest.truncate(K);
    }

    pub(super) fn is_closer(&self, id: &NodeId) -> bool {
        if self.closest.len() < K {
            return true;
        }
        let worst = self.closest.last().and_then(|reply| reply.from_id);
        let target = &self.spec.target;
        worst.is_none_or(|worst| distance(target, id) < distance(target, &worst))
    }

    /// The number of nodes that have answered or timed out.
    pub(super) fn asked(&self) -> usize {
        self.tally.successes + self.tally.errors
    }

    /// The next node to ask, if one more request may run.
    pub(super) fn next_candidate(&mut self) -> Option<Candidate> {
        let slow = self.inflight.values().filter(|visit| visit.pace != Pace::Normal).count();
        let limit = if self.slowdown { SLOW_START } else { self.concurrency } + slow;
        while self.inflight.len() < limit {
            let (rank, next) = self.pending.first_key_value()?;
            let next = *next;
            let is_closer = self.is_closer(&next.id);
            if is_closer && !self.is_needed(*rank, &next) {
                return None;
            }
            self.pending.pop_first();
            if is_closer {
                return Some(next);
            }
        }
        None
    }

    /// False while [`K`] closer nodes have answered or have a request of normal pace in flight.
    fn is_needed(&self, rank: Rank, candidate: &Candidate) -> bool {
        if matches!(rank, Rank::Given(_)) {
            return true;
        }
        let target = &self.spec.target;
        let limit = distance(target, &candidate.id);
        let is_before =
            |reply: &&Reply| reply.from_id.is_some_and(|id| distance(target, &id) < limit);
        let replied = self.closest.iter().take_while(is_before).count();
        let lively = self.inflight.values().filter(|visit| visit.pace == Pace::Normal);
        replied + lively.filter(|visit| visit.distance < limit).count() < K
    }

    /// True while a node that may still answer is closer than the farthest node that has answered.
    pub(super) fn awaits_better(&self) -> bool {
        let worst = self.closest.last().and_then(|reply| reply.from_id);
        let worst = worst.map(|id| distance(&self.spec.target, &id));
        let mut waiting = self.inflight.values().filter(|visit| visit.pace != Pace::Stalled);
        waiting.any(|visit| worst.is_none_or(|worst| visit.distance < worst))
    }
}

/// Maximum parallel requests while `slowdown` is set.
const SLOW_START: usize = 3;

/// The most nodes that one query remembers. Against honest nodes, a query sees some hundreds.
const MAX_SEEN: usize = 10_000;
