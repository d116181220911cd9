//! Addresses that may lead to the server, known before any search has begun.

use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::time::Duration;

use super::cache::KnownWay;

/// The first of the remembered nodes is tried alone. If it has not led to the server in the time
/// that the handshake took before, all others are tried at once, beside the search. Other candidates
/// are tried in order, beside the search. One that does not answer in the time of its path delays
/// neither the next one nor the search.
#[derive(Debug)]
pub(super) struct Candidates {
    all: Vec<SocketAddrV4>,
    untried: VecDeque<SocketAddrV4>,
    source: Source,
    /// What the earlier connection has shown.
    known: Option<KnownAs>,
}

#[derive(Clone, Copy, Debug)]
struct KnownAs {
    round_trip: Duration,
    punched: bool,
}

/// Where the addresses come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The server announced itself on this very node.
    Announced,
    /// The application gave them; they may be the only nodes that it knows.
    Given,
    /// They led to the server last time, and may be stale.
    Remembered,
}

impl Candidates {
    pub(super) fn new(all: Vec<SocketAddrV4>, source: Source) -> Self {
        Self { untried: all.iter().copied().collect(), all, source, known: None }
    }

    /// The nodes of the latest way to the server, if there is one.
    pub(super) fn remembered(way: Option<&KnownWay>) -> Self {
        let Some(KnownWay { relays, round_trip, punched }) = way else {
            return Self::new(Vec::new(), Source::Remembered);
        };
        let known = KnownAs { round_trip: *round_trip, punched: *punched };
        Self { known: Some(known), ..Self::new(relays.clone(), Source::Remembered) }
    }

    /// How long the first candidate is tried alone. `None` if the search begins at once.
    pub(super) fn alone_for(&self) -> Option<Duration> {
        let round_trip = self.known?.round_trip;
        Some((round_trip + (round_trip / 2).max(LEAST_MARGIN)).min(MOST_ALONE))
    }

    /// Whether both ends had to punch the last time.
    pub(super) fn were_punched(&self) -> bool {
        self.known.is_some_and(|known| known.punched)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn contains(&self, address: SocketAddrV4) -> bool {
        self.all.contains(&address)
    }

    /// The addresses that a search may start from. Remembered addresses are not included, because a
    /// search waits for the nodes that it starts from.
    pub(super) fn seeds(&self) -> Vec<SocketAddrV4> {
        match self.source {
            Source::Given => self.all.clone(),
            Source::Announced | Source::Remembered => Vec::new(),
        }
    }

    /// True if the attempt may not fail before the last candidate has answered or timed out,
    /// whatever the search finds.
    pub(super) fn are_trusted(&self) -> bool {
        self.source != Source::Remembered
    }

    /// Takes the next candidate to try.
    pub(super) fn next(&mut self) -> Option<SocketAddrV4> {
        self.untried.pop_front()
    }

    /// Takes a candidate out of turn. False if it was tried before, or is no candidate.
    pub(super) fn take(&mut self, address: SocketAddrV4) -> bool {
        let position = self.untried.iter().position(|other| *other == address);
        position.and_then(|position| self.untried.remove(position)).is_some()
    }
}

/// A busy server answers some tens of milliseconds later than an idle one.
const LEAST_MARGIN: Duration = Duration::from_millis(50);

/// A path that was slow may have become fast.
const MOST_ALONE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remembered_node_is_tried_alone_for_half_as_long_again_as_it_took() {
        let alone_for = |round_trip| {
            let relays = vec!["1.2.3.4:5".parse().unwrap()];
            let round_trip = Duration::from_millis(round_trip);
            let way = KnownWay { relays, round_trip, ..KnownWay::default() };
            Candidates::remembered(Some(&way)).alone_for().unwrap().as_millis()
        };
        assert_eq!([1, 40, 200, 600, 3000].map(alone_for), [51, 90, 300, 900, 1000]);
        assert_eq!(Candidates::remembered(None).alone_for(), None);
        assert_eq!(Candidates::new(Vec::new(), Source::Given).alone_for(), None);
    }
}
