//! The one way from the driver's thread to JavaScript: a threadsafe function without arguments.

use std::cell::Cell;
use std::ffi::c_void;
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
        // SAFETY: all handles belong to this environment; no context and no finalizer, so nothing
        // outlives the call but `call`, which is a function.
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
                Some(call),
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

    /// Releases the function; pending calls are dropped.
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

thread_local! {
    static MAY_CALL: Cell<bool> = const { Cell::new(false) };
}

/// Allows calls into this thread's JavaScript, or forbids them, pending ones included.
pub(crate) fn allow_calls(allow: bool) {
    MAY_CALL.set(allow);
}

/// Calls `function`, unless the environment is ending. Bare makes pending calls even after a
/// release, when the timers that `function` would set are gone.
unsafe extern "C" fn call(
    env: sys::napi_env,
    function: sys::napi_value,
    _context: *mut c_void,
    _data: *mut c_void,
) {
    if env.is_null() || function.is_null() || !MAY_CALL.get() {
        return;
    }
    let mut receiver = ptr::null_mut();
    // SAFETY: both handles are the runtime's, alive until this returns. An exception stays pending,
    // for the runtime to report.
    unsafe {
        sys::napi_get_undefined(env, &mut receiver);
        sys::napi_call_function(env, receiver, function, 0, ptr::null(), ptr::null_mut());
    }
}

impl Wake for WakeFunction {
    /// One call for each control event, so that microtasks run between two of them.
    fn wake(&self, calls: usize) {
        for _ in 0..calls {
            // SAFETY: the function is alive, see `Send`. A call is refused when the environment is
            // ending: no JavaScript is left to miss it.
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
