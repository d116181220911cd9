//! A connection between two of ours looks for its peer when the path may have changed, and follows
//! a peer that has moved (PROTOCOL D.14).
//!
//! The end whose address has changed *searches*: it sends probes to the address of the peer that it
//! knows. The peer sees the new source, and sends a challenge there. The next probe returns the
//! challenge's token from the same address. Only then does the peer move the stream.

use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

use super::search::{Patience, Search, token};
use crate::cx::Detour;
use crate::noise::Finished;
use crate::secret::{PathBox, PathFrame, PathKind};
use crate::streams::{Path, StreamMut};
use crate::wire::Target;
use crate::{ConnId, Cx};

/// One end of the exchange of frames about the path.
#[derive(Debug)]
pub(super) struct Prover {
    conn: ConnId,
    frames: PathBox,
    /// When the peer was last heard, or when the connection opened.
    heard: Instant,
    /// The path has worked. One that never has may be that of a victim, and is not searched for.
    has_worked: bool,
    /// This end is the client.
    has_dialled: bool,
    /// The path over which the peer has returned a token since [`Self::prove`].
    proven: Option<Path>,
    /// The path is to be proven as soon as it has worked.
    is_unproven: bool,
    prove_at: Option<Instant>,
    search: Option<Box<Search>>,
    /// When the last search began.
    searched: Option<Instant>,
    /// What the peer has to return, each from another address that is new. The oldest first.
    challenges: VecDeque<Challenge>,
    /// Where a server that has moved, or that has to send first, can be asked.
    relays: Option<Relays>,
    /// When to ask the peer for a sign of life, since data has come.
    watch_at: Option<Instant>,
}

/// Why a search begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Our own address has changed, or may have.
    Local,
    /// A relay says that our public address has changed.
    Public,
    /// The peer does not answer.
    Silence,
    /// Nothing has come for a while.
    Quiet,
    /// Other streams take the path.
    Company,
}

/// What a frame of the peer has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Nothing is proven.
    Nothing,
    /// Frames arrive, and both ends are where they were.
    Reached,
    /// The peer receives at the address that this frame has come from, and has left the one before.
    /// `was_there`: it was proven to receive at that one.
    PeerMoved { was_there: bool },
    /// The peer sends to our new address.
    WeMoved,
}

/// Nodes that forward handshakes to the server.
#[derive(Clone, Debug)]
pub(crate) struct Relays {
    pub(crate) target: Target,
    pub(crate) nodes: Vec<SocketAddrV4>,
}

#[derive(Debug)]
struct Challenge {
    token: [u8; 8],
    path: Path,
}

impl Prover {
    pub(super) fn new(conn: ConnId, keys: &Finished, now: Instant) -> Self {
        Self {
            conn,
            frames: PathBox::new(keys),
            heard: now,
            has_worked: false,
            has_dialled: keys.is_initiator,
            proven: None,
            is_unproven: false,
            prove_at: None,
            search: None,
            searched: None,
            challenges: VecDeque::new(),
            relays: None,
            watch_at: None,
        }
    }

    pub(super) fn set_relays(&mut self, relays: Relays) {
        self.relays = Some(relays);
    }

    /// A packet of the stream has come. `has_worked`: over the path. True if that sets a timer.
    pub(super) fn handle_packet(&mut self, now: Instant, has_worked: bool) -> bool {
        self.heard = now;
        self.has_worked |= has_worked;
        let is_due = self.has_worked && std::mem::take(&mut self.is_unproven);
        if is_due {
            self.prove_at = Some(now);
        }
        is_due
    }

    /// Other streams take the path. They follow the peer if it proves, from here on, that it
    /// receives there.
    pub(super) fn prove(&mut self, cx: &mut Cx<'_>, stream: &StreamMut<'_>) {
        self.proven = None;
        if !self.has_worked {
            self.is_unproven = true;
            return;
        }
        match &mut self.search {
            Some(search) => search.renew(cx, stream.path()),
            None => self.start(cx, stream, Cause::Company),
        }
    }

    /// Data goes to the peer or has come from it, and no mere keep-alive. True if that sets a timer.
    pub(super) fn handle_data(&mut self, now: Instant) -> bool {
        let starts = self.watch_at.is_none();
        if starts {
            self.watch_at = Some(now + QUIET);
        }
        starts
    }

    /// Looks for the peer. A peer that is merely slow is not asked all the time.
    pub(super) fn start(&mut self, cx: &mut Cx<'_>, stream: &StreamMut<'_>, cause: Cause) {
        let interval = match cause {
            Cause::Local | Cause::Public | Cause::Company => Duration::ZERO,
            Cause::Silence => {
                ((cx.now - self.heard) / 2).clamp(SILENCE_INTERVAL, MAX_SILENCE_INTERVAL)
            }
            Cause::Quiet => QUIET_INTERVAL,
        };
        let was_asked = self.searched.is_some_and(|at| cx.now < at + interval);
        let is_heard = self.search.is_some() || cx.now < self.heard + JITTER;
        let is_due = matches!(cause, Cause::Local | Cause::Company) || !is_heard;
        // A server sends nothing more to an address that nobody has answered from: it may be that of
        // a victim. A client asks once, since its server may know an address where the client does
        // not receive.
        if was_asked || !is_due || !(self.has_worked || self.has_dialled) {
            return;
        }
        if cause != Cause::Company {
            self.searched = Some(cx.now);
        }
        let patience = match cause {
            _ if !self.has_worked => Patience::Once,
            Cause::Company => Patience::Brief,
            Cause::Local | Cause::Public | Cause::Silence | Cause::Quiet => Patience::Long,
        };
        self.search = Some(Box::new(Search::new(cx, stream.path(), patience)));
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
            PathKind::Here => Proof::Nothing,
            PathKind::Answer => self.handle_answer(stream, at, frame),
        }
    }

    /// Takes a frame that a relay has forwarded from `peer`. The relay may say of any address that
    /// the frame comes from there, so nothing is proven by it. Returns a packet that the relay
    /// returns.
    pub(super) fn handle_detour(
        &mut self,
        cx: &mut Cx<'_>,
        stream: &StreamMut<'_>,
        peer: SocketAddrV4,
        data: &[u8],
    ) -> Option<Vec<u8>> {
        let probe = self.frames.open(data).filter(|frame| frame.kind == PathKind::Probe)?;
        let at = Path::to_peer(stream.path().socket, peer);
        if at != stream.path() {
            self.challenge(cx, stream, at, probe.token);
            return None;
        }
        // The peer is where it was, so it is we who have moved.
        if self.search.is_none() {
            self.start(cx, stream, Cause::Local);
        }
        let here = PathFrame { kind: PathKind::Here, token: [0; 8], echo: probe.token };
        Some(udx::path_packet(stream.remote_id()?, &self.frames.seal(here)?))
    }

    /// Takes the frame that a relay has returned, which has seen the peer at `peer`. A probe there
    /// lets those of the peer in.
    pub(super) fn handle_detour_reply(
        &mut self,
        cx: &mut Cx<'_>,
        stream: &StreamMut<'_>,
        peer: SocketAddrV4,
        data: &[u8],
    ) {
        let here = self.frames.open(data).filter(|frame| frame.kind == PathKind::Here);
        if let (Some(here), Some(search)) = (here, &self.search)
            && let Some(token) = search.detour(here)
        {
            let to = Path::to_peer(stream.path().socket, peer);
            self.send(cx, stream, to, PathFrame { kind: PathKind::Probe, token, echo: [0; 8] });
        }
    }

    /// When to call [`Self::handle_timeout`].
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let search = self.search.as_ref().map(|search| search.next);
        [search, self.watch_at, self.prove_at].into_iter().flatten().min()
    }

    pub(super) fn handle_timeout(&mut self, cx: &mut Cx<'_>, stream: &StreamMut<'_>) {
        if self.prove_at.take_if(|at| *at <= cx.now).is_some() {
            self.prove(cx, stream);
        }
        if self.watch_at.is_some_and(|at| at <= cx.now) {
            let quiet = self.heard + QUIET;
            self.watch_at = (quiet > cx.now).then_some(quiet);
            if self.watch_at.is_none() {
                self.start(cx, stream, Cause::Quiet);
            }
        }
        if let Some(search) = &self.search
            && search.next <= cx.now
        {
            if search.is_over(cx.now) {
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
            return Proof::Reached;
        }
        if self.challenges.iter().any(|known| known.path == at && known.token == probe.echo) {
            self.challenges.clear();
            self.search = None;
            self.send(cx, stream, at, answer);
            let was_there = self.proven.take() == Some(stream.path());
            return Proof::PeerMoved { was_there };
        }
        self.challenge(cx, stream, at, probe.token);
        Proof::Nothing
    }

    /// Asks the peer to prove that it receives at an address.
    fn challenge(&mut self, cx: &mut Cx<'_>, stream: &StreamMut<'_>, at: Path, echo: [u8; 8]) {
        let known = self.challenges.iter().find(|known| known.path == at);
        let token = known.map_or_else(|| token(cx.rng), |known| known.token);
        if known.is_none() {
            self.challenges.push_back(Challenge { token, path: at });
        }
        if self.challenges.len() > MAX_CHALLENGES {
            self.challenges.pop_front();
        }
        self.send(cx, stream, at, PathFrame { kind: PathKind::Challenge, token, echo });
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
        if search.take_challenge(challenge.token) {
            self.probe(cx, stream);
        }
    }

    fn handle_answer(&mut self, stream: &StreamMut<'_>, at: Path, answer: PathFrame) -> Proof {
        let search = self.search.as_ref().filter(|search| search.asked(answer, at, stream.path()));
        let Some(search) = search else { return Proof::Nothing };
        let is_elsewhere = search.is_elsewhere;
        let proves = search.proves(answer, at);
        if proves {
            self.proven = Some(at);
        }
        // The answer to a probe that took a detour proves nothing: the direct ones go on.
        if proves || is_elsewhere {
            self.search = None;
        }
        if is_elsewhere { Proof::WeMoved } else { Proof::Reached }
    }

    /// Sends the next probe of the search.
    fn probe(&mut self, cx: &mut Cx<'_>, stream: &StreamMut<'_>) {
        let Some(search) = &mut self.search else { return };
        let path = stream.path();
        let (turn, token, detour) = search.count_probe(cx, path, stream.stats().rtt);
        let echo = search.echo;
        if let Some(token) = detour {
            // First, so that it has the lower number: if it is faster, it does not make the direct
            // one a replay.
            self.take_detour(cx, stream, PathFrame { kind: PathKind::Probe, token, echo }, turn);
        }
        self.send(cx, stream, path, PathFrame { kind: PathKind::Probe, token, echo });
    }

    /// Sends a probe by way of one of the relays, which take turns.
    fn take_detour(
        &mut self,
        cx: &mut Cx<'_>,
        stream: &StreamMut<'_>,
        probe: PathFrame,
        turn: u32,
    ) {
        let Some(Relays { target, nodes }) = &self.relays else { return };
        let relay = nodes.get(turn as usize % nodes.len().max(1));
        let (Some(&relay), Some(id)) = (relay, stream.remote_id()) else { return };
        let (target, socket) = (*target, stream.path().socket);
        let Some(sealed) = self.frames.seal(probe) else { return };
        let packet = udx::path_packet(id, &sealed);
        cx.take_detour(Detour { conn: self.conn, socket, relay, target, packet });
    }

    fn send(&mut self, cx: &mut Cx<'_>, stream: &StreamMut<'_>, to: Path, frame: PathFrame) {
        if let (Some(sealed), Some(id)) = (self.frames.seal(frame), stream.remote_id()) {
            cx.send(to.socket, to.remote, udx::path_packet(id, &sealed));
        }
    }
}

/// An end that has exchanged data, and then hears nothing for so long, asks the peer: the path may
/// be cut in one direction only.
const QUIET: Duration = Duration::from_millis(500);

/// Data that comes and pauses should not cost a question each time.
const QUIET_INTERVAL: Duration = Duration::from_secs(2);

/// A peer that was heard so recently need not be asked.
const JITTER: Duration = Duration::from_millis(200);

/// Searches that begin because packets were not answered are so far apart at least, and half of the
/// silence.
const SILENCE_INTERVAL: Duration = Duration::from_secs(1);
const MAX_SILENCE_INTERVAL: Duration = Duration::from_secs(60);

/// Addresses of the peer that may be new: those that two NATs and a relay show.
const MAX_CHALLENGES: usize = 4;
