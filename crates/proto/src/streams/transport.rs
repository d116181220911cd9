//! One connected UDX stream.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::budget::Share;
use super::forwarding::{Forwarded, Forwarding};
use super::path_load::{PathShare, Room};
use super::path_set::PathSet;
use super::socket_use::SocketUse;
use super::{Path, RemoteStream, StreamOwner, StreamTransmit};
use crate::{Cx, MAX_BATCH, Run, SocketId, StreamId, Timer, Transmit, TransmitBuf};

/// A UDX stream, its path and its owner.
#[derive(Debug)]
pub(super) struct Transport {
    pub(super) id: StreamId,
    pub(super) owner: StreamOwner,
    pub(super) udx: udx::Stream,
    paths: PathSet,
    /// Datagrams of the streams that forward to this one, if there were any.
    forwarding: Option<Box<Forwarding>>,
    /// The stream is in the queue of those that may send.
    pub(super) ready: bool,
    /// The stream's part of the budget for data that is sent.
    pub(super) sending: Share,
    /// The stream's part of the budget for datagrams that are forwarded.
    pub(super) forwarded: Share,
    /// The stream's part of what is in flight on its path.
    pub(super) load: PathShare,
    /// The path under which the stream is in the index of paths.
    pub(super) noted_path: Option<Path>,
    /// The path that the stream opened on, if it is to be left for a better one.
    interim: Option<Box<Interim>>,
}

/// A path through a relay, which is left when a direct one is found.
#[derive(Debug)]
struct Interim {
    remote: SocketAddr,
    /// When the last packet has come over it.
    heard: Instant,
    /// A packet has come over another path.
    is_direct: bool,
}

impl Transport {
    pub(super) fn connect(
        now: Instant,
        id: StreamId,
        owner: StreamOwner,
        path: Path,
        remote: RemoteStream,
        mut udx: udx::Stream,
    ) -> Self {
        udx.connect(now, remote.id, path.remote);
        udx.set_thin_acks(remote.revision_1);
        let paths = PathSet::new(path);
        Self {
            id,
            owner,
            udx,
            paths,
            forwarding: None,
            ready: false,
            sending: Share::default(),
            forwarded: Share::default(),
            load: PathShare::default(),
            noted_path: None,
            interim: None,
        }
    }

    pub(super) fn path(&self) -> Path {
        self.paths.path()
    }

    /// The path of the peer's packets, as we would use it to answer them.
    pub(super) fn is_heard_from_path(&self) -> bool {
        self.paths.is_heard_from_path()
    }

    pub(super) fn way_back(&self) -> Path {
        self.paths.way_back()
    }

    pub(super) fn is_validated(&self) -> bool {
        self.paths.is_validated()
    }

    /// Sends new packets over another path. `remote_id` is the peer's stream if a relay has had one
    /// of its own.
    pub(super) fn change_path(
        &mut self,
        now: Instant,
        path: Path,
        remote_id: Option<u32>,
        sockets: &mut SocketUse,
    ) {
        if path == self.path() {
            return;
        }
        if let Some(remote_id) = remote_id.or(self.udx.remote_id()) {
            self.change_remote(now, path, remote_id, sockets);
        }
    }

    /// Sends new packets over another path or the same one, to another stream of the peer.
    pub(super) fn change_remote(
        &mut self,
        now: Instant,
        path: Path,
        remote_id: u32,
        sockets: &mut SocketUse,
    ) {
        if self.udx.is_connected() {
            self.udx.change_remote(now, remote_id, path.remote);
            self.paths.change(path, sockets);
        }
    }

    /// Sends all packets over another path, which was validated elsewhere.
    pub(super) fn change_proven(&mut self, now: Instant, path: Path, sockets: &mut SocketUse) {
        let Some(remote_id) = self.udx.remote_id().filter(|_| self.udx.is_connected()) else {
            return;
        };
        self.udx.change_proven(now, remote_id, path.remote);
        self.paths.change(path, sockets);
        self.paths.handle_drained(sockets);
    }

    /// Whether a path of the stream, the current one or one before it, takes what comes from this
    /// address to this socket.
    pub(super) fn lets_in(&self, socket: SocketId, from: SocketAddr) -> bool {
        self.paths.let_in(socket, from)
    }

    /// A packet of the peer has arrived at a socket.
    pub(super) fn handle_arrival(
        &mut self,
        now: Instant,
        socket: SocketId,
        from: SocketAddr,
        sockets: &mut SocketUse,
    ) {
        self.paths.handle_arrival(socket, from, sockets);
        if let Some(interim) = &mut self.interim {
            if from == interim.remote {
                interim.heard = now;
            }
            interim.is_direct |= interim.is_elsewhere(from);
        }
    }

    /// The current path is to be left for a better one.
    pub(super) fn set_interim(&mut self, now: Instant) {
        let remote = self.path().remote;
        self.interim = Some(Box::new(Interim { remote, heard: now, is_direct: false }));
    }

    /// Whether a packet from this address shows a better path.
    pub(super) fn is_better(&self, from: SocketAddr) -> bool {
        let is_elsewhere = self.interim.as_ref().is_some_and(|interim| interim.is_elsewhere(from));
        is_elsewhere && from.port() != 0 && self.is_on_interim()
    }

    /// Whether the stream has not left its interim path.
    pub(super) fn is_on_interim(&self) -> bool {
        self.interim.as_ref().is_some_and(|interim| self.path().remote == interim.remote)
    }

    /// Whether both ends have left the interim path, and nothing is on its way there.
    pub(super) fn has_left(&self, now: Instant) -> bool {
        let is_quiet = self.interim.as_ref().is_none_or(|interim| {
            interim.is_direct && now.saturating_duration_since(interim.heard) >= QUIET
        });
        is_quiet && self.is_validated() && self.paths.is_settled()
    }

    /// Takes a datagram of a stream that forwards to this one, if no more than `room` bytes wait
    /// then. False if it is dropped.
    pub(super) fn forward(&mut self, datagram: &[u8], room: usize) -> bool {
        if self.waiting() + datagram.len() > room {
            return false;
        }
        let Some((to, head)) = self.udx.forward(datagram) else { return false };
        let rest = datagram.get(head.len()..).unwrap_or_default();
        self.forwarding.get_or_insert_default().push(to, &head, rest);
        true
    }

    /// Takes datagrams of a stream that forwards to this one, if they can be sent at once and in one
    /// call of at most `max_segments`. Each of them has a header.
    pub(super) fn forward_in_place(
        &mut self,
        run: &mut Run<'_>,
        max_segments: usize,
    ) -> Option<Transmit> {
        let count = run.count();
        let is_worth_it = (LEAST_IN_PLACE..=max_segments).contains(&count);
        if !is_worth_it || self.waiting() > 0 || run.data.len() > MAX_BATCH {
            return None;
        }
        let to = self.udx.forward_in_place(run.data, run.segment_size)?;
        let segment_size = (count > 1).then_some(run.segment_size);
        let socket = self.paths.socket_to(to);
        Some(Transmit { socket, to, ttl: None, segment_size, may_fragment: false })
    }

    /// The stream's next event. Events about the path also update the path set.
    pub(super) fn poll_event(&mut self, sockets: &mut SocketUse) -> Option<udx::Event> {
        let event = self.udx.poll_event()?;
        match event {
            udx::Event::RemoteChanged => self.paths.handle_drained(sockets),
            udx::Event::PathValidated => self.paths.handle_validated(sockets),
            udx::Event::PathFailed => self.paths.handle_failed(sockets),
            udx::Event::Finished | udx::Event::Unanswered | udx::Event::Closed(_) => {}
        }
        Some(event)
    }

    /// The stream is gone: its paths leave their sockets.
    pub(super) fn leave_sockets(&mut self, sockets: &mut SocketUse) {
        self.paths.end(sockets);
    }

    pub(super) fn poll_transmit(
        &mut self,
        now: Instant,
        buf: &mut TransmitBuf,
        room: Room,
    ) -> Option<StreamTransmit> {
        self.udx.set_max_held(room.held);
        self.udx.set_max_in_flight(room.in_flight);
        let forwarded = self.forwarding.as_mut().and_then(|forwarding| forwarding.poll(buf));
        let sent = match forwarded {
            Some(Forwarded { to, segment_size }) => {
                udx::Transmit { to, segment_size, may_fragment: false }
            }
            None => self.udx.poll_transmit(now, &mut buf.data, buf.max_segments)?,
        };
        let socket = self.paths.socket_to(sent.to);
        let udx::Transmit { to, segment_size, may_fragment } = sent;
        let transmit = Transmit { socket, to, ttl: None, segment_size, may_fragment };
        Some(StreamTransmit { transmit, owner: self.owner, unsent: self.udx.unsent() })
    }

    /// Sends the packet that a stream without an owner may still have for its peer.
    pub(super) fn send_last(&mut self, cx: &mut Cx<'_>) {
        let mut buf = TransmitBuf { data: Vec::new(), max_segments: 1 };
        if let Some(StreamTransmit { transmit, .. }) =
            self.poll_transmit(cx.now, &mut buf, Room { held: 0, in_flight: 0 })
        {
            cx.send(transmit.socket, transmit.to, buf.data);
        }
    }

    /// Bytes kept until the peer acknowledges them.
    pub(super) fn held(&self) -> usize {
        self.udx.held()
    }

    /// Bytes that wait to be forwarded.
    pub(super) fn waiting(&self) -> usize {
        self.forwarding.as_ref().map_or(0, |forwarding| forwarding.size())
    }

    pub(super) fn set_timer(&self, cx: &mut Cx<'_>) {
        match self.udx.poll_timeout() {
            Some(at) => cx.timers.set(Timer::Stream(self.id), at),
            None => cx.timers.cancel(Timer::Stream(self.id)),
        }
    }

    /// True if the stream has no owner and its peer needs no more answers.
    pub(super) fn is_over(&self) -> bool {
        self.owner == StreamOwner::Nobody && self.udx.is_done() && self.waiting() == 0
    }
}

impl Interim {
    /// Whether this is the address of a peer on another path. Attempts and servers find only paths
    /// to IPv4 addresses.
    fn is_elsewhere(&self, from: SocketAddr) -> bool {
        from.is_ipv4() && from != self.remote
    }
}

/// A peer that has not moved yet, or repeats what was lost, sends within this time. It sends a
/// keep-alive every 5 s at most, and repeats a packet after 1 s, or after 3.
const QUIET: Duration = Duration::from_secs(6);

/// A single datagram is copied into the queue, where the next ones join it: where the system does not
/// join datagrams itself, the system calls would cost more than the copies.
const LEAST_IN_PLACE: usize = 2;
