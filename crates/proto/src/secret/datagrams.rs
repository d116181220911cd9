//! Unordered messages. Each is a secretbox in a UDX message (PROTOCOL F.5).

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::keystream::{Ahead, Stream};
use super::secretbox::{self, MAC_LEN};
use crate::noise::Finished;
use crate::wire::{self, ns};

/// Both directions of the unordered messages of a connection.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Datagrams {
    tx: Direction,
    rx: Direction,
    counter: u64,
    start: u64,
}

/// One direction.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Direction {
    key: [u8; 32],
    /// The keystreams of the latest messages and the next ones: their counters are consecutive, as
    /// far as no message is lost. `None` before the first one.
    #[zeroize(skip)] // it wipes itself
    ahead: Option<Box<Ahead>>,
}

impl Datagrams {
    /// Derives the keys from a finished handshake. `start` is the first counter: 8 fresh random
    /// bytes.
    pub fn new(handshake: &Finished, start: [u8; 8]) -> Self {
        let key =
            |role: &[u8; 32]| Zeroizing::new(wire::keyed_hash(&handshake.hash, &[role, &ns::SEND]));
        let (initiator, responder) = (key(&ns::INITIATOR), key(&ns::RESPONDER));
        let (tx, rx) =
            if handshake.is_initiator { (initiator, responder) } else { (responder, initiator) };
        let start = u64::from_le_bytes(start);
        Self { tx: Direction::new(&tx), rx: Direction::new(&rx), counter: start, start }
    }

    /// Encrypts a message. The datagram is 24 bytes longer. `None` once all nonces are used; the
    /// connection must then end.
    pub fn seal(&mut self, message: &[u8]) -> Option<Vec<u8>> {
        let counter = self.counter.wrapping_add(1);
        if counter == self.start {
            return None;
        }
        self.counter = counter;

        let mut out = Vec::with_capacity(COUNTER_LEN + MAC_LEN + message.len());
        out.extend_from_slice(&counter.to_le_bytes());
        secretbox::seal_with(self.tx.keystream(counter), message, &mut out);
        Some(out)
    }

    /// Decrypts a datagram; `None` for a forgery. Replayed datagrams are not detected.
    pub fn open(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        let (counter, boxed) = datagram.split_first_chunk::<COUNTER_LEN>()?;
        secretbox::open_with(self.rx.keystream(u64::from_le_bytes(*counter)), boxed)
    }

    #[cfg(test)]
    pub(super) fn set_counter(&mut self, counter: u64) {
        self.counter = counter;
    }
}

impl Direction {
    fn new(key: &[u8; 32]) -> Self {
        Self { key: *key, ahead: None }
    }

    fn keystream(&mut self, counter: u64) -> Stream<'_> {
        let key = &self.key;
        self.ahead.get_or_insert_with(|| Box::new(Ahead::new(key))).of(key, counter)
    }
}

impl std::fmt::Debug for Datagrams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Datagrams").finish_non_exhaustive()
    }
}

/// Bytes of the counter at the front of a datagram.
const COUNTER_LEN: usize = 8;
