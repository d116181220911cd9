//! A node of these tests, and what its application does when it is woken.

use super::*;

/// A node, and the events that have not been looked at.
pub(super) struct Opened {
    pub(super) handle: Handle,
    pub(super) address: SocketAddrV4,
    pub(super) wakes: Receiver<()>,
    pub(super) pending: Mutex<Vec<Event>>,
    pub(super) calls: Arc<AtomicUsize>,
    pub(super) events: AtomicUsize,
}

impl Opened {
    pub(super) fn new(engine: &Engine, options: OpenOptions) -> Self {
        Self::with(|waker| engine.open(options, waker))
    }

    pub(super) fn with(open: impl FnOnce(Arc<dyn Wake>) -> std::io::Result<Handle>) -> Self {
        let (sender, wakes) = channel();
        let calls = Arc::new(AtomicUsize::new(0));
        let waker = Count { calls: Arc::clone(&calls), wakes: sender };
        let handle = open(Arc::new(waker)).expect("a node");
        let address = handle.local_addr(SocketId::SERVER).expect("an open socket");
        let (pending, events) = (Mutex::default(), AtomicUsize::new(0));
        Self { handle, address, wakes, pending, calls, events }
    }

    pub(super) fn server_addr(&self) -> SocketAddrV4 {
        self.address
    }

    /// The first event that fits; those before it are forgotten.
    pub(super) fn expect<T>(&self, fits: impl Fn(Event) -> Option<T>) -> T {
        let mut pending = self.pending.lock().expect("no panic");
        loop {
            while !pending.is_empty() {
                if let Some(found) = fits(pending.remove(0)) {
                    return found;
                }
            }
            self.wakes.recv_timeout(PATIENCE).expect("an event");
            self.handle.drain_events(&mut pending);
            self.events.fetch_add(pending.len(), Ordering::Relaxed);
        }
    }
}

pub(super) struct Count {
    pub(super) calls: Arc<AtomicUsize>,
    pub(super) wakes: Sender<()>,
}

impl Wake for Count {
    fn wake(&self, calls: usize) {
        self.calls.fetch_add(calls, Ordering::Relaxed);
        let _ = self.wakes.send(());
    }
}

/// Panics when the driver thread calls it for the first time.
pub(super) struct PanicOnce {
    pub(super) panicked: AtomicBool,
    pub(super) woken: Mutex<Sender<()>>,
}

impl Wake for PanicOnce {
    fn wake(&self, _calls: usize) {
        let is_driver = std::thread::current().name() == Some("hyperdht");
        if is_driver && !self.panicked.swap(true, Ordering::Relaxed) {
            panic!("a test");
        }
        let _ = self.woken.lock().expect("no panic").send(());
    }
}

pub(super) struct Ignore;

impl Wake for Ignore {
    fn wake(&self, _calls: usize) {}
}

pub(super) struct ShutDown {
    pub(super) engine: Arc<Mutex<Option<Engine>>>,
    pub(super) done: Sender<()>,
}

impl Wake for ShutDown {
    fn wake(&self, _calls: usize) {
        drop(self.engine.lock().expect("no panic").take());
        let _ = self.done.send(());
    }
}

pub(super) fn options() -> OpenOptions {
    let config = Config {
        key_pair: generate_key_pair().expect("randomness"),
        ephemeral: Some(false),
        firewalled: false,
        ..Config::default()
    };
    OpenOptions {
        host: Ipv4Addr::LOCALHOST,
        ports: 0..0,
        any_port: true,
        config,
        ..OpenOptions::default()
    }
}

pub(super) fn ping(id: u32, to: SocketAddrV4) -> Command {
    let options = UserRequest {
        to,
        internal: true,
        command: command::PING,
        target: None,
        token: None,
        value: None,
        retries: 3,
        socket: None,
        ttl: None,
    };
    Command::Request { request: RequestId(id), options }
}

pub(super) fn reply(event: Event) -> Option<Result<Box<QueryReply>, RequestError>> {
    let Event::Reply { result, .. } = event else {
        return None;
    };
    Some(result)
}

pub(super) fn closed(event: Event) -> Option<Closed> {
    let Event::Closed(closed) = event else {
        return None;
    };
    Some(closed)
}

/// More than fit into the sends under one lock.
pub(super) const CONNECTIONS: u32 = 40;

/// The tests count descriptors and run one after another.
pub(super) fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Counts open sockets and event queues. Files do not count: the allocator opens some.
pub(super) fn descriptors() -> usize {
    let links = fs::read_dir("/proc/self/fd").expect("procfs").flatten();
    links
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter(|link| !link.starts_with("/"))
        .count()
}

pub(super) const PATIENCE: Duration = Duration::from_secs(10);
