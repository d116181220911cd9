//! The life of a server: listen, be announced, close.

use super::lower::Lower;
use super::machines::{Departure, Lifecycle, Machines};
use crate::announce::{AnnounceOutput, Announcer, Signer};
use crate::conn::{ConnOwner, NetworkChange};
use crate::wire::{Peer, hash};
use crate::{Cx, Event, ListenError, MachineId, ServerId, ServerOptions};

impl Machines {
    pub(super) fn listen(&mut self, cx: &mut Cx<'_>, server: ServerId, mut options: ServerOptions) {
        let key_pair = options.key_pair.take().unwrap_or_else(|| self.key_pair.clone());
        let public_key = options.announces.unwrap_or_else(|| key_pair.public());
        let target = hash(&[&public_key]);
        if let Err(error) = self.may_listen(server, &target) {
            cx.emit(Event::ServerFailed { server, error });
            return;
        }
        self.served.insert(target, server);
        let record = Peer { public_key, relay_addresses: Vec::new() };
        self.store.serve(target, &record);
        let signer = match options.announces {
            Some(public_key) => Signer::Application(public_key),
            None => Signer::KeyPair(key_pair.clone()),
        };
        let relay = options.relay.take();
        self.servers.listen(cx, &mut self.lower.base(), server, key_pair, options);
        if let Some(limits) = relay {
            self.lower.relays.add(server, limits);
            self.servers.set_owner(server, ConnOwner::Machine(MachineId::RELAYS));
        }

        let mut announcer = Announcer::new(server, signer);
        if self.life == Lifecycle::Running {
            announcer.start(cx, &mut self.lower.net);
        }
        self.lower.announcers.insert(server, announcer);
        if self.life != Lifecycle::Running {
            self.suspend_server(cx, server);
        }
    }

    pub(super) fn server_ids(&self) -> Vec<ServerId> {
        self.lower.announcers.servers()
    }

    /// The application has signed an announcement. Without a signature the node is skipped.
    pub(super) fn handle_signature(
        &mut self,
        cx: &mut Cx<'_>,
        server: ServerId,
        tag: u32,
        signature: Option<[u8; 64]>,
    ) {
        if let Some(announcer) = self.lower.announcers.get_mut(server) {
            announcer.handle_signature(cx, &mut self.lower.net, tag, signature);
        }
    }

    /// Announces a server again, at once or after the cycle that is running.
    pub(super) fn refresh(&mut self, cx: &mut Cx<'_>, server: ServerId) {
        if let Some(announcer) = self.lower.announcers.get_mut(server) {
            announcer.refresh(cx, &mut self.lower.net);
        }
    }

    /// Announces every server again, because the records at the relays may be outdated.
    pub(super) fn refresh_all(&mut self, cx: &mut Cx<'_>) {
        for announcer in self.lower.announcers.all_mut() {
            announcer.refresh(cx, &mut self.lower.net);
        }
    }

    /// Refuses new clients at once. `Event::ServerClosed` follows once the server is unannounced,
    /// and every client that may have opened a connection has come or is overdue. A blind relay ends
    /// its connections.
    pub(super) fn close_server(&mut self, cx: &mut Cx<'_>, server: ServerId) {
        self.servers.refuse_clients(cx, &mut self.lower.base(), server);
        let (relays, mut io) = self.lower.relays();
        relays.remove(cx, &mut io, server);
        let Some(announcer) = self.lower.announcers.get_mut(server) else {
            return;
        };
        let target = announcer.target();
        self.served.remove(&target);
        self.store.unserve(&target);
        announcer.stop(cx, &mut self.lower.net);
    }

    pub(super) fn settle_announcers(&mut self, cx: &mut Cx<'_>) {
        while let Some((server, output)) = self.lower.announcers.poll_output() {
            match output {
                AnnounceOutput::Announced => cx.emit(Event::ServerListening { server }),
                AnnounceOutput::Relays(relays) => cx.emit(Event::ServerRelays { server, relays }),
                AnnounceOutput::Moved => {
                    let Lower { conns, streams, .. } = &mut self.lower;
                    conns.handle_network_change(cx, streams, NetworkChange::Public);
                }
                AnnounceOutput::Suspended => {
                    self.departing.push_back((server, Departure::Suspended));
                }
                AnnounceOutput::Stopped => self.departing.push_back((server, Departure::Closed)),
            }
        }
    }

    /// Reports the servers that expect no client any more.
    pub(super) fn settle_departing(&mut self, cx: &mut Cx<'_>) {
        for (server, departure) in std::mem::take(&mut self.departing) {
            if self.servers.expects_clients(server) {
                self.departing.push_back((server, departure));
                continue;
            }
            match departure {
                Departure::Suspended => cx.emit(Event::ServerSuspended { server }),
                Departure::Closed => {
                    self.lower.announcers.remove(server);
                    self.servers.remove(cx, &mut self.lower.base(), server);
                    cx.emit(Event::ServerClosed { server });
                }
            }
        }
    }

    fn may_listen(&self, server: ServerId, target: &[u8; 32]) -> Result<(), ListenError> {
        if self.life == Lifecycle::Closing {
            return Err(ListenError::NodeDestroyed);
        }
        if self.lower.announcers.contains(server) {
            return Err(ListenError::AlreadyListening);
        }
        if self.served.contains_key(target) {
            return Err(ListenError::KeypairAlreadyUsed);
        }
        Ok(())
    }
}
