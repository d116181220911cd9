//! A connection with a peer that cannot follow us, such as one of the reference, ends soon after our
//! address has gone.

use std::time::{Duration, Instant};

/// Asks the peer for a sign of life after an address of ours has gone, and ends the connection if
/// the peer does not answer.
#[derive(Debug)]
pub(super) struct Fuse {
    /// When the peer was last heard.
    heard: Instant,
    lit: Option<Lit>,
}

#[derive(Clone, Copy, Debug)]
struct Lit {
    since: Instant,
    next: Instant,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FuseStep {
    Nothing,
    Ask,
    /// The peer has not answered: the connection ends.
    End,
}

impl Fuse {
    pub(super) fn new(now: Instant) -> Self {
        Self { heard: now, lit: None }
    }

    pub(super) fn handle_packet(&mut self, now: Instant) {
        self.heard = now;
    }

    /// An address of ours has gone. The peer is to be asked.
    pub(super) fn handle_lost_address(&mut self, now: Instant) {
        self.lit = Some(Lit { since: now, next: now + ASK_INTERVAL });
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.lit.map(|lit| lit.next)
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) -> FuseStep {
        let Some(lit) = self.lit.as_mut().filter(|lit| lit.next <= now) else {
            return FuseStep::Nothing;
        };
        if self.heard > lit.since {
            self.lit = None;
            return FuseStep::Nothing;
        }
        if now >= lit.since + PATIENCE {
            self.lit = None;
            return FuseStep::End;
        }
        lit.next = now + ASK_INTERVAL;
        FuseStep::Ask
    }
}

/// With what it takes to notice the change, less than three seconds.
const PATIENCE: Duration = Duration::from_millis(2500);

/// Five of six questions or answers may be lost.
const ASK_INTERVAL: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_peer_is_given_up_after_two_and_a_half_seconds() {
        let start = Instant::now();
        let mut fuse = Fuse::new(start);
        assert_eq!(fuse.poll_timeout(), None);
        fuse.handle_lost_address(start);
        for asked in 1..5 {
            assert_eq!(fuse.handle_timeout(start + asked * ASK_INTERVAL), FuseStep::Ask);
        }
        assert_eq!(fuse.handle_timeout(start + PATIENCE), FuseStep::End);
        assert_eq!(fuse.poll_timeout(), None);
    }

    #[test]
    fn a_sign_of_life_ends_the_questions() {
        let start = Instant::now();
        let mut fuse = Fuse::new(start);
        fuse.handle_lost_address(start);
        fuse.handle_packet(start + ASK_INTERVAL / 2);
        assert_eq!(fuse.handle_timeout(start + ASK_INTERVAL), FuseStep::Nothing);
        assert_eq!(fuse.poll_timeout(), None);
    }
}
