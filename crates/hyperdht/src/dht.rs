//! A node of the DHT, as an application sees it.

use std::io;
use std::net::SocketAddrV4;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::registry::{QueryEntry, Registry, ServerEntry, Status};
use crate::unread::Unread;
use crate::wire::{self, Target};
use crate::{
    Command, ConnId, ConnectError, ConnectFailure, ConnectOptions, ConnectReason, Connection,
    DhtConfig, Engine, Foreign, Handle, KeyPair, ListenError, PublicKey, Query, QueryError,
    QueryId, QueryKind, QueryOptions, QueryReply, Relay, RelayLimits, RequestError, RequestId,
    Server, ServerId, ServerOptions, SocketId, UserRequest,
};

/// A node of the DHT. Clones are the same node.
///
/// Dropping the last clone ends the node and its connections at once; [`Dht::destroy`] takes its
/// announcements back first. All nodes of a process share one driver thread, which ends with the
/// last of them. The futures run on any executor.
#[derive(Clone, Debug)]
pub struct Dht {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    key_pair: KeyPair,
    registry: Arc<Registry>,
    /// Keeps the driver running.
    _engine: Arc<Engine>,
}

impl Dht {
    /// Binds the sockets of a node and starts its bootstrap.
    ///
    /// # Errors
    /// When no port can be bound, when the system refuses randomness or a thread, or when the node
    /// panics at its start.
    pub async fn new(config: DhtConfig) -> io::Result<Self> {
        let options = config.open_options()?;
        let key_pair = options.config.key_pair.clone();
        let engine = shared_engine()?;
        let registry = Registry::new();
        let waker = Arc::clone(&registry);
        registry.set_handle(engine.open(options, waker)?);
        let dht = Self { inner: Arc::new(Inner { key_pair, registry, _engine: engine }) };
        dht.reached(|status| status.listening).await;
        dht.check()?;
        Ok(dht)
    }

    /// Waits until the bootstrap has finished, whether or not it has found other nodes, or until
    /// the node has ended.
    pub async fn bootstrapped(&self) {
        self.reached(|status| status.ready).await;
    }

    /// Connects to a server by its public key, under the node's own key pair.
    ///
    /// # Errors
    /// See [`ConnectFailure`]. Dropping the future gives up.
    pub async fn connect(&self, remote: PublicKey) -> Result<Connection, ConnectFailure> {
        self.connect_with(remote, ConnectOptions::default()).await
    }

    /// Connects with options.
    ///
    /// # Errors
    /// See [`ConnectFailure`]. Dropping the future gives up.
    pub async fn connect_with(
        &self,
        remote: PublicKey,
        options: ConnectOptions,
    ) -> Result<Connection, ConnectFailure> {
        if self.is_destroyed() {
            let reason = self.gone(ConnectReason::NodeDestroyed, ConnectReason::NodeFailed);
            return Err(ConnectFailure::refused(reason));
        }
        let conn = ConnId(self.inner.registry.next_id());
        let connecting = self.inner.registry.connecting(conn);
        let options = ConnectOptions { foreign: Foreign::Nothing, ..options };
        self.handle().command(Command::Connect { conn, remote, options });
        connecting.opened().await
    }

    /// Announces a key pair and accepts connections to it. Resolves once it can be found.
    ///
    /// # Errors
    /// See [`ListenError`].
    pub async fn listen(&self, key_pair: KeyPair) -> Result<Server, ListenError> {
        self.listen_with(key_pair, ServerOptions::default()).await
    }

    /// Announces a key pair, and relays blindly for clients: peers that cannot reach each other
    /// reach each other through this node, if both name the relay or one offers it to the other.
    ///
    /// # Errors
    /// See [`ListenError`].
    pub async fn create_relay(
        &self,
        key_pair: KeyPair,
        limits: RelayLimits,
    ) -> Result<Relay, ListenError> {
        let options = ServerOptions { relay: Some(limits), ..ServerOptions::default() };
        let server = self.listen_with(key_pair, options).await?;
        Ok(Relay::new(server, self.handle().clone()))
    }

    /// Announces a key pair with options. The options' own key pair and hooks are not used.
    ///
    /// # Errors
    /// See [`ListenError`].
    pub async fn listen_with(
        &self,
        key_pair: KeyPair,
        options: ServerOptions,
    ) -> Result<Server, ListenError> {
        if self.is_destroyed() {
            return Err(self.gone(ListenError::NodeDestroyed, ListenError::NodeFailed));
        }
        let id = ServerId(self.inner.registry.next_id());
        let public_key = key_pair.public();
        let (listening, started) = oneshot::channel();
        let (sender, backlog) = mpsc::channel(BACKLOG);
        let entry = ServerEntry { listening: Some(listening), backlog: sender, closed: None };
        self.inner.registry.add_server(id, entry);
        // The server exists before the command, so that dropping this future closes it.
        let server = Server::new(id, public_key, backlog, Arc::clone(&self.inner.registry));
        let options = ServerOptions {
            key_pair: Some(key_pair),
            announces: None,
            ask_firewall: false,
            ask_holepunch: false,
            ask_relay: false,
            ask_handshake: false,
            ..options
        };
        self.handle().command(Command::Listen { server: id, options });
        started.await.unwrap_or_else(|_| {
            Err(self.gone(ListenError::NodeDestroyed, ListenError::NodeFailed))
        })?;
        Ok(server)
    }

    /// Looks for the nodes that know the server of a public key.
    pub fn find_peer(&self, public_key: PublicKey) -> Query {
        self.query(wire::hash(&[&public_key]), QueryKind::FindPeer)
    }

    /// Looks for the peers that have announced a topic.
    pub fn lookup(&self, topic: Target) -> Query {
        self.query(topic, QueryKind::Lookup)
    }

    /// Announces a key pair under a topic, and gives the replies of the nodes that store it.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn announce(
        &self,
        topic: Target,
        key_pair: KeyPair,
    ) -> Result<Vec<QueryReply>, QueryError> {
        let relay_addresses = Vec::new();
        let kind = QueryKind::Announce { key_pair, relay_addresses, bump: 0, clear: false };
        self.query(topic, kind).finish().await
    }

    /// Takes an announcement back.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub async fn unannounce(&self, topic: Target, key_pair: KeyPair) -> Result<(), QueryError> {
        self.query(topic, QueryKind::Unannounce { key_pair }).finish().await.map(drop)
    }

    /// Pings a node, and returns its reply.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub async fn ping(&self, to: SocketAddrV4) -> Result<QueryReply, RequestError> {
        if self.is_destroyed() {
            return Err(self.gone(RequestError::NodeDestroyed, RequestError::NodeFailed));
        }
        let request = RequestId(self.inner.registry.next_id());
        let (sender, reply) = oneshot::channel();
        self.inner.registry.add_request(request, sender);
        self.handle().command(Command::Request { request, options: ping(to) });
        let reply = reply.await.unwrap_or_else(|_| {
            Err(self.gone(RequestError::NodeDestroyed, RequestError::NodeFailed))
        })?;
        Ok(*reply)
    }

    /// The public key under which [`Dht::connect`] connects.
    pub fn public_key(&self) -> PublicKey {
        self.inner.key_pair.public()
    }

    /// The local address of the server socket; `None` while the node has no sockets, because it
    /// sleeps, was destroyed or has failed.
    pub fn local_addr(&self) -> Option<SocketAddrV4> {
        self.handle().local_addr(SocketId::SERVER)
    }

    /// The handle of the node, for what this API does not cover.
    pub fn handle(&self) -> &Handle {
        self.inner.registry.handle()
    }

    /// Puts the node to sleep: takes all announcements back, for 5 s at most, ends all connections
    /// and requests, and closes the sockets. Servers stay, and are announced again by
    /// [`Dht::resume`]. Does nothing to a node that sleeps or is destroyed.
    pub async fn suspend(&self) {
        self.outcome(self.inner.registry.suspend()).await;
    }

    /// Wakes a node that sleeps: binds its sockets again, to the same ports if they are free. Its
    /// servers can be found again soon after.
    ///
    /// # Errors
    /// When no port can be bound; the node sleeps on. When the node has failed.
    pub async fn resume(&self) -> io::Result<()> {
        match self.outcome(self.inner.registry.resume()).await.flatten() {
            Some(error) => Err(error.into()),
            None => self.check(),
        }
    }

    /// Takes all announcements back, ends all connections, and closes the sockets.
    pub async fn destroy(&self) {
        self.handle().command(Command::Destroy { force: false });
        self.reached(|status| status.gone).await;
    }

    fn query(&self, target: Target, kind: QueryKind) -> Query {
        self.query_with(target, kind, QueryOptions::default())
    }

    pub(crate) fn query_with(
        &self,
        target: Target,
        kind: QueryKind,
        options: QueryOptions,
    ) -> Query {
        let registry = &self.inner.registry;
        let query = QueryId(registry.next_id());
        let (replies, receiver) = mpsc::unbounded_channel();
        let (done, result) = oneshot::channel();
        let unread = Arc::new(Unread::default());
        if !self.is_destroyed() {
            registry.add_query(query, QueryEntry { replies, unread: Arc::clone(&unread), done });
            self.handle().command(Command::Query { query, target, kind, options });
        }
        Query::new(query, receiver, unread, result, Arc::clone(registry))
    }

    /// An error if the node has failed.
    fn check(&self) -> io::Result<()> {
        if self.inner.registry.status().borrow().failed {
            return Err(io::Error::other(ConnectError::NodeFailed));
        }
        Ok(())
    }

    fn gone<E>(&self, destroyed: E, failed: E) -> E {
        self.inner.registry.gone(destroyed, failed)
    }

    fn is_destroyed(&self) -> bool {
        self.inner.registry.status().borrow().gone
    }

    /// Waits for the outcome of a command; `None` if the node ends first.
    async fn outcome<T>(&self, outcome: oneshot::Receiver<T>) -> Option<T> {
        tokio::select! {
            biased;
            outcome = outcome => outcome.ok(),
            () = self.reached(|status| status.gone) => None,
        }
    }

    /// Waits until `state` holds or the node has ended.
    async fn reached(&self, state: impl Fn(&Status) -> bool) {
        let mut status = self.inner.registry.status();
        // It cannot fail: the registry of this node owns the sender.
        let _ = status.wait_for(|status| state(status) || status.gone).await;
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.registry.handle().close();
        self.registry.end();
    }
}

/// The engine that all nodes of this process share. It ends with the last of them.
fn shared_engine() -> io::Result<Arc<Engine>> {
    static SHARED: Mutex<Weak<Engine>> = Mutex::new(Weak::new());

    let mut shared = SHARED.lock();
    if let Some(engine) = shared.upgrade() {
        return Ok(engine);
    }
    let engine = Arc::new(Engine::start()?);
    *shared = Arc::downgrade(&engine);
    Ok(engine)
}

fn ping(to: SocketAddrV4) -> UserRequest {
    UserRequest {
        to,
        internal: true,
        command: wire::command::PING,
        target: None,
        token: None,
        value: None,
        retries: 3,
        socket: None,
        ttl: None,
    }
}

/// The most connections that wait for [`Server::accept`]; further ones are destroyed.
const BACKLOG: usize = 1024;
