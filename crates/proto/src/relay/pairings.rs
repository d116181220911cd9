//! The connections of this node that are paired at blind relays, and its connections to those
//! relays.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use super::Token;
use super::channel::{CHANNEL, RelayChannel, Said};
use super::control::{
    Control, ControlDial, ControlId, OWNER, Pairing, PairingOutcome, PairingReport, PairingRequest,
    PairingStage,
};
use crate::base::{Io, Party};
use crate::conn::{Call, FoundPath};
use crate::noise::PublicKey;
use crate::streams::Path;
use crate::wire::{RelayPair, RelayUnpair};
use crate::{ConnId, ConnReport, Cx, PathOrigin, Sizes, Timer};

/// All pairings of a node.
///
/// A pairing belongs to one connection, and lasts as long as the relay carries it. Pairings at the
/// same relay share one connection to it, unless they have the same token: the relay tells the two
/// ends of a pair apart by their connections.
#[derive(Debug)]
pub(crate) struct Pairings {
    /// Our public key at relays.
    identity: PublicKey,
    by_conn: BTreeMap<ConnId, Pairing>,
    relays: BTreeMap<ControlId, Control>,
    by_control: HashMap<ConnId, ControlId>,
    /// Connections to relays that have no use any more, until the relay has got the last message.
    leaving: BTreeSet<ConnId>,
    dials: VecDeque<ControlId>,
    reports: VecDeque<PairingReport>,
    next_id: u32,
}

impl Pairings {
    /// Starts without pairings. `identity` is the key under which relays are dialled.
    pub(crate) fn new(identity: PublicKey) -> Self {
        Self {
            identity,
            by_conn: BTreeMap::new(),
            relays: BTreeMap::new(),
            by_control: HashMap::new(),
            leaving: BTreeSet::new(),
            dials: VecDeque::new(),
            reports: VecDeque::new(),
            next_id: 0,
        }
    }

    /// Asks a relay to pair a connection. False if too many clients wait for that: a client chooses
    /// the relay, and may name one that does not exist.
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, ask: PairingRequest) -> bool {
        let PairingRequest { conn, stream, through, is_initiator, keep_alive, party } = ask;
        if !self.has_room(party) {
            cx.stats.dropped.admission += 1;
            return false;
        }
        let (key, token) = (through.public_key, through.token);
        let relay = self.relay_for(key, token, keep_alive);
        let stage = PairingStage::Waiting;
        let pairing = Pairing { relay, key, token, is_initiator, stream, party, stage };
        if let Some(entry) = self.relays.get_mut(&relay) {
            entry.by_token.insert(token, conn);
            if keep_alive < entry.keep_alive {
                entry.keep_alive = keep_alive;
                entry.call(cx, io, Call::SetKeepAlive(keep_alive));
            }
            entry.write(cx, io, &pairing.request());
        }
        if party != Party::Own {
            cx.stats.relaying_attempts += 1;
        }
        self.by_conn.insert(conn, pairing);
        cx.wake_at(Timer::Pairing(conn), cx.now + PAIRED_WITHIN);
        true
    }

    /// True while a connection waits for its relay.
    pub(crate) fn is_waiting(&self, conn: ConnId) -> bool {
        self.by_conn.get(&conn).is_some_and(|pairing| pairing.stage == PairingStage::Waiting)
    }

    /// True while a relay carries a connection, or is asked to.
    pub(crate) fn has(&self, conn: ConnId) -> bool {
        self.by_conn.contains_key(&conn)
    }

    /// A connection is gone, or has found a direct path before it was paired.
    pub(crate) fn release(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, conn: ConnId) {
        let Some(pairing) = self.by_conn.remove(&conn) else { return };
        cx.timers.cancel(Timer::Pairing(conn));
        if pairing.stage == PairingStage::Waiting && pairing.party != Party::Own {
            cx.stats.relaying_aborts += 1;
        }
        let Some(relay) = self.relays.get_mut(&pairing.relay) else { return };
        relay.by_token.remove(&pairing.token);
        let unpair = RelayUnpair { token: pairing.token };
        relay.write(cx, io, &unpair.frame(CHANNEL));
        if relay.by_token.is_empty() {
            self.hang_up(cx, io, pairing.relay);
        }
    }

    /// A paired connection has moved to a direct path. The relay is kept until the peer has moved
    /// too, and nothing is on its way through the relay.
    pub(crate) fn handle_moved(&mut self, cx: &mut Cx<'_>, conn: ConnId) {
        let Some(pairing) = self.by_conn.get_mut(&conn) else { return };
        if let PairingStage::Paired(at) = pairing.stage {
            pairing.stage = PairingStage::Leaving(at);
            cx.wake_at(Timer::Pairing(conn), cx.now + LOOK_EVERY);
        }
    }

    /// Handles `Timer::Pairing`.
    pub(crate) fn handle_timeout(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, conn: ConnId) {
        let Some(pairing) = self.by_conn.get_mut(&conn) else { return };
        match pairing.stage {
            PairingStage::Waiting => self.fail(cx, io, conn),
            PairingStage::Paired(_) => {}
            PairingStage::Leaving(at) => {
                let path = io.streams.path(pairing.stream);
                if path.is_some_and(|(path, _)| path.remote == at) {
                    // The direct path did not work.
                    pairing.stage = PairingStage::Paired(at);
                } else if io.streams.has_left(pairing.stream, cx.now) {
                    self.release(cx, io, conn);
                } else {
                    cx.wake_at(Timer::Pairing(conn), cx.now + LOOK_EVERY);
                }
            }
        }
    }

    /// The next relay to dial. The caller answers with [`Self::handle_dialled`].
    pub(crate) fn poll_dial(&mut self) -> Option<ControlDial> {
        loop {
            let id = self.dials.pop_front()?;
            if let Some(Control { key, keep_alive, .. }) = self.relays.get(&id) {
                return Some(ControlDial { relay: id, key: *key, keep_alive: *keep_alive });
            }
        }
    }

    /// The node dials a relay; `None` if it cannot.
    pub(crate) fn handle_dialled(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        id: ControlId,
        conn: Option<ConnId>,
    ) {
        let Some(relay) = self.relays.get_mut(&id) else { return };
        let Some(conn) = conn else { return self.lose(cx, io, id) };
        relay.conn = Some(conn);
        self.by_control.insert(conn, id);
        // These wait until the connection opens.
        let open = relay.channel.open();
        relay.write(cx, io, &open);
        for carried in relay.by_token.values() {
            if let Some(pairing) = self.by_conn.get(carried) {
                relay.write(cx, io, &pairing.request());
            }
        }
    }

    /// A connection to a relay reports.
    pub(crate) fn handle_report(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        conn: ConnId,
        report: ConnReport,
    ) {
        let Some(&id) = self.by_control.get(&conn) else {
            return self.handle_last_report(cx, io, conn, &report);
        };
        match report {
            ConnReport::Data(message) => self.handle_message(cx, io, conn, id, &message),
            ConnReport::RemoteEnd => self.lose(cx, io, id),
            ConnReport::Closed { .. } => {
                self.by_control.remove(&conn);
                if let Some(relay) = self.relays.get_mut(&id) {
                    relay.conn = None;
                }
                self.lose(cx, io, id);
            }
            ConnReport::Accepted(_)
            | ConnReport::Opened(_)
            | ConnReport::Message(_)
            | ConnReport::RawMessage(_)
            | ConnReport::RemoteChanged
            | ConnReport::PathChanged(_)
            | ConnReport::Finished
            | ConnReport::Flushed(_)
            | ConnReport::Drained(_) => {}
        }
    }

    /// Takes the next report, the oldest first.
    pub(crate) fn poll_report(&mut self) -> Option<PairingReport> {
        self.reports.pop_front()
    }

    /// Counts what is kept.
    pub(crate) fn measure(&self, sizes: &mut Sizes) {
        sizes.pairings = self.by_conn.len() + self.relays.len() + self.leaving.len();
        sizes.reports += self.reports.len() + self.dials.len();
    }

    fn handle_message(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        conn: ConnId,
        id: ControlId,
        message: &[u8],
    ) {
        io.conns.call(cx, io.streams, conn, OWNER, Call::Consumed(message.len()));
        let Some(relay) = self.relays.get_mut(&id) else { return };
        let mut answers = Vec::new();
        let said = relay.channel.handle(message, &mut answers);
        for answer in answers {
            relay.write(cx, io, &answer);
        }
        let Ok(said) = said else {
            cx.stats.dropped.relay += 1;
            return self.lose(cx, io, id);
        };
        for said in said {
            match said {
                Said::Pair(pair) => self.handle_pair(cx, io, conn, id, pair),
                // A relay sends none.
                Said::Unpair(_) => {}
                Said::Closed => return self.lose(cx, io, id),
            }
        }
    }

    fn handle_pair(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        control: ConnId,
        id: ControlId,
        pair: RelayPair,
    ) {
        let relay = self.relays.get(&id);
        let Some(&conn) = relay.and_then(|relay| relay.by_token.get(&pair.token)) else { return };
        let path = io.conns.path(io.streams, control);
        let (Some(pairing), Some(path)) = (self.by_conn.get_mut(&conn), path) else { return };
        if pairing.stage != PairingStage::Waiting || pairing.is_initiator != pair.is_initiator {
            return;
        }
        cx.timers.cancel(Timer::Pairing(conn));
        pairing.stage = PairingStage::Paired(path.remote);
        if pairing.party != Party::Own {
            cx.stats.relaying_successes += 1;
        }
        tracing::debug!(?conn, "paired at a blind relay");
        let path = Path { socket: path.socket, remote: path.remote };
        let origin = PathOrigin { punch: None, relay: Some(pairing.key) };
        let outcome = PairingOutcome::Paired(FoundPath { path, origin }, pair.id);
        self.reports.push_back(PairingReport { conn, outcome });
    }

    /// A connection to a relay that has no use any more reports.
    fn handle_last_report(
        &mut self,
        cx: &mut Cx<'_>,
        io: &mut Io<'_>,
        conn: ConnId,
        report: &ConnReport,
    ) {
        match report {
            ConnReport::Closed { .. } => {
                self.leaving.remove(&conn);
            }
            ConnReport::Flushed(_) if self.leaving.contains(&conn) => {
                io.conns.destroy(cx, io.streams, conn);
            }
            ConnReport::Data(message) => {
                io.conns.call(cx, io.streams, conn, OWNER, Call::Consumed(message.len()));
            }
            ConnReport::Accepted(_)
            | ConnReport::Opened(_)
            | ConnReport::Message(_)
            | ConnReport::RawMessage(_)
            | ConnReport::RemoteChanged
            | ConnReport::RemoteEnd
            | ConnReport::PathChanged(_)
            | ConnReport::Finished
            | ConnReport::Flushed(_)
            | ConnReport::Drained(_) => {}
        }
    }

    /// A relay is gone. Connections that it carries find out by themselves.
    fn lose(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, id: ControlId) {
        let Some(relay) = self.relays.remove(&id) else { return };
        if let Some(conn) = relay.conn {
            self.by_control.remove(&conn);
            self.leaving.insert(conn);
            io.conns.destroy(cx, io.streams, conn);
        }
        for conn in relay.by_token.into_values() {
            if self.is_waiting(conn) {
                self.fail(cx, io, conn);
            }
        }
    }

    fn fail(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, conn: ConnId) {
        self.release(cx, io, conn);
        self.reports.push_back(PairingReport { conn, outcome: PairingOutcome::Failed });
    }

    /// Nothing uses a relay any more: closes the connection to it once the relay has got what was
    /// written.
    fn hang_up(&mut self, cx: &mut Cx<'_>, io: &mut Io<'_>, id: ControlId) {
        let Some(relay) = self.relays.remove(&id) else { return };
        let Some(conn) = relay.conn else { return };
        self.by_control.remove(&conn);
        self.leaving.insert(conn);
        if io.conns.is_waiting(conn) {
            io.conns.destroy(cx, io.streams, conn);
        } else {
            io.conns.call(cx, io.streams, conn, OWNER, Call::Flush(0));
        }
    }

    /// A connection to this relay on which the token is not in use, or a new one.
    fn relay_for(&mut self, key: PublicKey, token: Token, keep_alive: Duration) -> ControlId {
        let fits = |relay: &Control| relay.key == key && !relay.by_token.contains_key(&token);
        if let Some((id, _)) = self.relays.iter().find(|(_, relay)| fits(relay)) {
            return *id;
        }
        let id = ControlId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        let channel = RelayChannel::new(self.identity);
        let by_token = BTreeMap::new();
        self.relays.insert(id, Control { key, conn: None, channel, by_token, keep_alive });
        self.dials.push_back(id);
        id
    }

    fn has_room(&self, party: Party) -> bool {
        let Party::Client(source) = party else { return true };
        let waiting =
            || self.by_conn.values().filter(|pairing| pairing.stage == PairingStage::Waiting);
        let of_source = |source: Ipv4Addr| {
            waiting().filter(|pairing| pairing.party == Party::Client(source)).count()
        };
        let of_clients = waiting().filter(|pairing| pairing.party != Party::Own).count();
        let share = if source.is_loopback() { MAX_WAITING } else { MAX_WAITING_OF_SOURCE };
        of_clients < MAX_WAITING && of_source(source) < share
    }
}

/// The reference gives up after this time.
const PAIRED_WITHIN: Duration = Duration::from_secs(15);

/// How often a connection that has moved looks whether its relay is still needed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Clients of all servers for which a pairing may wait at a time.
const MAX_WAITING: usize = 32;

/// One source may take half of them.
const MAX_WAITING_OF_SOURCE: usize = MAX_WAITING / 2;
