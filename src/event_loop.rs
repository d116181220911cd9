//! The runtime's own event loop, libuv, where it has one.

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) use libuv::{EventLoop, OnReadable, Watch};

/// On other systems nothing is lent.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) use none::{EventLoop, OnReadable, Watch};

#[cfg(any(target_os = "linux", target_os = "android"))]
mod libuv {
    use std::ffi::{c_int, c_void};
    use std::mem;
    use std::ptr::{self, NonNull};
    use std::sync::Arc;

    use hyperdht::LentCopy;
    use napi::sys;

    use crate::symbols::{Symbol, symbol};

    /// The event loop of this thread, and the functions of libuv. They are found by their names, so
    /// that the addon also loads in runtimes without libuv.
    #[derive(Debug)]
    pub(crate) struct EventLoop {
        event_loop: *mut c_void,
        handle_size: HandleSize,
        poll_init: PollInit,
        poll_start: PollStart,
        unref: OfHandle,
        close: Close,
    }

    /// A socket that the event loop watches, until [`EventLoop::stop`].
    #[derive(Debug)]
    pub(crate) struct Watch {
        /// A `uv_poll_t`, which libuv frees after it is closed.
        handle: NonNull<c_void>,
        socket: Arc<LentCopy>,
    }

    /// Is called whenever a socket is readable. A status other than 0 is an error of the socket,
    /// which the event loop does not watch any more.
    pub(crate) type OnReadable = unsafe extern "C" fn(*mut c_void, status: c_int, events: c_int);

    type HandleSize = unsafe extern "C" fn(kind: c_int) -> usize;
    type PollInit = unsafe extern "C" fn(*mut c_void, handle: *mut c_void, fd: c_int) -> c_int;
    type PollStart = unsafe extern "C" fn(*mut c_void, events: c_int, OnReadable) -> c_int;
    type OfHandle = unsafe extern "C" fn(*mut c_void);
    type Close = unsafe extern "C" fn(*mut c_void, closed: OfHandle);

    impl EventLoop {
        /// `None` if the runtime has no event loop of libuv.
        pub(crate) fn of(env: sys::napi_env) -> Option<Self> {
            let mut event_loop = ptr::null_mut();
            // SAFETY: the environment is that of this thread.
            let status = unsafe { sys::napi_get_uv_event_loop(env, &mut event_loop) };
            if status != sys::Status::napi_ok || event_loop.is_null() {
                return None;
            }
            // SAFETY: the functions of libuv have these types since its version 1.
            unsafe {
                Some(Self {
                    event_loop: event_loop.cast(),
                    handle_size: mem::transmute::<Symbol, HandleSize>(symbol(c"uv_handle_size")?),
                    poll_init: mem::transmute::<Symbol, PollInit>(symbol(c"uv_poll_init")?),
                    poll_start: mem::transmute::<Symbol, PollStart>(symbol(c"uv_poll_start")?),
                    unref: mem::transmute::<Symbol, OfHandle>(symbol(c"uv_unref")?),
                    close: mem::transmute::<Symbol, Close>(symbol(c"uv_close")?),
                })
            }
        }

        /// Watches a socket. That does not keep the process alive.
        pub(crate) fn watch(
            &self,
            socket: Arc<LentCopy>,
            on_readable: OnReadable,
        ) -> Option<Watch> {
            // SAFETY: libuv asks for memory of this size, which `free` gives back.
            let handle = NonNull::new(unsafe { libc::calloc(1, (self.handle_size)(UV_POLL)) })?;
            // libuv adds the file to an event queue and removes it again, and ends the process if it
            // is another one by then.
            let status = socket.with_number(|fd| {
                // SAFETY: the loop is that of this thread, and the memory is as large as libuv asks
                // for.
                unsafe { (self.poll_init)(self.event_loop, handle.as_ptr(), fd) }
            });
            if status != 0 {
                // SAFETY: libuv does not know the handle.
                unsafe { libc::free(handle.as_ptr()) };
                return None;
            }
            let watch = Watch { handle, socket };
            // SAFETY: the handle is initialised, and open until `stop`.
            let status = unsafe {
                (self.unref)(handle.as_ptr());
                (self.poll_start)(handle.as_ptr(), UV_READABLE, on_readable)
            };
            if status != 0 {
                self.stop(watch);
                return None;
            }
            Some(watch)
        }

        /// Ends a watch, and lets go of its socket. Every watch has to be stopped before the environment
        /// ends. A process that exits in the middle of a call leaves it.
        pub(crate) fn stop(&self, watch: Watch) {
            // SAFETY: the handle is open, and its event loop runs on this thread. `free` is part of
            // the C library, so that libuv can call it when the addon is unloaded already.
            unsafe { (self.close)(watch.handle.as_ptr(), libc::free) };
            drop(watch.socket);
        }
    }

    /// `uv_handle_type`
    const UV_POLL: c_int = 8;

    /// `uv_poll_event`
    const UV_READABLE: c_int = 1;
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod none {
    use std::convert::Infallible;
    use std::ffi::{c_int, c_void};
    use std::sync::Arc;

    use hyperdht::LentCopy;
    use napi::sys;

    pub(crate) type OnReadable = unsafe extern "C" fn(*mut c_void, c_int, c_int);

    #[derive(Debug)]
    pub(crate) struct EventLoop(Infallible);

    #[derive(Debug)]
    pub(crate) struct Watch(Infallible);

    impl EventLoop {
        pub(crate) fn of(_: sys::napi_env) -> Option<Self> {
            None
        }

        pub(crate) fn watch(&self, _: Arc<LentCopy>, _: OnReadable) -> Option<Watch> {
            match self.0 {}
        }

        pub(crate) fn stop(&self, watch: Watch) {
            match watch.0 {}
        }
    }
}
