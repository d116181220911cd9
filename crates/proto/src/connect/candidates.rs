//! Addresses that may lead to the server, known before any search has begun.

use std::collections::VecDeque;
use std::net::SocketAddrV4;

/// They are tried in their order, beside the search. One that does not answer in the time of its
/// path holds up neither the next one nor the search.
#[derive(Debug)]
pub(super) struct Candidates {
    all: Vec<SocketAddrV4>,
    untried: VecDeque<SocketAddrV4>,
    source: Source,
}

/// How the addresses are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The server announced itself on this very node.
    Announced,
    /// The application named them, perhaps as the only nodes that it knows.
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

    /// Where a search may start from. Remembered addresses are not among them: a search waits for
    /// the nodes that it was given.
    pub(super) fn seeds(&self) -> Vec<SocketAddrV4> {
        match self.source {
            Source::Given => self.all.clone(),
            Source::Announced | Source::Remembered => Vec::new(),
        }
    }

    /// True if the last try must have ended before there is a verdict, whatever a search says.
    pub(super) fn are_trusted(&self) -> bool {
        self.source != Source::Remembered
    }

    /// The next one to try.
    pub(super) fn next(&mut self) -> Option<SocketAddrV4> {
        self.untried.pop_front()
    }

    /// Takes one out of its turn. False if it was tried before, or is no candidate.
    pub(super) fn take(&mut self, address: SocketAddrV4) -> bool {
        let position = self.untried.iter().position(|other| *other == address);
        position.and_then(|position| self.untried.remove(position)).is_some()
    }
}
