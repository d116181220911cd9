//! Functions of the runtime that are found by their names, so that the addon also loads where they
//! are missing.

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

/// The address of a function.
pub(crate) type Symbol = NonNull<c_void>;

/// `None` if the process has no function of that name.
pub(crate) fn symbol(name: &CStr) -> Option<Symbol> {
    // SAFETY: the name ends with a zero.
    NonNull::new(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) })
}
