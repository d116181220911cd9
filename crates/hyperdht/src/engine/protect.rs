//! The program's hook, which gets each socket of a node before anything is sent from it.

use std::net::{Ipv4Addr, UdpSocket};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::{fmt, io, mem};

use proto::SocketId;

use super::bind::Main;
use super::borrowed::{BorrowedSocket, borrow};
use super::sockets::Socket;

/// What a program does with each socket of a node before anything is sent from it, such as
/// `VpnService.protect` on Android, or the options `SO_MARK` and `SO_BINDTODEVICE` on Linux.
///
/// An error fails the bind, as one of the system does: the socket is closed, and what it was opened
/// for fails. The names of bootstrap nodes are resolved by the system, with sockets of its own.
///
/// ```
/// use hyperdht::{DhtConfig, Protect};
///
/// # #[cfg(unix)]
/// # {
/// use std::os::fd::AsRawFd;
///
/// let protect = Protect::new(|socket| {
///     println!("descriptor {}", socket.as_raw_fd());
///     Ok(())
/// });
/// let config = DhtConfig { protect: Some(protect), ..DhtConfig::default() };
/// # }
/// ```
#[derive(Clone)]
pub struct Protect {
    when: When,
}

#[derive(Clone)]
pub(super) enum When {
    Now(Arc<Hook>),
    Later(Arc<Taker>),
}

pub(super) type Hook = dyn Fn(BorrowedSocket<'_>) -> io::Result<()> + Send + Sync;
pub(super) type Taker = dyn Fn(HeldSockets) + Send + Sync;

/// Sockets that nobody uses until the program has answered. To drop them is to refuse them.
pub struct HeldSockets {
    sockets: Option<Unprotected>,
    answer: Answer,
}

/// Takes the sockets and what the program has decided.
pub(super) type Answer = Box<dyn Fn(Unprotected, io::Result<()>) + Send>;

/// What was bound, and has not sent yet.
pub(super) enum Unprotected {
    /// A socket beside the main ones.
    Pool(SocketId, Socket),
    /// The main sockets of a node that wakes.
    Main(Main),
    /// A socket that shows whether an address is one of this host.
    Local(Ipv4Addr, UdpSocket),
}

impl Protect {
    /// Calls `hook` with each socket, on the thread that has bound it. The node may be locked
    /// meanwhile: the hook must not use it, and should not wait for anything. A panic counts as an
    /// error.
    pub fn new(
        hook: impl Fn(BorrowedSocket<'_>) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self { when: When::Now(Arc::new(hook)) }
    }

    /// Gives sockets to `take`, and goes on without them until the program has answered, on any
    /// thread. `take` itself is called while the node is locked, and not after
    /// [`super::Handle::close`] has returned.
    ///
    /// The program protects the sockets that it opens itself before it uses them: between
    /// [`super::Engine::bind`] and [`super::Engine::open_bound`], and between
    /// [`super::Handle::bind_unused`] and [`super::Handle::add`]. [`super::Engine::open`] and
    /// [`super::Handle::bind`] fail.
    pub fn later(take: impl Fn(HeldSockets) + Send + Sync + 'static) -> Self {
        Self { when: When::Later(Arc::new(take)) }
    }

    pub(super) fn when(&self) -> &When {
        &self.when
    }

    /// Protects sockets on the calling thread.
    pub(super) fn now<'a>(
        &self,
        sockets: impl IntoIterator<Item = BorrowedSocket<'a>>,
    ) -> io::Result<()> {
        match &self.when {
            When::Now(hook) => call(&**hook, sockets),
            When::Later(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// Calls the hook with each socket.
pub(super) fn call<'a>(
    hook: &Hook,
    sockets: impl IntoIterator<Item = BorrowedSocket<'a>>,
) -> io::Result<()> {
    sockets.into_iter().try_for_each(|socket| {
        catch_unwind(AssertUnwindSafe(|| hook(socket)))
            .unwrap_or_else(|_| Err(io::Error::other("the hook of a socket has panicked")))
    })
}

impl HeldSockets {
    pub(super) fn new(sockets: Unprotected, answer: Answer) -> Self {
        Self { sockets: Some(sockets), answer }
    }

    /// The sockets. They are open for as long as the borrow.
    pub fn sockets(&self) -> Vec<BorrowedSocket<'_>> {
        self.sockets.as_ref().map_or_else(Vec::new, Unprotected::sockets)
    }

    /// True for the main sockets of a node that wakes: the outcome of the resume depends on them.
    pub fn are_main(&self) -> bool {
        matches!(self.sockets, Some(Unprotected::Main(_)))
    }

    /// Lets the node use the sockets; an error closes them.
    pub fn answer(mut self, outcome: io::Result<()>) {
        self.give(outcome);
    }

    fn give(&mut self, outcome: io::Result<()>) {
        if let Some(sockets) = mem::take(&mut self.sockets) {
            (self.answer)(sockets, outcome);
        }
    }
}

impl Drop for HeldSockets {
    fn drop(&mut self) {
        self.give(Err(io::ErrorKind::PermissionDenied.into()));
    }
}

impl Unprotected {
    pub(super) fn sockets(&self) -> Vec<BorrowedSocket<'_>> {
        match self {
            Self::Pool(_, socket) => vec![socket.borrow()],
            Self::Main(main) => main.sockets().to_vec(),
            Self::Local(_, socket) => vec![borrow(socket)],
        }
    }
}

impl fmt::Debug for Protect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protect").finish_non_exhaustive()
    }
}

impl fmt::Debug for HeldSockets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldSockets").field("are_main", &self.are_main()).finish_non_exhaustive()
    }
}
