//! The driver: it owns every socket, clock, thread and lock, so that [`Node`] needs none.
//!
//! An [`Engine`] is one thread that runs any number of nodes. A [`Handle`] reaches one node from
//! any thread: the node stands behind one lock, and a caller that finds it free does its own work
//! at once, sends included, instead of waiting for the driver thread to be scheduled.

mod batch;
mod bind;
mod descriptors;
mod driver;
mod giving_way;
mod handle;
mod host;
mod queue;
mod shared;
mod sockets;
mod state;

use std::io;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use proto::{Config, Interface};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use zeroize::Zeroizing;

pub use handle::Handle;
pub use sockets::Traffic;

use batch::Batch;
use bind::BindRules;
use driver::Driver;
use host::InterfaceWatch;
use shared::Shared;
use state::Core;

/// Told when a node has events to drain.
///
/// Called by whichever thread made the events, by one thread at a time, and never again after
/// [`Handle::close`] or [`Engine::shutdown`] has returned. It may call the node's handle.
pub trait Wake: Send + Sync {
    /// There are events, which the application should be called for this often: once for each
    /// control event, or once if there are only data events ([`proto::Event::is_data`]).
    ///
    /// Data events alone make no wake-up while one is outstanding, that is until
    /// [`Handle::drain_events`].
    fn wake(&self, calls: usize);
}

/// What a node is opened with.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// The local address of all sockets. Default 0.0.0.0.
    pub host: Ipv4Addr,
    /// Bind to all addresses of both families instead, which is an error where the system has no
    /// IPv6. Peers have IPv4 addresses all the same. Default false.
    pub dual_stack: bool,
    /// Ports of the server socket, in the order in which they are tried; empty is any port. The
    /// end, which is not tried, may be 65536.
    /// Default [`DEFAULT_PORTS`].
    pub ports: Range<u32>,
    /// Bind any port when all of [`OpenOptions::ports`] are occupied; if false, the first
    /// occupied one is the error. Default true.
    pub any_port: bool,
    /// The node's options. Its sockets and their number, interfaces and clock are filled in by
    /// [`Engine::open`].
    pub config: Config,
}

/// One driver thread and the nodes that it runs.
///
/// Nothing is shared between engines. Dropping one shuts it down.
#[derive(Debug)]
pub struct Engine {
    running: Mutex<Option<Running>>,
    batch: Arc<Mutex<Batch>>,
    interfaces: Arc<Mutex<InterfaceWatch>>,
}

#[derive(Debug)]
struct Running {
    /// The only one that lasts: whoever has one keeps the event queue open.
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
        Ok(Self {
            running: Mutex::new(Some(Running { runtime: handle, stop, thread, nodes: Vec::new() })),
            batch: Arc::new(Mutex::new(Batch::new())),
            interfaces: Arc::new(Mutex::new(InterfaceWatch::new(Instant::now()))),
        })
    }

    /// Binds both main sockets on the calling thread and starts a node on them.
    ///
    /// `waker` is called when [`Handle::drain_events`] has something to give.
    ///
    /// # Errors
    /// When no port can be bound, the system has no randomness, the engine is shut down, or the
    /// node panics at its start.
    pub fn open(&self, options: OpenOptions, waker: Arc<dyn Wake>) -> io::Result<Handle> {
        let mut running = self.running.lock();
        let running = running.as_mut().ok_or(io::ErrorKind::NotConnected)?;

        let OpenOptions { host, dual_stack, ports, any_port, mut config } = options;
        let rules = BindRules { host, dual_stack, ports, any_port };
        let sockets = rules.bind(&running.runtime, None)?;
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed)?;
        let now = Instant::now();
        let main = sockets.addresses();
        (config.client_socket, config.server_socket) = (main.client, main.server);
        config.unix_time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        config.max_pool_sockets = config.max_pool_sockets.min(descriptors::for_one_node());
        let interfaces = self.interfaces.lock().read(now).to_vec();
        config.interfaces = interfaces.iter().filter_map(Interface::external_ipv4).collect();

        let core = Core::start(config, &seed, now)?;
        let shared = Shared::new(core, rules, sockets, Arc::downgrade(&running.runtime), waker);
        Driver::spawn(
            &running.runtime,
            Arc::clone(&shared),
            Arc::clone(&self.batch),
            Arc::clone(&self.interfaces),
            interfaces,
        );

        running.nodes.retain(|node| node.strong_count() > 0);
        running.nodes.push(Arc::downgrade(&shared));
        Ok(Handle::new(shared))
    }

    /// Stops and joins the driver thread, and closes the sockets of all nodes. No waker is called
    /// once this returns. Does nothing the second time.
    ///
    /// On the driver thread itself, which a waker may be called on, there is nothing to join: the
    /// thread ends after the waker returns.
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
            config: Config::default(),
        }
    }
}

/// The body of the driver thread.
fn drive(runtime: Runtime, stop: &Notify) {
    runtime.block_on(stop.notified());
    runtime.shutdown_timeout(RESOLVER_PATIENCE);
}

/// The reference's port.
pub const DEFAULT_PORT: u16 = 49737;

/// The port that hyperdht nodes listen on unless told otherwise, and the four that follow it.
pub const DEFAULT_PORTS: Range<u32> = DEFAULT_PORT as u32..DEFAULT_PORT as u32 + 5;

/// A thread that resolves a name may hang for as long as the system's DNS does. One that is idle
/// ends at once, and one that is still busy after this time is left to itself.
const RESOLVER_PATIENCE: Duration = Duration::from_millis(100);

/// Names are resolved during bootstrap only, and there are three by default.
const MAX_RESOLVERS: usize = 4;

#[cfg(test)]
mod tests;
