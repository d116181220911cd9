//! The one way from the driver's thread to JavaScript: a threadsafe function without arguments.

use std::ptr;

use hyperdht::Wake;
use napi::bindgen_prelude::*;
use napi::{JsValue, sys};

/// A raw threadsafe function: napi-rs' own one has a finalizer, which crashes in Bare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WakeFunction(sys::napi_threadsafe_function);

// SAFETY: Node-API allows calls of a threadsafe function from any thread. It is released only
// after the engine has promised not to call it any more.
unsafe impl Send for WakeFunction {}
// SAFETY: as above.
unsafe impl Sync for WakeFunction {}

impl WakeFunction {
    /// Makes one that calls `function` without arguments.
    pub(crate) fn new(env: &Env, function: &Unknown<'_>) -> Result<Self> {
        let name = env.create_string("hyperdht")?;
        let mut raw = ptr::null_mut();
        // SAFETY: all handles belong to this environment; no context, no finalizer, no
        // call-back of our own, so nothing outlives the call.
        let status = unsafe {
            sys::napi_create_threadsafe_function(
                env.raw(),
                function.raw(),
                ptr::null_mut(),
                name.raw(),
                0,
                1,
                ptr::null_mut(),
                None,
                ptr::null_mut(),
                None,
                &mut raw,
            )
        };
        if status != sys::Status::napi_ok {
            return Err(Error::from_reason("cannot make the wake-up function"));
        }
        Ok(Self(raw))
    }

    /// Whether it keeps the process alive.
    pub(crate) fn set_ref(self, env: &Env, keep: bool) {
        // SAFETY: the function is alive: it is released only by `release`, after which JavaScript
        // has no node to call this on.
        unsafe {
            if keep {
                sys::napi_ref_threadsafe_function(env.raw(), self.0);
            } else {
                sys::napi_unref_threadsafe_function(env.raw(), self.0);
            }
        }
    }

    /// Ends it; calls that wait are dropped.
    pub(crate) fn release(self) {
        // SAFETY: called once for each function, by the environment that made it.
        unsafe {
            sys::napi_release_threadsafe_function(
                self.0,
                sys::ThreadsafeFunctionReleaseMode::abort,
            );
        }
    }
}

impl Wake for WakeFunction {
    /// One call for each control event, so that microtasks run between two of them.
    fn wake(&self, calls: usize) {
        for _ in 0..calls {
            // SAFETY: the function is alive, see `Send`. A refused call (the environment is
            // ending) loses nothing that anybody could still see.
            unsafe {
                sys::napi_call_threadsafe_function(
                    self.0,
                    ptr::null_mut(),
                    sys::ThreadsafeFunctionCallMode::nonblocking,
                );
            }
        }
    }
}
