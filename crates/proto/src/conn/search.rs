//! One search of an end whose address may have changed.

use std::time::{Duration, Instant};

use crate::secret::PathFrame;
use crate::streams::Path;
use crate::{Cx, Rng};

#[derive(Debug)]
pub(super) struct Search {
    /// The path that the probes with `token` take.
    path: Path,
    /// Sent over the path only. A peer that returns it receives there.
    token: [u8; 8],
    /// Goes by way of relays, and to where they say that the peer is.
    detour_token: [u8; 8],
    /// The token of the peer's last challenge; zeros before.
    pub(super) echo: [u8; 8],
    /// The peer has seen a new address of ours.
    pub(super) is_elsewhere: bool,
    began: Instant,
    pub(super) next: Instant,
    probes: u32,
    /// How many challenges were answered at once.
    prompt: u32,
    patience: Patience,
}

/// How long to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// One probe, to a peer that has never answered.
    Once,
    /// Whether the peer is where it was.
    Brief,
    /// A little longer than a stream waits for its peer.
    Long,
}

impl Patience {
    fn time(self) -> Duration {
        Duration::from_secs(match self {
            Self::Once => 1,
            Self::Brief => 3,
            Self::Long => 15,
        })
    }
}

impl Search {
    pub(super) fn new(cx: &mut Cx<'_>, path: Path, patience: Patience) -> Self {
        Self {
            path,
            token: token(cx.rng),
            detour_token: token(cx.rng),
            echo: [0; 8],
            is_elsewhere: false,
            began: cx.now,
            next: cx.now,
            probes: 0,
            prompt: 0,
            patience,
        }
    }

    /// Asks anew: what was sent before over the path proves nothing.
    pub(super) fn renew(&mut self, cx: &mut Cx<'_>, path: Path) {
        (self.path, self.token, self.next) = (path, token(cx.rng), cx.now);
    }

    /// Counts a probe over this path, and returns its number, its token, and the token of the one
    /// that goes by way of a relay, if there is to be one.
    pub(super) fn count_probe(
        &mut self,
        cx: &mut Cx<'_>,
        path: Path,
        round_trip: Duration,
    ) -> (u32, [u8; 8], Option<[u8; 8]>) {
        if path != self.path {
            self.renew(cx, path);
        }
        let interval = match self.patience {
            Patience::Once => self.patience.time(),
            Patience::Brief | Patience::Long if self.probes < FAST_PROBES => FAST,
            Patience::Brief | Patience::Long => SLOW,
        };
        self.next = cx.now + interval.max(round_trip * 5 / 4);
        self.probes += 1;
        let has_detour = takes_detour(self.probes) && !self.is_elsewhere;
        (self.probes, self.token, has_detour.then_some(self.detour_token))
    }

    /// Whether the frame belongs to a probe of this search, and has come from where the probes go.
    pub(super) fn asked(&self, frame: PathFrame, at: Path, path: Path) -> bool {
        (self.token == frame.echo || self.detour_token == frame.echo) && at == path
    }

    /// Whether the frame proves that the peer receives what is sent over this path.
    pub(super) fn proves(&self, frame: PathFrame, at: Path) -> bool {
        self.token == frame.echo && self.path == at
    }

    /// The token of the probes that go by way of relays, if the frame returns it.
    pub(super) fn detour(&self, frame: PathFrame) -> Option<[u8; 8]> {
        (frame.echo == self.detour_token).then_some(self.detour_token)
    }

    /// Takes the token of a challenge. True if the next probe follows at once.
    pub(super) fn take_challenge(&mut self, challenge: [u8; 8]) -> bool {
        self.is_elsewhere = true;
        if self.echo == challenge {
            return false;
        }
        self.echo = challenge;
        let is_prompt = self.prompt < MAX_PROMPT;
        self.prompt += u32::from(is_prompt);
        is_prompt
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        now >= self.began + self.patience.time()
    }
}

/// Whether a probe goes by way of a relay, too: not the first one, and few after a while, since a
/// peer can name others as its relays.
fn takes_detour(probe: u32) -> bool {
    probe > DIRECT_PROBES && (probe <= FREQUENT_DETOURS || probe.is_multiple_of(SELDOM))
}

/// A token that nobody can guess. Zeros mean no token.
pub(super) fn token(rng: &mut Rng) -> [u8; 8] {
    let mut token = rng.bytes();
    token[0] |= 1;
    token
}

/// The first probes follow each other at this distance, or at that of the round trip: one that is
/// lost costs no more.
const FAST: Duration = Duration::from_millis(100);
const FAST_PROBES: u32 = 4;

/// Further probes go by way of a relay, too: the peer's NAT may keep strangers out until the peer
/// sends.
const DIRECT_PROBES: u32 = 1;
const FREQUENT_DETOURS: u32 = 9;
const SELDOM: u32 = 4;

/// The distance of later probes.
const SLOW: Duration = Duration::from_millis(400);

/// A peer that sends ever new challenges gets later answers with the next probe.
const MAX_PROMPT: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// A peer can name others as its relays.
    #[test]
    fn few_probes_take_a_detour_after_a_while() {
        let detours: Vec<u32> = (1..=40).filter(|probe| takes_detour(*probe)).collect();
        assert_eq!(detours, [2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 20, 24, 28, 32, 36, 40]);
    }
}
