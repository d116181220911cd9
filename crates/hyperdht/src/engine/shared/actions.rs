//! What a node asks of its driver: sockets, names and addresses.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use parking_lot::MutexGuard;
use proto::{Action, Command, HostCommand, HostEvent, MainSockets, Node, SocketId, Transmit};

use super::Shared;
use crate::engine::descriptors::Claim;
use crate::engine::host;
use crate::engine::sockets::{Socket, SocketOptions};
use crate::engine::state::{Life, State};

impl Shared {
    /// Carries out the actions of the node; true if there were any.
    pub(super) fn act(&self, state: &mut MutexGuard<'_, State>) -> bool {
        let mut acted = false;
        while let Some(action) = state.core.enter(Node::poll_action).flatten() {
            acted = true;
            match action {
                Action::Bind { socket, for_client } => {
                    let local = self.bind(socket, for_client, state.life);
                    let bound = HostEvent::Bound { socket, local };
                    state.core.handle_host_event(Instant::now(), bound);
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
                Action::BindMain => {
                    let bound = HostEvent::MainBound { sockets: self.bind_main(state) };
                    state.core.handle_host_event(Instant::now(), bound);
                }
                Action::Resolve { host } => self.resolve(host),
                Action::Lookup { lookup, host, family } => self.lookup(lookup, host, family),
                Action::CheckLocal { host } => self.check_local(host),
                _ => tracing::error!(?action, "the driver does not know what the node asks"),
            }
        }
        acted
    }

    fn bind(&self, id: SocketId, for_client: bool, life: Life) -> Option<SocketAddrV4> {
        let runtime = self.runtime.upgrade().filter(|_| life == Life::Running)?;
        match self.rules.bind_pool(&runtime, for_client) {
            Ok(socket) => {
                let local = socket.local();
                self.sockets.insert(id, socket);
                // The driver has to poll the new socket too.
                self.notify.notify_one();
                Some(local)
            }
            Err(error) => {
                tracing::debug!(%error, "a pool socket could not be bound");
                None
            }
        }
    }

    fn bind_main(&self, state: &mut State) -> Result<MainSockets, io::ErrorKind> {
        let runtime = self.runtime.upgrade().filter(|_| state.life == Life::Running);
        let runtime = runtime.ok_or(io::ErrorKind::NotConnected)?;
        let bound = self.rules.bind(&runtime, state.main).map_err(|error| {
            tracing::warn!(%error, "the sockets could not be bound again");
            error.kind()
        })?;
        let addresses = bound.addresses();
        state.main = Some(addresses);
        for (id, socket) in bound.into_array() {
            self.sockets.insert(id, socket);
        }
        // The driver has to poll the new sockets too.
        self.notify.notify_one();
        Ok(addresses)
    }

    pub(super) fn close_unused(&self, state: &mut State) {
        for socket in std::mem::take(&mut state.unused) {
            self.sockets.close(socket);
            state.core.handle_host_event(Instant::now(), HostEvent::Closed { socket });
        }
    }

    /// Binds a socket of the application.
    pub(in crate::engine) fn bind_for_application(
        &self,
        address: SocketAddr,
        options: SocketOptions,
    ) -> io::Result<SocketId> {
        let runtime = self.runtime.upgrade().ok_or(io::ErrorKind::NotConnected)?;
        let socket = Socket::bind(&runtime, address, options, Claim::of_main())?;
        let number = self.bound.fetch_add(1, Ordering::Relaxed);
        let id = SocketId(SocketId::FIRST_BOUND | number);
        self.sockets.insert(id, socket);
        // The driver has to poll the new socket too.
        self.notify.notify_one();
        Ok(id)
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

    fn check_local(&self, host: Ipv4Addr) {
        self.ask_host(move || HostEvent::LocalChecked { host, valid: host::hears_itself(host) });
    }

    /// Runs a host query, which may block, on a thread of its own, and tells the node the answer.
    fn ask_host(&self, ask: impl FnOnce() -> HostEvent + Send + 'static) {
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
