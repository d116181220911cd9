//! One engine for each environment: the main thread, a worker, a `Bare.Thread`.

use std::cell::RefCell;
use std::ffi::c_void;
use std::{io, ptr};

use hyperdht::Engine;
use napi::bindgen_prelude::*;
use napi::sys;

use crate::wake::{self, WakeFunction};

thread_local! {
    // A thread-local, since Bare has one napi_set_instance_data slot for all addons of a thread.
    static CURRENT: RefCell<Option<Environment>> = const { RefCell::new(None) };
}

struct Environment {
    engine: Engine,
    wakes: Vec<WakeFunction>,
}

/// Runs `f` with this thread's engine, which it starts if there is none.
pub(crate) fn with_engine<R>(env: &Env, f: impl FnOnce(&Engine) -> io::Result<R>) -> io::Result<R> {
    CURRENT.with_borrow_mut(|current| {
        if let Some(environment) = current {
            return f(&environment.engine);
        }
        let engine = Engine::start()?;
        // SAFETY: `env` is the environment of this thread; the hook takes no argument and runs
        // once, on this thread, before the environment goes away.
        unsafe { sys::napi_add_env_cleanup_hook(env.raw(), Some(clean_up), ptr::null_mut()) };
        wake::allow_calls(true);
        let environment = current.insert(Environment { engine, wakes: Vec::new() });
        f(&environment.engine)
    })
}

/// Remembers a wake-up function until it is released or the environment ends.
pub(crate) fn adopt(wake: WakeFunction) {
    CURRENT.with_borrow_mut(|current| {
        if let Some(environment) = current {
            environment.wakes.push(wake);
        }
    });
}

/// Releases a wake-up function before the environment ends.
pub(crate) fn release(wake: WakeFunction) {
    CURRENT.with_borrow_mut(|current| {
        if let Some(environment) = current {
            environment.wakes.retain(|w| *w != wake);
        }
    });
    wake.release();
}

/// Ends the environment. First stop and join the driver, so that no thread calls a wake-up function
/// any more; then release these functions. Without the join Bare crashes at exit, without the
/// release it hangs.
unsafe extern "C" fn clean_up(_: *mut c_void) {
    let Some(environment) = CURRENT.with_borrow_mut(Option::take) else { return };
    wake::allow_calls(false);
    environment.engine.shutdown();
    for wake in environment.wakes {
        wake.release();
    }
}
