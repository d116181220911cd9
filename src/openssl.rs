//! OpenSSL, where the runtime has it: Node.js brings it along and shows its functions. Its
//! ChaCha20-Poly1305 has code for AVX-512, which ring has not; without AVX-512 the two are alike.

/// Lets the core encrypt with the runtime's OpenSSL, if there is one and that is faster.
pub(crate) fn offer() {
    #[cfg(all(any(target_os = "linux", target_os = "android"), target_arch = "x86_64"))]
    evp::offer();
}

#[cfg(all(any(target_os = "linux", target_os = "android"), target_arch = "x86_64"))]
mod evp {
    use std::ffi::{c_int, c_uchar, c_ulong, c_void};
    use std::mem;
    use std::ptr::{self, NonNull};
    use std::sync::{Mutex, OnceLock, PoisonError};

    use hyperdht::Aead;

    use crate::symbols::{Symbol, symbol};

    pub(super) fn offer() {
        if !std::arch::is_x86_feature_detected!("avx512ifma") {
            return;
        }
        static OPENSSL: OnceLock<Option<OpenSsl>> = OnceLock::new();
        if let Some(openssl) = OPENSSL.get_or_init(OpenSsl::find) {
            hyperdht::install_aead(openssl);
        }
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
        /// Contexts that no thread uses. They are never freed: OpenSSL may be gone before the last
        /// thread is. There are as many as threads have worked at once.
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
            // SAFETY: the functions have these types in OpenSSL 3, and the first two take nothing.
            let openssl = unsafe {
                let version = mem::transmute::<Symbol, Number>(symbol(c"OpenSSL_version_num")?);
                let cipher = mem::transmute::<Symbol, Cipher>(symbol(c"EVP_chacha20_poly1305")?);
                if version() >> 28 != MAJOR_VERSION {
                    return None;
                }
                Self {
                    cipher: cipher(),
                    new: mem::transmute::<Symbol, New>(symbol(c"EVP_CIPHER_CTX_new")?),
                    free: mem::transmute::<Symbol, Free>(symbol(c"EVP_CIPHER_CTX_free")?),
                    init: mem::transmute::<Symbol, Init>(symbol(c"EVP_CipherInit_ex")?),
                    update: mem::transmute::<Symbol, Update>(symbol(c"EVP_CipherUpdate")?),
                    finish: mem::transmute::<Symbol, Finish>(symbol(c"EVP_CipherFinal_ex")?),
                    control: mem::transmute::<Symbol, Control>(symbol(c"EVP_CIPHER_CTX_ctrl")?),
                    set_mark: mem::transmute::<Symbol, OfErrors>(symbol(c"ERR_set_mark")?),
                    pop_to_mark: mem::transmute::<Symbol, OfErrors>(symbol(c"ERR_pop_to_mark")?),
                    idle: Mutex::new(Vec::new()),
                }
            };
            Some(openssl)
        }

        /// Runs `work` with a context, which keeps no key afterwards. The program's own use of
        /// OpenSSL does not see its errors.
        fn with_context<R>(&self, work: impl FnOnce(&Context) -> Option<R>) -> Option<R> {
            // SAFETY: the function takes nothing.
            unsafe { (self.set_mark)() };
            let idle = self.idle().pop();
            let result = idle.or_else(|| self.make_context()).and_then(|context| {
                let result = work(&context);
                if self.start(&context, &[0; 32], &[0; 12], ENCRYPTS).is_some() {
                    self.idle().push(context);
                }
                result
            });
            // SAFETY: as above.
            unsafe { (self.pop_to_mark)() };
            result
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

        /// Encrypts or decrypts in place.
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
    const ENCRYPTS: c_int = 1;
    const DECRYPTS: c_int = 0;

    /// `EVP_CTRL_AEAD_GET_TAG`
    const GET_TAG: c_int = 0x10;

    /// `EVP_CTRL_AEAD_SET_TAG`
    const SET_TAG: c_int = 0x11;
}
