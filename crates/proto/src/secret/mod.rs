//! Encryption between two peers after the handshake: framed messages, unordered messages and
//! holepunch payloads (PROTOCOL D.7, F).
//!
//! Reference: @hyperswarm/secret-stream 6.9.2.

mod aead;
mod buffer;
mod cipher;
mod datagrams;
mod keystream;
mod message;
mod paths;
mod poly1305;
mod punch;
mod receiver;
mod secretbox;
mod sender;

pub use aead::{Aead, install};
pub use buffer::{Buffer, SPARE_CAPACITY, Spares};
pub use datagrams::Datagrams;
pub use message::{Message, Messages};
pub use paths::{PATH_FRAME_LEN, PathBox, PathFrame, PathKind, path_frame};
pub use punch::PunchBox;
pub use receiver::{FrameError, Receiver};
pub use sender::{HEADROOM, Sender, TAILROOM};

use crate::noise::Finished;
use crate::wire::{self, ns};

/// The longest message, in bytes. The length field of a frame has 24 bits and includes tag and MAC.
pub const MAX_MESSAGE: usize = (1 << 24) - 1 - 17;

/// The id in the first frame of a direction. The receiver checks it against its own handshake.
fn stream_id(handshake: &Finished, of_initiator: bool) -> [u8; 32] {
    let role = if of_initiator { &ns::INITIATOR } else { &ns::RESPONDER };
    wire::keyed_hash(&handshake.hash, &[role])
}

/// Bytes of a frame's length field.
const LENGTH_LEN: usize = 3;

/// Bytes of the first frame: length, stream id, header of the cipher.
const FIRST_FRAME_LEN: usize = LENGTH_LEN + 32 + 24;

#[cfg(test)]
mod tests;
