//! The driver: it owns every socket, clock, thread and lock, so that [`crate::Node`] needs none.
//!
//! An [`Engine`] is one thread that runs any number of nodes. A [`Handle`] reaches one node from
//! any thread: the node stands behind one lock, and a caller that finds it free does its own work
//! at once, sends included, instead of waiting for the driver thread to be scheduled.

mod batch;
mod bind;
mod borrowed;
mod descriptors;
mod driver;
mod giving_way;
mod handle;
mod host;
mod lending;
mod loan;
mod network_news;
mod opening;
mod options;
mod outgoing;
mod protect;
mod queue;
mod refusals;
mod segmentation;
mod shared;
mod socket_io;
mod sockets;
mod spares;
mod state;
mod traffic;
mod withholding;

use std::io;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::sync::{Arc, OnceLock, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use proto::{Config, Interface};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use zeroize::Zeroizing;

pub use borrowed::{BorrowedSocket, LentCopy};
pub use handle::{Handle, UnusedSocket};
pub use host::parse_address;
pub use loan::{Accepted, Lender, Serve};
pub use opening::Opening;
pub use options::{Multicast, SocketOptions};
pub use protect::{HeldSockets, Protect};
pub use shared::Loans;
pub use traffic::Traffic;

use batch::Batch;
use driver::Driver;
use host::{Look, NetworkWatch};
use network_news::NetworkNews;
use shared::Shared;
use spares::Pool;
use state::Core;

/// Is called when a node has events to drain.
///
/// The thread that made the events makes the call. Only one thread at a time calls, and none after
/// [`Handle::close`] or [`Engine::shutdown`] has returned. The call may use the node's handle.
pub trait Wake: Send + Sync {
    /// Events are waiting. The application should be called `calls` times: once for each control
    /// event, or once if there are only data events ([`proto::Event::is_data`]).
    ///
    /// A wake-up is outstanding until [`Handle::drain_events`]. Until then, data events alone make
    /// no further one.
    fn wake(&self, calls: usize);
}

/// Options of [`Engine::open`].
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// The local address of all sockets. Default 0.0.0.0.
    pub host: Ipv4Addr,
    /// Bind to all IPv4 and IPv6 addresses instead of `host`. Opening fails where the system has no
    /// IPv6. Peers have IPv4 addresses in either case. Default false.
    pub dual_stack: bool,
    /// The ports to try for the server socket, in order; an empty range is any port. The end is
    /// exclusive and may be 65536. Default [`DEFAULT_PORTS`].
    pub ports: Range<u32>,
    /// Bind any port when all of [`OpenOptions::ports`] are occupied. If false, the first occupied
    /// port is an error. Default true.
    pub any_port: bool,
    /// The program's hook for each socket, before anything is sent from it. Default none.
    pub protect: Option<Protect>,
    /// Whether the thread of the application may read a socket, if the engine has a
    /// [`Engine::lender`]. Default true.
    pub lends: bool,
    /// The node's options. [`Engine::open`] fills in the addresses of its sockets, its interfaces
    /// and its clock, and lowers `max_pool_sockets` to the share of one node.
    pub config: Config,
}

/// One driver thread and the nodes that it runs.
///
/// Nothing is shared between engines. Dropping one shuts it down.
#[derive(Debug)]
pub struct Engine {
    running: Mutex<Option<Running>>,
    batch: Arc<Mutex<Batch>>,
    network: Arc<Mutex<NetworkWatch>>,
    news: NetworkNews,
    lender: OnceLock<Arc<Lender>>,
}

#[derive(Debug)]
struct Running {
    /// The only strong reference that is stored: each one keeps the event queue open.
    runtime: Arc<tokio::runtime::Handle>,
    stop: Arc<Notify>,
    thread: JoinHandle<()>,
    nodes: Vec<Weak<Shared>>,
}

impl Engine {
    /// Starts the driver thread.
    ///
    /// # Errors
    /// When the system refuses a thread or an event queue.
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(MAX_RESOLVERS)
            .build()?;
        let stop = Arc::new(Notify::new());
        let handle = Arc::new(runtime.handle().clone());
        let thread = thread::Builder::new().name("hyperdht".into()).spawn({
            let stop = Arc::clone(&stop);
            move || drive(runtime, &stop)
        })?;
        let news = NetworkNews::start(&handle);
        Ok(Self {
            news,
            running: Mutex::new(Some(Running { runtime: handle, stop, thread, nodes: Vec::new() })),
            batch: Arc::new(Mutex::new(Batch::new())),
            network: Arc::default(),
            lender: OnceLock::new(),
        })
    }

    /// What lets the application's thread read the sockets of nodes that are opened from now on.
    pub fn lender(&self) -> Arc<Lender> {
        Arc::clone(self.lender.get_or_init(Arc::default))
    }

    /// Binds both main sockets on the calling thread and starts a node on them. A node that does not
    /// join the DHT has no main sockets.
    ///
    /// `waker` is called when there are events to drain.
    ///
    /// # Errors
    /// When no port can be bound, the hook of the options refuses a socket, the system has no
    /// randomness, the engine is shut down, or the node panics at its start.
    pub fn open(&self, options: OpenOptions, waker: Arc<dyn Wake>) -> io::Result<Handle> {
        let opening = self.bind(options)?;
        if let Some(protect) = &opening.protect {
            protect.now(opening.sockets())?;
        }
        self.open_bound(opening, waker)
    }

    /// Binds the main sockets of a node, from which nothing is sent before [`Engine::open_bound`].
    /// The hook of the options does not see them.
    ///
    /// # Errors
    /// When no port can be bound, or the engine is shut down.
    pub fn bind(&self, options: OpenOptions) -> io::Result<Opening> {
        let runtime = self.running.lock().as_ref().map(|running| Arc::clone(&running.runtime));
        let runtime = runtime.ok_or(io::ErrorKind::NotConnected)?;
        Opening::bind(&runtime, options)
    }

    /// Starts a node whose sockets are bound. See [`Engine::open`].
    ///
    /// # Errors
    /// When the system has no randomness, the engine is shut down, or the node panics at its start.
    pub fn open_bound(&self, opening: Opening, waker: Arc<dyn Wake>) -> io::Result<Handle> {
        let mut running = self.running.lock();
        let running = running.as_mut().ok_or(io::ErrorKind::NotConnected)?;

        let Opening { rules, main, protect, lends, mut config } = opening;
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed)?;
        let now = Instant::now();
        config.unix_time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        config.max_pool_sockets = config.max_pool_sockets.min(descriptors::for_one_node());
        let interfaces = {
            let look = Look { now, news: 0, interval: network_news::WITH_NEWS };
            self.network.lock().interfaces(look).to_vec()
        };
        config.interfaces = interfaces.iter().filter_map(Interface::external_ipv4).collect();

        let spares = Arc::<Pool>::default();
        config.spares = Some(Arc::<Pool>::clone(&spares));
        let core = Core::start(config, &seed, now)?;
        let runtime = Arc::downgrade(&running.runtime);
        // A hook may keep a descriptor of its own, which libuv would go on watching for ever.
        let lends = lends && protect.is_none();
        let lender = self.lender.get().filter(|_| lends).cloned();
        let shared = Shared::new((core, spares), (rules, protect), main, runtime, (waker, lender));
        Driver::spawn(
            &running.runtime,
            Arc::clone(&shared),
            Arc::clone(&self.batch),
            Arc::clone(&self.network),
            interfaces,
            &self.news,
        );

        running.nodes.retain(|node| node.strong_count() > 0);
        running.nodes.push(Arc::downgrade(&shared));
        Ok(Handle::new(shared))
    }

    /// Stops and joins the driver thread, and closes the sockets of all nodes. No waker is called
    /// once this returns. A second call does nothing.
    ///
    /// A waker may call this on the driver thread itself. The thread is not joined then: it ends
    /// after the waker has returned.
    pub fn shutdown(&self) {
        let Some(Running { runtime, stop, thread, nodes }) = self.running.lock().take() else {
            return;
        };
        for node in nodes.iter().filter_map(Weak::upgrade) {
            node.close();
        }
        stop.notify_one();
        drop(runtime);
        if thread.thread().id() == thread::current().id() {
            return;
        }
        if thread.join().is_err() {
            tracing::error!("the driver thread has panicked");
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.shutdown();
    }
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            host: Ipv4Addr::UNSPECIFIED,
            dual_stack: false,
            ports: DEFAULT_PORTS,
            any_port: true,
            protect: None,
            lends: true,
            config: Config::default(),
        }
    }
}

/// The body of the driver thread.
fn drive(runtime: Runtime, stop: &Notify) {
    runtime.block_on(stop.notified());
    runtime.shutdown_timeout(RESOLVER_PATIENCE);
}

/// The default port of the reference.
pub const DEFAULT_PORT: u16 = 49737;

/// The port that hyperdht nodes listen on unless told otherwise, and the four that follow it.
pub const DEFAULT_PORTS: Range<u32> = DEFAULT_PORT as u32..DEFAULT_PORT as u32 + 5;

/// A thread that resolves a name may hang for as long as the system's DNS does. An idle thread ends
/// at once; one that is still busy after this time is abandoned.
const RESOLVER_PATIENCE: Duration = Duration::from_millis(100);

/// Names are resolved during bootstrap only, and there are three by default.
const MAX_RESOLVERS: usize = 4;

#[cfg(test)]
mod tests;
