//! Frames by which the two ends of a connection prove to each other that they receive at an address
//! (PROTOCOL D.14). Only two of ours exchange them; the reference has nothing like it.

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::secretbox::{self, MAC_LEN, NONCE_LEN};
use crate::noise::Finished;
use crate::wire;

/// What a frame says. `token` is the sender's, `echo` is the peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathFrame {
    /// The kind of the frame.
    pub kind: PathKind,
    /// 8 random bytes that the peer has to return. Zeros if there is nothing to return.
    pub token: [u8; 8],
    /// What the peer has asked to be returned. Zeros if it has not asked.
    pub echo: [u8; 8],
}

/// The kinds of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// Asks whether the peer sends to the address that this frame comes from.
    Probe,
    /// The peer sends there.
    Answer,
    /// The peer sends elsewhere. It moves when the next probe returns the token.
    Challenge,
    /// Comes by way of a relay: the peer sends to the address where the relay has seen us, and is
    /// itself where the relay has seen it.
    Here,
}

/// Both directions of the frames of a connection.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct PathBox {
    tx: [u8; 32],
    rx: [u8; 32],
    /// The number of the last frame that was sent.
    sent: u64,
    /// The highest number of a frame that was received.
    received: u64,
}

impl PathBox {
    /// Derives the keys from those of the session. The handshake's hash is no secret: a
    /// node that forwards the handshake can compute it.
    pub fn new(handshake: &Finished) -> Self {
        let key = |session: &[u8; 32]| wire::keyed_hash(session, &[LABEL]);
        Self { tx: key(handshake.tx()), rx: key(handshake.rx()), sent: 0, received: 0 }
    }

    /// Encrypts a frame. All of them have the same length, so that no answer is longer than its
    /// question. `None` once all numbers are used.
    pub fn seal(&mut self, frame: PathFrame) -> Option<Vec<u8>> {
        self.sent = self.sent.checked_add(1)?;
        let number = self.sent.to_le_bytes();
        let mut out = Vec::with_capacity(PATH_FRAME_LEN);
        out.extend_from_slice(&number);
        secretbox::seal(&self.tx, &nonce(number), &frame.encode(), &mut out);
        Some(out)
    }

    /// Decrypts a frame. `None` for a forgery, and for a frame whose number is not higher than those
    /// of all earlier ones: a replay.
    pub fn open(&mut self, data: &[u8]) -> Option<PathFrame> {
        let (number, boxed) = data.split_first_chunk::<8>()?;
        let received = u64::from_le_bytes(*number);
        if data.len() != PATH_FRAME_LEN || received <= self.received {
            return None;
        }
        let frame = secretbox::open(&self.rx, &nonce(*number), boxed)?;
        self.received = received;
        PathFrame::decode(frame.first_chunk()?)
    }
}

/// The frame in a packet about a path. `None` for every other packet.
pub fn path_frame(packet: &[u8]) -> Option<&[u8]> {
    udx::path_frame(packet).filter(|frame| frame.len() == PATH_FRAME_LEN)
}

impl std::fmt::Debug for PathBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PathBox").finish_non_exhaustive()
    }
}

impl PathFrame {
    fn encode(&self) -> [u8; PLAIN_LEN] {
        let mut out = [0; PLAIN_LEN];
        out[0] = match self.kind {
            PathKind::Probe => 1,
            PathKind::Answer => 2,
            PathKind::Challenge => 3,
            PathKind::Here => 4,
        };
        out[1..9].copy_from_slice(&self.token);
        out[9..].copy_from_slice(&self.echo);
        out
    }

    fn decode(plain: &[u8; PLAIN_LEN]) -> Option<Self> {
        let [kind, fields @ ..] = plain;
        let kind = match kind {
            1 => PathKind::Probe,
            2 => PathKind::Answer,
            3 => PathKind::Challenge,
            4 => PathKind::Here,
            _ => return None,
        };
        let (token, echo) = fields.split_first_chunk::<8>()?;
        Some(Self { kind, token: *token, echo: *echo.first_chunk()? })
    }
}

fn nonce(number: [u8; 8]) -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    nonce[..8].copy_from_slice(&number);
    nonce
}

/// What the keys are derived with.
const LABEL: &[u8] = b"hyperdht-native/path";

/// Bytes of a frame before encryption: kind, token, echo.
const PLAIN_LEN: usize = 1 + 8 + 8;

/// Bytes of a frame: number, MAC, ciphertext.
pub const PATH_FRAME_LEN: usize = 8 + MAC_LEN + PLAIN_LEN;
