//! The handshakes of one server. Their numbers are small and used again, as clients expect.

use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;

use super::requester::{ClientHello, Requester, ServerHello};
use super::session::Session;
use crate::{AskId, ConnId};

#[derive(Debug, Default)]
pub(super) struct Slots {
    entries: Vec<Option<Slot>>,
    by_noise: HashMap<NoiseHash, u32>,
    by_conn: HashMap<ConnId, u32>,
    /// How many have not ended.
    by_source: HashMap<Ipv4Addr, usize>,
    /// Those that have ended, the oldest first; each is cleared in time.
    ended: VecDeque<u32>,
}

/// The hash of a message 1: equal messages share a handshake.
pub(super) type NoiseHash = [u8; 32];

#[derive(Debug)]
pub(super) struct Slot {
    noise: NoiseHash,
    /// The source that it counts for.
    source: Ipv4Addr,
    pub(super) state: SlotState,
}

#[derive(Debug)]
pub(super) enum SlotState {
    /// Between two of the others, within one call.
    Begun,
    /// The application decides whether the client may come.
    Asking(Box<Asking>),
    /// The client may come; its first packet is awaited.
    Waiting(Box<Session>),
    /// It has come, or will not. Message 2, if there was one, is repeated for a while.
    Ended(Option<ServerHello>),
}

#[derive(Debug)]
pub(super) struct Asking {
    pub(super) ask: AskId,
    pub(super) hello: ClientHello,
    pub(super) unanswered: Vec<Requester>,
}

impl Slots {
    /// Takes the lowest free number.
    pub(super) fn insert(&mut self, noise: NoiseHash, source: Ipv4Addr) -> u32 {
        *self.by_source.entry(source).or_insert(0) += 1;
        let slot = Some(Slot { noise, source, state: SlotState::Begun });
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

    /// The slot whose question this is.
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
            SlotState::Begun | SlotState::Asking(_) => {}
        }
        if let Some(slot) = self.get_mut(index) {
            *slot = state;
        }
    }

    /// Leaves a state that has not ended.
    pub(super) fn take(&mut self, index: u32) -> Option<SlotState> {
        let slot = self.get_mut(index).filter(|state| !matches!(state, SlotState::Ended(_)))?;
        let state = std::mem::replace(slot, SlotState::Begun);
        if let SlotState::Waiting(session) = &state {
            self.by_conn.remove(&session.conn);
        }
        Some(state)
    }

    /// The oldest ended one, if there are too many.
    pub(super) fn surplus(&self) -> Option<u32> {
        self.ended.front().copied().filter(|_| self.ended.len() > MAX_ENDED)
    }

    /// Frees a number whose handshake has ended.
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

    /// Forgets a handshake that has led to nothing, as if it had never come.
    pub(super) fn discard(&mut self, index: u32) {
        self.set(index, SlotState::Ended(None));
        self.clear(index);
    }

    /// Numbers in use, ended or not.
    pub(super) fn indices(&self) -> Vec<u32> {
        let used = self.entries.iter().enumerate().filter(|(_, slot)| slot.is_some());
        used.map(|(index, _)| index as u32).collect()
    }

    /// Handshakes, those that have ended included.
    pub(super) fn len(&self) -> usize {
        self.by_noise.len()
    }

    /// Handshakes that have not ended.
    pub(super) fn in_flight(&self) -> usize {
        self.by_noise.len() - self.ended.len()
    }

    /// Those of one source.
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

impl SlotState {
    /// The question that is open.
    pub(super) fn question(&self) -> Option<AskId> {
        match self {
            Self::Asking(asking) => Some(asking.ask),
            Self::Waiting(session) => session.punching.as_ref()?.question(),
            Self::Begun | Self::Ended(_) => None,
        }
    }
}

/// Replies that are remembered, some 400 bytes each. A retransmission that comes after that many
/// other handshakes finds its own gone, and begins anew.
const MAX_ENDED: usize = 4096;
