//! One engine for each environment: the main thread, a worker, a `Bare.Thread`.

use std::cell::RefCell;
use std::ffi::{c_int, c_void};
use std::{io, ptr};

use hyperdht::Engine;
use napi::bindgen_prelude::*;
use napi::sys;

use crate::loans::Loans;
use crate::openssl;
use crate::wake::{self, WakeFunction};

thread_local! {
    // A thread-local, since Bare has one napi_set_instance_data slot for all addons of a thread.
    static CURRENT: RefCell<Option<Environment>> = const { RefCell::new(None) };
}

struct Environment {
    engine: Engine,
    wakes: Vec<WakeFunction>,
    loans: Option<Loans>,
}

/// Runs `f` with this thread's engine, which it starts if there is none.
pub(crate) fn with_engine<R>(env: &Env, f: impl FnOnce(&Engine) -> io::Result<R>) -> io::Result<R> {
    CURRENT.with_borrow_mut(|current| {
        if let Some(environment) = current {
            return f(&environment.engine);
        }
        openssl::offer();
        let engine = Engine::start()?;
        // SAFETY: `env` is the environment of this thread; the hook takes no argument and runs
        // once, on this thread, before the environment goes away.
        unsafe { sys::napi_add_env_cleanup_hook(env.raw(), Some(clean_up), ptr::null_mut()) };
        wake::allow_calls(true);
        let environment = current.insert(Environment { engine, wakes: Vec::new(), loans: None });
        f(&environment.engine)
    })
}

/// Runs `f` with this thread's engine. If `lends`, this thread receives for nodes, if it can.
pub(crate) fn engine_for<R>(
    env: &Env,
    lends: bool,
    f: impl FnOnce(&Engine) -> io::Result<R>,
) -> io::Result<R> {
    with_engine(env, |_| Ok(()))?;
    CURRENT.with_borrow_mut(|current| {
        if let Some(Environment { engine, loans, .. }) = current
            && lends
            && loans.is_none()
        {
            *loans = Loans::start(env.raw(), engine);
        }
    });
    with_engine(env, f)
}

/// Watches the socket that the engine offers, if it offers one.
pub(crate) fn accept_loan() {
    with_loans(|loans| {
        loans.tidy();
        loans.accept(on_readable);
    });
}

/// Lets go of a socket that was taken back or closed.
pub(crate) fn tidy_loans() {
    with_loans(Loans::tidy);
}

fn with_loans(change: impl FnOnce(&mut Loans)) {
    // The thread may be ending.
    let _ = CURRENT.try_with(|current| {
        if let Some(Environment { loans: Some(loans), .. }) = &mut *current.borrow_mut() {
            change(loans);
        }
    });
}

/// A lent socket is readable, or has an error that the driver has to look at.
unsafe extern "C" fn on_readable(_: *mut c_void, status: c_int, _: c_int) {
    let current = CURRENT.with_borrow(|current| current.as_ref()?.loans.as_ref()?.current());
    let Some((lender, number)) = current else { return };
    if status == 0 {
        wake::receive(&lender, number);
    } else {
        lender.give_back(number);
    }
    tidy_loans();
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
    if let Some(mut loans) = environment.loans {
        loans.stop();
    }
    environment.engine.shutdown();
    for wake in environment.wakes {
        wake.release();
    }
}
