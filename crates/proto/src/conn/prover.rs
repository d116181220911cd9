//! A connection between two of ours looks for its peer when the path may have changed, and follows
//! a peer that has moved (PROTOCOL D.14).
//!
//! The end whose address has changed *searches*: it sends probes to the address of the peer that it
//! knows. The peer sees the new source, and sends a challenge there. The next probe returns the
//! challenge's token from the same address. Only then does the peer move the stream.

use std::time::{Duration, Instant};

use crate::noise::Finished;
use crate::secret::{PathBox, PathFrame, PathKind};
use crate::streams::{Path, StreamMut};
use crate::{Cx, Rng};

/// One end of the exchange of frames about the path.
#[derive(Debug)]
pub(super) struct Prover {
    frames: PathBox,
    /// When the peer was last heard.
    heard: Instant,
    search: Option<Search>,
    /// When the last search began.
    searched: Option<Instant>,
    /// What the peer has to return from an address that is new.
    challenge: Option<Challenge>,
    /// When to ask the peer for a sign of life, since data has come.
    watch_at: Option<Instant>,
}

/// Why a search begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Our own address has changed, or may have.
    Local,
    /// The peer does not answer.
    Silence,
}

/// What a frame of the peer has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Nothing is proven.
    Nothing,
    /// The peer receives at the address that this frame has come from, and has left the one before.
    PeerMoved,
    /// The peer sends to our new address.
    WeMoved,
}

#[derive(Debug)]
struct Search {
    token: [u8; 8],
    /// The token of the peer's last challenge; zeros before.
    echo: [u8; 8],
    /// The peer has seen a new address of ours.
    is_elsewhere: bool,
    began: Instant,
    next: Instant,
    probes: u32,
    /// How many challenges were answered at once.
    prompt: u32,
}

#[derive(Debug)]
struct Challenge {
    token: [u8; 8],
    path: Path,
}

impl Prover {
    pub(super) fn new(keys: &Finished, now: Instant) -> Self {
        Self {
            frames: PathBox::new(keys),
            heard: now,
            search: None,
            searched: None,
            challenge: None,
            watch_at: None,
        }
    }

    /// A packet of the stream has come. `has_data`: it is no mere keep-alive. True if that sets a
    /// timer.
    pub(super) fn handle_packet(&mut self, now: Instant, has_data: bool) -> bool {
        self.heard = now;
        let starts = has_data && self.watch_at.is_none();
        if starts {
            self.watch_at = Some(now + QUIET);
        }
        starts
    }

    /// Looks for the peer. A peer that is merely slow is not asked all the time.
    pub(super) fn start(&mut self, cx: &mut Cx<'_>, stream: &StreamMut<'_>, cause: Cause) {
        let is_due = match cause {
            Cause::Local => true,
            Cause::Silence => {
                let was_asked = self.searched.is_some_and(|at| cx.now < at + ASK_INTERVAL);
                let is_quiet = cx.now >= self.heard + JITTER;
                self.search.is_none() && !was_asked && is_quiet
            }
        };
        if !is_due {
            return;
        }
        self.searched = Some(cx.now);
        self.search = Some(Search {
            token: token(cx.rng),
            echo: [0; 8],
            is_elsewhere: false,
            began: cx.now,
            next: cx.now,
            probes: 0,
            prompt: 0,
        });
        self.probe(cx, stream);
    }

    /// Takes a frame that has come over `at`. Every frame of the peer gets one frame at most, of the
    /// same length.
    pub(super) fn handle_frame(
        &mut self,
        cx: &mut Cx<'_>,
        stream: &StreamMut<'_>,
        at: Path,
        data: &[u8],
    ) -> Proof {
        let Some(frame) = self.frames.open(data) else {
            cx.stats.dropped.frame += 1;
            return Proof::Nothing;
        };
        match frame.kind {
            PathKind::Probe => self.handle_probe(cx, stream, at, frame),
            PathKind::Challenge => {
                self.handle_challenge(cx, stream, at, frame);
                Proof::Nothing
            }
            PathKind::Answer => {
                let search = self.search.take_if(|search| search.asked(frame, at, stream.path()));
                let has_moved = search.is_some_and(|search| search.is_elsewhere);
                if has_moved { Proof::WeMoved } else { Proof::Nothing }
            }
        }
    }

    /// When to call [`Self::handle_timeout`].
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let search = self.search.as_ref().map(|search| search.next);
        [search, self.watch_at].into_iter().flatten().min()
    }

    pub(super) fn handle_timeout(&mut self, cx: &mut Cx<'_>, stream: &StreamMut<'_>) {
        if self.watch_at.is_some_and(|at| at <= cx.now) {
            let quiet = self.heard + QUIET;
            self.watch_at = (quiet > cx.now).then_some(quiet);
            if self.watch_at.is_none() {
                self.start(cx, stream, Cause::Silence);
            }
        }
        if let Some(search) = &self.search
            && search.next <= cx.now
        {
            if cx.now >= search.began + PATIENCE {
                self.search = None;
            } else {
                self.probe(cx, stream);
            }
        }
    }

    fn handle_probe(
        &mut self,
        cx: &mut Cx<'_>,
        stream: &StreamMut<'_>,
        at: Path,
        probe: PathFrame,
    ) -> Proof {
        let answer = PathFrame { kind: PathKind::Answer, token: [0; 8], echo: probe.token };
        // The peer may send to another socket of ours than the one that we send from.
        if at.remote == stream.path().remote {
            self.send(cx, stream, at, answer);
            return Proof::Nothing;
        }
        let token = match &self.challenge {
            Some(challenge) if challenge.path == at && challenge.token == probe.echo => {
                self.challenge = None;
                self.search = None;
                self.send(cx, stream, at, answer);
                return Proof::PeerMoved;
            }
            Some(challenge) if challenge.path == at => challenge.token,
            Some(_) | None => token(cx.rng),
        };
        self.challenge = Some(Challenge { token, path: at });
        self.send(cx, stream, at, PathFrame { kind: PathKind::Challenge, token, ..answer });
        Proof::Nothing
    }

    fn handle_challenge(
        &mut self,
        cx: &mut Cx<'_>,
        stream: &StreamMut<'_>,
        at: Path,
        challenge: PathFrame,
    ) {
        let path = stream.path();
        let search = self.search.as_mut().filter(|search| search.asked(challenge, at, path));
        let Some(search) = search else { return };
        search.is_elsewhere = true;
        if search.echo == challenge.token {
            return;
        }
        search.echo = challenge.token;
        if search.prompt < MAX_PROMPT {
            search.prompt += 1;
            self.probe(cx, stream);
        }
    }

    /// Sends the next probe of the search.
    fn probe(&mut self, cx: &mut Cx<'_>, stream: &StreamMut<'_>) {
        let Some(search) = &mut self.search else { return };
        search.next = cx.now + if search.probes < FAST_PROBES { FAST } else { SLOW };
        search.probes += 1;
        let Search { token, echo, .. } = *search;
        self.send(cx, stream, stream.path(), PathFrame { kind: PathKind::Probe, token, echo });
    }

    fn send(&mut self, cx: &mut Cx<'_>, stream: &StreamMut<'_>, to: Path, frame: PathFrame) {
        if let (Some(sealed), Some(id)) = (self.frames.seal(frame), stream.remote_id()) {
            cx.send(to.socket, to.remote, udx::path_packet(id, &sealed));
        }
    }
}

impl Search {
    /// Whether the frame belongs to a probe of this search, and has come from where that went.
    fn asked(&self, frame: PathFrame, at: Path, path: Path) -> bool {
        self.token == frame.echo && at == path
    }
}

/// A token that nobody can guess. Zeros mean no token.
fn token(rng: &mut Rng) -> [u8; 8] {
    let mut token = rng.bytes();
    token[0] |= 1;
    token
}

/// An end that has received data, and then nothing for so long, asks the peer: the path may be cut
/// in one direction only.
const QUIET: Duration = Duration::from_secs(2);

/// A peer that was heard so recently need not be asked.
const JITTER: Duration = Duration::from_millis(200);

/// Searches that nothing but silence causes begin so far apart.
const ASK_INTERVAL: Duration = Duration::from_secs(1);

/// The first probes follow each other at this distance: one that is lost costs no more.
const FAST: Duration = Duration::from_millis(100);
const FAST_PROBES: u32 = 4;

/// The distance of later probes.
const SLOW: Duration = Duration::from_millis(400);

/// A little longer than a stream waits for its peer.
const PATIENCE: Duration = Duration::from_secs(15);

/// A peer that sends ever new challenges gets later answers with the next probe.
const MAX_PROMPT: u32 = 4;
