//! Sockets between their bind and their first use.

use std::io;
use std::sync::Weak;
use std::time::Instant;

use proto::{HostEvent, MainSockets};

use super::Shared;
use crate::engine::bind::Main;
use crate::engine::borrowed::BorrowedSocket;
use crate::engine::host;
use crate::engine::protect::{self, HeldSockets, Unprotected, When};
use crate::engine::state::{Life, State};

impl Shared {
    /// Shows sockets to the program's hook, then lets the node use them. They are not among the
    /// node's sockets before, so nothing is sent from them or read.
    pub(super) fn protect(&self, state: &mut State, sockets: Unprotected) {
        let outcome = match self.protect.as_ref().map(protect::Protect::when) {
            None => Ok(()),
            Some(When::Now(hook)) => protect::call(&**hook, sockets.sockets()),
            Some(When::Later(take)) => {
                if let Unprotected::Pool(id, _) = &sockets {
                    state.held.insert(*id);
                }
                return take(self.hold(sockets));
            }
        };
        self.admit(state, sockets, outcome);
    }

    /// Whether the program has a hook.
    pub(in crate::engine) fn has_hook(&self) -> bool {
        self.protect.is_some()
    }

    /// Protects a socket of the application on its own thread, without the node's lock.
    pub(in crate::engine) fn protect_now(&self, socket: BorrowedSocket<'_>) -> io::Result<()> {
        self.protect.as_ref().map_or(Ok(()), |protect| protect.now([socket]))
    }

    /// The program has decided about sockets that were held back. The node may have ended, or may
    /// not need them any more: then they close.
    pub(super) fn handle_answer(
        &self,
        state: &mut State,
        sockets: Unprotected,
        outcome: io::Result<()>,
    ) {
        let is_wanted = match &sockets {
            Unprotected::Pool(id, _) => state.held.remove(id),
            Unprotected::Main(_) | Unprotected::Local(..) => true,
        };
        if is_wanted && state.life == Life::Running {
            self.admit(state, sockets, outcome);
        }
    }

    fn hold(&self, sockets: Unprotected) -> HeldSockets {
        let myself = Weak::clone(&self.myself);
        let answer = move |sockets, outcome| {
            if let Some(shared) = myself.upgrade() {
                shared.mailbox.lock().answers.push((sockets, outcome));
                shared.sweep();
            }
        };
        HeldSockets::new(sockets, Box::new(answer))
    }

    fn admit(&self, state: &mut State, sockets: Unprotected, outcome: io::Result<()>) {
        let event = match sockets {
            Unprotected::Pool(socket, bound) => {
                let local = outcome.map(|()| {
                    let local = bound.local();
                    self.sockets.insert(socket, bound);
                    local
                });
                HostEvent::Bound { socket, local: local.inspect_err(refused).ok() }
            }
            Unprotected::Main(main) => {
                let sockets = outcome.map(|()| self.admit_main(state, main));
                HostEvent::MainBound { sockets: sockets.inspect_err(refused).map_err(|e| e.kind()) }
            }
            Unprotected::Local(host, socket) => match outcome {
                Ok(()) => {
                    return self.ask_host(move || {
                        let valid = host::hears_itself(host, &socket);
                        HostEvent::LocalChecked { host, valid }
                    });
                }
                Err(error) => {
                    refused(&error);
                    HostEvent::LocalChecked { host, valid: false }
                }
            },
        };
        // The driver has to poll the new sockets too.
        self.notify.notify_one();
        state.core.handle_host_event(Instant::now(), event);
    }

    fn admit_main(&self, state: &mut State, main: Main) -> MainSockets {
        let addresses = main.addresses();
        state.main = Some(addresses);
        for (id, socket) in main.into_array() {
            self.sockets.insert(id, socket);
        }
        addresses
    }
}

fn refused(error: &io::Error) {
    tracing::warn!(%error, "the program has refused a socket");
}
