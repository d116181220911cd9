//! Suspending and resuming a node (PROTOCOL B.12).
//!
//! Running → Suspending, while the servers unannounce → ClosingDown, once all has ended and while
//! the driver closes the main sockets → Suspended → Waking, while the driver binds them again →
//! Running. `Command::Suspend` and `Command::Resume` are carried out one after the other, so that
//! each of them has its outcome.

use std::io::ErrorKind;

use super::machines::{Lifecycle, Machines, SuspendRequest};
use crate::conn::NetworkChange;
use crate::{Action, ConnectReason, Cx, Event, Interface, MainSockets, ServerId};

impl Machines {
    /// Queues a suspend or resume command, which is carried out after those before it.
    pub(super) fn handle_suspend_request(&mut self, cx: &mut Cx<'_>, turn: SuspendRequest) {
        self.suspend_requests.push_back(turn);
        self.take_suspend_requests(cx);
    }

    /// The error for new connections while the node is suspended or after it was destroyed.
    pub(super) fn refuses_to_connect(&self) -> Option<ConnectReason> {
        match self.life {
            Lifecycle::Suspending | Lifecycle::ClosingDown | Lifecycle::Suspended => {
                Some(ConnectReason::Suspended)
            }
            Lifecycle::Destroyed => Some(ConnectReason::NodeDestroyed),
            Lifecycle::Running | Lifecycle::Waking | Lifecycle::Closing => None,
        }
    }

    /// True while the main sockets are closed and datagrams are ignored.
    pub(super) fn is_deaf(&self) -> bool {
        matches!(self.life, Lifecycle::ClosingDown | Lifecycle::Suspended | Lifecycle::Waking)
    }

    /// Enters the next state if everything that this one waits for has happened. True if it did.
    pub(super) fn settle_sleep(&mut self, cx: &mut Cx<'_>) -> bool {
        if self.life != Lifecycle::Suspending || !self.departing.is_empty() {
            return false;
        }
        if !self.lower.announcers.are_suspended() {
            return false;
        }
        self.life = Lifecycle::ClosingDown;
        self.end_all(cx);
        cx.act(Action::CloseMain);
        true
    }

    /// The main sockets are closed, and the last datagrams have left.
    pub(super) fn handle_main_closed(&mut self, cx: &mut Cx<'_>) {
        if self.life != Lifecycle::ClosingDown {
            return;
        }
        self.lower.streams.forget_released(cx);
        self.life = Lifecycle::Suspended;
        self.suspend_requests.pop_front();
        cx.emit(Event::Suspended);
        self.take_suspend_requests(cx);
    }

    pub(super) fn handle_main_bound(
        &mut self,
        cx: &mut Cx<'_>,
        sockets: Result<MainSockets, ErrorKind>,
    ) {
        if self.life != Lifecycle::Waking {
            return;
        }
        self.suspend_requests.pop_front();
        match sockets {
            Ok(sockets) => self.wake(cx, sockets),
            Err(error) => {
                // Connections may have been started meanwhile.
                self.end_all(cx);
                self.life = Lifecycle::Suspended;
                cx.emit(Event::Resumed { error: Some(error) });
            }
        }
        self.take_suspend_requests(cx);
    }

    pub(super) fn suspend_server(&mut self, cx: &mut Cx<'_>, server: ServerId) {
        self.servers.refuse_clients(cx, &mut self.lower.base(), server);
        if let Some(announcer) = self.lower.announcers.get_mut(server) {
            announcer.suspend(cx, &mut self.lower.net);
        }
    }

    /// Resumes a server. If the node is suspended, its servers resume with it.
    pub(super) fn resume_server(&mut self, cx: &mut Cx<'_>, server: ServerId) {
        if self.life != Lifecycle::Running {
            return;
        }
        self.servers.resume(server);
        if let Some(announcer) = self.lower.announcers.get_mut(server) {
            announcer.resume(cx, &mut self.lower.net);
        }
    }

    /// The host's interfaces have changed. A running node announces its servers again, since their
    /// records may have an old address. `moved`: other nodes see another address.
    pub(super) fn handle_interfaces(
        &mut self,
        cx: &mut Cx<'_>,
        interfaces: Vec<Interface>,
        moved: bool,
    ) {
        let external: Vec<_> = interfaces.iter().filter_map(Interface::external_ipv4).collect();
        if external.is_empty() {
            self.lower.streams.handle_no_network(cx.now);
        }
        let has_lost = self.lower.local.set_interfaces(external);
        let change = if has_lost || moved { NetworkChange::Lost } else { NetworkChange::Other };
        if self.life == Lifecycle::Running {
            cx.emit(Event::NetworkChange { interfaces });
            self.handle_network_change(cx, change);
            self.lower.local.check_again(cx);
        }
    }

    /// The host's way to the internet has changed. `moved`: other nodes see another address.
    pub(super) fn handle_routes(&mut self, cx: &mut Cx<'_>, moved: bool) {
        let change = if moved { NetworkChange::Lost } else { NetworkChange::Other };
        if self.life == Lifecycle::Running {
            self.handle_network_change(cx, change);
        }
    }

    fn handle_network_change(&mut self, cx: &mut Cx<'_>, change: NetworkChange) {
        self.lower.conns.handle_network_change(cx, &mut self.lower.streams, change);
        self.lower.net.handle_network_change(cx);
        self.refresh_all(cx);
    }

    /// Carries out the queued commands up to the first one that has to wait.
    fn take_suspend_requests(&mut self, cx: &mut Cx<'_>) {
        while let Some(turn) = self.suspend_requests.front() {
            match (self.life, turn) {
                (Lifecycle::Running, SuspendRequest::Suspend) => return self.start_suspending(cx),
                (Lifecycle::Suspended, SuspendRequest::Resume) => {
                    self.life = Lifecycle::Waking;
                    cx.act(Action::BindMain);
                    return;
                }
                (Lifecycle::Running, SuspendRequest::Resume) => {
                    cx.emit(Event::Resumed { error: None })
                }
                (Lifecycle::Suspended, SuspendRequest::Suspend) => cx.emit(Event::Suspended),
                // The command waits until the node is running or suspended.
                (_, SuspendRequest::Suspend | SuspendRequest::Resume) => return,
            }
            self.suspend_requests.pop_front();
        }
    }

    /// Ends all attempts first: their connections would be torn down as soon as they opened.
    fn start_suspending(&mut self, cx: &mut Cx<'_>) {
        self.life = Lifecycle::Suspending;
        self.connector.close_all(cx, &mut self.lower.base(), ConnectReason::Suspended);
        for server in self.server_ids() {
            self.suspend_server(cx, server);
        }
    }

    fn wake(&mut self, cx: &mut Cx<'_>, sockets: MainSockets) {
        self.life = Lifecycle::Running;
        self.lower.local.set_bound(sockets.server);
        self.lower.net.resume(cx, sockets.server.port());
        self.lower.punchers.handle_start(cx.now);
        for server in self.server_ids() {
            self.resume_server(cx, server);
        }
        cx.emit(Event::Resumed { error: None });
    }

    /// Every connection sends DESTROY; queries and requests end.
    fn end_all(&mut self, cx: &mut Cx<'_>) {
        self.connector.close_all(cx, &mut self.lower.base(), ConnectReason::Suspended);
        self.lower.destroy_all(cx);
        self.lower.pool.forget_routes(cx, &self.lower.streams);
        self.lower.net.suspend(cx);
    }
}
