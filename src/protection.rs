//! Nodes of programs that protect each socket before anything is sent from it.
//!
//! JavaScript asks for the numbers of held sockets, calls the program's hook, and accepts or
//! refuses them: no JavaScript runs inside of a native call.

use std::io;
use std::sync::Arc;

use hyperdht::SocketOptions;
use napi::bindgen_prelude::*;
use napi_derive::napi;

use crate::environment;
use crate::errors::named_error;
use crate::held::{Held, Holding, refusal};
use crate::node::{NativeNode, address_of};
use crate::schema::malformed;
use crate::wake::WakeFunction;

/// Binds the sockets of a node, and holds them until `start`. Without a config the engine has no
/// node, as with `open_udx`, and no sockets yet. `wake` is called when the engine holds more sockets.
#[napi]
pub fn bind(env: &Env, config: Option<&[u8]>, wake: Unknown<'_>) -> Result<NativeNode> {
    let mut options = match config {
        Some(config) => border::open_options(config).map_err(malformed)?,
        None => border::udx_options(),
    };
    let function = WakeFunction::new(env, &wake)?;
    // The function that tells of events decides whether the process stays alive.
    function.set_ref(env, false);
    let mut holding = Holding::new(function);
    options.protect = holding.protect();
    let opening = environment::engine_for(env, options.lends, |engine| engine.bind(options));
    environment::adopt(function);
    match opening {
        Ok(opening) => {
            holding.push(Held::Opening(Box::new(opening)));
            Ok(NativeNode::new(holding))
        }
        Err(error) => {
            holding.close();
            Err(named_error(error))
        }
    }
}

#[napi]
impl NativeNode {
    /// Starts a node on the sockets that are held. `wake` is called as by `open`.
    #[napi]
    pub fn start(&mut self, env: &Env, wake: Unknown<'_>) -> Result<()> {
        let Some(Held::Opening(opening)) = self.holding.pop() else { return Err(gone()) };
        let function = WakeFunction::new(env, &wake)?;
        let waker = Arc::new(function);
        match environment::with_engine(env, |engine| engine.open_bound(*opening, waker)) {
            Ok(handle) => {
                environment::adopt(function);
                (self.handle, self.wake) = (Some(handle), Some(function));
                Ok(())
            }
            Err(error) => {
                function.release();
                Err(named_error(error))
            }
        }
    }

    /// Binds a socket of the application, which is held until `accept_held`.
    #[napi]
    pub fn hold_socket(
        &mut self,
        host: &[u8],
        port: u16,
        ipv6_only: bool,
        reuse: bool,
    ) -> Result<()> {
        let address = address_of(host, port);
        let address = address.ok_or_else(|| named_error(io::ErrorKind::InvalidInput.into()))?;
        let options = SocketOptions { ipv6_only, reuse_address: reuse };
        let unused = self.with_handle(|handle| handle.bind_unused(address, options))?;
        self.holding.push(Held::Unused(Box::new(unused)));
        Ok(())
    }

    /// Takes the next group of sockets that the engine holds. Returns 0 if it holds no sockets, 1 for
    /// the main sockets of a node that wakes, and 2 for other sockets.
    #[napi]
    pub fn take_held(&mut self) -> u32 {
        let Some(held) = self.holding.take() else { return 0 };
        let kind = if held.are_main() { 1 } else { 2 };
        self.holding.push(Held::Later(Box::new(held)));
        kind
    }

    /// The number of one of the sockets that were taken or bound last, -1 if there are no more.
    #[napi]
    pub fn held_number(&self, index: u32) -> f64 {
        let number = self.holding.top().and_then(|held| held.number(index as usize));
        number.unwrap_or(-1.0)
    }

    /// Lets the engine use the sockets that were taken or bound last. Returns the number by which
    /// the engine knows a socket of the application.
    #[napi]
    pub fn accept_held(&mut self) -> Result<u32> {
        match self.holding.pop() {
            Some(Held::Unused(unused)) => self.with_handle(|handle| Ok(handle.add(*unused)?.0)),
            Some(Held::Later(held)) => {
                held.answer(Ok(()));
                Ok(0)
            }
            Some(Held::Opening(_)) | None => Err(gone()),
        }
    }

    /// Closes the sockets that were taken or bound last.
    #[napi]
    pub fn refuse_held(&mut self) {
        if let Some(Held::Later(held)) = self.holding.pop() {
            held.answer(Err(refusal()));
        }
    }
}

/// The node was closed while the program protected the sockets.
fn gone() -> Error {
    named_error(io::ErrorKind::NotConnected.into())
}
