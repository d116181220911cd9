//! Addresses that may lead to the server, known before any search has begun.

use std::collections::VecDeque;
use std::net::SocketAddrV4;

/// Candidates are tried in order, beside the search. One that does not answer in the time of its
/// path delays neither the next one nor the search.
#[derive(Debug)]
pub(super) struct Candidates {
    all: Vec<SocketAddrV4>,
    untried: VecDeque<SocketAddrV4>,
    source: Source,
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
        Self { untried: all.iter().copied().collect(), all, source }
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
