//! Functions of the runtime that are found by their names, so that the addon also loads where they
//! are missing.

use std::ffi::{CStr, c_void};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// The address of a function.
pub(crate) type Symbol = NonNull<c_void>;

/// `None` if the process has no function of that name.
pub(crate) fn symbol(name: &CStr) -> Option<Symbol> {
    // SAFETY: the name ends with a zero.
    NonNull::new(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) })
}

/// Functions that share data. `None` if one is missing, or if they are not all of one file: the
/// process may have two libraries with functions of the same names, one of them in part.
#[cfg(target_arch = "x86_64")]
pub(crate) fn symbols_of_one_file<const N: usize>(names: [&CStr; N]) -> Option<[Symbol; N]> {
    let found = names.map(symbol);
    if found.contains(&None) {
        return None;
    }
    let symbols = found.map(|symbol| symbol.unwrap_or(NonNull::dangling()));
    let mut files = symbols.iter().map(|symbol| file_of(*symbol));
    let first = files.next()??;
    files.all(|file| file == Some(first)).then_some(symbols)
}

/// Where the file with this function is mapped.
#[cfg(target_arch = "x86_64")]
fn file_of(symbol: Symbol) -> Option<NonNull<c_void>> {
    let mut info = MaybeUninit::<libc::Dl_info>::uninit();
    // SAFETY: `dladdr` fills the record, unless it returns 0.
    let file = unsafe {
        if libc::dladdr(symbol.as_ptr(), info.as_mut_ptr()) == 0 {
            return None;
        }
        info.assume_init().dli_fbase
    };
    NonNull::new(file)
}
