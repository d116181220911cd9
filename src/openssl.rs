//! OpenSSL, where the runtime has it: Node.js brings it along and shows its functions. Its
//! ChaCha20-Poly1305 has code for AVX-512, which ring has not; without AVX-512 the two are alike.

/// Lets the core encrypt with the runtime's OpenSSL, if there is one and that is faster. Each
/// environment calls it before its threads start.
pub(crate) fn offer() {
    #[cfg(all(any(target_os = "linux", target_os = "android"), target_arch = "x86_64"))]
    evp::offer();
}

/// Whether the core does so.
pub(crate) fn is_used() -> bool {
    #[cfg(all(any(target_os = "linux", target_os = "android"), target_arch = "x86_64"))]
    return evp::is_used();
    #[cfg(not(all(any(target_os = "linux", target_os = "android"), target_arch = "x86_64")))]
    false
}

#[cfg(all(any(target_os = "linux", target_os = "android"), target_arch = "x86_64"))]
mod evp {
    use std::ffi::{c_int, c_uchar, c_ulong, c_void};
    use std::mem;
    use std::ptr::{self, NonNull};
    use std::sync::{Mutex, OnceLock, PoisonError};

    use hyperdht::Aead;

    use crate::symbols::{Symbol, symbols_of_one_file};

    /// Whether the core uses OpenSSL.
    static IS_USED: OnceLock<bool> = OnceLock::new();

    static OPENSSL: OnceLock<Option<OpenSsl>> = OnceLock::new();

    pub(super) fn offer() {
        if !std::arch::is_x86_feature_detected!("avx512ifma") {
            return;
        }
        let Some(openssl) = OPENSSL.get_or_init(OpenSsl::find) else { return };
        openssl.prepare();
        IS_USED.get_or_init(|| hyperdht::install_aead(openssl));
    }

    pub(super) fn is_used() -> bool {
        IS_USED.get().copied().unwrap_or(false)
    }

    /// The functions of OpenSSL 3 (EVP_EncryptInit(3)), found by their names.
    struct OpenSsl {
        cipher: *const c_void,
        new: New,
        free: Free,
        init: Init,
        update: Update,
        finish: Finish,
        control: Control,
        set_mark: OfErrors,
        pop_to_mark: OfErrors,
        /// Contexts that no thread uses. A process that exits ends OpenSSL before the last thread has
        /// ended. From then on a context still works, but none can be made or freed.
        idle: Mutex<Vec<Context>>,
    }

    // SAFETY: the cipher is a constant of OpenSSL, and its functions may be called on any thread.
    unsafe impl Send for OpenSsl {}
    // SAFETY: as above.
    unsafe impl Sync for OpenSsl {}

    /// An `EVP_CIPHER_CTX` for ChaCha20-Poly1305.
    struct Context(NonNull<c_void>);

    // SAFETY: one thread at a time has it.
    unsafe impl Send for Context {}

    type New = unsafe extern "C" fn() -> *mut c_void;
    type Free = unsafe extern "C" fn(*mut c_void);
    type Init = unsafe extern "C" fn(
        *mut c_void,
        cipher: *const c_void,
        engine: *mut c_void,
        key: *const c_uchar,
        iv: *const c_uchar,
        encrypts: c_int,
    ) -> c_int;
    type Update = unsafe extern "C" fn(
        *mut c_void,
        to: *mut c_uchar,
        written: *mut c_int,
        from: *const c_uchar,
        len: c_int,
    ) -> c_int;
    type Finish = unsafe extern "C" fn(*mut c_void, to: *mut c_uchar, written: *mut c_int) -> c_int;
    type Control = unsafe extern "C" fn(*mut c_void, what: c_int, c_int, *mut c_void) -> c_int;
    type Number = unsafe extern "C" fn() -> c_ulong;
    type Cipher = unsafe extern "C" fn() -> *const c_void;
    type OfErrors = unsafe extern "C" fn() -> c_int;

    impl OpenSsl {
        /// `None` if the process has no OpenSSL 3, or one without this cipher.
        fn find() -> Option<Self> {
            let [version, cipher, new, free, init, update, finish, control, set_mark, pop_to_mark] =
                symbols_of_one_file([
                    c"OpenSSL_version_num",
                    c"EVP_chacha20_poly1305",
                    c"EVP_CIPHER_CTX_new",
                    c"EVP_CIPHER_CTX_free",
                    c"EVP_CipherInit_ex",
                    c"EVP_CipherUpdate",
                    c"EVP_CipherFinal_ex",
                    c"EVP_CIPHER_CTX_ctrl",
                    c"ERR_set_mark",
                    c"ERR_pop_to_mark",
                ])?;
            // SAFETY: in all versions this function takes nothing and returns a number.
            let version = unsafe { mem::transmute::<Symbol, Number>(version)() };
            if version >> 28 != MAJOR_VERSION {
                return None;
            }
            // SAFETY: the functions have these types in OpenSSL 3, and the first takes nothing.
            let openssl = unsafe {
                Self {
                    cipher: mem::transmute::<Symbol, Cipher>(cipher)(),
                    new: mem::transmute::<Symbol, New>(new),
                    free: mem::transmute::<Symbol, Free>(free),
                    init: mem::transmute::<Symbol, Init>(init),
                    update: mem::transmute::<Symbol, Update>(update),
                    finish: mem::transmute::<Symbol, Finish>(finish),
                    control: mem::transmute::<Symbol, Control>(control),
                    set_mark: mem::transmute::<Symbol, OfErrors>(set_mark),
                    pop_to_mark: mem::transmute::<Symbol, OfErrors>(pop_to_mark),
                    idle: Mutex::new(Vec::new()),
                }
            };
            Some(openssl)
        }

        /// Makes contexts for the two threads of an environment, if fewer are idle.
        fn prepare(&self) {
            self.without_errors(|| {
                let mut idle = self.idle();
                while idle.len() < THREADS
                    && let Some(context) = self.make_context()
                {
                    idle.push(context);
                }
            });
        }

        /// Runs `work` with a context, if one is idle. The context keeps no key afterwards.
        fn with_context<R>(&self, work: impl FnOnce(&Context) -> Option<R>) -> Option<R> {
            let context = self.idle().pop()?;
            self.without_errors(|| {
                let result = work(&context);
                if self.forget(&context).is_some() {
                    self.idle().push(context);
                }
                result
            })
        }

        /// What fails in `work` leaves no trace for the program's own use of OpenSSL on this thread.
        fn without_errors<R>(&self, work: impl FnOnce() -> R) -> R {
            // SAFETY: the function takes nothing.
            unsafe { (self.set_mark)() };
            let result = work();
            // SAFETY: as above.
            unsafe { (self.pop_to_mark)() };
            result
        }

        /// Overwrites the key. OpenSSL keeps a block of the keystream as well, until it needs
        /// another one.
        fn forget(&self, context: &Context) -> Option<()> {
            self.start(context, &[0; 32], &[0; 12], ENCRYPTS)?;
            self.apply(context, &mut [0])
        }

        fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Context>> {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner)
        }

        fn make_context(&self) -> Option<Context> {
            // SAFETY: the function takes nothing.
            let context = NonNull::new(unsafe { (self.new)() })?;
            let nothing = ptr::null();
            // SAFETY: the context is new, and the cipher is one of OpenSSL's.
            let status = unsafe {
                (self.init)(
                    context.as_ptr(),
                    self.cipher,
                    ptr::null_mut(),
                    nothing,
                    nothing,
                    ENCRYPTS,
                )
            };
            if status == 1 {
                return Some(Context(context));
            }
            // SAFETY: nobody else has the context.
            unsafe { (self.free)(context.as_ptr()) };
            None
        }

        fn start(
            &self,
            context: &Context,
            key: &[u8; 32],
            nonce: &[u8; 12],
            encrypts: c_int,
        ) -> Option<()> {
            let (key, nonce) = (key.as_ptr(), nonce.as_ptr());
            let (same, engine) = (ptr::null(), ptr::null_mut());
            // SAFETY: the context has its cipher, whose key has 32 bytes, and its nonce 12.
            let status =
                unsafe { (self.init)(context.0.as_ptr(), same, engine, key, nonce, encrypts) };
            (status == 1).then_some(())
        }

        /// Encrypts or decrypts in place. If that fails, nothing has been written.
        fn apply(&self, context: &Context, text: &mut [u8]) -> Option<()> {
            let len = c_int::try_from(text.len()).ok()?;
            let (context, at) = (context.0.as_ptr(), text.as_mut_ptr());
            let mut written = 0;
            // SAFETY: a stream cipher writes as much as it reads, and may do so in place.
            let status = unsafe { (self.update)(context, at, &raw mut written, at, len) };
            (status == 1).then_some(())
        }

        /// The end of a text: whether its MAC is right, if it was decrypted.
        fn end(&self, context: &Context) -> bool {
            let (mut nothing, mut written) = ([0; 16], 0);
            let context = context.0.as_ptr();
            // SAFETY: a stream cipher writes nothing here.
            unsafe { (self.finish)(context, nothing.as_mut_ptr(), &raw mut written) == 1 }
        }

        fn mac(&self, context: &Context, what: c_int, mac: &mut [u8; 16]) -> Option<()> {
            let (context, at) = (context.0.as_ptr(), mac.as_mut_ptr().cast());
            // SAFETY: OpenSSL reads or writes the 16 bytes of a MAC.
            let status = unsafe { (self.control)(context, what, 16, at) };
            (status == 1).then_some(())
        }
    }

    impl Aead for OpenSsl {
        fn seal(&self, key: &[u8; 32], nonce: &[u8; 12], text: &mut [u8]) -> Option<[u8; 16]> {
            self.with_context(|context| {
                self.start(context, key, nonce, ENCRYPTS)?;
                self.apply(context, text)?;
                let mut mac = [0; 16];
                // The text has been changed, so that ring cannot go on.
                let is_done = self.end(context) && self.mac(context, GET_TAG, &mut mac).is_some();
                assert!(is_done, "OpenSSL has encrypted a text, and has no MAC");
                Some(mac)
            })
        }

        fn open(
            &self,
            key: &[u8; 32],
            nonce: &[u8; 12],
            text: &mut [u8],
            mac: &[u8; 16],
        ) -> Option<bool> {
            self.with_context(|context| {
                self.start(context, key, nonce, DECRYPTS)?;
                self.mac(context, SET_TAG, &mut { *mac })?;
                self.apply(context, text)?;
                Some(self.end(context))
            })
        }
    }

    const MAJOR_VERSION: c_ulong = 3;

    /// JavaScript's, and that of the driver.
    const THREADS: usize = 2;

    const ENCRYPTS: c_int = 1;
    const DECRYPTS: c_int = 0;

    /// `EVP_CTRL_AEAD_GET_TAG`
    const GET_TAG: c_int = 0x10;

    /// `EVP_CTRL_AEAD_SET_TAG`
    const SET_TAG: c_int = 0x11;
}
