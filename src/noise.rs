//! Noise handshakes that JavaScript carries out itself.

use hyperdht::{Finished, Initiator, KeyPair, Responder, system_rng};
use napi::bindgen_prelude::*;
use napi_derive::napi;
use zeroize::Zeroizing;

use crate::slab;

/// One side of a handshake.
#[napi]
pub struct NativeHandshake {
    /// `None` once the handshake has ended.
    side: Option<Side>,
    finished: Option<Finished>,
}

enum Side {
    Client(Initiator),
    Server(Responder),
}

/// Begins a handshake: as the client of a server whose key is `remote`, or as a server if `remote`
/// is empty.
#[napi]
pub fn handshake(secret_key: &[u8], remote: &[u8]) -> Result<NativeHandshake> {
    let key_pair = secret_key.try_into().ok().and_then(KeyPair::from_secret_key);
    let key_pair = key_pair.ok_or_else(|| Error::from_reason("secretKey is no secret key"))?;
    let mut rng = system_rng().map_err(|error| Error::from_reason(error.to_string()))?;
    let side = if remote.is_empty() {
        Responder::new(&key_pair, &mut rng).map(Side::Server)
    } else {
        let remote =
            remote.try_into().map_err(|_| Error::from_reason("the key is not 32 bytes"))?;
        Initiator::new(&key_pair, remote, &mut rng).map(Side::Client)
    };
    Ok(NativeHandshake { side: Some(side.map_err(failed)?), finished: None })
}

#[napi]
impl NativeHandshake {
    /// Writes the next message, and returns its length. JavaScript has to call `send` and `recv` in
    /// turn.
    #[napi]
    pub fn send(&mut self, payload: &[u8], mut out: Uint8ArraySlice<'_>) -> Result<i32> {
        let message = match &mut self.side {
            Some(Side::Client(client)) => client.send(payload),
            Some(Side::Server(server)) => server.send(payload),
            None => return Err(over()),
        };
        let message = message.map_err(failed)?;
        if let Some(Side::Server(server)) = self.side.take_if(|side| side.is_server()) {
            self.finished = Some(server.finish());
        }
        // SAFETY: JavaScript waits for this call and lib/ made the array for it alone.
        Ok(slab::copy(&message, unsafe { out.as_mut() }))
    }

    /// Reads a message of the peer, and writes its payload. A server learns the client's key, which
    /// follows the payload. Returns the length of both.
    #[napi]
    pub fn recv(&mut self, message: &[u8], mut out: Uint8ArraySlice<'_>) -> Result<i32> {
        let payload = match &mut self.side {
            Some(Side::Client(client)) => client.recv(message).map_err(failed)?,
            Some(Side::Server(server)) => {
                let (key, mut payload) = server.recv(message).map_err(failed)?;
                payload.extend_from_slice(&key);
                payload
            }
            None => return Err(over()),
        };
        if let Some(Side::Client(client)) = self.side.take_if(|side| !side.is_server()) {
            self.finished = Some(client.finish());
        }
        // SAFETY: as in `send`.
        Ok(slab::copy(&payload, unsafe { out.as_mut() }))
    }

    /// Writes the result of the handshake: the hash, the key to receive with, the key to send with.
    /// Returns the length, which is 0 before the last message.
    #[napi]
    pub fn finish(&mut self, mut out: Uint8ArraySlice<'_>) -> i32 {
        let Some(finished) = &self.finished else { return 0 };
        let mut all = Zeroizing::new([0; 128]);
        all[..64].copy_from_slice(&finished.hash);
        all[64..96].copy_from_slice(finished.rx());
        all[96..].copy_from_slice(finished.tx());
        // SAFETY: as in `send`.
        slab::copy(&*all, unsafe { out.as_mut() })
    }
}

impl Side {
    fn is_server(&self) -> bool {
        matches!(self, Self::Server(_))
    }
}

fn failed(error: hyperdht::HandshakeFailed) -> Error {
    Error::from_reason(error.to_string())
}

fn over() -> Error {
    Error::from_reason("The handshake is over")
}
