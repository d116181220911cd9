//! What a node asks of its driver: sockets, names and addresses.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Weak;
use std::time::Instant;

use parking_lot::MutexGuard;
use proto::{Action, HostEvent, MainSockets, Node, SocketId};

use super::Shared;
use crate::engine::host;
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
        let bound = self.rules.bind(&runtime, Some(state.main)).map_err(|error| {
            tracing::warn!(%error, "the sockets could not be bound again");
            error.kind()
        })?;
        state.main = bound.addresses();
        for (id, socket) in bound.into_array() {
            self.sockets.insert(id, socket);
        }
        // The driver has to poll the new sockets too.
        self.notify.notify_one();
        Ok(state.main)
    }

    pub(super) fn close_unused(&self, state: &mut State) {
        for socket in state.unused.drain(..) {
            self.sockets.close(socket);
        }
    }

    fn resolve(&self, host: String) {
        self.ask_host(move || {
            let addresses = host::resolve(&host);
            HostEvent::Resolved { host, addresses }
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
