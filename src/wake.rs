//! The ways to call JavaScript when there are events: from any thread by a threadsafe function
//! without arguments, and at once where JavaScript's own thread has received.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ffi::c_void;
use std::ptr;

use hyperdht::{Lender, Wake};
use napi::bindgen_prelude::*;
use napi::{JsValue, sys};

/// A raw threadsafe function: napi-rs' own one has a finalizer, which crashes in Bare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WakeFunction {
    threadsafe: sys::napi_threadsafe_function,
    /// Of the function itself, for calls on its own thread.
    reference: sys::napi_ref,
    /// What the program's asynchronous context was when the function was made, as a threadsafe
    /// function has it too.
    context: sys::napi_async_context,
    env: sys::napi_env,
}

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
        let (mut reference, mut context) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: as above; `release` deletes both.
        unsafe {
            sys::napi_create_reference(env.raw(), function.raw(), 1, &mut reference);
            sys::napi_async_init(env.raw(), ptr::null_mut(), name.raw(), &mut context);
        }
        Ok(Self { threadsafe: raw, reference, context, env: env.raw() })
    }

    /// Whether it keeps the process alive.
    pub(crate) fn set_ref(self, env: &Env, keep: bool) {
        // SAFETY: the function is alive: it is released only by `release`, after which JavaScript
        // has no node to call this on.
        unsafe {
            if keep {
                sys::napi_ref_threadsafe_function(env.raw(), self.threadsafe);
            } else {
                sys::napi_unref_threadsafe_function(env.raw(), self.threadsafe);
            }
        }
    }

    /// Releases the function; pending calls are dropped.
    pub(crate) fn release(self) {
        with_direct_calls(|calls| calls.retain(|call| *call != self));
        // SAFETY: called once for each function, by the environment that made it.
        unsafe {
            sys::napi_release_threadsafe_function(
                self.threadsafe,
                sys::ThreadsafeFunctionReleaseMode::abort,
            );
            sys::napi_delete_reference(self.env, self.reference);
            if !self.context.is_null() {
                sys::napi_async_destroy(self.env, self.context);
            }
        }
    }

    /// Calls the function at once, on its own thread, which runs no JavaScript. Microtasks run
    /// before this returns.
    fn call(self) {
        let (env, mut scope) = (self.env, ptr::null_mut());
        // SAFETY: the environment is that of this thread, and has not ended. The handles live in
        // the scope. An uncaught exception is the runtime's to report.
        unsafe {
            if sys::napi_open_handle_scope(env, &mut scope) != sys::Status::napi_ok {
                return;
            }
            let (mut function, mut receiver) = (ptr::null_mut(), ptr::null_mut());
            sys::napi_get_reference_value(env, self.reference, &mut function);
            sys::napi_get_global(env, &mut receiver);
            if !function.is_null() && !receiver.is_null() {
                let (none, ignored) = (ptr::null(), ptr::null_mut());
                let Self { context, .. } = self;
                sys::napi_make_callback(env, context, receiver, function, 0, none, ignored);
                report_exception(env);
            }
            sys::napi_close_handle_scope(env, scope);
        }
    }

    fn call_later(self) {
        // SAFETY: the function is alive, see `Send`. A call is refused when the environment is
        // ending: no JavaScript is left to miss it.
        unsafe {
            sys::napi_call_threadsafe_function(
                self.threadsafe,
                ptr::null_mut(),
                sys::ThreadsafeFunctionCallMode::nonblocking,
            );
        }
    }
}

/// Hands an exception that is pending to the runtime.
///
/// # Safety
/// `env` is the environment of this thread, with an open handle scope.
unsafe fn report_exception(env: sys::napi_env) {
    let (mut is_pending, mut exception) = (false, ptr::null_mut());
    // SAFETY: as above.
    unsafe {
        sys::napi_is_exception_pending(env, &mut is_pending);
        if is_pending {
            sys::napi_get_and_clear_last_exception(env, &mut exception);
            sys::napi_fatal_exception(env, exception);
        }
    }
}

thread_local! {
    static MAY_CALL: Cell<bool> = const { Cell::new(false) };
    /// The calls that this thread makes at once, while it receives.
    static DIRECT_CALLS: RefCell<Option<VecDeque<WakeFunction>>> = const { RefCell::new(None) };
}

/// Receives on this thread, which runs no JavaScript, and makes the calls that follow from it.
///
/// JavaScript may end the process in such a call. So nothing is borrowed meanwhile.
pub(crate) fn receive(lender: &Lender, number: u64) {
    if !MAY_CALL.get() {
        return;
    }
    // JavaScript may run the event loop inside of such a call. Then the calls that are left are made
    // here, before the new ones.
    let outer = DIRECT_CALLS.take();
    let is_nested = outer.is_some();
    DIRECT_CALLS.set(Some(outer.unwrap_or_default()));
    let serve = lender.receive(number);
    for _ in 0..MAX_DIRECT_CALLS {
        let Some(next) = with_direct_calls(VecDeque::pop_front).flatten() else { break };
        next.call();
    }
    let left = DIRECT_CALLS.replace(is_nested.then(VecDeque::new));
    left.into_iter().flatten().for_each(WakeFunction::call_later);
    if let Some(serve) = serve {
        serve.finish();
    }
}

/// `None` if this thread does not receive.
fn with_direct_calls<R>(change: impl FnOnce(&mut VecDeque<WakeFunction>) -> R) -> Option<R> {
    // The thread may be ending.
    let changed = DIRECT_CALLS.try_with(|calls| calls.borrow_mut().as_mut().map(change));
    changed.ok().flatten()
}

/// The most calls before the event loop has its next turn.
const MAX_DIRECT_CALLS: usize = 8;

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
        let is_direct = with_direct_calls(|direct| direct.extend((0..calls).map(|_| *self)));
        if is_direct.is_none() {
            (0..calls).for_each(|_| self.call_later());
        }
    }
}
