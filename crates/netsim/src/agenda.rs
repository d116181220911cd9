//! Future events in their order: arrivals of datagrams and wake-ups of hosts.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::time::Instant;

use crate::Flight;
use crate::ids::{HostId, Network};

/// Datagrams under way, and the next wake-up of each host.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    /// Time of arrival, sequence number, and index into `flights`. The number orders arrivals at
    /// the same time. The entries are small, because a heap moves them.
    arrivals: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    flights: Vec<Option<(Network, Flight)>>,
    free: Vec<usize>,
    next: u64,
    wakes: BTreeSet<(Instant, HostId)>,
    /// By host.
    wake_of: Vec<Option<Instant>>,
}

/// The next arrival or wake-up.
#[derive(Debug)]
pub(crate) enum Due {
    Arrival(Network, Flight),
    Wake(HostId),
}

impl Agenda {
    /// Adds a datagram that arrives in a network at `at`.
    pub(crate) fn send(&mut self, at: Instant, network: Network, flight: Flight) {
        let place = self.free.pop().unwrap_or(self.flights.len());
        if place == self.flights.len() {
            self.flights.push(None);
        }
        self.flights[place] = Some((network, flight));
        self.arrivals.push(Reverse((at, self.next, place)));
        self.next += 1;
    }

    /// Sets, moves or removes the wake-up of a host.
    pub(crate) fn set_wake(&mut self, host: HostId, at: Option<Instant>) {
        if self.wake_of.len() <= host.0 {
            self.wake_of.resize(host.0 + 1, None);
        }
        let old = std::mem::replace(&mut self.wake_of[host.0], at);
        if old == at {
            return;
        }
        if let Some(old) = old {
            self.wakes.remove(&(old, host));
        }
        self.wakes.extend(at.map(|at| (at, host)));
    }

    /// Takes the next event and its time, unless that is after the deadline. At the same time, an
    /// arrival comes before a wake-up.
    pub(crate) fn pop(&mut self, deadline: Instant) -> Option<(Instant, Due)> {
        let arrival = self.arrivals.peek().map(|Reverse((at, ..))| *at);
        let wake = self.wakes.first().map(|&(at, _)| at);
        let at = [arrival, wake].into_iter().flatten().min().filter(|at| *at <= deadline)?;
        let due = if arrival == Some(at) { self.pop_arrival() } else { self.pop_wake() };
        Some((at, due?))
    }

    fn pop_arrival(&mut self) -> Option<Due> {
        let Reverse((.., place)) = self.arrivals.pop()?;
        self.free.push(place);
        self.flights[place].take().map(|(network, flight)| Due::Arrival(network, flight))
    }

    fn pop_wake(&mut self) -> Option<Due> {
        let (_, host) = self.wakes.pop_first()?;
        self.wake_of[host.0] = None;
        Some(Due::Wake(host))
    }
}
