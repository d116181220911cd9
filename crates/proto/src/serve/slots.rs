//! The handshakes of one server. Slot numbers are small and reused, as clients expect.

use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;

use super::requester::{Client, ClientHello, Requester, ServerHello};
use super::rounds::Punching;
use super::session::{Prepared, Session};
use crate::{AskId, ConnId, HandshakeView};

#[derive(Debug, Default)]
pub(super) struct Slots {
    entries: Vec<Option<Slot>>,
    by_noise: HashMap<NoiseHash, u32>,
    by_conn: HashMap<ConnId, u32>,
    /// How many handshakes of each source have not ended.
    by_source: HashMap<Ipv4Addr, usize>,
    /// Slots that have ended, the oldest first. A timer clears each.
    ended: VecDeque<u32>,
}

/// The hash of a message 1: equal messages share a handshake.
pub(super) type NoiseHash = [u8; 32];

#[derive(Debug)]
pub(super) struct Slot {
    noise: NoiseHash,
    /// The source that the handshake counts against.
    source: Ipv4Addr,
    /// The handshake has ended without a connection.
    aborted: bool,
    pub(super) state: SlotState,
}

#[derive(Debug)]
pub(super) enum SlotState {
    /// A temporary state within one call.
    Begun,
    /// The application decides whether the client may connect.
    Asking(Box<Asking>),
    /// The application reads message 1 or writes message 2.
    Foreign(Box<ForeignHandshake>),
    /// The client may connect, and its first packet has not arrived yet.
    Waiting(Box<Session>),
    /// The client has connected, or will not. Message 2, if there was one, is repeated for a while.
    Ended(Option<ServerHello>),
}

#[derive(Debug)]
pub(super) struct Asking {
    pub(super) ask: AskId,
    pub(super) hello: ClientHello,
    pub(super) unanswered: Vec<Requester>,
}

/// A handshake that waits for the application.
#[derive(Debug)]
pub(super) struct ForeignHandshake {
    pub(super) ask: AskId,
    pub(super) unanswered: Vec<Requester>,
    pub(super) conn: ConnId,
    pub(super) stage: Stage,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// The application reads message 1.
    Reading { client: Client, source: Ipv4Addr },
    /// The application writes message 2.
    Writing(Box<Prepared>),
}

impl Slots {
    /// Takes the lowest free number.
    pub(super) fn insert(&mut self, noise: NoiseHash, source: Ipv4Addr) -> u32 {
        *self.by_source.entry(source).or_insert(0) += 1;
        let slot = Some(Slot { noise, source, aborted: false, state: SlotState::Begun });
        let free = self.entries.iter().position(Option::is_none);
        let index = free.unwrap_or(self.entries.len());
        match self.entries.get_mut(index) {
            Some(entry) => *entry = slot,
            None => self.entries.push(slot),
        }
        self.by_noise.insert(noise, index as u32);
        index as u32
    }

    pub(super) fn find(&self, noise: &NoiseHash) -> Option<u32> {
        self.by_noise.get(noise).copied()
    }

    pub(super) fn of_conn(&self, conn: ConnId) -> Option<u32> {
        self.by_conn.get(&conn).copied()
    }

    /// The slot that this question belongs to.
    pub(super) fn of_ask(&self, ask: AskId) -> Option<u32> {
        let asks = |slot: &Option<Slot>| {
            slot.as_ref().is_some_and(|slot| slot.state.question() == Some(ask))
        };
        self.entries.iter().position(asks).map(|index| index as u32)
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut SlotState> {
        Some(&mut self.entries.get_mut(index as usize)?.as_mut()?.state)
    }

    /// Enters a state.
    pub(super) fn set(&mut self, index: u32, state: SlotState) {
        match &state {
            SlotState::Waiting(session) => {
                self.by_conn.insert(session.conn, index);
            }
            SlotState::Ended(_) => {
                self.ended.push_back(index);
                self.release_source(index);
            }
            SlotState::Begun | SlotState::Asking(_) | SlotState::Foreign(_) => {}
        }
        if let Some(slot) = self.get_mut(index) {
            *slot = state;
        }
    }

    /// Takes the state out of a slot that has not ended.
    pub(super) fn take(&mut self, index: u32) -> Option<SlotState> {
        let slot = self.get_mut(index).filter(|state| !matches!(state, SlotState::Ended(_)))?;
        let state = std::mem::replace(slot, SlotState::Begun);
        if let SlotState::Waiting(session) = &state {
            self.by_conn.remove(&session.conn);
        }
        Some(state)
    }

    /// The oldest slot that has ended, if there are too many.
    pub(super) fn surplus(&self) -> Option<u32> {
        self.ended.front().copied().filter(|_| self.ended.len() > MAX_ENDED)
    }

    /// Frees the slot of a handshake that has ended.
    pub(super) fn clear(&mut self, index: u32) {
        self.ended.retain(|other| *other != index);
        let Some(slot) = self.entries.get_mut(index as usize).and_then(Option::take) else {
            return;
        };
        self.by_noise.remove(&slot.noise);
        while self.entries.last().is_some_and(Option::is_none) {
            self.entries.pop();
        }
    }

    /// Forgets a handshake completely, so that the client can try again.
    pub(super) fn discard(&mut self, index: u32) {
        if !matches!(self.get_mut(index), Some(SlotState::Ended(_))) {
            self.set(index, SlotState::Ended(None));
        }
        self.clear(index);
    }

    /// A handshake ends without a connection.
    pub(super) fn note_abort(&mut self, index: u32) {
        if let Some(Some(slot)) = self.entries.get_mut(index as usize) {
            slot.aborted = true;
        }
    }

    /// What the application may know of each slot.
    pub(super) fn views(&self) -> Vec<Option<HandshakeView>> {
        self.entries.iter().map(|slot| slot.as_ref().map(Slot::view)).collect()
    }

    /// The slots in use, including those that have ended.
    pub(super) fn indices(&self) -> Vec<u32> {
        let used = self.entries.iter().enumerate().filter(|(_, slot)| slot.is_some());
        used.map(|(index, _)| index as u32).collect()
    }

    /// The number of handshakes, including those that have ended.
    pub(super) fn len(&self) -> usize {
        self.by_noise.len()
    }

    /// The number of handshakes that have not ended.
    pub(super) fn in_flight(&self) -> usize {
        self.by_noise.len() - self.ended.len()
    }

    /// The number of those of one source.
    pub(super) fn in_flight_of(&self, source: Ipv4Addr) -> usize {
        self.by_source.get(&source).copied().unwrap_or(0)
    }

    fn release_source(&mut self, index: u32) {
        let slot = self.entries.get(index as usize).and_then(Option::as_ref);
        let Some(source) = slot.map(|slot| slot.source) else { return };
        let Some(count) = self.by_source.get_mut(&source) else { return };
        *count = count.saturating_sub(1);
        if *count == 0 {
            self.by_source.remove(&source);
        }
    }
}

impl Slot {
    fn view(&self) -> HandshakeView {
        let punching = match &self.state {
            SlotState::Waiting(session) => session.punching.as_ref(),
            SlotState::Begun
            | SlotState::Asking(_)
            | SlotState::Foreign(_)
            | SlotState::Ended(_) => None,
        };
        HandshakeView {
            firewalled: matches!(
                self.state,
                SlotState::Begun
                    | SlotState::Asking(_)
                    | SlotState::Foreign(_)
                    | SlotState::Ended(None)
            ),
            aborted: self.aborted,
            ended: matches!(self.state, SlotState::Ended(_)),
            punching: punching.is_some(),
            round: punching.map_or(0, Punching::round),
        }
    }
}

impl SlotState {
    /// The question that the application has not answered yet.
    pub(super) fn question(&self) -> Option<AskId> {
        match self {
            Self::Asking(asking) => Some(asking.ask),
            Self::Foreign(foreign) => Some(foreign.ask),
            Self::Waiting(session) => session.punching.as_ref()?.question(),
            Self::Begun | Self::Ended(_) => None,
        }
    }
}

/// How many replies are kept, about 400 bytes each. A message 1 that is retransmitted after that
/// many other handshakes starts a new handshake.
const MAX_ENDED: usize = 4096;
