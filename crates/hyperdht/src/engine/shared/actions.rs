//! What a node asks of its driver: sockets, names and addresses.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Instant;

use bytes::Bytes;
use parking_lot::MutexGuard;
use proto::{Action, Command, HostCommand, HostEvent, Node, SocketId, Transmit};
use tokio::runtime::Handle;

use super::Shared;
use crate::engine::descriptors::Claim;
use crate::engine::host;
use crate::engine::options::SocketOptions;
use crate::engine::protect::Unprotected;
use crate::engine::sockets::Socket;
use crate::engine::state::{Life, State};
use crate::engine::traffic::Traffic;

impl Shared {
    /// Carries out the actions of the node; true if there were any.
    pub(super) fn act(&self, state: &mut MutexGuard<'_, State>) -> bool {
        let mut acted = false;
        while let Some(action) = state.core.enter(Node::poll_action).flatten() {
            acted = true;
            match action {
                Action::Bind { socket, for_client } => {
                    self.bind(state, socket, for_client);
                    // Hole punching binds hundreds of sockets at once: waiting threads go first.
                    MutexGuard::bump(state);
                }
                Action::Close { socket } => state.unused.push(socket),
                Action::CloseMain => {
                    self.send_last(state);
                    self.sockets.close(SocketId::CLIENT);
                    self.sockets.close(SocketId::SERVER);
                    let closed = HostEvent::MainClosed;
                    state.core.handle_host_event(Instant::now(), closed);
                }
                Action::BindMain => self.bind_main(state),
                Action::Resolve { host } => self.resolve(host),
                Action::Lookup { lookup, host, family } => self.lookup(lookup, host, family),
                Action::CheckLocal { host } => self.check_local(state, host),
                _ => tracing::error!(?action, "the driver does not know what the node asks"),
            }
        }
        acted
    }

    fn bind(&self, state: &mut State, socket: SocketId, for_client: bool) {
        match self.running(state).and_then(|runtime| self.rules.bind_pool(&runtime, for_client)) {
            Ok(bound) => self.protect(state, Unprotected::Pool(socket, bound)),
            Err(error) => {
                tracing::debug!(%error, "a pool socket could not be bound");
                let unbound = HostEvent::Bound { socket, local: None };
                state.core.handle_host_event(Instant::now(), unbound);
            }
        }
    }

    fn bind_main(&self, state: &mut State) {
        let bound = self.running(state).and_then(|runtime| self.rules.bind(&runtime, state.main));
        match bound {
            Ok(main) => self.protect(state, Unprotected::Main(main)),
            Err(error) => {
                tracing::warn!(%error, "the sockets could not be bound again");
                let unbound = HostEvent::MainBound { sockets: Err(error.kind()) };
                state.core.handle_host_event(Instant::now(), unbound);
            }
        }
    }

    /// The runtime, unless the node has ended.
    fn running(&self, state: &State) -> io::Result<Arc<Handle>> {
        let runtime = self.runtime.upgrade().filter(|_| state.life == Life::Running);
        runtime.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    pub(super) fn close_unused(&self, state: &mut State) {
        for socket in std::mem::take(&mut state.unused) {
            self.sockets.close(socket);
            state.held.remove(&socket);
            state.core.handle_host_event(Instant::now(), HostEvent::Closed { socket });
        }
    }

    /// Binds a socket of the application, which is not among the node's sockets yet.
    pub(in crate::engine) fn bind_unused(
        &self,
        address: SocketAddr,
        options: SocketOptions,
    ) -> io::Result<Socket> {
        let runtime = self.runtime.upgrade().ok_or(io::ErrorKind::NotConnected)?;
        Socket::bind(&runtime, address, options, Claim::of_main())
    }

    /// Adds a socket of the application, unless the node has ended: it would close no more.
    pub(in crate::engine) fn add(&self, socket: Socket) -> io::Result<SocketId> {
        let number = self.bound.fetch_add(1, Ordering::Relaxed);
        let id = SocketId(SocketId::FIRST_BOUND | number);
        let state = self.state.lock();
        let is_running = state.life == Life::Running;
        if is_running {
            self.sockets.insert(id, socket);
        }
        drop(state);
        self.sweep();
        if !is_running {
            return Err(io::ErrorKind::NotConnected.into());
        }
        // The driver has to poll the new socket too.
        self.notify.notify_one();
        Ok(id)
    }

    pub(in crate::engine) fn local_addr(&self, socket: SocketId) -> Option<SocketAddrV4> {
        self.sockets.read().get(&socket).map(Socket::local)
    }

    /// Looks at a socket, if it is open.
    pub(in crate::engine) fn with_socket<R>(
        &self,
        socket: SocketId,
        look: impl FnOnce(&Socket) -> io::Result<R>,
    ) -> io::Result<R> {
        let sockets = self.sockets.read();
        look(sockets.get(&socket).ok_or(io::ErrorKind::NotConnected)?)
    }

    pub(in crate::engine) fn traffic(&self, socket: SocketId) -> Option<Traffic> {
        self.sockets.read().get(&socket).map(Socket::traffic)
    }

    /// Sends a datagram of the application at once, or queues it if the socket's buffer is full.
    /// False if the socket is not open.
    pub(in crate::engine) fn send_datagram(&self, transmit: &Transmit, data: &[u8]) -> bool {
        let sockets = self.sockets.read();
        let Some(socket) = sockets.get(&transmit.socket) else { return false };
        if socket.send(transmit, data).is_err() {
            drop(sockets);
            let &Transmit { socket, to, ttl, .. } = transmit;
            let data = Bytes::copy_from_slice(data);
            let command = HostCommand::SendDatagram { socket, to, ttl, data };
            self.commands(std::iter::once(Command::Host(command)));
        }
        true
    }

    fn resolve(&self, host: String) {
        self.ask_host(move || {
            let addresses = host::resolve(&host);
            HostEvent::Resolved { host, addresses }
        });
    }

    fn lookup(&self, lookup: u32, host: String, family: u8) {
        self.ask_host(move || {
            let address = host::lookup(&host, family);
            HostEvent::LookedUp { lookup, address }
        });
    }

    fn check_local(&self, state: &mut State, host: Ipv4Addr) {
        // The hook must not be called once the node is closed.
        match self.running(state).and_then(|_| UdpSocket::bind((host, 0))) {
            Ok(socket) => self.protect(state, Unprotected::Local(host, socket)),
            Err(error) => {
                tracing::debug!(%error, %host, "not an address of ours");
                let checked = HostEvent::LocalChecked { host, valid: false };
                state.core.handle_host_event(Instant::now(), checked);
            }
        }
    }

    /// Runs a host query, which may block, on a thread of its own, and tells the node the answer.
    pub(super) fn ask_host(&self, ask: impl FnOnce() -> HostEvent + Send + 'static) {
        let Some(runtime) = self.runtime.upgrade() else {
            return;
        };
        let myself = Weak::clone(&self.myself);
        runtime.spawn_blocking(move || {
            let answer = ask();
            if let Some(shared) = myself.upgrade() {
                shared.host_event(answer);
            }
        });
    }
}
